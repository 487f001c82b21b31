"""Breakdowns add up: rows to totals, lists to counts, the 101 journey to all calls received."""

import csv
from collections import Counter, defaultdict
from datetime import datetime, timedelta
from typing import Any, get_args

import pytest
from msgspec.structs import replace
from starlette.datastructures import QueryParams

from dashboards.board.app import board
from dashboards.board.handover.data import compared
from dashboards.board.measure.data import read_breakdown
from dashboards.board.now.attendance import read_unattended
from dashboards.board.now.journey import read_journey
from dashboards.board.now.layout import PANELS
from dashboards.board.shared.query import dimensions, parse_query
from dashboards.board.shared.sparkline import read_sparkline
from dashboards.board.shared.table import crossed
from dashboards.board.shared.tile import displayed_measures, read_tile
from facts.contact import ContactAbandoned, ContactAnswered, ContactConcluded, ContactOffered
from measures.catalogue import CATALOGUE, find, shown
from measures.measure import Place
from tests.board.day import FORCE, MOMENT, Day
from tests.support.asgi import get
from tests.support.csv_file import comments_and_rows

_ADDS_UP = "add up to the total"


def test_every_place_that_a_measure_may_name_shows_it() -> None:
    panels = {panel.place for panel in PANELS if panel.place}
    assert {*panels, "wall", "custody_page", "handover", "handover_by_grade"} == set(get_args(Place))
    assert [place for place in get_args(Place) if not shown(place)] == []
    assert [each.name for each in shown("wall") if not panels & set(each.show)] == []
    assert [each.name for each in (*shown("wall"), *shown("handover")) if each.is_open()] == []
    assert [each.name for each in shown("custody_page") if not each.is_open()] == []
    assert [each.name for each in shown("handover_by_grade") if "handover" not in each.show] == []


def test_a_new_measure_appears_where_it_says_and_nowhere_else(monkeypatch: pytest.MonkeyPatch) -> None:
    added = replace(find("incident_count"), name="added_count", show=("incidents", "wall", "handover"))
    monkeypatch.setitem(CATALOGUE, added.name, added)
    assert [panel.name for panel in PANELS if added in panel.over_time()] == ["incidents"]
    assert [panel.name for panel in PANELS if added in panel.wall()] == ["incidents"]
    assert (added, {}) in list(compared())
    assert [panel.name for panel in PANELS if added in panel.now()] == []


def test_the_rows_of_every_breakdown_add_up_and_every_open_subject_is_listed(day: Day) -> None:
    breakdowns, listed = day.reader.at_one_moment(lambda: _add_up(day))
    assert breakdowns > 200
    assert listed > 200


def _add_up(day: Day) -> tuple[int, int]:
    """The number of breakdowns, and of listed subjects; asserts that every breakdown adds up and every subject is listed."""
    breakdowns, listed = 0, 0
    for measure in displayed_measures(day.view):
        for window in ("now",) if measure.is_open() else ("today", "12m"):
            for by in dimensions(measure):
                breakdown = read_breakdown(
                    parse_query(measure.name, QueryParams(f"window={window}&by={by}")), day.view, None
                )
                if breakdown.tile.state == "no_data":
                    continue
                assert _ADDS_UP in breakdown.says, (measure.name, window, by, breakdown.says)
                breakdowns += 1
            if measure.is_open() and measure.unit == "count":
                assert breakdown.subjects is not None
                assert f"{breakdown.subjects.count:,}" == read_tile(measure, "now", day.view).text, measure.name
                assert len(breakdown.subjects.rows) == breakdown.subjects.count
                listed += breakdown.subjects.count
    return breakdowns, listed


def test_no_area_and_out_of_force_have_their_own_rows_and_filters_narrow_the_list(day: Day) -> None:
    whole = read_breakdown(parse_query("incident_unattended_count", QueryParams("by=area")), day.view)
    rows = {row.name: int(row.cells[0]) for row in whole.rows}
    assert {"No area", "Out of Force", "Moorlands"} <= set(rows)
    assert whole.subjects is not None
    for row in whole.rows:
        narrowed = read_breakdown(parse_query("incident_unattended_count", QueryParams(row.query)), day.view)
        count = narrowed.subjects.count if narrowed.subjects else -1
        assert count == rows[row.name]
    assert sum(rows.values()) == whole.subjects.count


def test_missed_targets_list_the_incidents_that_are_still_open(day: Day) -> None:
    breakdown = read_breakdown(
        parse_query("grade_2_opened_to_arrived_within_target_ratio", QueryParams("window=today")), day.view
    )
    assert breakdown.subjects is not None
    assert breakdown.subjects.count > 0
    due = breakdown.subjects.columns.index("Due")
    assert all("2024-12-03T00:00" <= row[due] <= MOMENT.isoformat() for row in breakdown.subjects.rows)


def test_area_by_grade_adds_up_both_ways(day: Day) -> None:
    table = crossed("incident_count", "area", "grade", "today", day.view)
    rows = [[int(cell.replace(",", "")) for cell in row[1:]] for row in table.rows]
    total = [int(cell.replace(",", "")) for cell in table.total[1:]]
    assert [sum(column) for column in zip(*rows, strict=True)] == total
    assert all(sum(row[:-1]) == row[-1] for row in rows)
    assert total[-1] > 100


def _endings(day: Day, back: int) -> Counter[str]:
    """Where the 101 calls of a day are or how they ended, worked out call by call from the facts."""
    midnight = datetime.combine(MOMENT.date() - timedelta(days=back), datetime.min.time(), MOMENT.tzinfo)
    calls: dict[str, list[Any]] = defaultdict(list)
    by_id = {fact.fact_id: fact for topic, fact in day.facts if topic == "contacts"}
    corrected = {fact.corrects for fact in by_id.values() if fact.corrects}
    for fact in by_id.values():
        if fact.fact_id not in corrected:
            calls[fact.subject_id].append(fact)
    found: Counter[str] = Counter()
    for facts in calls.values():
        facts.sort(key=lambda fact: fact.at)
        first = facts[0]
        is_of_day = isinstance(first, ContactOffered) and midnight <= first.at < midnight + timedelta(days=1)
        if is_of_day and first.line == "101":
            found[_ending(facts)] += 1
    return found


def _ending(facts: list[Any]) -> str:
    offers = [fact for fact in facts if isinstance(fact, ContactOffered)]
    last = offers[-1]
    after = [
        fact
        for fact in facts
        if not isinstance(fact, ContactOffered) and fact.queue == last.queue and fact.at >= last.at
    ]
    answered = next((fact for fact in after if isinstance(fact, ContactAnswered)), None)
    abandoned = next((fact for fact in after if isinstance(fact, ContactAbandoned)), None)
    concluded = next((fact for fact in after if isinstance(fact, ContactConcluded)), None)
    if last.queue == "local":
        end = answered or abandoned
        band = min(int((end.at - last.at).total_seconds() // 1200), 3) if end else 0
        return f"{'answered' if answered else 'gave up' if abandoned else 'waiting'} {band}"
    if concluded:
        return str(concluded.result)
    return "gave up" if abandoned else "helped" if answered else "waiting"


@pytest.mark.parametrize("back", [0, 1])
def test_the_101_journey_adds_up_and_agrees_with_the_facts_call_by_call(day: Day, back: int) -> None:
    journey, found = read_journey(day.view, back), _endings(day, back)
    rows = {step.name: step.count for step in journey.steps}
    assert sum(rows.values()) == journey.offered == sum(found.values()) > 100
    assert rows["Not explained by the data"] == 0
    assert rows["Resolved at triage"] == found["resolved"] > 20
    assert rows["Abandoned before triage answered"] == found["gave up"]
    assert rows["Waiting in the local queue now"] == found["waiting 0"]
    for words, name in (("answered", "Answered"), ("gave up", "Abandoned")):
        bands = ("0 to 20 min", "20 to 40 min", "40 to 60 min", "60 min or more")
        assert [rows[f"{name} after {band}"] for band in bands] == [found[f"{words} {index}"] for index in range(4)]
    assert rows["Being transferred, or awaiting a callback"] == found["to_local"] + found["callback"]


def test_every_unattended_incident_is_listed_with_its_deadlines_most_urgent_first(day: Day) -> None:
    unattended = read_unattended("priority", day.view)
    reading = day.reader.read("incident_unattended_count", where={"response": ("priority",)}, force=FORCE)[0]
    assert (
        unattended.count
        == reading.value
        == sum(
            1
            for _ in day.reader.listed(
                CATALOGUE["incident_unattended_count"], where={"response": ("priority",)}, force=FORCE
            )
        )
    )
    dues = [each.due for each in unattended.incidents]
    assert dues == sorted(dues)
    assert unattended.over == day.reader.read("grade_2_unattended_over_2_hours_count", force=FORCE)[0].value
    # Two hours after opening, and the half second within which a time of 2:00:00 still meets the target.
    assert all(
        clock.due == each.since + 7_200_500
        for each in unattended.incidents
        for clock in each.clocks
        if clock.name == "arrive"
    )


def test_a_sparkline_has_the_last_24_whole_hours_each_as_the_reader_reads_it(day: Day) -> None:
    measure = CATALOGUE["contact_999_offered_count"]
    day.view.background.refresh([measure])
    sparkline = read_sparkline(measure, day.view)
    assert sparkline is not None
    midday = day.reader.read(measure, "24h", as_of=MOMENT.replace(minute=0, second=0), force=FORCE)[0]
    counts = [int(point.says.rpartition(": ")[2]) for point in sparkline.points]
    assert len(counts) == 24
    assert sum(counts) == midday.value
    assert sparkline.points[-1].says.startswith("Tue 14:00, 1 hour: ")
    assert max(point.height or 0 for point in sparkline.points) == 1


def test_the_csv_file_has_marking_contract_and_time_and_adds_up(day: Day) -> None:
    answer = get(board(day.reader, FORCE), "/csv/incident_unattended_count", "by=area&where=grade:2")
    assert answer.headers["content-type"].startswith("text/csv")
    assert 'filename="incident_unattended_count-now-area-' in answer.headers["content-disposition"]
    comments, table = comments_and_rows(answer.text)
    head = {row[0]: row[1:] for row in comments}
    assert head["Marking"] == ["OFFICIAL"]
    assert head["As of"] == ["2024-12-03T15:40:20+00:00"]
    assert "SIMULATION" in head["Simulation"][0]
    assert head["Population"] == [CATALOGUE["incident_unattended_count"].population]
    page = get(board(day.reader, FORCE), "/measure/incident_unattended_count").text
    assert "Incidents with an unrecorded end now" in page
    assert "(incident_unrecorded_count)" not in page
    assert head["Filter"] == ["grade is 2"]
    names, *areas = table
    assert names == ["label", "name", "state", "value", "n", "met", "low", "high", "unrecorded"]
    assert {len(row) for row in table} == {len(names)}
    assert {row[0]: row[1] for row in areas}["stafford"] == "Stafford"
    (total,) = head["Total"]
    assert sum(int(row[3]) for row in areas) == int(total) > 0
    listed = get(board(day.reader, FORCE), "/csv/subjects/incident_unattended_count", "by=area&where=grade:2")
    assert 'filename="subjects-incident_unattended_count-now-area-' in listed.headers["content-disposition"]
    comments, (columns, *subjects) = comments_and_rows(listed.text)
    assert ["Marking", "OFFICIAL"] in comments
    assert columns[0] == "ID"
    assert len(subjects) == int(total) > 0
    refused = get(board(day.reader, FORCE), "/csv/subjects/incident_count", "")
    assert (refused.status, "has no list of open subjects" in refused.text) == (404, True)


@pytest.mark.parametrize(
    ("name", "query", "by"),
    [
        ("contact_999_answered_within_target_ratio", "window=today&by=queue", "queue"),
        ("grade_2_opened_to_arrived_median_seconds", "window=today&by=area", "area"),
        ("incident_count", "window=today&by=grade", "grade"),
        ("incident_count", "window=today&by=", ""),
    ],
)
def test_the_csv_file_has_plain_numbers_exactly_as_they_are_read(day: Day, name: str, query: str, by: str) -> None:
    """As `pandas.read_csv(NAME, comment="#")` reads it: a header row, then rows of numbers."""
    text = get(board(day.reader, FORCE), f"/csv/{name}", query).text
    rows = list(csv.DictReader(line for line in text.splitlines() if not line.startswith("#")))
    words = {"label", "name", "state"}
    for cell in (value for row in rows for column, value in row.items() if column not in words and value):
        float(cell)
    readings = {
        each.dimensions.get(by, ""): each
        for each in day.reader.read(name, "today", by=(by,) if by else (), force=FORCE)
    }
    assert {row["label"] for row in rows} >= set(readings)
    compared = 0
    for row in rows:
        reading = readings.get(row["label"])
        if reading is None:
            assert (row["value"], CATALOGUE[name].unit) == ("0", "count")
        elif reading.state == "live":
            assert float(row["value"]) == reading.value
            assert [row[each] for each in ("n", "met")] == [
                str(value) if CATALOGUE[name].unit in units and value is not None else ""
                for value, units in ((reading.n, ("ratio", "seconds")), (reading.met, ("ratio",)))
            ]
            compared += 1
        else:
            assert (row["state"], row["value"]) == (reading.state, "")
    assert compared


@pytest.mark.parametrize(
    ("path", "query", "words"),
    [
        ("/measure/nothing", "", "There is no measure &#39;nothing&#39;"),
        ("/api/measure/incident_count", "by=weather", "has no dimension 'weather'"),
        ("/api/measure/incident_count", "window=tomorrow", "There is no window 'tomorrow'"),
        ("/api/measure/incident_count", "where=area", "'area' is not a filter"),
    ],
)
def test_a_question_without_an_answer_is_a_404_that_says_why(day: Day, path: str, query: str, words: str) -> None:
    answer = get(board(day.reader, FORCE), path, query)
    assert answer.status == 404
    assert words in answer.text
