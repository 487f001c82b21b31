"""The clocks of a detention under PACE 1984: when its next review is due, and when detention without charge must end."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from msgspec import Struct

from facts.custody import (
    DetaineeCharged,
    DetentionAuthorised,
    ExtensionAuthorised,
    ReviewHeld,
    ReviewPostponed,
    WarrantApplied,
    WarrantIssued,
    WarrantRefused,
)
from facts.fact import SubjectFact
from measures.detention import Detention, Pause
from measures.outcome import SECOND, microseconds
from measures.pane import HOUR

FIRST_REVIEW, NEXT_REVIEW = 6 * HOUR, 9 * HOUR
"""PACE s.40(3): the first review within six hours, each later one within nine."""
WITHOUT_EXTENSION, EXTENDED, WARRANT, LONGEST = 24 * HOUR, 36 * HOUR, 36 * HOUR, 96 * HOUR
"""PACE s.41(1), s.42(1), s.43(12) and s.44(3), s.44(3)(b): the limits of detention without charge."""
UNTIL_HEARD = EXTENDED + 6 * HOUR
"""PACE s.43(5)(b), (6): kept until the application is heard, if the court sits within six hours after the 36."""
_REVIEWS_BEFORE_EXTENSION = 2
_FLAGGED_AFTER = HOUR
"""A relevant time that is later than the arrival by this much or more is flagged: only s.41(2), (5) allow it."""

Note = Literal[
    "arrival_unrecorded",
    "record_silent",
    "earlier_detention_unrecorded",
    "relevant_time_after_arrival",
    "not_arrest",
    "charged",
    "application_pending",
    "application_without_effect",
    "warrant_refused",
    "extension_too_late",
    "extension_before_second_review",
    "extension_not_indictable",
    "extension_after_warrant",
    "review_clock_paused",
    "limit_clock_paused",
]
"""What people must know of a detention besides its times."""
NOTE_WORDS: dict[Note, str] = {
    "arrival_unrecorded": "no arrival is recorded: the detention limit is not known",
    "record_silent": "nothing recorded for too long: check whether the person is still in custody",
    "earlier_detention_unrecorded": "continues a detention that is not recorded: check the time already served",
    "relevant_time_after_arrival": "the relevant time is later than the arrival: check it against s.41(2)",
    "not_arrest": "not detained for an offence: no detention limit; reviewed as good practice",
    "charged": "charged: no detention limit; the custody officer reviews (s.40(1)(a))",
    "application_pending": "court application pending: may be kept until it is heard (s.43(5)(b), (6))",
    "application_without_effect": "the court application changes nothing: the court does not sit within six hours after a limit of 36 hours",
    "warrant_refused": "a court refused a warrant: charge or release when the authorised time ends (s.43(15), (16))",
    "extension_too_late": "an extension changes nothing: it was authorised after the limit had passed (s.42(4)(a))",
    "extension_before_second_review": "an extension changes nothing: it was authorised before the second review (s.42(4)(b))",
    "extension_not_indictable": "an extension changes nothing: the offence is not indictable (s.42(1)(b))",
    "extension_after_warrant": "an extension changes nothing: once there is a warrant, only a court can extend the limit (s.44)",
    "review_clock_paused": "review clock paused",
    "limit_clock_paused": "detention clock paused",
}
"""Each note in words. The last two say how much time is left on a paused clock: their due time less their beginning."""

State = Literal["running", "paused", "postponed", "overdue"]


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
        for start, end in self.pauses if reading >= 0 else ():
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

    def postponed_since(self) -> int | None:
        """The time since which it has been postponed past its deadline: the later of deadline and postponement; None if not postponed.

        A postponement is judged at the latest time for the review (s.40(4)): before that, the review is still due.
        """
        if self.postponed_at is None:
            return None
        return max(self.postponed_at, self.deadline.due() or self.postponed_at)

    def following(self) -> Deadline:
        """The deadline of the review after a postponed one, which the postponement does not move (s.40(6))."""
        return Deadline(self.deadline.clock, self.deadline.reading + NEXT_REVIEW)


class Remark(Struct, frozen=True):
    """A note on a detention. Times are in microseconds since 1970.

    Attributes:
        note: the note.
        since: the time since which it applies.
        due: for a pending application, until when detention may continue; otherwise None.
    """

    note: Note
    since: int
    due: int | None = None


class Limit(Struct, frozen=True):
    """When detention without charge must end.

    Attributes:
        deadline: the deadline, on the clock that starts at the relevant time.
        remarks: what was applied for, refused or had no effect: what the law does not allow changes nothing.
    """

    deadline: Deadline
    remarks: tuple[Remark, ...] = ()


def paused(deadline: Deadline, note: Note) -> Remark | None:
    """The time left on a clock that has no due time because it is paused, as a note; None if it has one."""
    if deadline.due() is not None or not deadline.clock.pauses:
        return None
    since = max(deadline.clock.pauses[-1].start, deadline.clock.started)
    return Remark(note, since, since + deadline.reading - deadline.clock.reading(since))


def first_authorised(facts: Sequence[SubjectFact]) -> datetime | None:
    """When detention was first authorised; None if it was not."""
    return next((fact.at for fact in facts if isinstance(fact, DetentionAuthorised)), None)


def next_review(facts: Sequence[SubjectFact], pauses: Sequence[Pause]) -> NextReview | None:
    """The next review; None before detention was authorised.

    Args:
        facts: the facts of one detention, in order.
        pauses: when its clocks did not run.
    """
    authorised = first_authorised(facts)
    if authorised is None:
        return None
    clock = Clock(microseconds(authorised), tuple(pauses))
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


def limit(detention: Detention) -> Limit | None:
    """When detention without charge must end: 24 hours, or what a superintendent or a court has allowed.

    Returns:
        the limit; None if there is none: no arrest for an offence, charged, or a relevant time that nobody reported.
    """
    arrival = detention.arrival
    is_charged = any(isinstance(fact, DetaineeCharged) for fact in detention.facts)
    if arrival is None or arrival.basis != "arrest" or arrival.relevant_time is None or is_charged:
        return None
    clock = Clock(microseconds(arrival.relevant_time), tuple(detention.pauses))
    granted = _Granted(clock, detention.facts)
    for fact in detention.facts:
        granted.take(fact)
    return granted.limit()


def remarks(detention: Detention, found: Limit | None) -> list[Remark]:
    """Everything to note on a detention with a recorded arrival, with what its limit notes."""
    arrival, noted = detention.arrival, list(found.remarks if found else ())
    if arrival is None:
        return noted
    halted = paused(found.deadline, "limit_clock_paused") if found else None
    noted += [halted] if halted else []
    at = microseconds(arrival.at)
    if detention.is_unrecorded:
        noted.append(Remark("earlier_detention_unrecorded", at))
    if arrival.basis != "arrest":
        noted.append(Remark("not_arrest", at))
    elif arrival.relevant_time and microseconds(arrival.relevant_time) - at >= _FLAGGED_AFTER:
        noted.append(Remark("relevant_time_after_arrival", at))
    charged = next((fact.at for fact in detention.facts if isinstance(fact, DetaineeCharged)), None)
    if charged:
        noted.append(Remark("charged", microseconds(charged)))
    return noted


class _Granted:
    """What a superintendent and the courts have allowed, read in order. Readings are in microseconds of the clock."""

    def __init__(self, clock: Clock, facts: Sequence[SubjectFact]) -> None:
        self._clock, self._facts = clock, facts
        self._allowed, self._has_warrant = WITHOUT_EXTENSION, False
        self._application: WarrantApplied | None = None
        self._remarks: list[Remark] = []

    def take(self, fact: SubjectFact) -> None:
        """Read the next fact."""
        match fact:
            case ExtensionAuthorised():
                self._extend(fact)
            case WarrantApplied():
                self._application = fact
            case WarrantRefused():
                self._application = None
                self._remarks.append(Remark("warrant_refused", microseconds(fact.at)))
            case WarrantIssued():
                self._issue(fact)
            case _:
                pass

    def limit(self) -> Limit:
        """The limit after the last fact, with a pending application."""
        pending = self._application
        if pending is None or self._has_warrant or self._reading(pending.sits_at) <= self._allowed:
            return Limit(Deadline(self._clock, self._allowed), tuple(self._remarks))
        since = microseconds(pending.at)
        # s.43(5)(b): the 36 hours must be authorised, and the court must sit within the six hours after them.
        if self._allowed < EXTENDED or self._reading(pending.sits_at) > UNTIL_HEARD:
            remark = Remark("application_without_effect", since)
            return Limit(Deadline(self._clock, self._allowed), (*self._remarks, remark))
        deadline = Deadline(self._clock, UNTIL_HEARD)
        return Limit(deadline, (*self._remarks, Remark("application_pending", since, deadline.due())))

    def _reading(self, at: datetime) -> int:
        return self._clock.reading(microseconds(at))

    def _extend(self, extension: ExtensionAuthorised) -> None:
        at = self._reading(extension.at)
        why = self._refusal(extension, at)
        if why:
            self._remarks.append(Remark(why, microseconds(extension.at)))
        else:
            until = at + microseconds(extension.until) - microseconds(extension.at)
            self._allowed = max(self._allowed, min(until, EXTENDED))

    def _refusal(self, extension: ExtensionAuthorised, at: int) -> Note | None:
        """Why an extension has no effect (s.42(1), (4)); None if it has."""
        if self._has_warrant:
            return "extension_after_warrant"
        if at > self._allowed:
            return "extension_too_late"
        if extension.indictable is False:
            return "extension_not_indictable"
        if _reviews_held(self._facts, extension) < _REVIEWS_BEFORE_EXTENSION:
            return "extension_before_second_review"
        return None

    def _issue(self, warrant: WarrantIssued) -> None:
        """Set the limit: from its issue, whatever was allowed before (s.43(12), (18)), or from the warrant's end (s.44)."""
        at, length = self._reading(warrant.at), (warrant.hours * 60 + warrant.minutes) * 60 * SECOND
        start = self._allowed if self._has_warrant and at <= self._allowed else at
        self._allowed = min(start + min(length, WARRANT), LONGEST)
        self._has_warrant, self._application = True, None


def _reviews_held(facts: Sequence[SubjectFact], by: SubjectFact) -> int:
    authorised = first_authorised(facts)
    if authorised is None:
        return 0
    return sum(isinstance(fact, ReviewHeld) and authorised <= fact.at <= by.at for fact in facts)
