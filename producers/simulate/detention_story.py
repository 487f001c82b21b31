"""The course of a simulated detention: reviews, hospital, transfer, extension, court, charge, bail and what follows it."""

from collections.abc import Generator, Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from facts.custody import (
    Basis,
    ClockPaused,
    ClockResumed,
    DetaineeArrived,
    DetaineeCharged,
    DetaineeTransferred,
    DetentionAuthorised,
    DetentionEnded,
    ExtensionAuthorised,
    ReviewHeld,
    ReviewPostponed,
    WarrantApplied,
    WarrantIssued,
    WarrantRefused,
)
from facts.fact import SubjectFact
from producers.simulate.months import utc_time, whole_second
from producers.simulate.parameters import Custody

_MINUTE, _HOUR = 60.0, 3600.0
_FIRST_REVIEW_SECONDS, _NEXT_REVIEW_SECONDS = 6 * _HOUR, 9 * _HOUR
_DAY_SECONDS, _LONGEST_EXTENSION_SECONDS = 24 * _HOUR, 36 * _HOUR
_WARRANT_HOURS, _WARRANTS = 36, 2
"""Two warrants of 36 hours reach the 96 hours that the law allows."""
_COURT_AFTER_LIMIT_SECONDS = 2 * _HOUR
_LEAST_REFUSED_SECONDS = 30 * _HOUR
_NOT_FOR_AN_OFFENCE = ("transferred", "other")
"""How a detention on a warrant, on recall or for immigration ends."""

Event = tuple[str, float, type[SubjectFact], dict[str, Any]]
"""A word for the fact's id, the time in seconds since 1970, the fact's type and its fields."""


class Chances(Struct, gc=False):
    """Random numbers between 0 and 1 that decide the course of one detention.

    Attributes:
        relevant: whether the relevant time is before the arrival, and by how much.
        hospital: whether the detainee is taken to hospital.
        reviews: whether a review is late or postponed, and when it is held; used in turn.
        moved: whether the detainee is transferred to another suite.
        held: whether somebody who is charged is kept for court.
        basis: whether the detention is for an offence, and if not for what; used for those who leave to go elsewhere.
        early: whether an extension is first authorised too early to have an effect.
        court: whether the court sits after the limit, or refuses a warrant.
        again: whether somebody who is bailed is in custody again, and why.
    """

    relevant: float
    hospital: float
    reviews: Sequence[float]
    moved: float
    held: float
    basis: float
    early: float
    court: float
    again: float


class Return(Struct, gc=False):
    """What happens if somebody who was bailed is in custody again.

    Attributes:
        after_seconds: from the release to the arrival.
        stay_seconds: from the arrival to the end.
        disposal: how that stay ends.
    """

    after_seconds: float
    stay_seconds: float
    disposal: str


class Stay(Struct, gc=False):
    """One detention.

    Attributes:
        subject_id: id of the detention.
        arrived: arrival, in seconds since 1970.
        wait_seconds: from arrival to authorisation; None if detention is refused.
        stay_seconds: from arrival to the end.
        child: whether the person is under 18.
        suite: the custody suite.
        disposal: how the detention ends.
        chances: random numbers for everything else.
        methods: methods of its reviews.
        again: its return, if there is one.
    """

    subject_id: str
    arrived: float
    wait_seconds: float | None
    stay_seconds: float
    child: bool
    suite: str
    disposal: str
    chances: Chances
    methods: Sequence[str]
    again: Return

    @property
    def ends(self) -> float:
        """The end, in seconds since 1970."""
        return self.arrived + self.stay_seconds


def story(stay: Stay, params: Custody) -> Iterable[Event]:
    """The events of a detention and of what follows it."""
    relevant, basis = _relevant(stay, params), _basis(stay, params)
    fields: dict[str, Any] = {"suite": stay.suite, "child": stay.child, "basis": basis}
    if basis == "arrest":
        fields["relevant_time"] = utc_time(whole_second(relevant))
    yield "arrived", stay.arrived, DetaineeArrived, fields
    if stay.wait_seconds is None:
        yield "ended", stay.ends, DetentionEnded, {"disposal": stay.disposal}
        return
    authorised, charged = stay.arrived + stay.wait_seconds, _charged(stay, params)
    yield "authorised", authorised, DetentionAuthorised, {}
    review_due = yield from _reviews(stay, authorised, authorised + _FIRST_REVIEW_SECONDS, stay.ends, params)
    if basis == "arrest":
        yield from _longer(stay, relevant, authorised, charged or stay.ends, params)
    yield from _places(stay, authorised, params)
    if charged:
        yield "charged", charged, DetaineeCharged, {}
    yield "ended", stay.ends, DetentionEnded, {"disposal": stay.disposal}
    if stay.disposal == "bail":
        yield from _again(stay, stay.wait_seconds, relevant, review_due, params)


def _relevant(stay: Stay, params: Custody) -> float:
    early = stay.chances.relevant / params.early_relevant_share if params.early_relevant_share else 1.0
    return stay.arrived - (_HOUR * early if early < 1 else 0.0)


def _basis(stay: Stay, params: Custody) -> Basis:
    """Why the person is detained."""
    if stay.child or stay.disposal not in _NOT_FOR_AN_OFFENCE or stay.chances.basis >= params.not_arrest_share:
        return "arrest"
    return _chosen(stay.chances.basis / params.not_arrest_share, params.bases)


def _chosen(place: float, shares: Mapping[Basis, float]) -> Basis:
    """The label at a place between 0 and 1, in proportion to the shares."""
    left = place * sum(shares.values())
    for label, share in shares.items():
        left -= share
        if left < 0:
            return label
    return "other"


def _charged(stay: Stay, params: Custody) -> float | None:
    """When somebody was charged who is then kept for court; None for everybody else."""
    is_held = stay.disposal == "charged" and stay.chances.held < params.charged_held_share
    return stay.arrived + max(0.6 * stay.stay_seconds, (stay.wait_seconds or 0) + 0.5 * _HOUR) if is_held else None


def _places(stay: Stay, authorised: float, params: Custody) -> Iterable[Event]:
    """Hospital, then a transfer to another suite."""
    left = stay.ends - authorised
    if stay.stay_seconds <= 4 * _HOUR:
        return
    if stay.chances.hospital < params.hospital_share:
        paused = authorised + 0.2 * left
        yield "paused", paused, ClockPaused, {"reason": "hospital"}
        yield "resumed", paused + 0.24 * left, ClockResumed, {}
    others = [suite for suite in params.suites if suite != stay.suite]
    if others and stay.chances.moved < params.transferred_share:
        place = int(stay.chances.moved / params.transferred_share * len(others))
        yield "transferred", authorised + 0.5 * left, DetaineeTransferred, {"suite": others[place]}


def _reviews(
    stay: Stay, first: float, due: float, ends: float, params: Custody, word: str = ""
) -> Generator[Event, None, float]:
    """Reviews: the first within 6 hours of authorisation, each of the others within 9 hours; a few late or postponed.

    Args:
        stay: the detention.
        first: the earliest time of a review, in seconds since 1970.
        due: when the next review is due.
        ends: when the person leaves.
        params: the parameters of custody.
        word: begins the words of the facts' ids.

    Returns:
        when the review after the last one is due.
    """
    number = 0
    while due < ends:
        place = stay.chances.reviews[number % len(stay.chances.reviews)]
        reviewed = due - 300 - 2700 * place
        if place < params.review_late_share:
            reviewed = due + 3600 * place / params.review_late_share
        elif place < params.review_late_share + params.review_postponed_share:
            yield f"{word}postponed-{number}", max(due - 300, first), ReviewPostponed, {}
            reviewed = due + 2400
        reviewed = max(reviewed, first + 5 * _MINUTE)
        if reviewed >= ends:
            return due
        yield f"{word}reviewed-{number}", reviewed, ReviewHeld, {"method": stay.methods[number % len(stay.methods)]}
        due, number = reviewed + _NEXT_REVIEW_SECONDS, number + 1
    return due


def _longer(stay: Stay, relevant: float, authorised: float, until: float, params: Custody) -> Iterable[Event]:
    """Detention without charge beyond 24 hours by a superintendent, and beyond 36 hours by a court's warrant."""
    if until - relevant <= _DAY_SECONDS:
        return
    extended = {"until": utc_time(whole_second(relevant + _LONGEST_EXTENSION_SECONDS)), "indictable": True}
    if stay.chances.early < params.extension_early_share:  # after the first review and before the second
        yield "extended-early", authorised + 10 * _HOUR, ExtensionAuthorised, extended
    yield "extended", relevant + _DAY_SECONDS - 2400, ExtensionAuthorised, extended
    limit, chance = relevant + _LONGEST_EXTENSION_SECONDS, stay.chances.court
    if until > limit:
        is_late = chance < params.court_after_limit_share and until > limit + _COURT_AFTER_LIMIT_SECONDS
        sits_at = limit + _COURT_AFTER_LIMIT_SECONDS if is_late else limit - 5400
        yield "applied", limit - 3 * _HOUR, WarrantApplied, {"sits_at": utc_time(whole_second(sits_at))}
        yield from _warrants(sits_at, until)
    elif until - relevant > _LEAST_REFUSED_SECONDS and chance < params.warrant_refused_share:
        sits_at = until - 20 * _MINUTE
        yield "applied", sits_at - 2 * _HOUR, WarrantApplied, {"sits_at": utc_time(whole_second(sits_at))}
        yield "refused", sits_at, WarrantRefused, {}


def _warrants(sits_at: float, until: float) -> Iterable[Event]:
    for number in range(_WARRANTS):
        if number and until <= sits_at + 5400:
            return
        yield f"warrant-{number}", sits_at, WarrantIssued, {"hours": _WARRANT_HOURS}
        sits_at += _WARRANT_HOURS * _HOUR - 5400


def _again(stay: Stay, wait: float, relevant: float, review_due: float, params: Custody) -> Iterable[Event]:
    """Return on bail, with the time served counting on (s.47(6)), or arrest on new evidence, with fresh clocks (s.47(7)).

    A month has as many arrests of children as the report says, and a second arrest would be one more: children have none.
    """
    arrived, chance, again = stay.ends + stay.again.after_seconds, stay.chances.again, stay.again
    authorised, ends = arrived + wait, arrived + max(again.stay_seconds, wait + 0.5 * _HOUR)
    if chance < params.returned_share:
        if stay.ends - relevant + ends - arrived > _DAY_SECONDS - _HOUR:
            return  # too little time left: such people are charged by post, or bailed to court
        fields: dict[str, Any] = {"continues": True}
        due = arrived + review_due - stay.ends
    elif chance < params.returned_share + params.rearrested_share and not stay.child:
        fields = {"continues": False, "relevant_time": utc_time(whole_second(arrived))}
        due = authorised + _FIRST_REVIEW_SECONDS
    else:
        return
    yield "arrived-again", arrived, DetaineeArrived, {"suite": stay.suite, "child": stay.child, **fields}
    yield "authorised-again", authorised, DetentionAuthorised, {}
    yield from _reviews(stay, authorised, due, ends, params, "again-")
    if again.disposal == "charged":
        yield "charged-again", ends - 15 * _MINUTE, DetaineeCharged, {}
    yield "ended-again", ends, DetentionEnded, {"disposal": again.disposal}
