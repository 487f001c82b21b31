"""Comparisons across periods and control charts: the same from the state and from the recount."""

import re
from datetime import date
from fractions import Fraction

import pytest
from msgspec.structs import replace

from bluelamp.recount.recount import Recount
from dashboards.report.compare import compare
from dashboards.report.document import DocumentRow, Table
from dashboards.report.figures import ReportFigure
from dashboards.report.layout import Line
from dashboards.report.periods import Period
from dashboards.report.series import SeriesQuery, drawn, series
from dashboards.report.text import lines, plain
from dashboards.report.words import COUNT, Unit
from facts.errors import QuestionError
from measures.catalogue import CATALOGUE
from measures.measure import Measure, Where
from tests.support import december
from tests.support.memory import MemoryState


def compared(source: MemoryState | Recount, measure: str, *by: str) -> Table:
    ask = december.ask_memory(source) if isinstance(source, MemoryState) else december.ask_recount(source)
    return compare(ask, december.force(), CATALOGUE[measure], december.AS_OF, by)


def cells(table: Table, row: DocumentRow) -> dict[str, str]:
    titles = [f"{column.title}{' published' if column.is_published else ''}" for column in table.columns]
    return {title: cell.text for title, cell in zip(titles, row.cells, strict=True)}


@pytest.mark.parametrize(
    ("measure", "by"),
    [
        ("incident_count", ("area",)),
        ("incident_count", ("group", "grade")),
        ("grade_1_opened_to_arrived_within_target_ratio", ("area",)),
        ("contact_101_answer_mean_seconds", ("queue",)),
        ("post_triage_answer_bands", ()),
        ("incident_unattended_count", ("grade",)),
        ("contact_999_national_count", ()),
    ],
)
def test_the_state_compares_like_the_recount(
    state: MemoryState, counted: Recount, measure: str, by: tuple[str, ...]
) -> None:
    assert compared(state, measure, *by) == compared(counted, measure, *by)


def test_areas_are_ranked_and_add_up_to_the_total(state: MemoryState) -> None:
    table = compared(state, "incident_count", "area")
    (*areas, total) = table.rows
    values = {row.label: int(row.cells[3].value or 0) for row in areas}
    assert sum(values.values()) == total.cells[3].value
    named = {label: value for label, value in values.items() if label != "No area"}
    first = max(named, key=lambda label: named[label])
    by_area = {row.label: cells(table, row) for row in areas}
    assert by_area[first]["Rank"] == f"1 of {len(named)}"
    assert by_area["No area"]["Rank"] == "-"
    assert len({each["Rank"] for each in by_area.values()}) > 5
    assert cells(table, total)["Proportion"] == "100.0%"
    assert table.notes[-1] == "Rank 1 has the highest figure of the last 12 months."


def test_where_lower_is_better_the_lowest_ranks_first(state: MemoryState) -> None:
    table = compared(state, "grade_2_opened_to_arrived_median_seconds", "area")
    ranked = [(row.cells[3].value, cells(table, row)["Rank"]) for row in table.rows if cells(table, row)["Rank"] != "-"]
    known = sorted(value for value, _ in ranked if value is not None)
    assert {rank for value, rank in ranked if value == known[0]} == {f"1 of {len(known)}"}


def test_published_figures_are_in_the_column_of_their_period(state: MemoryState) -> None:
    table = compared(state, "arrest_count")
    (row,) = table.rows
    by_column = cells(table, row)
    assert (by_column["Last month published"], by_column["Last 12 months published"]) == ("1507", "17229")
    periods = {column.title: column.period for column in table.columns}
    assert periods["Last 12 months"] == "1 Jan 2024 to 31 Dec 2024"
    assert periods["This month so far"] == "1 Jan 2025 to 3 Jan 2025"
    assert periods["Today"] == "3 Jan 2025"


def test_periods_that_the_record_covers_in_part_have_no_difference(state: MemoryState) -> None:
    ask = december.ask_memory(state)

    def partly(measure: Measure, window: str, by: tuple[str, ...], where: Where) -> list[ReportFigure]:
        return [replace(each, is_whole=window != "previous_12m") for each in ask(measure, window, by, where)]

    (row,) = compare(partly, december.force(), CATALOGUE["arrest_count"], december.AS_OF).rows
    differences = row.cells[5:7]
    assert [(each.text, each.value) for each in differences] == [("-", None), ("-", None)]
    assert [len(each.notes) for each in differences] == [1, 0]
    assert row.cells[3].value


def test_bands_are_named_in_minutes_and_add_up_to_their_total(state: MemoryState) -> None:
    *bands, total = compared(state, "post_triage_answer_bands").rows
    assert [bands[0].label, bands[4].label, bands[-1].label] == [
        "0 to 5 minutes",
        "20 to 40 minutes",
        "120 minutes or more",
    ]
    assert sum(each.cells[3].value or 0 for each in bands) == total.cells[3].value


def test_a_measure_of_open_items_has_one_column(state: MemoryState) -> None:
    assert [column.title for column in compared(state, "incident_open_count", "grade").columns] == ["Now"]


def test_text_and_data_are_the_same(state: MemoryState) -> None:
    table = compared(state, "bail_ratio")
    text, data = "\n".join(lines(table)), plain(table)
    assert "41.8%" in text
    assert "I12: " in text
    (row,) = data["rows"]
    assert row["cells"][3]["text"] in text
    assert 0 < row["cells"][3]["value"] < 1


@pytest.mark.parametrize(("grain", "count"), [("week", 6), ("month", 3)])
def test_a_series_equals_the_recount(state: MemoryState, counted: Recount, grain: str, count: int) -> None:
    asked = SeriesQuery(CATALOGUE["incident_count"], grain=grain, count=count)  # type: ignore[arg-type]
    ours, theirs = (
        series(ask, december.force(), asked, december.AS_OF)
        for ask in (december.ask_memory(state), december.ask_recount(counted))
    )
    assert ours == theirs
    assert ours.chart is not None
    assert sum(point.value or 0 for point in ours.chart.points) > 1000


def test_consecutive_points_outside_a_limit_are_one_signal() -> None:
    shown = [Period(f"M{month}", date(2024, month, 1), date(2024, month + 1, 1)) for month in range(1, 12)]
    line = Line("contact_999_offered_count", "999", COUNT)
    found = drawn(line, shown, [Fraction(each) for each in (10, 10, 10, 10, 10, 10, 10, 10, 40, 40, 40)])
    outside = [text for text in found.summary if "outside" in text]
    wanted = "every point outside the process limits"
    assert outside == [f"Change, M1 to M8: {wanted} (below).", f"Change, M9 to M11: {wanted} (above)."]
    assert sum("outside" in row.cells[-1].text for row in found.table.rows) == len(shown)


def test_grid_lines_of_a_clock_unit_are_whole_hours() -> None:
    shown = [Period(f"M{month}", date(2024, month, 1), date(2024, month + 1, 1)) for month in range(1, 4)]
    line = Line("domestic_grade_2_opened_to_arrived_median_seconds", "Median", Unit("clock"))
    found = drawn(line, shown, [Fraction(3600 * hours) for hours in (4, 31, 20)])
    ticks = re.findall(r">(\d+:\d\d:\d\d)</text>", found.svg)
    assert len(ticks) > 2
    assert all(tick.endswith(":00:00") for tick in ticks)


def test_a_chart_has_a_summary_and_a_table() -> None:
    shown = [Period(f"M{month}", date(2024, month, 1), date(2024, month + 1, 1)) for month in range(1, 12)]
    values = [10, 12, 11, 13, 12, 11, 30, 12, 11, 13, 12]
    found = drawn(
        Line("contact_999_offered_count", "999", COUNT), shown, [Fraction(each) for each in values], [date(2024, 8, 1)]
    )
    assert found.summary[0].startswith("Limits from M1: provisional, from fewer than 12 values; centre 14,")
    assert found.summary[1].startswith("Limits recalculated from M8: provisional")
    assert found.svg.count('class="step"') == 1
    assert found.svg.count("<path") == len(values)
    assert found.summary[-1] in found.svg
    assert [row.cells[-1].text for row in found.table.rows][7] == "limits recalculated"
    # 99 / 7, and 26 / 6 of moving range; then 12, and 4 / 3.
    assert [cell.text for cell in found.table.rows[0].cells[:4]] == ["10", "14", "3", "26"]
    assert [cell.text for cell in found.table.rows[7].cells[:4]] == ["12", "12", "8", "16"]


def test_no_limit_is_below_zero() -> None:
    shown = [Period(f"M{month}", date(2024, month, 1), date(2024, month + 1, 1)) for month in range(1, 8)]
    values = [Fraction(each) for each in (1, 9, 1, 9, 1, 9, 1)]
    found = drawn(Line("contact_999_offered_count", "999", COUNT), shown, values)
    assert {row.cells[2].text for row in found.table.rows} == {"0"}
    assert found.svg.count('class="limit"') == 1


@pytest.mark.parametrize("measure", ["incident_open_count", "post_triage_answer_bands", "contact_999_national_count"])
def test_a_measure_without_a_figure_for_a_period_has_no_chart(measure: str) -> None:
    with pytest.raises(QuestionError, match="no single figure"):
        series(lambda *_: [], december.force(), SeriesQuery(CATALOGUE[measure]), december.AS_OF)
