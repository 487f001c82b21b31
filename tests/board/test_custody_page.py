"""The Custody page lists everyone in custody, most urgent first, as the facts say, and its totals are the measures'."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, cast
from zoneinfo import ZoneInfo

import pytest

from dashboards.board.custody.page import CUSTODY
from dashboards.board.shared.background import BackgroundReadings
from dashboards.board.shared.detentions import CustodyClock, ListedDetention, ListStatus, _count_words, read_detentions
from dashboards.board.shared.page import View, no_log_ends
from facts.custody import ClockPaused, ClockResumed, DetaineeArrived, DetentionAuthorised, DetentionEnded, ReviewHeld
from measures.catalogue import find, shown
from measures.display import local_words
from measures.outcome import OpenItem, microseconds
from streams.readings import Reader
from tests.board.day import FORCE, MOMENT, RULES, Day

_HOUR = 3_600_000_000


def _in_custody(day: Day) -> dict[str, list[Any]]:
    """The facts of each detention that has not ended, from the facts themselves."""
    facts = {fact.fact_id: fact for topic, fact in day.facts if topic == "custody" and hasattr(fact, "subject_id")}
    corrected = {fact.corrects for fact in facts.values() if fact.corrects}
    found: dict[str, list[Any]] = defaultdict(list)
    for fact in sorted(facts.values(), key=lambda fact: fact.at):
        if fact.fact_id not in corrected:
            found[fact.subject_id].append(fact)
    has = {name: {type(fact) for fact in facts} for name, facts in found.items()}
    return {
        name: found[name] for name, kinds in has.items() if DetaineeArrived in kinds and DetentionEnded not in kinds
    }


def _is_paused(facts: list[Any]) -> bool:
    facts = [fact for fact in facts if isinstance(fact, ClockPaused | ClockResumed)]
    return bool(facts) and isinstance(facts[-1], ClockPaused)


def test_the_list_agrees_with_the_facts_and_is_sorted_by_urgency(day: Day) -> None:
    listed, found = read_detentions(day.view), _in_custody(day)
    assert {each.detainee for each in listed} == set(found)
    assert len(listed) > 10
    for each in listed:
        assert each.child == found[each.detainee][0].child, each
        assert ("clocks paused" in each.status) == _is_paused(found[each.detainee]), each
    lefts = [_minutes_left(each) for each in listed]
    soon = [(left, not each.child) for left, each in zip(lefts, listed, strict=True) if left < 60]
    steps = [next(step for step, below in enumerate((0, 10, 30, 60)) if left < below) for left, _ in soon]
    ranks = [(step, is_adult, left) for step, (left, is_adult) in zip(steps, soon, strict=True)]
    assert ranks == sorted(ranks)
    assert lefts[len(soon) :] == sorted(lefts[len(soon) :])


def _minutes_left(each: ListedDetention) -> float:
    """The minutes until the first deadline; infinity without one."""
    dues = [clock.due for clock in (each.review, each.detention) if clock.due is not None]
    return min((due / 60_000 - MOMENT.timestamp() / 60 for due in dues), default=float("inf"))


def _detained(name: str, minutes: float, *, child: bool) -> ListedDetention:
    due = int(MOMENT.timestamp() + minutes * 60) * 1000
    age = "Child" if child else "Adult"
    return ListedDetention(name, "Northern", child, age, "", "", CustodyClock("due", due), CustodyClock("none"))


def test_children_come_first_in_each_warning_step_and_the_others_are_in_order_of_deadline() -> None:
    listed = [
        _detained("child overdue", -1, child=True),
        _detained("adult overdue by an hour", -60, child=False),
        _detained("child in 9", 9, child=True),
        _detained("adult in 1", 1, child=False),
        _detained("adult in 25", 25, child=False),
        _detained("child in 59", 59, child=True),
        _detained("adult in 31", 31, child=False),
        _detained("adult in 61", 61, child=False),
        _detained("child in 62", 62, child=True),
    ]
    mixed, now = listed[::-1], int(MOMENT.timestamp() * 1000)
    assert sorted(mixed, key=lambda each: each.order(now)) == listed


def test_deadlines_stay_listed_when_their_feed_falls_silent_with_the_time_they_were_known(day: Day) -> None:
    later = Reader(day.client, "test", RULES, lambda: MOMENT + timedelta(minutes=5))
    live, silent = (CUSTODY.read(day.view._replace(reader=reader)) for reader in (day.reader, later))
    assert live["custody"] == ListStatus("live", f"{len(live['detentions'])} in custody.")
    facts = silent["custody"]
    assert (facts.state, facts.mark) == ("stale", "as last known at 03 Dec 15:40:19")
    assert "The deadlines below are as last known at 03 Dec 15:40:19" in facts.says
    by_name = {each.detainee: each for each in live["detentions"]}
    assert {each.detainee: each for each in silent["detentions"]} == by_name
    assert len(by_name) > 10
    assert {text for _, text in silent["totals"]} == {"not live since 15:40"}


def test_the_first_review_is_due_six_hours_after_authorisation(day: Day) -> None:
    seen = 0
    found = _in_custody(day)
    for each in read_detentions(day.view):
        facts = found[each.detainee]
        authorised = next((fact.at for fact in facts if isinstance(fact, DetentionAuthorised)), None)
        assert ("awaiting authorisation" in each.status) == (authorised is None)
        if (
            authorised
            and each.review.state == "due"
            and not any(isinstance(f, ClockPaused | ReviewHeld) for f in facts)
        ):
            due = authorised + timedelta(hours=6)
            assert each.review.due == int(due.timestamp() * 1000)
            assert each.review.at == f"{due.astimezone(MOMENT.tzinfo):%d %b %H:%M:%S}"
            seen += 1
    assert seen > 3


def test_the_totals_are_the_measures_and_agree_with_the_list(day: Day) -> None:
    parts = CUSTODY.read(day.view)
    facts = dict(parts["totals"])
    counts = {each.name: day.reader.read(each, force=FORCE)[0].value for each in shown("custody_page")}
    assert facts == {find(name).title: f"{int(value or 0):,}" for name, value in counts.items()}
    now, listed = MOMENT.timestamp() * 1000, parts["detentions"]
    assert counts["in_custody_count"] == len(listed)
    assert counts["custody_clock_paused_count"] == sum("clocks paused" in each.status for each in listed)
    for clock in ("review", "detention"):
        for who in ("child", "adult"):
            dues = [getattr(each, clock).due for each in listed if each.child == (who == "child")]
            assert counts[f"{who}_{clock}_overdue_count"] == sum(due is not None and due < now for due in dues)
            soon = sum(due is not None and due - now < 3_600_000 for due in dues)
            assert counts[f"{who}_{clock}_due_within_60_minutes_count"] == soon


def test_the_suites_say_how_many_were_there_at_every_hour(day: Day) -> None:
    suites = CUSTODY.read(day.view)["occupancy"]
    hours = day.reader.occupancy(FORCE, MOMENT - timedelta(hours=23), MOMENT)
    assert len(hours) == 24
    years_ago = datetime(1899, 1, 1, tzinfo=MOMENT.tzinfo)
    assert set(day.reader.occupancy(FORCE, years_ago, years_ago).values()) == {None}
    assert [each.suite for each in suites] == [term.name for term in RULES[FORCE].force.suites]
    last = next(reversed(hours.values()))
    assert last is not None
    assert [each.now for each in suites] == [str(last.get(term.label, 0)) for term in RULES[FORCE].force.suites]
    facts = _in_custody_at(day, MOMENT.replace(minute=0, second=0))
    assert sum(last.values()) == facts > 10
    assert all(each.hours is not None and len(each.hours.points) == 24 for each in suites)


def _in_custody_at(day: Day, at: datetime) -> int:
    """The number in custody at a time, from the facts themselves."""
    found: dict[str, list[Any]] = defaultdict(list)
    for fact in _effective(day):
        found[fact.subject_id].append(fact)
    count = 0
    for facts in found.values():
        arrived = [fact.at for fact in facts if isinstance(fact, DetaineeArrived)]
        ended = [fact.at for fact in facts if isinstance(fact, DetentionEnded)]
        count += bool(arrived) and arrived[0] < at and not (ended and ended[0] < at)
    return count


def _effective(day: Day) -> list[Any]:
    facts = {fact.fact_id: fact for topic, fact in day.facts if topic == "custody" and hasattr(fact, "subject_id")}
    corrected = {fact.corrects for fact in facts.values() if fact.corrects}
    return [fact for fact in facts.values() if fact.fact_id not in corrected]


Items = Mapping[str, Sequence[tuple[Any, ...]]]
"""By kind, the items: subject, hours since, hours until due, further words."""


class _OpenItems:
    """A reader of given open items, each with its words, and open and due a number of hours after noon."""

    rules = RULES

    def __init__(self, items: Items) -> None:
        self._items = items

    def present(self, _: str) -> datetime:
        return MOMENT

    def open_subjects(self, _: str, kind: str) -> list[tuple[str, OpenItem]]:
        noon = microseconds(MOMENT.replace(hour=12, minute=0, second=0))

        def after(hours: float | None) -> int | None:
            return None if hours is None else noon + int(hours * _HOUR)

        return [
            (name, OpenItem(kind, noon + int(since * _HOUR), noon, after(due), ("northern", "yes", *words)))
            for name, since, due, *words in self._items.get(kind, ())
        ]


def _listed(items: Items) -> list[ListedDetention]:
    return read_detentions(
        View(cast("Reader", _OpenItems(items)), FORCE, cast("BackgroundReadings", None), no_log_ends)
    )


def test_paused_clocks_have_no_deadline_but_the_time_left_and_an_overdue_clock_keeps_its_own() -> None:
    overdue, new, still = _listed(
        {
            "in_custody": [("still", 0, None), ("overdue", 0, None), ("new", 0, None)],
            "awaiting_authorisation": [("new", 0, None)],
            "custody_clock_paused": [("still", 0, None), ("overdue", 0, None)],
            "review_due": [("still", 0, None), ("overdue", 0, -1)],
            "detention_limit": [("still", 0, None), ("overdue", 0, None), ("new", 0, 24)],
            "custody_note": [("still", 0, 4.5, "review_clock_paused"), ("still", 0, 20, "limit_clock_paused")],
        }
    )
    assert (overdue.review.state, overdue.review.at, overdue.detention.state) == ("due", "03 Dec 11:00:00", "paused")
    assert overdue.review.paused_since == int(MOMENT.replace(hour=12, minute=0, second=0).timestamp()) * 1000
    assert (new.detention.paused_since, new.review) == (None, CustodyClock("none"))
    assert new.status == "awaiting authorisation since 03 Dec 12:00:00"
    assert (still.review, still.detention) == (
        CustodyClock("paused", left="4 h 30 min"),
        CustodyClock("paused", left="20 h 0 min"),
    )
    assert still.status == overdue.status == "clocks paused since 03 Dec 12:00:00"


def test_a_postponed_review_says_since_when_and_when_it_was_due_and_the_next_one_counts() -> None:
    by_name = {
        each.detainee: each
        for each in _listed(
            {
                "in_custody": [("postponed", 0, None), ("ahead", 0, None)],
                "review_postponed": [("postponed", 1, 0.5), ("ahead", 5, 5)],
                "review_due": [("postponed", 1, 9.5), ("ahead", 5, 14)],
            }
        )
    }
    postponed, ahead = by_name["postponed"].review, by_name["ahead"].review
    assert (postponed.state, postponed.at) == ("postponed", "03 Dec 21:30:00")
    assert postponed.postponed == "postponed since 03 Dec 13:00:00, was due 03 Dec 12:30:00"
    assert (ahead.state, ahead.at, ahead.postponed) == ("due", "03 Dec 17:00:00", "postponed before it was due")


def test_notes_and_a_missing_arrival_are_on_the_page() -> None:
    noted, unknown = sorted(
        _listed(
            {
                "in_custody": [("noted", 0, None)],
                "detention_limit": [("noted", -20, 22)],
                "review_due": [("unknown", 1, 7)],
                "custody_note": [
                    ("noted", 0, None, "extension_too_late"),
                    ("noted", 1, 22, "application_pending"),
                    ("unknown", 1, None, "arrival_unrecorded"),
                ],
            }
        ),
        key=lambda each: each.detainee,
    )
    assert "court application pending" in noted.status
    assert "until 04 Dec 10:00:00" in noted.status
    assert "an extension changes nothing: it was authorised after the limit had passed (s.42(4)(a))" in noted.status
    assert unknown.arrived == "not recorded; known since 03 Dec 13:00:00"
    assert (unknown.review.at, unknown.detention) == ("03 Dec 19:00:00", CustodyClock("none"))
    assert "no arrival is recorded" in unknown.status


def test_a_record_is_marked_silent_once_it_is_and_nobody_without_an_arrival_counts_as_in_custody() -> None:
    silent, unknown, live = sorted(
        _listed(
            {
                "in_custody": [("a silent", -40, None), ("live", 0, None)],
                "custody_note": [
                    ("a silent", -1, None, "record_silent"),
                    ("live", 24, None, "record_silent"),
                    ("is unknown", 1, None, "arrival_unrecorded"),
                ],
            }
        ),
        key=lambda each: each.detainee,
    )
    words = "nothing recorded for too long: check whether the person is still in custody, last record 02 Dec 11:00:00"
    assert (silent.status, live.status, silent.is_recorded) == (words, "", True)
    expected = "2 in custody, and 1 person is listed without a recorded arrival: check whether they are here."
    assert _count_words([silent, unknown, live]) == expected


@pytest.mark.parametrize(
    ("at", "words"),
    [
        ("2024-10-27T00:30:00Z", "01:30 BST"),
        ("2024-10-27T01:30:00Z", "01:30 GMT"),
        ("2024-10-27T02:30:00Z", "02:30"),
        ("2024-03-31T01:30:00Z", "02:30"),
    ],
)
def test_the_repeated_hour_is_shown_with_its_offset(at: str, words: str) -> None:
    assert local_words(datetime.fromisoformat(at), ZoneInfo("Europe/London"), "%H:%M") == words
