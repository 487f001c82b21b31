"""The form of the analysts' pages: windows, dates and comparisons in the address, spans as people type them, and refusals next to the field."""

import json
from datetime import date
from fractions import Fraction
from html import unescape
from html.parser import HTMLParser

import pytest
from starlette.datastructures import QueryParams

from bluelamp.recount.recount import Recount
from dashboards.board.app import board
from dashboards.board.shared.chosen_window import parse_window
from dashboards.board.shared.query import settled
from dashboards.board.shared.typed_span import parse_span
from dashboards.report.periods import moved
from facts.errors import QuestionError
from measures.catalogue import CATALOGUE
from tests.board.day import FORCE
from tests.board.history import AS_OF, History
from tests.board.test_compare_page import fetch, rows
from tests.support.asgi import Answer, get

GRADE_1 = "grade_1_opened_to_arrived_median_seconds"
SHARE = "grade_1_opened_to_arrived_within_target_ratio"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 5400),
        ("1h30", 5400),
        ("1 h 30", 5400),
        ("1:30", 5400),
        ("1:30:15", 5415),
        ("1.5h", 5400),
        ("90 min", 5400),
        ("1 hour 30 minutes", 5400),
        ("45 s", 45),
        ("45 seconds", 45),
        ("2 min 5 s", 125),
        ("720.5 s", Fraction(1441, 2)),
        ("0.5s", Fraction(1, 2)),
        ("0", 0),
    ],
)
def test_a_span_is_read_as_people_type_it(text: str, seconds: int | Fraction) -> None:
    assert parse_span(text, "within") == seconds


@pytest.mark.parametrize(
    "text", ["", " ", "soon", "-5", "1:75", "1e9", "9" * 400, "30 20", "20 min 90", "5 s 3 min", "1/3"]
)
def test_an_invalid_span_is_refused_for_its_field(text: str) -> None:
    with pytest.raises(QuestionError) as caught:
        parse_span(text, "within")
    assert caught.value.where == "within"


@pytest.mark.parametrize(
    ("query", "window"),
    [
        ("window=last_month", "last_month"),
        ("window=2024-11-01/2024-11-08", "2024-11-01/2024-11-08"),
        ("window=dates&from=2024-11-01&to=2024-11-07", "2024-11-01/2024-11-08"),
        (
            "window=dates&from=2024-11-29&to=2024-11-30&from_time=22:00&to_time=04:00",
            "2024-11-29T22:00/2024-11-30T04:00",
        ),
        ("window=dates&from=2024-11-29&to=2024-11-29&from_time=22:00", "2024-11-29T22:00/2024-11-30T00:00"),
        ("window=last_month&from=2024-11-29&to=2024-11-29", "last_month"),
        ("", "60m"),
    ],
)
def test_the_days_of_a_form_include_the_last(query: str, window: str) -> None:
    assert parse_window(QueryParams(query), "60m").window == window


@pytest.mark.parametrize(
    ("compare", "days", "before"),
    [
        ("month_before", ("2024-11-01", "2024-12-01"), ("2024-10-01", "2024-11-01")),
        ("year_before", ("2024-02-01", "2024-03-01"), ("2023-02-01", "2023-03-01")),
        ("year_before", ("2024-02-29", "2024-03-02"), ("2023-02-28", "2023-03-02")),
        ("month_before", ("2024-03-30", "2024-04-03"), ("2024-02-29", "2024-03-03")),
        ("week_before", ("2024-11-01", "2024-12-01"), ("2024-10-25", "2024-11-24")),
        ("period_before", ("2024-11-01", "2024-12-01"), ("2024-10-01", "2024-11-01")),
        ("period_before", ("2024-01-01", "2024-04-01"), ("2023-10-01", "2024-01-01")),
        ("period_before", ("2024-11-04", "2024-11-11"), ("2024-10-28", "2024-11-04")),
    ],
)
def test_whole_months_are_compared_with_whole_months(
    compare: str, days: tuple[str, str], before: tuple[str, str]
) -> None:
    first, end = map(date.fromisoformat, days)
    assert moved(first, end, compare) == tuple(map(date.fromisoformat, before))  # type: ignore[arg-type]


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
    ("/chart", "measure=incident_count&over=moon:full", {"over": None}, {"over-error": "cannot be laid over"}),
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
    for path in ("explore", "measure"):
        other = json.loads(get(board(history.reader, FORCE), f"/api/{path}/{measure.name}", query).text)
        assert (other["verdict"], other["comparison"]) == (data["says"], data["comparison"])


def test_a_comparison_is_called_better_only_where_a_direction_is_better(history: History) -> None:
    query = "window=2022-12-01/2022-12-02&compare=period_before"
    words = {
        name: fetch(history.reader, name, query)["says"][0].partition(":")[0]
        for name in ("contact_999_answered_within_target_ratio", "contact_999_answer_mean_seconds", "incident_count")
    }
    assert {words["contact_999_answered_within_target_ratio"], words["contact_999_answer_mean_seconds"]} <= {
        "Better",
        "Worse",
    }
    assert words["incident_count"] in {"Higher", "Lower"}
    before = fetch(history.reader, "incident_count", "window=2022-11-30/2022-12-01&compare=year_before")["says"]
    assert "They are not compared" in before[0], "the record does not cover the year before"


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
