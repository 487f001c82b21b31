"""Public copies show no small number, and none can be worked out from a total."""

from collections.abc import Sequence
from datetime import date
from fractions import Fraction
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as some

from dashboards.report.document import Document
from dashboards.report.figures import ReportFigure
from dashboards.report.file import table_file
from dashboards.report.layout import Line
from dashboards.report.page import html
from dashboards.report.periods import Period
from dashboards.report.report_figures import ReportFigures
from dashboards.report.suppression import BASE, RULE, SMALL, SUPPRESSED, Key, is_small, rounded_count, suppressed
from measures.measure import Measure, Unit, Where

TABLES = some.integers(2, 4).flatmap(
    lambda width: some.lists(some.lists(some.integers(0, 12), min_size=width, max_size=width), min_size=2, max_size=4)
)


def key(row: int, column: int) -> Key:
    return f"{row}", (), f"{column}"


@given(TABLES)
def test_no_total_reveals_a_suppressed_number(table: Sequence[Sequence[int]]) -> None:
    """Rows and columns with their totals, and the grand total."""
    full = [[*row, sum(row)] for row in table]
    full.append([sum(column) for column in zip(*full, strict=True)])
    places = [(row, column) for row in range(len(full)) for column in range(len(full[0]))]
    counts = {key(row, column): full[row][column] for row, column in places}
    last_row, last_column = len(full) - 1, len(full[0]) - 1
    sums = [
        *(([key(row, column) for column in range(last_column)], key(row, last_column)) for row in range(len(full))),
        *(([key(row, column) for row in range(last_row)], key(last_row, column)) for column in range(last_column + 1)),
    ]
    small = [each for each, count in counts.items() if 0 < count < SMALL]
    hidden = suppressed(small, counts, sums)
    assert hidden >= set(small)
    assert all(len(hidden.intersection((*parts, whole))) != 1 for parts, whole in sums)
    assert small or not hidden


@pytest.mark.parametrize(
    ("unit", "value", "n", "met", "expected"),
    [
        ("count", 0, 0, None, False),
        ("count", 1, 1, None, True),
        ("count", 4, 4, None, True),
        ("count", 5, 5, None, False),
        ("seconds", 900, 4, None, True),
        ("seconds", 900, 5, None, False),
        ("ratio", 0.5, 100, 4, True),
        ("ratio", 0.5, 100, 96, True),
        ("ratio", 0.5, 100, 100, False),
        ("ratio", 0.5, 100, 50, False),
    ],
)
def test_what_is_small(unit: Unit, value: float, n: int, met: int | None, expected: bool) -> None:
    assert is_small(ReportFigure({}, Fraction(value), n, met), unit) is expected


def test_a_public_copy_shows_no_small_count_and_states_the_rule(document: Document, public: Document) -> None:
    def shown(of: Document) -> list[int]:
        tables = [
            table for section in of.sections for table in (*section.tables, *(each.table for each in section.charts))
        ]
        cells = [
            cell for table in tables for row in table.rows for cell in row.cells if cell.unit == "count" and cell.n
        ]
        return [int(cell.value) for cell in cells if cell.value is not None and 0 < cell.value < SMALL]

    assert shown(document)
    assert not shown(public)
    for copy in (html(public), table_file(public)):
        assert SUPPRESSED in copy
        assert RULE in copy
    assert SUPPRESSED not in html(document)
    assert RULE not in html(document)


def test_nothing_calculated_from_a_suppressed_figure_is_shown(public: Document) -> None:
    for section in public.sections:
        for table in section.tables:
            titles = [column.title for column in table.columns]
            for row in table.rows:
                by_column = dict(zip(titles, row.cells, strict=True)) if "Difference" in titles else {}
                if by_column and SUPPRESSED in (row.cells[0].text, row.cells[1].text):
                    assert by_column["Difference"].text == by_column["% difference"].text == SUPPRESSED
                if by_column and "Proportion" in titles and row.cells[0].text == SUPPRESSED:
                    assert by_column["Proportion"].text == SUPPRESSED


# Attacks: from what public reports print, work out a count that they suppress.

MONTHS = [date(2020 + month // 12, month % 12 + 1, 1) for month in range(49)]
LINE = Line("incident_count", "Incidents")


def released(counts: Sequence[int], last: int) -> dict[str, int | None]:
    """What the public report of a month prints, by period: each of 24 months, and the totals of 12; None where suppressed."""

    def ask(_: Measure, window: str, by: tuple[str, ...], __: Where) -> list[ReportFigure]:
        start, end = (MONTHS.index(date.fromisoformat(each)) for each in window.split("/"))
        if by:
            return [
                ReportFigure({"month": f"{MONTHS[at]:%Y-%m}"}, Fraction(counts[at]), counts[at])
                for at in range(start, end)
            ]
        return [ReportFigure({}, Fraction(sum(counts[start:end])), sum(counts[start:end]))]

    figures = ReportFigures(ask)
    months = [Period("", MONTHS[at], MONTHS[at + 1]) for at in range(last - 23, last + 1)]
    year, before = Period("", months[12].start, months[-1].end), Period("", months[0].start, months[11].end)
    for _ in range(2):  # a public report is built again after suppression
        keys = figures.by_month(LINE, months)
        figures.add(keys[12:], figures.one(LINE, year))
        figures.add(keys[:12], figures.one(LINE, before))
        if not figures.suppressed:
            figures.suppress([(year, months[12:]), (before, months[:12])])
    shown = {key: figures.value(key) for key in (*keys, figures.one(LINE, year), figures.one(LINE, before))}
    return {window: None if value is None else int(value) for (_, _, window), value in shown.items()}


def test_comparing_every_report_reveals_no_suppressed_count() -> None:
    """The total of 12 months less that of the month before, plus the month that left it, was the suppressed count exactly.

    Now the reports of 25 months together are the same whatever the suppressed counts are, so nothing can be worked out from them.
    """
    chance = Random(17)
    for _ in range(20):
        counts = [
            chance.choice((chance.randint(1, 4), chance.randint(5, 60), chance.randint(20, 30))) for _ in MONTHS[:48]
        ]
        others = [chance.randint(1, SMALL - 1) if 0 < count < SMALL else count for count in counts]
        assert [released(counts, last) for last in range(23, 48)] == [released(others, last) for last in range(23, 48)]
        assert counts != others


def released_by_type(counts: Sequence[Sequence[int]], last: int) -> dict[Key, Fraction | None]:
    """What the public report of a month prints of a breakdown: the types in the month and in the two totals of 12 months."""

    def ask(_: Measure, window: str, by: tuple[str, ...], where: Where) -> list[ReportFigure]:
        start, end = (MONTHS.index(date.fromisoformat(each)) for each in window.split("/"))
        chosen = [number for number in range(len(counts)) if where.get("type", (f"{number}",)) == (f"{number}",)]
        if by == ("type",):
            return [_counted({"type": f"{each}"}, counts[each][start:end]) for each in chosen]
        if by:
            months = range(start, end)
            return [_counted({"month": f"{MONTHS[at]:%Y-%m}"}, [counts[each][at] for each in chosen]) for at in months]
        return [_counted({}, [count for each in chosen for count in counts[each][start:end]])]

    figures = ReportFigures(ask)
    months = [Period("", MONTHS[at], MONTHS[at + 1]) for at in range(last - 23, last + 1)]
    year, before = Period("", months[12].start, months[-1].end), Period("", months[0].start, months[11].end)
    for _ in range(2):
        keys = [
            key for each in (year, before, months[-1]) for key in figures.by_word(LINE.measure, "type", each).values()
        ]
        if not figures.suppressed:
            figures.suppress([(year, months[12:]), (before, months[:12])])
    return {key: figures.value(key) for key in keys}


def _counted(words: dict[str, str], counts: Sequence[int]) -> ReportFigure:
    return ReportFigure(words, Fraction(sum(counts)), sum(counts))


def test_comparing_every_breakdown_reveals_no_suppressed_count() -> None:
    """A report prints a type's total of 12 months, but of its months only the last: the totals alone must reveal nothing."""
    chance = Random(18)
    counts = [[chance.choice((chance.randint(1, 4), chance.randint(5, 60))) for _ in MONTHS[:48]] for _ in range(3)]
    others = [[chance.randint(1, SMALL - 1) if 0 < count < SMALL else count for count in row] for row in counts]
    for last in range(23, 48):
        assert released_by_type(counts, last) == released_by_type(others, last)


def test_no_released_count_is_exact_and_the_same_count_is_always_rounded_alike() -> None:
    counts = [3, 17, 18, 22, 23, 40] * 8
    values = {value for last in range(23, 48) for value in released(counts, last).values() if value is not None}
    assert values
    assert all(value % BASE == 0 for value in values)
    for last in range(24, 48):
        now, then = released(counts, last), released(counts, last - 1)
        assert {
            now[each] for each in now if each in then and now[each] is not None and then[each] is not None
        } <= values
        assert all(now[each] == then[each] for each in now if each in then and None not in (now[each], then[each]))
    assert [rounded_count(each) for each in (0, 2, 3, 7, 8, 112)] == [0, 0, 5, 5, 10, 110]


def test_one_table_reveals_no_suppressed_count() -> None:
    """1, 1, 50 and 60 of 112: the two suppressed ones were 112 - 110 = 2 together, so 1 each."""

    def shown(*counts: int) -> list[Fraction | None]:
        period = Period("", MONTHS[0], MONTHS[1])
        total, rows = (
            ReportFigure({}, Fraction(sum(counts)), sum(counts)),
            [ReportFigure({"type": f"{place}"}, Fraction(count), count) for place, count in enumerate(counts)],
        )
        figures = ReportFigures(lambda _, __, by, ___: rows if by else [total])
        keys = list(figures.by_word("incident_count", "type", period).values())
        whole = figures.one(LINE, period)
        figures.add(keys, whole)
        figures.suppress([])
        return [figures.value(key) for key in (*keys, whole)]

    expected = [None, None, 50, 60, 115]
    assert shown(1, 1, 50, 60) == expected
    for one in range(1, SMALL):
        for other in range(1, SMALL):
            assert shown(one, other, 50, 60) == expected


def test_a_public_copy_reveals_no_exact_count(public: Document) -> None:
    """No n, no bounds and no unrounded value, in the CSV file either."""
    for section in public.sections:
        for table in (*section.tables, *(each.table for each in section.charts)):
            for cell in (cell for row in table.rows for cell in row.cells):
                assert (cell.low, cell.high, cell.unrecorded, dict(cell.spread)) == (None, None, None, {})
                assert cell.n is None or cell.n % BASE == 0
                if cell.unit == "count" and cell.value is not None and cell.n is not None:
                    assert cell.value % BASE == 0
