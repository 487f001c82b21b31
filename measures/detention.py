"""Divides the facts of a custody number into detentions and stays: when the person was in custody, where, and which clocks continue."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from msgspec import Struct, field

from facts.custody import (
    ClockPaused,
    ClockResumed,
    DetaineeArrived,
    DetaineeTransferred,
    DetentionEnded,
    Disposal,
    VoluntaryAttended,
)
from facts.fact import SubjectFact
from measures.outcome import microseconds

_CONTINUES_AFTER: tuple[Disposal, ...] = ("bail", "transferred")
"""After these disposals an arrival continues the detention unless it says that it does not."""


class Pause(NamedTuple):
    """A stretch of time that no clock counts, in microseconds since 1970; `end` is None while it lasts."""

    start: int
    end: int | None


class SuitePlace(NamedTuple):
    """The suite where a detainee was, and from when."""

    suite: str
    since: datetime


class CustodyStay(Struct):
    """The time from an arrival at custody until the person leaves.

    Attributes:
        arrived: when it began: an arrival, or the end of bail.
        child: under 18.
        places: the suites, in order; the first is that of the arrival.
        facts: the facts from its beginning to the beginning of the next stay; for the first stay, from the subject's first fact.
        ended: when it ended; None while the person is in custody.
        disposal: how it ended.
        is_bailed: it ended in a pause for bail, so that the end of the pause begins the next stay.
        is_authorised_again: it began with an arrival that needs an authorisation: not a transfer, and not the end of a pause.
    """

    arrived: datetime
    child: bool
    places: list[SuitePlace]
    facts: list[SubjectFact] = field(default_factory=list)
    ended: datetime | None = None
    disposal: Disposal | None = None
    is_bailed: bool = False
    is_authorised_again: bool = True


class Detention(Struct):
    """Stays with common clocks: one arrest, with its returns on bail and its transfers.

    Attributes:
        arrival: the arrival that began it; None if no arrival is recorded.
        stays: in order; empty if no arrival is recorded.
        pauses: when its clocks did not run: in hospital, and out of custody between stays (s.41(6), s.47(6)).
        is_unrecorded: the arrival continues an earlier detention that is not recorded.
        facts: all its facts, in order.
    """

    arrival: DetaineeArrived | None
    stays: list[CustodyStay]
    pauses: list[Pause]
    is_unrecorded: bool = False
    facts: list[SubjectFact] = field(default_factory=list)


def detentions(facts: Sequence[SubjectFact]) -> list[Detention]:
    """The detentions of one custody number, in order (semantics section 7).

    Args:
        facts: the effective facts of the subject, in order.
    """
    walk = _Walk(facts)
    for fact in facts:
        walk.take(fact)
    return walk.finish()


def after_the_last_end(facts: Sequence[SubjectFact]) -> list[SubjectFact]:
    """The facts of a detention without an arrival, in order, since the person was last reported to have left."""
    found: list[SubjectFact] = []
    for fact in _of_detention(facts):
        if isinstance(fact, DetentionEnded) or (isinstance(fact, ClockPaused) and fact.reason == "bail"):
            found = []
        else:
            found.append(fact)
    return found


def pauses_in_hospital(facts: Sequence[SubjectFact]) -> list[Pause]:
    """The pauses in hospital of facts without an arrival or an end; the last may have no end."""
    walk = _Walk(facts)
    for fact in facts:
        walk.take(fact)
    return walk.hospital()


def _of_detention(facts: Sequence[SubjectFact]) -> Iterator[SubjectFact]:
    return (fact for fact in facts if not isinstance(fact, VoluntaryAttended))


class _Walk:
    """Reads the facts of a custody number in order."""

    def __init__(self, facts: Sequence[SubjectFact]) -> None:
        self._ends: dict[datetime, list[DetentionEnded]] = {}
        for fact in facts:
            if isinstance(fact, DetentionEnded):
                self._ends.setdefault(fact.at, []).append(fact)
        self._found: list[Detention] = []
        self._before: list[SubjectFact] = []
        self._pauses: list[Pause] = []
        self._hospital_since: datetime | None = None
        self._used: set[str] = set()

    def take(self, fact: SubjectFact) -> None:
        """Read the next fact."""
        match fact:
            case DetaineeArrived():
                self._arrive(fact)
            case DetaineeTransferred() if self._open():
                self._move(fact.suite, fact.at)
            case ClockPaused(reason="bail") if self._open():
                self._leave(fact.at, "bail", is_bailed=True)
            case ClockPaused(reason="hospital") if self._open() or not self._found:
                self._hospital_since = self._hospital_since or fact.at
            case ClockResumed():
                self._continue(fact.at)
            case DetentionEnded() if self._open() and fact.fact_id not in self._used:
                self._leave(fact.at, fact.disposal)
            case _:
                pass
        self._keep(fact)

    def finish(self) -> list[Detention]:
        """The detentions, after the last fact."""
        for detention in self._found:
            detention.facts = [fact for stay in detention.stays for fact in stay.facts]
        if self._found:
            self._found[-1].pauses += self.hospital()[len(self._pauses) :]
            self._end_before_arrival(self._found[0])
        return self._found

    def hospital(self) -> list[Pause]:
        """The pauses so far, with one that has not ended."""
        since = self._hospital_since
        return [*self._pauses, Pause(microseconds(since), None)] if since else self._pauses

    def _open(self) -> CustodyStay | None:
        """The stay that has not ended."""
        stay = self._found[-1].stays[-1] if self._found else None
        return stay if stay and stay.ended is None else None

    def _keep(self, fact: SubjectFact) -> None:
        (self._found[-1].stays[-1].facts if self._found else self._before).append(fact)

    def _arrive(self, arrival: DetaineeArrived) -> None:
        stay = self._open()
        end = next(iter(self._ends.get(arrival.at, ())), None)
        if stay and stay.arrived < arrival.at and end:
            # A transfer recorded to the minute: the person left one suite and arrived at another in the same minute.
            self._used.add(end.fact_id)
            self._leave(end.at, end.disposal)
            stay = None
        if stay:
            self._move(arrival.suite, arrival.at)
        else:
            self._begin(arrival)

    def _begin(self, arrival: DetaineeArrived) -> None:
        earlier = self._found[-1].stays[-1] if self._found else None
        stay = CustodyStay(arrival.at, arrival.child, [SuitePlace(arrival.suite, arrival.at)])
        if earlier and _continues(arrival, earlier):
            stay.is_authorised_again = earlier.disposal != "transferred"
            self._add_stay(earlier, stay)
            return
        is_unrecorded = earlier is None and bool(arrival.continues)
        if earlier is None:
            stay.facts = list(self._before)
        else:
            self._pauses, self._hospital_since = [], None
        self._found.append(Detention(arrival, [stay], self._pauses, is_unrecorded))

    def _add_stay(self, earlier: CustodyStay, stay: CustodyStay) -> None:
        """Add a stay to the detention: the time out of custody does not count, except on the way to another suite."""
        if earlier.ended and earlier.disposal != "transferred":
            self._pauses.append(Pause(microseconds(earlier.ended), microseconds(stay.arrived)))
        self._found[-1].stays.append(stay)

    def _move(self, suite: str, at: datetime) -> None:
        stay = self._found[-1].stays[-1]
        if stay.places[-1].suite != suite:
            stay.places.append(SuitePlace(suite, at))

    def _leave(self, at: datetime, disposal: Disposal, *, is_bailed: bool = False) -> None:
        stay = self._found[-1].stays[-1]
        stay.ended, stay.disposal, stay.is_bailed = at, disposal, is_bailed
        self._discharge(at)

    def _discharge(self, at: datetime) -> None:
        """End a stay in hospital."""
        if self._hospital_since:
            self._pauses.append(Pause(microseconds(self._hospital_since), microseconds(at)))
            self._hospital_since = None

    def _continue(self, at: datetime) -> None:
        earlier = self._found[-1].stays[-1] if self._found else None
        if earlier and earlier.ended and earlier.is_bailed:
            place = SuitePlace(earlier.places[-1].suite, at)
            self._add_stay(earlier, CustodyStay(at, earlier.child, [place], is_authorised_again=False))
        else:
            self._discharge(at)

    def _end_before_arrival(self, detention: Detention) -> None:
        """End a stay by an end from before its arrival: a contradiction, but the person has left."""
        stay = detention.stays[0]
        if stay.ended or len(self._found) > 1 or detention.is_unrecorded or detention.arrival is None:
            return
        asks = detention.arrival.continues
        for fact in self._before:
            if isinstance(fact, DetentionEnded) and (asks is False or fact.disposal not in _CONTINUES_AFTER):
                stay.ended, stay.disposal = fact.at, fact.disposal
                return


def _continues(arrival: DetaineeArrived, earlier: CustodyStay) -> bool:
    return earlier.disposal in _CONTINUES_AFTER if arrival.continues is None else arrival.continues
