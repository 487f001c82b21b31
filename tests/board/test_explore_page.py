"""The Explore page: shares, distributions and weekly patterns agree with the recount, and nothing unknown is displayed."""

import json
from datetime import timedelta
from functools import partial
from statistics import median
from typing import Any

import pytest
from msgspec.structs import replace
from starlette.datastructures import QueryParams

from bluelamp.embedded.state import StateServer
from bluelamp.recount.recount import Recount
from dashboards.board.app import board
from dashboards.board.explore.area_map import tiles
from dashboards.board.explore.data import exploration_json, parse_exploration, parse_weeks, read_exploration
from dashboards.report.explore import ExploreQuery
from facts.contact import ContactAnswered, ContactOffered
from facts.errors import QuestionError
from measures.catalogue import CATALOGUE
from measures.measure import SpanWithin
from measures.reading import spans
from streams.readings import Reader
from tests.board.day import FORCE, PROFILE, Day
from tests.board.history import AS_OF, History
from tests.board.viewed import viewed
from tests.support.asgi import get
from tests.support.csv_file import comments_and_rows
from tests.support.forces import STRICT
from tests.support.story import Story

GRADE_1, ANSWER = "grade_1_opened_to_arrived_median_seconds", "contact_999_answer_mean_seconds"


def fetch(reader: Reader, measure: str, query: str, what: str = "explore") -> dict[str, Any]:
    """The data that the page draws."""
    answer = get(board(reader, FORCE), f"/api/{what}/{measure}", query)
    assert answer.status == 200, answer.text
    found: dict[str, Any] = json.loads(answer.text)
    return found


@pytest.mark.parametrize("seconds", [0, 59, 900, 901, 7200])
@pytest.mark.parametrize("window", ["today", "12m"])
def test_the_share_within_a_time_agrees_with_the_recount_overall_and_by_area(
    history: History, counted: Recount, window: str, seconds: int
) -> None:
    data = fetch(history.reader, GRADE_1, f"window={window}&by=area&within={seconds}")
    measure = CATALOGUE[GRADE_1]
    selection = spans(measure)
    assert selection is not None
    within = replace(measure, statistic=SpanWithin(selection, seconds), unit="ratio")
    (whole,) = counted.answer(within, FORCE, window, AS_OF)
    assert data["within"] == {**data["within"], "seconds": seconds, "met": whole.met, "n": whole.n}
    column = [each["title"] for each in data["rows"]["columns"]].index(data["within"]["says"])
    *areas, total = data["rows"]["rows"]
    recounted = {cell.dimensions["area"]: cell for cell in counted.answer(within, FORCE, window, AS_OF, ("area",))}
    titles = {term.name: term.label for term in PROFILE.areas} | {"No area": "none"}
    assert {titles[row["label"]] for row in areas} == set(recounted)
    for row in areas:
        cell = recounted[titles[row["label"]]]
        if cell.n >= measure.minimum_n:
            assert row["cells"][column]["value"] == cell.value
        else:
            assert row["cells"][0]["text"] == "too few"
    assert total["cells"][column].get("value") == whole.value


def test_tenths_of_a_second_are_distinguished_and_bins_add_up_to_the_number_within(
    history: History, counted: Recount
) -> None:
    data = fetch(history.reader, ANSWER, "window=12m&by=")
    values = [
        each.value
        for each in counted.finished("leg_answered")
        if each.dimensions[0] == "999" and _is_of_12m(each.began)
    ]
    assert len(values) > 100
    reached = 0
    for each in data["bins"]:
        reached += each["count"]
        edge = each["within"]
        assert reached == (len(values) if edge is None else sum(value <= edge * 10 for value in values))
    assert reached == len(values)
    for seconds in ("4.9", "5.0", f"{sorted(values)[50] / 10}"):  # the last is an actual value: "within" includes it
        share = fetch(history.reader, ANSWER, f"window=12m&by=&within={seconds}")["within"]
        assert share["met"] == sum(value <= float(seconds) * 10 for value in values)
    assert data["promises"] == [{"seconds": 10, "says": "in under 10 seconds"}]
    assert data["within"]["met"] == sum(value < 100 for value in values)  # by default, the number that meets the target
    cells = dict(
        zip([each["title"] for each in data["rows"]["columns"]], data["rows"]["rows"][0]["cells"], strict=True)
    )
    assert cells["Median"]["value"] == pytest.approx(median(values) / 10)
    assert cells["n"]["value"] == len(values)


def _is_of_12m(began: int) -> bool:
    return 1_701_388_800 <= began / 1_000_000 < 1_733_011_200  # 1 Dec 2023 and 1 Dec 2024, midnight in Britain


def test_a_window_in_which_the_target_changed_displays_both_targets_with_their_dates(
    any_state: StateServer,
) -> None:
    """Never only today's target: it did not apply on the first day of the window."""
    story = Story(STRICT, "2024-10-26")
    for number, (offered, answered) in enumerate((("22:00:00", "22:00:04"), ("24:00:00", "24:00:12"))):
        story.report(ContactOffered, offered, f"c{number}", line="999", queue="emergency")
        story.report(ContactAnswered, answered, f"c{number}", queue="emergency")
    with viewed(any_state, story, story.moment("24:20")) as view:
        data = {
            window: json.loads(bytes(exploration_json(read_exploration(question, view), question, view).body))[
                "promises"
            ]
            for window in ("today", "24h", "2024-10-26/2024-10-27")
            for question in [ExploreQuery(CATALOGUE[ANSWER], window)]
        }
    before, after = "within 15 seconds", "in under 10 seconds"
    assert data == {
        "today": [{"seconds": 10, "says": after}],
        "24h": [
            {"seconds": 15, "says": f"{before} to 26 Oct 2024"},
            {"seconds": 10, "says": f"{after} from 27 Oct 2024"},
        ],
        "2024-10-26/2024-10-27": [{"seconds": 15, "says": before}],
    }


@pytest.mark.parametrize("name", ["incident_count", ANSWER, "grade_2_opened_to_arrived_within_target_ratio"])
def test_each_hour_of_the_week_agrees_with_the_recount(history: History, counted: Recount, name: str) -> None:
    measure = CATALOGUE[name]
    data = fetch(history.reader, name, "weeks=1", "week")
    assert data["says"].startswith("Sun 24 Nov 2024 18:00 to Sun 01 Dec 2024 18:00")
    filled = 0
    for back in range(44):
        end = AS_OF.replace(minute=0, second=0) - timedelta(hours=back)
        start = end - timedelta(hours=1)
        cell = data["table"]["rows"][start.weekday()]["cells"][start.hour]
        (hour,) = counted.answer(measure, FORCE, "60m", end)
        if measure.unit == "count" or hour.n >= measure.minimum_n:
            assert (cell["value"], cell["n"]) == (hour.value, hour.n), (start, cell)
            filled += hour.n
        else:
            assert cell["text"] == ("too few" if hour.n else "none")
    assert filled > 100
    count = fetch(history.reader, "incident_count", "weeks=9", "week")["table"]["rows"]
    # One of nine Saturdays has facts. The record covers the other eight, and nothing happened then.
    assert count[5]["cells"][12]["value"] * 9 == pytest.approx(count[5]["cells"][12]["n"])


def test_a_silent_feed_hides_the_current_window_and_the_weekly_pattern_says_where_it_ends(history: History) -> None:
    late = history.reader_at(AS_OF + timedelta(hours=3))
    data = fetch(late, GRADE_1, "window=today&by=area")
    assert data["within"] is None
    assert data["bins"] == []
    assert {row["cells"][0]["text"] for row in data["rows"]["rows"]} == {"not live since 18:00"}
    assert "Not live since" in data["says"]
    assert fetch(late, GRADE_1, "window=last_month&by=")["within"]["n"] > 0
    assert "to Sun 01 Dec 2024 18:00" in fetch(late, "incident_count", "weeks=1", "week")["says"]


def test_hours_before_the_record_begins_have_no_data(day: Day) -> None:
    data = fetch(day.reader, "incident_count", "weeks=1", "week")
    assert data["table"]["rows"][6]["cells"][12] == {"text": "no data"}  # Sunday: the record begins on a Monday
    assert data["table"]["rows"][0]["cells"][12]["value"] > 0


def test_the_csv_file_has_everything_on_the_page_and_the_contract(history: History) -> None:
    query = "window=12m&by=area&within=600&weeks=1"
    answer = get(board(history.reader, FORCE), f"/csv/explore/{GRADE_1}", query)
    comments, rows = comments_and_rows(answer.text)
    head = {row[0]: row[1:] for row in comments}
    assert head["Window shown"][0] == "12m"
    assert head["Clock"] == [CATALOGUE[GRADE_1].clock]
    names, *cells = rows
    data, week = (fetch(history.reader, GRADE_1, query, what) for what in ("explore", "week"))
    tables = (data["rows"], data["distribution"], week["table"])
    every = [cell.get("text", "") for table in tables for row in table["rows"] for cell in row["cells"]]
    assert [row[names.index("shown")] for row in cells] == every


def test_measures_can_be_explored(history: History) -> None:
    """Half of the measures have their page opened, and a quarter also their data: all of them would take too long."""
    for place, measure in enumerate([*CATALOGUE.values()][::2]):
        page = get(board(history.reader, FORCE), "/explore", f"measure={measure.name}")
        try:
            parse_exploration(measure.name, QueryParams(""))
        except QuestionError:
            assert page.status == 404
            continue
        assert page.status == 200
        if place % 2:
            continue
        data = fetch(history.reader, measure.name, "window=12m")
        assert data["rows"]["rows"]
        assert (data["within"] is None) == (not data["bins"])


@pytest.mark.parametrize(
    "query", ["within=900.5", "within=-1", "within=soon", "window=tomorrow", "weeks=10", "by=weather"]
)
def test_a_question_without_an_exact_answer_is_refused(history: History, query: str) -> None:
    answer = get(board(history.reader, FORCE), f"/api/explore/{GRADE_1}", query)
    assert answer.status == 404
    assert answer.text.strip()
    assert "where:" not in answer.text


@pytest.mark.parametrize(
    "query", ["within=1e400", "within=1e7000000", f"within={'9' * 5000}", "within=1/3", f"weeks={'9' * 5000}"]
)
def test_an_absurd_number_is_refused_before_it_is_evaluated(query: str) -> None:
    """Evaluating the second would block the thread that serves everybody for seconds, and a greater one for ever."""
    parse = parse_weeks if query.startswith("weeks") else partial(parse_exploration, GRADE_1)
    with pytest.raises(QuestionError):
        parse(QueryParams(query))


def test_every_area_has_one_tile_and_every_tile_an_area(history: History) -> None:
    data = fetch(history.reader, "incident_count", "window=12m&by=area")
    assert set(data["tiles"]) == {area.name for area in PROFILE.areas}
    assert len(set(map(tuple, data["tiles"].values()))) == len(data["tiles"])
    assert data["tiles"]["Out of Force"][1] > max(
        row for name, (_, row) in data["tiles"].items() if name != "Out of Force"
    )
    assert fetch(history.reader, "incident_count", "window=12m&by=grade")["tiles"] is None
    unplaced = tiles(STRICT)
    assert len(set(unplaced.values())) == len(STRICT.areas) > 0
