"""The Compare page: each figure agrees with the recount or is replaced by words, and the file agrees with the page."""

import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from bluelamp.recount.recount import Recount
from dashboards.board.app import board
from dashboards.report.compare import PeriodComparison
from dashboards.report.text import plain
from measures.catalogue import CATALOGUE
from measures.measure import External
from streams.readings import Reader
from tests.board.day import FORCE, PROFILE
from tests.board.history import AS_OF, History, recounted_figures
from tests.support.asgi import get
from tests.support.csv_file import comments_and_rows

WORDS_INSTEAD = {"too few", "no record", "no data", "none", "-", "not kept"}
"""The words that may take the place of a figure."""


def fetch(reader: Reader, measure: str, query: str = "by=") -> dict[str, Any]:
    """The data that the page draws."""
    answer = get(board(reader, FORCE), f"/api/compare/{measure}", query)
    assert answer.status == 200, answer.text
    found: dict[str, Any] = json.loads(answer.text)
    return found


def rows(table: dict[str, Any]) -> dict[str, dict[str, dict[str, Any]]]:
    """Cells by the labels of their rows and the titles of their columns."""
    titles = [f"{each['title']}{' published' if each['published'] else ''}" for each in table["columns"]]
    return {row["label"]: dict(zip(titles, row["cells"], strict=True)) for row in table["rows"]}


def test_every_figure_agrees_with_the_recount_or_words_say_why_not(history: History, counted: Recount) -> None:
    compared = replaced = 0
    for place, measure in list(enumerate(CATALOGUE.values()))[::3]:
        ways = ("", *measure.dimensions())
        by = ways[place % len(ways)]
        data = fetch(history.reader, measure.name, f"by={by}")
        recounted = PeriodComparison(recounted_figures(counted), PROFILE, measure, AS_OF, (by,) if by else (), {})
        for name, expected in (("comparison", plain(recounted.table())), ("published", plain(recounted.published()))):
            assert [row["label"] for row in data[name]["rows"]] == [row["label"] for row in expected["rows"]]
            for cell, wanted in pairs(data[name], expected):
                if "value" in cell:
                    assert (cell["text"], cell["value"]) == (wanted["text"], wanted["value"]), (measure.name, by)
                    compared += 1
                elif "value" in wanted:
                    assert cell["text"] in WORDS_INSTEAD, (measure.name, by, cell)
                    replaced += 1
    assert compared > 300
    assert replaced < compared / 2


def pairs(ours: dict[str, Any], recounted: dict[str, Any]) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """The cells of two tables, place by place."""
    for one, other in zip(ours["rows"], recounted["rows"], strict=True):
        yield from zip(one["cells"], other["cells"], strict=True)


def test_rows_add_up_differences_compare_whole_periods_and_areas_are_ranked(history: History) -> None:
    data = rows(fetch(history.reader, "incident_count", "by=area")["comparison"])
    total = data.pop("Total")
    for column in ("Today", "This month so far", "Last month", "Last 12 months", "Previous 12 months", "Difference"):
        assert sum(row[column]["value"] for row in data.values()) == total[column]["value"], column
    assert any(row["Difference"]["value"] for row in data.values())
    assert total["Last month"]["value"] > total["Today"]["value"] > 100
    assert total["Proportion"]["text"] == "100.0%"
    ranks = [row["Rank"]["text"] for label, row in data.items() if label != "No area"]
    assert f"1 of {len(ranks)}" in ranks
    assert data["No area"]["Rank"]["text"] == "-"
    share = rows(fetch(history.reader, "bail_ratio")["comparison"])["Bail rate"]
    assert share["Difference"]["text"].endswith(" pp")
    assert share["% difference"]["text"] == "-"


def test_each_published_figure_has_ours_for_the_same_period_next_to_it(history: History) -> None:
    data = fetch(history.reader, "contact_999_answer_mean_seconds")["published"]
    by_period = {row["cells"][0]["text"]: row["cells"] for row in data["rows"]}
    year = by_period["1 Jan 2024 to 31 Dec 2024"]
    assert year[1]["text"] == "10.01"
    assert year[2]["value"] > 0
    assert year[3]["text"] == "S25 section 6.1"
    assert "This period is not over" in data["notes"][year[2]["notes"][0] - 1]
    page = get(board(history.reader, FORCE), "/compare", "measure=contact_999_answer_mean_seconds")
    assert "BT&#39;s clock includes the transfer" in page.text


def test_a_silent_feed_hides_today_but_not_closed_periods(history: History) -> None:
    late = history.reader_at(AS_OF + timedelta(hours=3))
    data = fetch(late, "incident_count", "by=area")
    total, area = (rows(data["comparison"])[label] for label in ("Total", "Moorlands"))
    for column in ("Today", "This month so far"):
        assert total[column]["text"] == area[column]["text"] == "not live since 18:00"
        assert "value" not in total[column]
    live = rows(fetch(history.reader, "incident_count", "by=area")["comparison"])["Total"]
    for column in ("Last month", "Last 12 months", "Previous 12 months", "Difference"):
        assert total[column] == live[column]


def test_a_period_before_the_record_has_no_figure(day: Any) -> None:
    data = rows(fetch(day.reader, "incident_count", "by=area")["comparison"])["Total"]
    assert data["Today"]["value"] > 0
    assert data["Last 12 months"]["text"] == data["Previous 12 months"]["text"] == "no record"
    assert data["Difference"]["text"] == "-"


def test_the_csv_file_agrees_with_the_page_and_has_the_contract(history: History) -> None:
    answer = get(board(history.reader, FORCE), "/csv/compare/incident_count", "by=area")
    comments, rows = comments_and_rows(answer.text)
    head = {row[0]: row[1:] for row in comments}
    assert head["Marking"] == ["OFFICIAL"]
    assert head["As of"] == ["2024-12-01T18:00:20+00:00"]
    assert head["Filter"] == ["none (whole force)"]
    assert head["Population"] == [CATALOGUE["incident_count"].population]
    names, *cells = rows
    rows_of_file = [dict(zip(names, row, strict=True)) for row in cells]
    data = fetch(history.reader, "incident_count", "by=area")
    displayed = [
        cell.get("text", "")
        for table in ("comparison", "published")
        for row in data[table]["rows"]
        for cell in row["cells"]
    ]
    assert [each["shown"] for each in rows_of_file] == displayed
    assert 'filename="compare-incident_count-area-' in answer.headers["content-disposition"]


def test_other_threads_can_use_the_reader_while_a_long_window_is_read(history: History) -> None:
    reader = history.reader_at(AS_OF)
    finished: list[bool] = []

    def pause() -> None:
        other = threading.Thread(target=reader.refresh)
        other.start()
        other.join(60)
        finished.append(not other.is_alive())

    reader.prepare(CATALOGUE["incident_count"], "12m", FORCE, pause)
    assert finished == [True] * 53
    reader.prepare(CATALOGUE["incident_count"], "12m", FORCE, pause)
    assert len(finished) == 53


def test_words_that_a_measure_cannot_count_are_not_offered(history: History) -> None:
    for measure, can, cannot in (
        ("asb_occurrence_count", {"type:asb_personal"}, {"type:rape", "type:stop_and_search"}),
        ("occurrence_count", {"type:rape", "family:asb"}, {"type:fatal_collision", "family:stop_and_search"}),
        ("incident_count", {"grade:2", "area:stafford", "response:priority"}, {"response:yes"}),
        ("domestic_grade_2_count", {"area:stafford"}, {"grade:1"}),
    ):
        page = get(board(history.reader, FORCE), "/compare", f"measure={measure}").text
        choices = {choice for choice in can | cannot if f"{choice}&" in page or f'{choice}"' in page}
        assert choices == can, measure


def test_a_measure_published_by_others_has_no_figure_of_ours(history: History) -> None:
    external = next(each for each in CATALOGUE.values() if isinstance(each.statistic, External))
    data = fetch(history.reader, external.name)
    assert {cell.get("value") for row in data["comparison"]["rows"] for cell in row["cells"]} == {None}
    assert data["published"]["rows"][0]["cells"][1]["text"] == "210,266"
