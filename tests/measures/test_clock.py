"""The custody clocks by the letter of PACE 1984: a table of stories, each read by the product and by the recount."""

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

KNOWN = (
    "in_custody",
    "awaiting_authorisation",
    "review_due",
    "review_postponed",
    "detention_limit",
    "custody_clock_paused",
)

Told = tuple[type[SubjectFact], float, dict[str, Any]]


def moment(hours: float) -> datetime:
    """An instant so many hours after the relevant time."""
    return RELEVANT + timedelta(hours=hours)


def told(kind: type[SubjectFact], hours: float, /, **fields: Any) -> Told:
    """A fact so many hours after the relevant time."""
    return kind, hours, fields


def review(hours: float) -> Told:
    """A review held."""
    return told(ReviewHeld, hours)


def postponed(hours: float) -> Told:
    """A review postponed, on the record."""
    return told(ReviewPostponed, hours)


def hospital(start: float, end: float | None = None) -> list[Told]:
    """The clocks stopped, and went on."""
    pause = told(ClockPaused, start, reason="hospital")
    return [pause] if end is None else [pause, told(ClockResumed, end)]


def extended(hours: float, until: float) -> Told:
    """A superintendent's authority."""
    return told(ExtensionAuthorised, hours, until=moment(until))


def warrant(at: float, runs: int) -> Told:
    """A warrant, or its extension."""
    return told(WarrantIssued, at, hours=runs)


def facts_of(*others: Told, relevant_time: datetime = RELEVANT) -> list[SubjectFact]:
    """A detention authorised half an hour after arrival, and what else is told of it, in order."""
    every = [
        told(DetaineeArrived, 0, suite="one", child=False, relevant_time=relevant_time),
        told(DetentionAuthorised, AUTHORISED),
        *others,
    ]
    facts = [
        kind(fact_id=f"f{number}", force=STRICT.name, at=moment(hours), subject_id="d1", **fields)
        for number, (kind, hours, fields) in enumerate(every)
    ]
    return sorted(facts, key=lambda fact: (fact.at, fact.fact_id))


def product(facts: list[SubjectFact]) -> list[OpenItem]:
    """What stands open of the detention."""
    return sorted(outcomes(facts, RULES).open, key=repr)


def recounted(stories: list[list[SubjectFact]]) -> list[OpenItem]:
    """The same of many detentions from the recount."""
    facts = [replace(fact, subject_id=f"d{number}") for number, story in enumerate(stories) for fact in story]
    records = [LogRecord("custody", 0, offset, moment(500), encode([fact])) for offset, fact in enumerate(facts)]
    with from_records(records, [STRICT]) as recount:
        found = [each for kind in KNOWN for each in recount.open(kind)]
    return sorted((OpenItem(each.kind, each.since, each.began, each.due, each.dimensions) for each in found), key=repr)


def hours_of(at: int | None) -> float | None:
    """An instant as hours after the relevant time."""
    return None if at is None else (at - microseconds(RELEVANT)) / HOUR


TWO_REVIEWS = [review(6), review(14)]

REVIEWS: dict[str, tuple[list[Told], float | None]] = {
    "the first is due six hours after authorisation, not after arrival": ([], 6.5),
    "the second nine hours after the first": ([review(5)], 14),
    "each later one nine hours after the one before": ([review(5), review(10), review(18)], 27),
    "one held late without postponement: nine hours after it was held": ([review(8)], 17),
    "one held before detention was authorised is none": ([review(0.25)], 6.5),
    "one postponed and held late does not move the next (s.40(6))": ([postponed(6), review(8)], 15.5),
    "one postponed but held in time counts from when it was held": ([postponed(4), review(5)], 14),
    "postponed twice is postponed once": ([postponed(6), postponed(7), review(9)], 15.5),
    "a postponement is used up by its review": ([postponed(6), review(7), review(18)], 27),
    "so late that the next is overdue when it is held": ([postponed(6), review(16)], 15.5),
    "two hours in hospital leave four and a half": (hospital(2, 4), 8.5),
    "bail likewise": ([told(ClockPaused, 2, reason="bail"), told(ClockResumed, 26)], 30.5),
    "in hospital nobody can say when": (hospital(2), None),
    "hospital after it was due changes nothing": (hospital(7), 6.5),
    "a stay that begins at the due instant itself leaves that instant open": (hospital(6.5, 7.5), 7.5),
    "hospital before authorisation is no part of it": (hospital(0.1, 0.4), 6.5),
    "of a stay over the authorisation only the rest": (hospital(0.25, 1.5), 7.5),
    "questioned in hospital: the clock went on for an hour": ([*hospital(2, 3), *hospital(4, 5)], 8.5),
    "paused twice over is one pause": ([*hospital(2), *hospital(3, 4)], 8.5),
    "a resumption without a pause is nothing": ([told(ClockResumed, 3)], 6.5),
    "a review in hospital counts from the reading of the clock": ([*hospital(2, 6), review(4)], 15),
}

LIMITS: dict[str, tuple[list[Told], float | None]] = {
    "twenty-four hours from the relevant time, not from authorisation": ([], 24),
    "thirty-six with a superintendent": ([*TWO_REVIEWS, extended(20, 36)], 36),
    "less where the superintendent gave less": ([*TWO_REVIEWS, extended(20, 30)], 30),
    "never more than thirty-six": ([*TWO_REVIEWS, extended(20, 40)], 36),
    "a further period up to thirty-six": ([*TWO_REVIEWS, extended(20, 30), extended(29, 36)], 36),
    "a further period authorised too late gives nothing": ([*TWO_REVIEWS, extended(20, 30), extended(31, 36)], 30),
    "authorised at the twenty-fourth hour itself is in time": ([*TWO_REVIEWS, extended(24, 36)], 36),
    "authorised after it is too late (s.42(4)(a))": ([*TWO_REVIEWS, extended(24.01, 36)], 24),
    "authorised before the second review is none (s.42(4)(b))": ([review(6), extended(12, 36)], 24),
    "at the same moment as the second review is after it": ([review(6), review(14), extended(14, 36)], 36),
    "a warrant runs from its issue (s.43)": ([*TWO_REVIEWS, extended(20, 36), warrant(30, 36)], 66),
    "a warrant of more than thirty-six hours runs for thirty-six": ([warrant(20, 48)], 56),
    "a warrant takes nothing away": ([*TWO_REVIEWS, extended(20, 36), warrant(21, 1)], 36),
    "a court that sat in the six hours after": ([*TWO_REVIEWS, extended(20, 36), warrant(40, 24)], 64),
    "extended by a court (s.44)": ([warrant(20, 36), warrant(50, 30)], 80),
    "extended by at most thirty-six hours": ([warrant(20, 12), warrant(30, 60)], 68),
    "ninety-six hours at the very most (s.44(3)(b))": ([warrant(30, 36), warrant(60, 60)], 96),
    "hospital moves it": (hospital(10, 13), 27),
    "in hospital nobody can say when": (hospital(10), None),
    "what had run out when it was paused stays run out": (hospital(25), 24),
    "an extension until a time counts the stays already known": ([*TWO_REVIEWS, *hospital(15, 17), extended(20, 30)], 30),
    "and a later stay moves it": ([*TWO_REVIEWS, extended(20, 30), *hospital(25, 27)], 32),
    "thirty-six hours are of the clock, so a stay moves them too": ([*TWO_REVIEWS, *hospital(15, 17), extended(20, 40)], 38),
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
    """Each story as a detention of its own, all recounted at once."""
    stories = [facts_of(*others) for others, _ in (*REVIEWS.values(), *LIMITS.values())]
    stories += [facts_of(*others, relevant_time=moment(3)) for others, _ in LIMITS.values()]
    ours = sorted((each for story in stories for each in product(story)), key=repr)
    assert recounted(stories) == ours


def test_the_two_clocks_start_apart() -> None:
    """Arrested elsewhere: the relevant time lies before the arrival; the review clock does not care."""
    facts = facts_of(relevant_time=moment(-3))
    (standing,) = [each for each in product(facts) if each.kind == "detention_limit"]
    assert hours_of(standing.due) == 21
    (standing,) = [each for each in product(facts) if each.kind == "review_due"]
    assert hours_of(standing.due) == 6.5
    assert recounted([facts]) == product(facts)


def test_no_review_before_authorisation_and_no_clock_after_the_end() -> None:
    facts = [fact for fact in facts_of() if not isinstance(fact, DetentionAuthorised)]
    assert {each.kind for each in product(facts)} == {"in_custody", "awaiting_authorisation", "detention_limit"}
    assert product(facts_of(told(DetentionEnded, 5, disposal="charged"))) == []


def test_postponed_is_not_overdue_and_is_still_shown() -> None:
    facts = facts_of(postponed(6))
    found = next_review(facts)
    assert found is not None
    assert found.state(microseconds(moment(9))) == "postponed"
    kinds = {each.kind: each for each in product(facts)}
    assert "review_due" not in kinds
    assert hours_of(kinds["review_postponed"].since) == 6.5
    late = {each.kind: each for each in product(facts_of(postponed(7)))}
    assert hours_of(late["review_postponed"].since) == 7


def test_a_refused_authority_says_why() -> None:
    found = limit(microseconds(RELEVANT), facts_of(review(6), extended(12, 36), review(14), extended(25, 36)))
    assert found.refused == (
        "The extension was authorised before the second review.",
        "The extension was authorised after the limit had passed.",
    )


def test_the_due_instant_is_in_time_and_what_comes_after_is_not() -> None:
    found = next_review(facts_of())
    assert found is not None
    due = microseconds(moment(6.5))
    assert (found.deadline.remaining_seconds(due), found.state(due)) == (0, "running")
    assert found.state(due + 1) == "overdue"
    assert found.deadline.remaining_seconds(due + 60_000_000) == -60


def test_a_clock_that_stands_still_keeps_what_is_left() -> None:
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
def test_a_reading_and_its_latest_instant_belong_together(at: int) -> None:
    """At the latest instant of a reading the clock shows it, and a moment later it shows more."""
    clock = Clock(2, (Pause(0, 1), Pause(10, 15), Pause(15, 15)))
    latest = clock.latest(clock.reading(at))
    assert latest is not None
    assert clock.reading(latest) == clock.reading(at)
    assert clock.reading(latest + 1) == clock.reading(latest) + 1
