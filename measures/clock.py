"""The clocks of a detention under PACE 1984: when its next review is due, and when detention without charge must end."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from msgspec import Struct

from facts.custody import (
    ClockPaused,
    ClockResumed,
    DetentionAuthorised,
    ExtensionAuthorised,
    ReviewHeld,
    ReviewPostponed,
    WarrantIssued,
)
from facts.fact import SubjectFact
from measures.outcome import SECOND, microseconds
from measures.pane import HOUR

FIRST_REVIEW, NEXT_REVIEW = 6 * HOUR, 9 * HOUR
"""PACE s.40(3): the first review within six hours, each later one within nine."""
WITHOUT_EXTENSION, EXTENDED, WARRANT, LONGEST = 24 * HOUR, 36 * HOUR, 36 * HOUR, 96 * HOUR
"""PACE s.41(1), s.42(1), s.43(12) and s.44(3), s.44(3)(b): the limits of detention without charge."""
_REVIEWS_BEFORE_EXTENSION = 2

State = Literal["running", "paused", "postponed", "overdue"]


class Pause(NamedTuple):
    """A stretch of time that no clock counts, in microseconds since 1970; `end` is None while it lasts."""

    start: int
    end: int | None


class Clock(Struct, frozen=True):
    """Elapsed time since a start, excluding pauses. Times are microseconds since 1970 in UTC.

    Changes of local time do not affect it: 24 hours are 24 hours on every night of the year.

    Attributes:
        started: when it started.
        pauses: its pauses, in order and not overlapping; only the last may have no end.
    """

    started: int
    pauses: tuple[Pause, ...] = ()

    def reading(self, at: int) -> int:
        """The time elapsed at `at`, in microseconds; negative before the start."""
        paused = (min(at, end or at) - max(self.started, start) for start, end in self.pauses)
        return at - self.started - sum(max(0, span) for span in paused)

    def latest(self, reading: int) -> int | None:
        """The last time at which it shows a reading; None if it is paused, with no end, before or at that reading."""
        at = self.started + reading
        for start, end in self.pauses:
            if at < start:
                break
            if end is None:
                return None
            at += max(0, end - max(self.started, start))
        return at

    def is_paused(self, at: int) -> bool:
        """Whether it is paused at a time."""
        return any(start <= at and (end is None or at < end) for start, end in self.pauses)


class Deadline(Struct, frozen=True):
    """The reading that a clock may not exceed.

    Attributes:
        clock: the clock.
        reading: the greatest reading allowed, in microseconds.
    """

    clock: Clock
    reading: int

    def due(self) -> int | None:
        """The last time that is in time, in microseconds since 1970; None while the clock is paused before it."""
        return self.clock.latest(self.reading)

    def remaining_seconds(self, now: int) -> float:
        """The time left; negative when overdue. It does not change during a pause."""
        return (self.reading - self.clock.reading(now)) / SECOND

    def state(self, now: int) -> State:
        """Its state; an overdue deadline stays overdue during a pause."""
        if self.clock.reading(now) > self.reading:
            return "overdue"
        return "paused" if self.clock.is_paused(now) else "running"


class NextReview(Struct, frozen=True):
    """The next review.

    Attributes:
        number: 1 for the first review.
        since: when its time started: the authorisation or the review before it.
        deadline: its deadline (s.40(3)).
        postponed_at: when its postponement was recorded (s.40(4)); None if it was not postponed.
    """

    number: int
    since: int
    deadline: Deadline
    postponed_at: int | None = None

    def state(self, now: int) -> State:
        """Its state; a postponed review is not overdue."""
        return "postponed" if self.postponed_at is not None else self.deadline.state(now)

    def postponed_since(self) -> int | None:
        """Since when it has been postponed past its deadline: the later of deadline and postponement; None if not postponed."""
        if self.postponed_at is None:
            return None
        return max(self.postponed_at, self.deadline.due() or self.postponed_at)


class Limit(Struct, frozen=True):
    """When detention without charge must end.

    Attributes:
        deadline: the deadline, on the clock that starts at the relevant time.
        refused: why reported extensions did not move it: an extension that the law does not allow has no effect.
    """

    deadline: Deadline
    refused: tuple[str, ...] = ()


def pauses(facts: Sequence[SubjectFact]) -> tuple[Pause, ...]:
    """When the clocks of a detention were paused: in hospital and on the way there (s.41(6)), and on bail (s.47(6)).

    Both sections apply to every period of Part IV, and so to reviews as well as to the limit. Questioning in hospital
    counts: the feed reports the clock as resumed and then paused again.

    Args:
        facts: the effective facts of one detention, in order.
    """
    found: list[Pause] = []
    since: int | None = None
    for fact in facts:
        if isinstance(fact, ClockPaused) and since is None:
            since = microseconds(fact.at)
        elif isinstance(fact, ClockResumed) and since is not None:
            found.append(Pause(since, microseconds(fact.at)))
            since = None
    return tuple(found) if since is None else (*found, Pause(since, None))


def next_review(facts: Sequence[SubjectFact]) -> NextReview | None:
    """The next review; None before detention was authorised.

    Args:
        facts: the effective facts of one detention, in order.
    """
    authorised = next((fact.at for fact in facts if isinstance(fact, DetentionAuthorised)), None)
    if authorised is None:
        return None
    clock = Clock(microseconds(authorised), pauses(facts))
    review = NextReview(1, clock.started, Deadline(clock, FIRST_REVIEW))
    for fact in facts:
        if fact.at >= authorised and isinstance(fact, ReviewHeld):
            review = _after(review, microseconds(fact.at))
        elif fact.at >= authorised and isinstance(fact, ReviewPostponed) and review.postponed_at is None:
            review = NextReview(review.number, review.since, review.deadline, microseconds(fact.at))
    return review


def _after(review: NextReview, held_at: int) -> NextReview:
    """The review after one that was held; a postponement does not delay later reviews (s.40(6))."""
    clock, due = review.deadline.clock, review.deadline.reading
    counted_from = clock.reading(held_at)
    if review.postponed_at is not None:
        counted_from = min(counted_from, due)
    return NextReview(review.number + 1, held_at, Deadline(clock, counted_from + NEXT_REVIEW))


def limit(relevant_time: int, facts: Sequence[SubjectFact]) -> Limit:
    """When detention without charge must end: 24 hours, or what a superintendent or a court has allowed.

    Args:
        relevant_time: when the clock starts, in microseconds since 1970; always reported, never derived.
        facts: the effective facts of one detention, in order.
    """
    clock = Clock(relevant_time, pauses(facts))
    allowed, has_warrant, refused = WITHOUT_EXTENSION, False, []
    for fact in facts:
        at = clock.reading(microseconds(fact.at))
        if isinstance(fact, ExtensionAuthorised):
            why = _refusal(fact, at, allowed, facts)
            refused += [why] if why else []
            until = at + microseconds(fact.until) - microseconds(fact.at)
            allowed = allowed if why else max(allowed, min(until, EXTENDED))
        elif isinstance(fact, WarrantIssued):
            granted = _warranted(at, fact.hours * HOUR, allowed if has_warrant and at <= allowed else None)
            allowed, has_warrant = max(allowed, granted), True
    return Limit(Deadline(clock, allowed), tuple(refused))


def _refusal(extension: ExtensionAuthorised, at: int, allowed: int, facts: Sequence[SubjectFact]) -> str:
    """Why an extension has no effect (s.42(4)); empty if it has."""
    if at > allowed:
        return "The extension was authorised after the limit had passed."
    if _reviews_held(facts, extension) < _REVIEWS_BEFORE_EXTENSION:
        return "The extension was authorised before the second review."
    return ""


def _reviews_held(facts: Sequence[SubjectFact], by: SubjectFact) -> int:
    authorised = next((fact.at for fact in facts if isinstance(fact, DetentionAuthorised)), None)
    if authorised is None:
        return 0
    return sum(isinstance(fact, ReviewHeld) and authorised <= fact.at <= by.at for fact in facts)


def _warranted(at: int, length: int, running: int | None) -> int:
    """The limit that a warrant sets: counted from its issue (s.43), or as an extension of a current warrant (s.44)."""
    if running is None:
        return min(at + min(length, WARRANT), LONGEST)
    return min(at + length, running + WARRANT, LONGEST)
