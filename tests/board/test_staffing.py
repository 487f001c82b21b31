"""The Staffing page: its figures are those of the recount, and none shows one or two people."""

import json
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bluelamp.recount.cell import Finished
from bluelamp.recount.load import from_records
from bluelamp.recount.recount import Recount
from dashboards.board.app import board
from dashboards.board.shared.page import ReadRoster, no_roster
from dashboards.board.shared.takers import count_words
from facts.errors import QuestionError
from facts.roster import Roster, parse_roster
from facts.union import Topic
from measures.display import words
from measures.outcome import microseconds
from producers.simulate.parameters import packaged
from producers.simulate.planned import roster_lines
from tests.board.day import FORCE, MOMENT, PROFILE, START, Day
from tests.recount.outcomes import records
from tests.support.asgi import get
from tests.support.facts import heartbeat

_TOPIC: Topic = "call_takers"
_CHANGES = {"call_taker_state_began": 1, "call_taker_state_ended": -1}
_BUSY = ("on_contact", "on_hold", "wrapping_up")
_SKILLS = {"emergency": "local_calls", "local": "local_calls", "triage": "triage"}


@pytest.fixture(scope="module")
def counted(day: Day) -> Iterator[Recount]:
    facts = [fact for topic, fact in day.facts if topic == _TOPIC]
    beat = heartbeat(_TOPIC, MOMENT, force=FORCE, fact_id="beat")
    with from_records(records([*facts, beat], _TOPIC), [PROFILE]) as recount:
        yield recount


@pytest.fixture(scope="module")
def roster_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The simulated force's roster, with more planned than came, and without the last half-hour of the second day."""
    path = tmp_path_factory.mktemp("rosters") / f"{FORCE}.csv"
    lines = [each for each in roster_lines(packaged(), START, 2) if "2024-12-03,23:30,local" not in each]
    path.write_text("\n".join(each.replace("local_calls,9", "local_calls,11") for each in lines))
    return path


def _fetch(day: Day, queue: str, roster: ReadRoster = no_roster) -> dict[str, Any]:
    answer = get(board(day.reader, FORCE, roster=roster), f"/api/staffing/{queue}", "")
    assert answer.status == 200, answer.text
    found: dict[str, Any] = json.loads(answer.text)
    return found


def _cells(table: dict[str, Any]) -> dict[str, dict[str, str]]:
    """The text of each cell, by row and column."""
    titles = [each["title"] for each in table["columns"]]
    return {
        row["label"]: dict(zip(titles, (cell["text"] for cell in row["cells"]), strict=True)) for row in table["rows"]
    }


def test_every_minute_is_that_of_the_recount(day: Day, counted: Recount) -> None:
    start = MOMENT - timedelta(hours=30)
    found = day.reader.staffing(FORCE, start, MOMENT)
    assert len(found) == 30 * 60 + 1
    for at, takers in list(found.items())[::37]:
        assert takers == counted.staffing(FORCE, at), at
    assert sum(bool(takers) for takers in found.values()) == len(found)


def test_there_is_nobody_to_count_before_the_record(day: Day, counted: Recount) -> None:
    before = datetime(2024, 12, 1, 23, 58, tzinfo=PROFILE.zone())
    found = day.reader.staffing(FORCE, before, before + timedelta(minutes=3))
    assert list(found.values())[:2] == [None, None]
    assert counted.staffing(FORCE, before) is None


def test_call_takers_before_the_minutes_that_are_kept_are_an_error(day: Day, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("measures.window.MINUTES_KEPT", timedelta(hours=10))
    # Within one moment, the reader works out only once how far everything is settled.
    monkeypatch.setattr("streams.readings.Reader._settled", lambda *_: microseconds(MOMENT))
    with pytest.raises(QuestionError, match="Minutes are kept for ten days"):
        day.reader.staffing(FORCE, MOMENT - timedelta(hours=30), MOMENT)


def _at(finished: dict[str, list[Finished]], at: datetime) -> Counter[str]:
    """The local call takers in each state at a time, counted from the beginning. Nobody is signed on for 16 hours here."""
    found: Counter[str] = Counter()
    until = microseconds(at)
    for kind, sign in _CHANGES.items():
        for each in finished[kind]:
            if each.dimensions[0] == "local_calls" and each.decided < until:
                found[each.dimensions[1]] += sign
    return found


def test_the_half_hours_are_those_of_the_recount(day: Day, counted: Recount) -> None:
    table = _cells(_fetch(day, "emergency")["today"])
    shown = 0
    finished = {kind: counted.finished(kind) for kind in (*_CHANGES, "handled", "handled_wrap")}
    for number in range(1, 30, 7):
        start = datetime(2024, 12, 3, tzinfo=PROFILE.zone()) + timedelta(minutes=30 * number)
        row = table[f"{start:%H:%M} to {start + timedelta(minutes=30):%H:%M}"]
        local = [_at(finished, start + timedelta(minutes=minute)) for minute in range(30)]
        assert row["Staffed"] == f"{sum(sum(each.values()) for each in local) / 30:.1f}"
        if min(sum(each.values()) for each in local) < 3:
            assert row["Occupancy"] == "not shown"
            continue
        busy = sum(each.get(state, 0) for each in local for state in _BUSY)
        free = sum(each.get("available", 0) for each in local)
        assert row["Occupancy"] == words(busy / (busy + free), "ratio")
        first, after = microseconds(start), microseconds(start + timedelta(minutes=30))
        for title, kind in (("Handling time", "handled"), ("Wrap-up", "handled_wrap")):
            times = [
                each.value
                for each in finished[kind]
                if first <= each.decided < after and each.dimensions == ("local_calls", "emergency")
            ]
            few = "too few" if times else "none"
            assert row[title] == (words(sum(times) / len(times), "seconds") if len(times) >= 5 else few)
            shown += len(times) >= 5
    assert shown > 2
    later = [row for label, row in table.items() if label >= "16:00"]
    assert {text for row in later for text in row.values()} == {"not begun"}


def test_now_is_that_of_the_recount_and_hides_one_and_two(day: Day, counted: Recount) -> None:
    table, takers = _cells(_fetch(day, "all")["now"]), counted.staffing(FORCE, MOMENT)
    assert takers
    names = {queue.label: queue.name for queue in PROFILE.queues}
    for queue, skill in _SKILLS.items():
        row, states = table[names[queue]], {state: n for (own, state), n in takers.items() if own == skill}
        number = sum(states.values())
        assert row["Staffed"] == count_words(number, number)
        if sum(states.values()) < 3:
            assert {row[title] for title in row if title != "Staffed"} == {"not shown"}
        else:
            assert row["Available"] == str(states.get("available", 0))
            assert row["On a contact"] == str(states.get("on_contact", 0) + states.get("on_hold", 0))
    assert 0 < sum(n for (skill, _), n in takers.items() if skill == "triage") < 3
    # The total less the local call takers would be those at triage.
    local = sum(n for (skill, _), n in takers.items() if skill == "local_calls")
    assert table["All call takers"]["Staffed"] == f"{local + 1} to {local + 2}"
    assert table["All call takers"]["Available"] == "not shown"
    assert [count_words(number, number) for number in range(4)] == ["0", "fewer than 3", "fewer than 3", "3"]


@pytest.mark.parametrize(
    "path", ["/measure/{}", "/api/measure/{}", "/api/explain/{}", "/csv/subjects/{}", "/api/explore/{}", "/csv/{}"]
)
def test_no_other_page_breaks_down_or_lists_call_takers(day: Day, path: str) -> None:
    for name in ("call_taker_staffed_count", "handling_mean_seconds", "call_taker_incomplete_count"):
        answer = get(board(day.reader, FORCE), path.format(name), "by=skill")
        assert answer.status == 404, answer.text


def test_a_queue_without_call_takers_is_refused(day: Day) -> None:
    for path in ("/api/staffing/digital", "/csv/staffing/digital"):
        assert get(board(day.reader, FORCE), path, "").status == 404
    assert get(board(day.reader, FORCE), "/staffing", "queue=digital").status == 404


def test_the_files_have_the_same_cells(day: Day) -> None:
    answer = get(board(day.reader, FORCE), "/csv/staffing/emergency", "")
    assert answer.status == 200
    assert "Wrap-up" in answer.text
    assert "08:00 to 08:30" in answer.text


def test_adherence_and_shrinkage_are_those_of_the_recount(day: Day, counted: Recount, roster_file: Path) -> None:
    roster = parse_roster(roster_file.read_text(), roster_file.name, PROFILE)
    found = _fetch(day, "emergency", lambda: roster)
    table, shown = _cells(found["today"]), set[str]()
    for number in range(0, 31, 3):
        start = datetime(2024, 12, 3, tzinfo=PROFILE.zone()) + timedelta(minutes=30 * number)
        row = table[f"{start:%H:%M} to {start + timedelta(minutes=30):%H:%M}"]
        read = counted.with_roster(FORCE, roster_file, ["local_calls"], start, start + timedelta(minutes=30))
        assert read is not None
        rostered, staffed, ready = read
        assert row["Rostered"] == str(rostered // 30)
        assert row["Adherence"] == words(staffed / rostered, "ratio")
        assert row["Shrinkage"] == words((rostered - ready) / rostered, "ratio")
        shown |= {row["Adherence"], row["Shrinkage"]}
    assert len(shown) > 6
    assert (table["22:30 to 23:00"]["Rostered"], table["22:30 to 23:00"]["Adherence"]) == ("11", "not begun")
    assert table["23:30 to 00:00"]["Rostered"] == "unknown"
    now = _cells(found["now"])
    minute = MOMENT.replace(second=0)
    read = counted.with_roster(FORCE, roster_file, ["local_calls"], minute - timedelta(minutes=30), minute)
    assert read is not None
    assert now["999"]["Adherence"] == words(read[1] / read[0], "ratio")
    _check_intervals(day, roster, counted, roster_file)
    # One or two are planned at triage, so nothing about them is shown, and nothing about the total either.
    assert now["101 triage"]["Rostered"] == "fewer than 3"
    assert {now[name][title] for name in ("101 triage", "All call takers") for title in ("Adherence", "Shrinkage")} == {
        "not shown"
    }


def _check_intervals(day: Day, roster: Roster, counted: Recount, roster_file: Path) -> None:
    """The page Intervals has the same numbers, also for the rest of the day, and none where the roster has none."""
    answer = get(board(day.reader, FORCE, roster=lambda: roster), "/api/intervals/999", "")
    table = _cells(json.loads(answer.text)["table"])
    midnight = datetime(2024, 12, 3, tzinfo=PROFILE.zone())
    for number in range(0, 31, 6):
        start, end = (midnight + timedelta(minutes=30 * each) for each in (number, number + 1))
        read = counted.with_roster(FORCE, roster_file, ["local_calls"], start, end)
        assert read is not None
        assert table[f"{start:%H:%M} to {end:%H:%M}"]["Rostered"] == f"{read[0] / 30:.1f}"
    assert (table["22:30 to 23:00"]["Rostered"], table["22:30 to 23:00"]["Staffed"]) == ("11.0", "not begun")
    assert (table["23:30 to 00:00"]["Rostered"], table["Whole day"]["Rostered"]) == ("unknown", "unknown")
    read = counted.with_roster(
        FORCE, roster_file, ["local_calls"], midnight, midnight + timedelta(hours=15, minutes=30)
    )
    assert read is not None
    assert table["Total to 15:30"]["Rostered"] == f"{read[0] / (15.5 * 60):.1f}"
    without = get(board(day.reader, FORCE), "/api/intervals/999", "")
    assert "Rostered" not in without.text
    triage = get(board(day.reader, FORCE, roster=lambda: roster), "/csv/intervals/triage", "")
    assert "Rostered" in triage.text
    assert "fewer than 3" in triage.text


@pytest.mark.parametrize(
    ("roster", "rostered", "why"),
    [
        (Roster(), "unknown", "The roster does not say"),
        ("The roster staffordshire.csv cannot be read.", "unknown", "cannot be read"),
    ],
)
def test_what_the_roster_does_not_say_is_not_known(day: Day, roster: Roster | str, rostered: str, why: str) -> None:
    found = _fetch(day, "emergency", lambda: roster)
    assert {row["Rostered"] for row in _cells(found["today"]).values()} == {rostered}
    assert {row["Adherence"] for row in _cells(found["today"]).values()} == {"unknown", "not begun"}
    assert any(why in note for note in found["today"]["notes"])
    assert "Rostered" not in _cells(_fetch(day, "emergency")["today"])["08:00 to 08:30"]
