"""Simulates custody: detentions with reviews, pauses, extensions and disposals, and voluntary attendances."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.random import Generator

from facts.custody import (
    ClockPaused,
    ClockResumed,
    DetaineeArrived,
    DetentionAuthorised,
    DetentionEnded,
    ExtensionAuthorised,
    ReviewHeld,
    ReviewPostponed,
    VoluntaryAttended,
    WarrantIssued,
)
from facts.fact import SubjectFact
from producers.simulate.ledger import Ledger
from producers.simulate.months import Month, spread, utc_time, whole_second
from producers.simulate.parameters import Parameters, of_year
from producers.simulate.random_draws import Floats, lognormal, quantiles, shuffled, stream

_HOUR = 3600.0
_FIRST_REVIEW_SECONDS, _NEXT_REVIEW_SECONDS = 6 * _HOUR, 9 * _HOUR
_DAY_SECONDS, _LONGEST_EXTENSION_SECONDS = 24 * _HOUR, 36 * _HOUR
_LEAST_STAY_SECONDS = 1800.0
_WARRANT_HOURS = 36


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
        draws: random numbers between 0 and 1 for everything else: relevant time, hospital and reviews.
        methods: methods of its reviews.
    """

    subject_id: str
    arrived: float
    wait_seconds: float | None
    stay_seconds: float
    child: bool
    suite: str
    disposal: str
    draws: Sequence[float]
    methods: Sequence[str]


class CustodyRecord:
    """The custody record of a force: it records a month of detentions and voluntary attendances in a ledger.

    Args:
        parameters: the force's parameters.
        feed: the name of the feed that carries its facts.
        ledger: receives the facts.
        seed: the simulation's seed.
        tag: the prefix of every id, so that ids of two simulations in one log differ.
    """

    def __init__(self, parameters: Parameters, feed: str, ledger: Ledger, seed: int, tag: str) -> None:
        self._parameters, self._feed, self._ledger, self._seed, self._tag = parameters, feed, ledger, seed, tag

    def month(self, month: Month) -> None:
        """Record everything about the people who arrive in a month."""
        for stay in stays(self._parameters, month, self._seed, self._tag):
            self._record(stay)
        self._report_voluntary(month)

    def _record(self, stay: Stay) -> None:
        force, add, feed = self._parameters.force, self._ledger.add, self._feed
        for word, second, kind, fields in _story(stay, self._parameters):
            at = whole_second(second)
            fact = kind(
                fact_id=f"{stay.subject_id}.{word}", force=force, at=utc_time(at), subject_id=stay.subject_id, **fields
            )
            add(at, feed, fact)  # type: ignore[arg-type]

    def _report_voluntary(self, month: Month) -> None:
        params, rng = self._parameters.custody, stream(self._seed, "voluntary", month.ordinal)
        count = round(of_year(params.voluntary, month.year)[month.number - 1])
        at = spread(month, count, params.shape.weekday_hours, params.shape.weekend_hours, params.shape.weekdays, rng)
        suites = shuffled(rng, count, {**params.suites, "": sum(params.suites.values())})
        children = rng.random(count) < params.voluntary_child_share
        for number, (second, suite, child) in enumerate(zip(at.tolist(), suites, children.tolist(), strict=True)):
            subject_id = f"{self._tag}v{month.ordinal}-{number}"
            at_second = whole_second(second)
            fact = VoluntaryAttended(
                fact_id=f"{subject_id}.attended",
                force=self._parameters.force,
                at=utc_time(at_second),
                subject_id=subject_id,
                suite=suite or None,
                child=child,
            )
            self._ledger.add(at_second, self._feed, fact)


def stays(parameters: Parameters, month: Month, seed: int, tag: str) -> list[Stay]:
    """The detentions that begin in a month, with the means and shares that the parameters give for it."""
    params, rng = parameters.custody, stream(seed, "custody", month.ordinal)
    index = month.number - 1
    count = round(of_year(params.arrests, month.year)[index])
    children = round(of_year(params.child_detentions, month.year)[index])
    at = spread(month, count, params.shape.weekday_hours, params.shape.weekend_hours, params.shape.weekdays, rng)
    is_child = (rng.permutation(count) < children).tolist()
    is_refused = rng.permutation(count) < round(params.not_authorised_share * count)
    waits = _waits(of_year(params.wait_seconds, month.year)[index], params.wait_sigma, rng, count)
    lengths = _lengths(parameters, month, rng, np.array(is_child, dtype=bool))
    suites = shuffled(rng, count, params.suites)
    disposals = iter(shuffled(rng, count - int(is_refused.sum()), _disposals(parameters, month, count, is_refused)))
    draws = rng.random((count, 6)).tolist()
    methods = [shuffled(rng, 1, params.review_methods)[0] for _ in range(8)]
    found: list[Stay] = []
    for number, (second, refused) in enumerate(zip(at.tolist(), is_refused.tolist(), strict=True)):
        disposal = "detention_not_authorised" if refused else next(disposals)
        wait = None if refused else max(120.0, waits[number])
        length = max(lengths[number], _LEAST_STAY_SECONDS, (wait or 0) + _LEAST_STAY_SECONDS)
        turn = number % 4
        found.append(
            Stay(
                f"{tag}c{month.ordinal}-{number}",
                second,
                wait,
                length,
                is_child[number],
                suites[number],
                disposal,
                draws[number],
                methods[turn : turn + 4],
            )
        )
    return found


def _disposals(parameters: Parameters, month: Month, count: int, is_refused: Any) -> dict[str, float]:
    """Number of each disposal among authorised detentions; the report's shares are of all that ended."""
    params, index = parameters.custody, month.number - 1
    bail = of_year(params.bail, month.year)[index] * count
    investigated = of_year(params.under_investigation, month.year)[index] * count
    left = count - int(is_refused.sum()) - bail - investigated
    whole = sum(params.otherwise.values())
    others = {disposal: left * share / whole for disposal, share in params.otherwise.items()}
    return {"bail": bail, "released_under_investigation": investigated, **others}


def _waits(mean_seconds: float, sigma: float, rng: Generator, count: int) -> list[float]:
    found = lognormal(quantiles(rng, count), 1.0, sigma)
    values: list[float] = (found * (mean_seconds / found.mean())).tolist() if count else []
    return values


def _lengths(parameters: Parameters, month: Month, rng: Generator, is_child: Any) -> list[float]:
    """Lengths of stay, with separate means for children and adults; most are within a day and some are extended."""
    params, index = parameters.custody, month.number - 1
    every = of_year(params.stay_seconds, month.year)[index]
    child = of_year(params.child_stay_seconds, month.year)[index]
    count, children = len(is_child), int(is_child.sum())
    adult = (every * count - child * children) / max(count - children, 1)
    found = np.empty(count)
    found[is_child] = _day_lengths(child, params.stay_concentration, rng, children)
    extended = round(params.extended_share * (count - children))
    long = np.minimum(26 * _HOUR + rng.exponential(7 * _HOUR, extended), 90 * _HOUR)
    plain = (adult * (count - children) - long.sum()) / max(count - children - extended, 1)
    short = _day_lengths(plain, params.stay_concentration, rng, count - children - extended)
    found[~is_child] = rng.permutation(np.concatenate([short, long]))
    values: list[float] = found.tolist()
    return values


def _day_lengths(mean_seconds: float, concentration: float, rng: Generator, count: int) -> Floats:
    """Lengths of stay under 24 hours with a given mean."""
    place = mean_seconds / _DAY_SECONDS
    found = rng.beta(concentration * place, concentration * (1 - place), count) * _DAY_SECONDS
    for _ in range(4):  # each pass clips a few values and brings the mean closer
        found = np.clip(found * (mean_seconds / max(found.mean(), 1.0)) if count else found, 900, _DAY_SECONDS - 600)
    return found


_Event = tuple[str, float, type[SubjectFact], dict[str, Any]]


def _story(stay: Stay, parameters: Parameters) -> Iterable[_Event]:
    """The events of a detention: a word for the fact's id, the time, the fact's type and its fields."""
    params, ends = parameters.custody, stay.arrived + stay.stay_seconds
    early_share, hospital, *_ = stay.draws
    is_early = early_share < params.early_relevant_share
    relevant = stay.arrived - (_HOUR * early_share / params.early_relevant_share if is_early else 0.0)
    arrived = {"suite": stay.suite, "child": stay.child, "relevant_time": utc_time(whole_second(relevant))}
    yield "arrived", stay.arrived, DetaineeArrived, arrived
    if stay.wait_seconds is not None:
        authorised = stay.arrived + stay.wait_seconds
        yield "authorised", authorised, DetentionAuthorised, {}
        yield from _reviews(stay, authorised, ends, parameters)
        yield from _extensions(relevant, ends)
        if hospital < params.hospital_share and stay.stay_seconds > 4 * _HOUR:
            paused = authorised + 0.2 * (ends - authorised)
            yield "paused", paused, ClockPaused, {"reason": "hospital"}
            yield "resumed", paused + 0.3 * (ends - paused), ClockResumed, {}
    yield "ended", ends, DetentionEnded, {"disposal": stay.disposal}


def _reviews(stay: Stay, authorised: float, ends: float, parameters: Parameters) -> Iterable[_Event]:
    """Reviews: the first within 6 hours of authorisation, each of the others within 9 hours; a few late or postponed."""
    params, due, number = parameters.custody, authorised + _FIRST_REVIEW_SECONDS, 0
    while due < ends:
        place = stay.draws[2 + number % 4]
        reviewed = due - 300 - 2700 * place
        if place < params.review_late_share:
            reviewed = due + 3600 * place / params.review_late_share
        elif place < params.review_late_share + params.review_postponed_share:
            yield f"postponed-{number}", due - 300, ReviewPostponed, {}
            reviewed = due + 2400
        if reviewed >= ends:
            return
        yield f"reviewed-{number}", reviewed, ReviewHeld, {"method": stay.methods[number % len(stay.methods)]}
        due, number = reviewed + _NEXT_REVIEW_SECONDS, number + 1


def _extensions(relevant: float, ends: float) -> Iterable[_Event]:
    """Extensions: beyond 24 hours by a superintendent, beyond 36 hours by a court's warrant."""
    if ends - relevant > _DAY_SECONDS:
        until = utc_time(whole_second(relevant + _LONGEST_EXTENSION_SECONDS))
        yield "extended", relevant + _DAY_SECONDS - 2400, ExtensionAuthorised, {"until": until}
    warrant, number = relevant + _LONGEST_EXTENSION_SECONDS - 5400, 0
    while ends > warrant + 5400 and number < 2:  # noqa: PLR2004 - two warrants of 36 hours reach the 96 hours that the law allows
        yield f"warrant-{number}", warrant, WarrantIssued, {"hours": _WARRANT_HOURS}
        warrant, number = warrant + _WARRANT_HOURS * _HOUR - 5400, number + 1
