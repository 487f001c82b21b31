"""Tests the custody clocks of PACE 1984 with a table of stories, each evaluated by the product and by the recount."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from bluelamp.recount.load import LogRecord, from_records
from facts.custody import (
    ClockPaused,
    ClockResumed,
    DetaineeArrived,
    DetentionAuthorised,
    DetentionEnded,
    ExtensionAuthorised,
    ReviewHeld,
    ReviewPostponed,
    WarrantIssued,
)
from facts.fact import SubjectFact
from facts.union import order_of
from facts.wire import encode
from measures.clock import Clock, Pause, limit, next_review
from measures.custody import outcomes
from measures.outcome import OpenItem, instant, microseconds
from measures.pane import HOUR
from measures.rules import Rules
from tests.support.forces import STRICT

# Hours are counted from the relevant time, a Monday in winter at 09:00.
RELEVANT = datetime(2024, 12, 2, 9, tzinfo=UTC)
AUTHORISED = 0.5
RULES = Rules(STRICT)

OPEN_KINDS = (
    "in_custody",
    "awaiting_authorisation",
    "review_due",
    "review_postponed",
    "detention_limit",
    "custody_clock_paused",
)

Report = tuple[type[SubjectFact], float, dict[str, Any]]


def moment(hours: float) -> datetime:
    """The time a number of hours after the relevant time."""
    return RELEVANT + timedelta(hours=hours)


def report(kind: type[SubjectFact], hours: float, /, **fields: Any) -> Report:
    """A fact a number of hours after the relevant time."""
    return kind, hours, fields


def review(hours: float) -> Report:
    """A review held."""
    return report(ReviewHeld, hours)


def postponed(hours: float) -> Report:
    """A review postponed, with a record of it."""
    return report(ReviewPostponed, hours)


def hospital(start: float, end: float | None = None) -> list[Report]:
    """The clocks were paused and, if there is an end, resumed."""
    pause = report(ClockPaused, start, reason="hospital")
    return [pause] if end is None else [pause, report(ClockResumed, end)]


def extended(hours: float, until: float) -> Report:
    """A superintendent's authority."""
    return report(ExtensionAuthorised, hours, until=moment(until))


def warrant(at: float, runs: int) -> Report:
    """A warrant, or its extension."""
    return report(WarrantIssued, at, hours=runs)


def facts_of(*others: Report, relevant_time: datetime = RELEVANT) -> list[SubjectFact]:
    """The facts of a detention authorised half an hour after arrival, with further facts, in order."""
    every = [
        report(DetaineeArrived, 0, suite="one", child=False, relevant_time=relevant_time),
        report(DetentionAuthorised, AUTHORISED),
        *others,
    ]
    facts = [
        kind(fact_id=f"f{number}", force=STRICT.name, at=moment(hours), subject_id="d1", **fields)
        for number, (kind, hours, fields) in enumerate(every)
    ]
    return sorted(facts, key=order_of)


def product(facts: list[SubjectFact]) -> list[OpenItem]:
    """The open items of a detention."""
    return sorted(outcomes(facts, RULES).open, key=repr)


def recounted(stories: list[list[SubjectFact]]) -> list[OpenItem]:
    """The open items of several detentions from the recount."""
    facts = [replace(fact, subject_id=f"d{number}") for number, story in enumerate(stories) for fact in story]
    records = [LogRecord("custody", 0, offset, moment(500), encode([fact])) for offset, fact in enumerate(facts)]
    with from_records(records, [STRICT]) as recount:
        found = [each for kind in OPEN_KINDS for each in recount.open(kind)]
    return sorted((OpenItem(each.kind, each.since, each.began, each.due, each.dimensions) for each in found), key=repr)


def hours_of(at: int | None) -> float | None:
    """A time as hours after the relevant time."""
    return None if at is None else (at - microseconds(RELEVANT)) / HOUR


TWO_REVIEWS = [review(6), review(14)]

REVIEWS: dict[str, tuple[list[Report], float | None]] = {
    "the first is due six hours after authorisation, not after arrival": ([], 6.5),
    "the second is due nine hours after the first": ([review(5)], 14),
    "each later one is due nine hours after the one before": ([review(5), review(10), review(18)], 27),
    "after one held late without postponement, the next is due nine hours later": ([review(8)], 17),
    "one held before detention was authorised does not count": ([review(0.25)], 6.5),
    "one postponed and held late does not move the next (s.40(6))": ([postponed(6), review(8)], 15.5),
    "after one postponed but held in time, the next is due nine hours later": ([postponed(4), review(5)], 14),
    "postponing it twice is like postponing it once": ([postponed(6), postponed(7), review(9)], 15.5),
    "a postponement applies to one review only": ([postponed(6), review(7), review(18)], 27),
    "one held so late that the next is already overdue": ([postponed(6), review(16)], 15.5),
    "two hours in hospital leave four and a half": (hospital(2, 4), 8.5),
    "bail pauses the clock too": ([report(ClockPaused, 2, reason="bail"), report(ClockResumed, 26)], 30.5),
    "during a stay in hospital there is no due time": (hospital(2), None),
    "a stay in hospital after it was due changes nothing": (hospital(7), 6.5),
    "a stay that begins at the due time moves it": (hospital(6.5, 7.5), 7.5),
    "a stay before authorisation does not count": (hospital(0.1, 0.4), 6.5),
    "of a stay across the authorisation only the rest counts": (hospital(0.25, 1.5), 7.5),
    "questioning in hospital counts: the clock ran for an hour": ([*hospital(2, 3), *hospital(4, 5)], 8.5),
    "pausing a paused clock changes nothing": ([*hospital(2), *hospital(3, 4)], 8.5),
    "resuming a running clock changes nothing": ([report(ClockResumed, 3)], 6.5),
    "a review in hospital counts at the reading of the clock": ([*hospital(2, 6), review(4)], 15),
}

LIMITS: dict[str, tuple[list[Report], float | None]] = {
    "twenty-four hours from the relevant time, not from authorisation": ([], 24),
    "thirty-six with a superintendent": ([*TWO_REVIEWS, extended(20, 36)], 36),
    "fewer if the superintendent authorised fewer": ([*TWO_REVIEWS, extended(20, 30)], 30),
    "never more than thirty-six": ([*TWO_REVIEWS, extended(20, 40)], 36),
    "a further period up to thirty-six": ([*TWO_REVIEWS, extended(20, 30), extended(29, 36)], 36),
    "a further period authorised too late has no effect": ([*TWO_REVIEWS, extended(20, 30), extended(31, 36)], 30),
    "an extension at exactly twenty-four hours is in time": ([*TWO_REVIEWS, extended(24, 36)], 36),
    "an extension after that is too late (s.42(4)(a))": ([*TWO_REVIEWS, extended(24.01, 36)], 24),
    "an extension before the second review has no effect (s.42(4)(b))": ([review(6), extended(12, 36)], 24),
    "an extension at the same time as the second review is after it": ([review(6), review(14), extended(14, 36)], 36),
    "a warrant runs from its issue (s.43)": ([*TWO_REVIEWS, extended(20, 36), warrant(30, 36)], 66),
    "a warrant of more than thirty-six hours runs for thirty-six": ([warrant(20, 48)], 56),
    "a warrant never shortens the limit": ([*TWO_REVIEWS, extended(20, 36), warrant(21, 1)], 36),
    "a warrant within six hours after the limit": ([*TWO_REVIEWS, extended(20, 36), warrant(40, 24)], 64),
    "a warrant extended by a court (s.44)": ([warrant(20, 36), warrant(50, 30)], 80),
    "a warrant is extended by at most thirty-six hours": ([warrant(20, 12), warrant(30, 60)], 68),
    "ninety-six hours at most (s.44(3)(b))": ([warrant(30, 36), warrant(60, 60)], 96),
    "a stay in hospital moves it": (hospital(10, 13), 27),
    "during a stay in hospital there is no due time": (hospital(10), None),
    "a limit that had passed before the pause does not move": (hospital(25), 24),
    "an extension until a time allows for earlier stays": ([*TWO_REVIEWS, *hospital(15, 17), extended(20, 30)], 30),
    "and a later stay moves it": ([*TWO_REVIEWS, extended(20, 30), *hospital(25, 27)], 32),
    "the thirty-six hours are on the clock, so a stay moves them too": ([*TWO_REVIEWS, *hospital(15, 17), extended(20, 40)], 38),
}  # fmt: skip


@pytest.mark.parametrize("name", REVIEWS)
def test_when_the_next_review_is_due(name: str) -> None:
    others, due = REVIEWS[name]
    facts = facts_of(*others)
    found = next_review(facts)
    assert found is not None
    assert hours_of(found.deadline.due()) == due


@pytest.mark.parametrize("name", LIMITS)
def test_when_detention_must_end(name: str) -> None:
    others, due = LIMITS[name]
    facts = facts_of(*others)
    assert hours_of(limit(microseconds(RELEVANT), facts).deadline.due()) == due


def test_the_recount_finds_the_same_in_every_story() -> None:
    """Each story is a detention of its own, and all are recounted together."""
    stories = [facts_of(*others) for others, _ in (*REVIEWS.values(), *LIMITS.values())]
    stories += [facts_of(*others, relevant_time=moment(3)) for others, _ in LIMITS.values()]
    ours = sorted((each for story in stories for each in product(story)), key=repr)
    assert recounted(stories) == ours


def test_the_two_clocks_start_independently() -> None:
    """After an arrest elsewhere the relevant time is before the arrival, which does not affect the review clock."""
    facts = facts_of(relevant_time=moment(-3))
    due = {item.kind: hours_of(item.due) for item in product(facts)}
    assert (due["detention_limit"], due["review_due"]) == (21, 6.5)
    assert recounted([facts]) == product(facts)


def test_no_review_before_authorisation_and_no_clock_after_the_end() -> None:
    facts = [fact for fact in facts_of() if not isinstance(fact, DetentionAuthorised)]
    assert {each.kind for each in product(facts)} == {"in_custody", "awaiting_authorisation", "detention_limit"}
    assert product(facts_of(report(DetentionEnded, 5, disposal="charged"))) == []


def test_a_postponed_review_is_not_overdue_and_is_still_an_open_item() -> None:
    facts = facts_of(postponed(6))
    found = next_review(facts)
    assert found is not None
    assert found.state(microseconds(moment(9))) == "postponed"
    kinds = {each.kind: each for each in product(facts)}
    assert "review_due" not in kinds
    assert hours_of(kinds["review_postponed"].since) == 6.5
    late = {each.kind: each for each in product(facts_of(postponed(7)))}
    assert hours_of(late["review_postponed"].since) == 7


def test_an_extension_without_effect_has_a_reason() -> None:
    found = limit(microseconds(RELEVANT), facts_of(review(6), extended(12, 36), review(14), extended(25, 36)))
    assert found.refused == (
        "The extension was authorised before the second review.",
        "The extension was authorised after the limit had passed.",
    )


def test_the_due_time_is_in_time_and_anything_later_is_not() -> None:
    found = next_review(facts_of())
    assert found is not None
    due = microseconds(moment(6.5))
    assert (found.deadline.remaining_seconds(due), found.state(due)) == (0, "running")
    assert found.state(due + 1) == "overdue"
    assert found.deadline.remaining_seconds(due + 60_000_000) == -60


def test_a_paused_clock_keeps_the_time_left() -> None:
    found = next_review(facts_of(*hospital(2)))
    assert found is not None
    assert found.deadline.remaining_seconds(microseconds(moment(2))) == 4.5 * 3600
    assert found.deadline.remaining_seconds(microseconds(moment(90))) == 4.5 * 3600
    assert found.state(microseconds(moment(90))) == "paused"
    overdue = next_review(facts_of(*hospital(7)))
    assert overdue is not None
    assert overdue.state(microseconds(moment(90))) == "overdue"


@pytest.mark.parametrize(
    ("night", "start", "end"),
    [
        ("clocks go forward", "2024-03-30T13:00:00+00:00", "2024-03-31T14:00:00+01:00"),
        ("clocks go back", "2024-10-26T13:00:00+01:00", "2024-10-27T12:00:00+00:00"),
        ("neither", "2024-12-02T13:00:00+00:00", "2024-12-03T13:00:00+00:00"),
    ],
)
def test_a_day_is_twenty_four_elapsed_hours_on_every_night(night: str, start: str, end: str) -> None:
    due = limit(microseconds(datetime.fromisoformat(start)), []).deadline.due()
    assert due is not None
    assert instant(due) == datetime.fromisoformat(end), night


@pytest.mark.parametrize("at", [0, 1, 5, 9, 10, 11, 14, 15, 16, 40])
def test_the_latest_time_of_a_reading_is_the_last_at_which_the_clock_shows_it(at: int) -> None:
    """At the latest time of a reading the clock shows it, and a microsecond later it shows more."""
    clock = Clock(2, (Pause(0, 1), Pause(10, 15), Pause(15, 15)))
    latest = clock.latest(clock.reading(at))
    assert latest is not None
    assert clock.reading(latest) == clock.reading(at)
    assert clock.reading(latest + 1) == clock.reading(latest) + 1
