"""The clocks of a detention under PACE 1984: when its next review falls due, and when detention without charge must end."""

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
"""PACE s.40(3): the first review after at most six hours, each later one after at most nine."""
WITHOUT_EXTENSION, EXTENDED, WARRANT, LONGEST = 24 * HOUR, 36 * HOUR, 36 * HOUR, 96 * HOUR
"""PACE s.41(1), s.42(1), s.43(12) and s.44(3), s.44(3)(b): the limits of detention without charge."""
_REVIEWS_BEFORE_EXTENSION = 2

State = Literal["running", "paused", "postponed", "overdue"]


class Pause(NamedTuple):
    """A stretch that no clock counts, in microseconds since 1970; `end` is None while it lasts."""

    start: int
    end: int | None


class Clock(Struct, frozen=True):
    """Elapsed time from an instant, pauses left out; instants are microseconds since 1970 in UTC.

    Local clocks that change have no part in it: 24 hours are 24 hours on every night of the year.

    Attributes:
        started: when it began to run.
        pauses: in order, apart from each other; only the last may have no end.
    """

    started: int
    pauses: tuple[Pause, ...] = ()

    def reading(self, at: int) -> int:
        """What it shows at an instant, in microseconds; less than 0 before it started."""
        stood = (min(at, end or at) - max(self.started, start) for start, end in self.pauses)
        return at - self.started - sum(max(0, span) for span in stood)

    def latest(self, reading: int) -> int | None:
        """The last instant at which it shows a reading; None while it stands still before or at it."""
        at = self.started + reading
        for start, end in self.pauses:
            if at < start:
                break
            if end is None:
                return None
            at += max(0, end - max(self.started, start))
        return at

    def is_paused(self, at: int) -> bool:
        """Whether it stands still at an instant."""
        return any(start <= at and (end is None or at < end) for start, end in self.pauses)


class Deadline(Struct, frozen=True):
    """A reading that a clock may not pass.

    Attributes:
        clock: which clock.
        reading: the most it may show, in microseconds.
    """

    clock: Clock
    reading: int

    def due(self) -> int | None:
        """The last instant that is in time, in microseconds since 1970; None while the clock stands still before it."""
        return self.clock.latest(self.reading)

    def remaining_seconds(self, now: int) -> float:
        """How much is left; less than 0 when it is overdue. It stands still in a pause."""
        return (self.reading - self.clock.reading(now)) / SECOND

    def state(self, now: int) -> State:
        """Where it stands; what is overdue stays overdue in a pause."""
        if self.clock.reading(now) > self.reading:
            return "overdue"
        return "paused" if self.clock.is_paused(now) else "running"


class NextReview(Struct, frozen=True):
    """The review that comes next.

    Attributes:
        number: 1 is the first.
        since: when its time began to run: the authorisation, or the review before it.
        deadline: the latest time for it (s.40(3)).
        postponed_at: when it was postponed and that was recorded (s.40(4)); None when it was not.
    """

    number: int
    since: int
    deadline: Deadline
    postponed_at: int | None = None

    def state(self, now: int) -> State:
        """Where it stands; a review that was postponed is not overdue."""
        return "postponed" if self.postponed_at is not None else self.deadline.state(now)

    def postponed_since(self) -> int | None:
        """Since when it has been put off past its time: the later of that time and its record; None when it is not."""
        if self.postponed_at is None:
            return None
        return max(self.postponed_at, self.deadline.due() or self.postponed_at)


class Limit(Struct, frozen=True):
    """When detention without charge must end.

    Attributes:
        deadline: on the clock from the relevant time.
        refused: the authorities told that did not move it, and why: what the law does not allow gives no time.
    """

    deadline: Deadline
    refused: tuple[str, ...] = ()


def pauses(facts: Sequence[SubjectFact]) -> tuple[Pause, ...]:
    """When no clock of a detention ran: in hospital and on the way (s.41(6)), on bail (s.47(6)).

    Both sections say so of every period of Part IV, which holds for reviews as for the limit. Questioning in hospital
    counts: the feed tells it as a clock resumed and paused again.

    Args:
        facts: of one detention, in force, in order.
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
    """The review that comes next; None before detention was authorised.

    Args:
        facts: of one detention, in force, in order.
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


def _after(review: NextReview, held: int) -> NextReview:
    """The review after one that was held; a postponement does not move those that follow (s.40(6))."""
    clock, due = review.deadline.clock, review.deadline.reading
    counted_from = clock.reading(held)
    if review.postponed_at is not None:
        counted_from = min(counted_from, due)
    return NextReview(review.number + 1, held, Deadline(clock, counted_from + NEXT_REVIEW))


def limit(relevant_time: int, facts: Sequence[SubjectFact]) -> Limit:
    """When detention without charge must end: 24 hours, or what a superintendent or a court has allowed.

    Args:
        relevant_time: starts the clock, in microseconds since 1970; told, never derived.
        facts: of one detention, in force, in order.
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
    """Why an extension gives no time (s.42(4)); empty when it does."""
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
    """The limit that a warrant gives: from its issue (s.43), or when one was running, that one extended (s.44)."""
    if running is None:
        return min(at + min(length, WARRANT), LONGEST)
    return min(at + length, running + WARRANT, LONGEST)
