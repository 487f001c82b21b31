"""The Compare page: each figure agrees with the recount or is replaced by words; and the form of all the analysts' pages."""

import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from html import unescape
from html.parser import HTMLParser
from typing import Any

import pytest
from starlette.datastructures import QueryParams

from bluelamp.recount.recount import Recount
from dashboards.board.app import board
from dashboards.board.shared.query import settled
from dashboards.report.compare import PeriodComparison
from dashboards.report.figures import ReportFigure
from dashboards.report.published_rows import days_words
from dashboards.report.text import plain
from measures.catalogue import CATALOGUE
from measures.measure import External
from measures.published import PUBLISHED
from producers.simulate.simulated_periods import simulated_figure
from streams.readings import Reader
from tests.board.day import FORCE, PROFILE
from tests.board.history import AS_OF, History, recounted_figures
from tests.support.asgi import Answer, get
from tests.support.csv_file import comments_and_rows

GRADE_1 = "grade_1_opened_to_arrived_median_seconds"
SHARE = "grade_1_opened_to_arrived_within_target_ratio"
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
    shown = [measure for measure in CATALOGUE.values() if not measure.is_of_people()]
    for place, measure in list(enumerate(shown))[::3]:
        ways = ("", *measure.dimensions())
        by = ways[place % len(ways)]
        data = fetch(history.reader, measure.name, f"by={by}")
        recounted = PeriodComparison(
            recounted_figures(counted), PROFILE, measure, AS_OF, (by,) if by else (), {}, simulated=simulated_figure
        )
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
    found = fetch(history.reader, "incident_count", "by=area")["comparison"]
    links = {row["label"]: row.get("href", "") for row in found["rows"]}
    assert links["Moorlands"] == "/measure/incident_count?window=12m&by=grade&where=area:moorlands"
    assert not links["Total"]
    data = rows(found)
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


def test_a_published_period_without_a_record_is_compared_with_its_simulation() -> None:
    measure, quote = CATALOGUE["bail_ratio"], PUBLISHED["bail_ratio"][0]

    def nothing(*_: Any) -> list[ReportFigure]:
        return [ReportFigure({}, None, None, trouble="The record does not cover this period.", instead="no record")]

    def cells(**options: Any) -> tuple[str, str]:
        compared = PeriodComparison(nothing, PROFILE, measure, AS_OF, (), {}, **options).published()
        (row,) = [each for each in compared.rows if each.cells[0].text == days_words(quote.period)]
        return row.cells[2].text, compared.notes[row.cells[2].notes[0] - 1]

    assert cells() == ("no record", "The record does not cover this period.")
    text, note = cells(simulated=simulated_figure)
    assert text == "42.1%", "the simulated share; 41.8% was published"
    assert note.startswith(
        "The record does not reach this period. This is what a simulation of the period gave (seed 41)"
    )


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


class Form(HTMLParser):
    """The fields of a form that are marked as wrong, with the value of each and the text next to it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.wrong: dict[str, str | None] = {}
        self.said: dict[str, str] = {}
        self._open = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a marked field, and where an error begins."""
        found = dict(attrs)
        if found.get("aria-invalid"):
            self.wrong[found["name"] or ""] = found.get("value")
            assert found["aria-describedby"]
        self._open = (found.get("id") or "") if found.get("class") == "error" else self._open if tag == "span" else ""

    def handle_data(self, data: str) -> None:
        """Note the words of an error."""
        if self._open and data.strip() != "Error:":
            self.said[self._open] = (self.said.get(self._open, "") + data).strip()


REFUSED = [
    ("/explore", f"measure={GRADE_1}&time=0.5 s", {"time": "0.5 s"}, {"within-error": "Give whole seconds"}),
    ("/explore", f"measure={GRADE_1}&time=720.5 s", {"time": "720.5 s"}, {"within-error": "within 720.5 s"}),
    ("/explore", f"measure={GRADE_1}&within=720.5", {"time": "720.5 s"}, {"within-error": "Give whole seconds"}),
    ("/explore", f"measure={GRADE_1}&time=soon", {"time": "soon"}, {"within-error": "such as 90, or 1h30"}),
    ("/explore", f"measure={GRADE_1}&weeks=12&time=soon", {"time": "soon", "weeks": None}, {"weeks-error": "Choose 1 to 9"}),
    (
        "/explore",
        f"measure={GRADE_1}&window=dates&from=2024-11-31&to=2024-12-01",
        {"from": "2024-11-31", "to": "2024-12-01", "from_time": "", "to_time": ""},
        {"dates-error": "Write it as"},
    ),
    ("/compare", "measure=incident_count&window=tomorrow", {"window": None}, {"window-error": "no window"}),
    ("/compare", "measure=incident_count&window=today&compare=year_before", {"compare": None}, {"compare-error": "whole days"}),
    ("/measure/incident_count", "window=today&compare=last", {"compare": None}, {"compare-error": "no comparison"}),
    ("/chart", "measure=incident_count&grain=year", {"grain": None}, {"grain-error": "There is no chart by"}),
    ("/chart", "measure=incident_count&last=720.5", {"last": "720.5"}, {"last-error": "Choose 2 to 25"}),
    ("/chart", "measure=incident_count&window=today", {"window": None}, {"window-error": "no points within a day"}),
    ("/chart", "measure=incident_count&window=last_month", {"grain": None}, {"grain-error": "only 1 whole month."}),
    ("/chart", "measure=incident_count&window=12m&grain=day", {"grain": None}, {"grain-error": "at most 112"}),
    ("/explore", f"measure={GRADE_1}&window=dates&from=&to=2024-12-01", {"from": "", "to": "2024-12-01", "from_time": "", "to_time": ""}, {"dates-error": "A date is missing."}),
    ("/explore", f"measure={GRADE_1}&window=dates&from=2024-11-05&to=2024-11-01", {"from": "2024-11-05", "to": "2024-11-01", "from_time": "", "to_time": ""}, {"dates-error": "ends before it begins"}),
    ("/explore", f"measure={GRADE_1}&window=dates&from=2024-11-05&to=2024-11-05&from_time=10:00&to_time=09:00", {"from": "2024-11-05", "to": "2024-11-05", "from_time": "10:00", "to_time": "09:00"}, {"dates-error": "ends before it begins"}),
    ("/explore", f"measure={GRADE_1}&window=dates&from=9999-12-31&to=9999-12-31", {"from": "9999-12-31", "to": "9999-12-31", "from_time": "", "to_time": ""}, {"dates-error": "Check the year"}),
    ("/explore", f"measure={GRADE_1}&window=0001-01-01/0001-02-01&compare=year_before", {"from": "0001-01-01", "to": "0001-01-31", "from_time": "", "to_time": ""}, {"dates-error": "kept for 26 months"}),
    ("/explore", f"measure={GRADE_1}&window=2024-11-05T10:10/2024-11-05T12:00", {"from": "2024-11-05", "to": "2024-11-05", "from_time": "10:10", "to_time": "12:00"}, {"dates-error": "Minutes are kept for ten days"}),
    ("/explore", f"measure={GRADE_1}&window=2024-05-05T10:00/2024-05-05T12:00", {"from": "2024-05-05", "to": "2024-05-05", "from_time": "10:00", "to_time": "12:00"}, {"dates-error": "Hours are kept for ten weeks"}),
    ("/compare", "measure=incident_count&window=2022-11-01/2022-12-01&compare=year_before", {"compare": None}, {"compare-error": "26 months"}),
    ("/chart", "measure=incident_count&over=area:moon", {"over": None}, {"over-error": "There is no area"}),
    ("/chart", "measure=incident_count&over=moon:full", {"over": None}, {"over-error": "cannot be an overlay"}),
    ("/chart", "measure=incident_count&recalculate=2020-01-01", {"recalculate": None}, {"recalculate-error": "Choose a later"}),
]  # fmt: skip


@pytest.mark.parametrize(("path", "query", "wrong", "said"), REFUSED)
def test_what_cannot_be_answered_is_refused_next_to_its_field(
    history: History, path: str, query: str, wrong: dict[str, str], said: dict[str, str]
) -> None:
    answer = get(board(history.reader, FORCE), path, query)
    form = Form(answer.text)
    assert answer.status == 400
    assert form.wrong == wrong
    for name, words in said.items():
        assert words in form.said[name]
    assert "No figures are shown" in answer.text
    assert f'href="/csv/{path[1:]}' not in answer.text, "no other figure is offered in place of the refused one"


def page(history: History, path: str, query: str) -> Answer:
    """A page that is served."""
    answer = get(board(history.reader, FORCE), path, query)
    assert answer.status == 200
    return answer


def test_another_measure_has_other_choices_when_the_form_is_sent_without_a_script(history: History) -> None:
    """The form names the measure that its choices were made for: they are dropped with it."""
    sent = f"measure={SHARE}&for=contact_101_offered_count&window=last_month&by=queue&where=queue:triage&time=5"
    text = page(history, "/explore", sent).text
    assert 'value="queue"' not in text
    assert "area:moorlands" in text
    assert "Filters:" not in text
    assert '<option value="last_month" selected>' in text
    kept = settled(QueryParams("measure=incident_count&for=incident_count&by=grade&where=area:moorlands"))
    assert (kept["by"], kept["where"]) == ("grade", "area:moorlands")
    policy = page(history, "/chart", "").headers["content-security-policy"]
    assert "form-action 'self'" in policy


def test_a_chosen_comparison_agrees_with_the_recount_on_every_page(history: History, counted: Recount) -> None:
    windows = ("2022-12-01/2022-12-02", "2022-11-30/2022-12-01")
    measure = CATALOGUE["incident_count"]
    by_window = {window: counted.answer(measure, FORCE, window, AS_OF, ("area",)) for window in windows}
    later, earlier = (sum(int(cell.value or 0) for cell in cells) for cells in by_window.values())
    assert later > 100 < earlier
    query = f"window={windows[0]}&compare=period_before&by=area"
    data = fetch(history.reader, measure.name, query)
    found = rows(data["comparison"])
    assert [each["value"] for each in list(found["Total"].values())[:3]] == [later, earlier, later - earlier]
    stafford = next(cell.value for cell in by_window[windows[0]] if cell.dimensions["area"] == "stafford")
    assert next(iter(found["Stafford"].values()))["value"] == stafford
    word = "Higher" if later > earlier else "Lower"
    assert data["says"][0].startswith(f"{word}: {later:,} in 1 Dec 2022, {earlier:,} in 30 Nov 2022 (")
    assert data["says"][1].startswith("Largest changes: ")
    assert data["says"][2].startswith("Two figures cannot tell a real change from chance.")
    for path in ("explore", "measure"):
        other = json.loads(get(board(history.reader, FORCE), f"/api/{path}/{measure.name}", query).text)
        assert (other["verdict"], other["comparison"]) == (data["says"], data["comparison"])


@pytest.mark.parametrize(
    ("name", "more", "less"),
    [
        ("contact_999_answered_within_target_ratio", "Better", "Worse"),
        ("contact_999_answer_mean_seconds", "Worse", "Better"),
        ("incident_count", "Higher", "Lower"),
    ],
)
def test_a_comparison_is_called_better_only_in_the_better_direction(
    history: History, name: str, more: str, less: str
) -> None:
    for windows in (
        "window=2022-12-01/2022-12-02&compare=period_before&by=",
        "window=2024-11-30/2024-12-01&compare=month_before&by=",
    ):
        data = fetch(history.reader, name, windows)
        (row,) = data["comparison"]["rows"]
        difference = row["cells"][2].get("value")
        if difference is None:
            assert "They are not compared" in data["says"][0]
        else:
            assert data["says"][0].startswith(more if difference > 0 else less)
    assert difference is None or name == "incident_count", "nobody called on the day before"
    before = fetch(history.reader, name, "window=2022-11-30/2022-12-01&compare=month_before&by=")["says"]
    assert "They are not compared" in before[0], "the record does not cover the month before"


def test_was_last_month_better_and_why_is_three_clicks_from_now(history: History) -> None:
    """A figure, the comparison of last month with the one before, and the chart that tells a change from chance."""
    name = "contact_999_answered_within_target_ratio"
    clicks = (
        ("/", "", f"/measure/{name}"),
        (f"/measure/{name}", "", f"/compare?measure={name}&window=last_month&compare=month_before&by=queue"),
        ("/compare", f"measure={name}&window=last_month&compare=month_before&by=queue", f"/chart?measure={name}"),
    )
    for path, query, link in clicks:
        assert f'href="{link}"' in unescape(page(history, path, query).text), path
