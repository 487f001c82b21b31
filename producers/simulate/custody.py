"""Simulates custody: draws the detentions and voluntary attendances of a month, and records their facts."""

from typing import Any

import numpy as np
from numpy.random import Generator

from facts.custody import VoluntaryAttended
from producers.simulate.detention_story import Chances, Return, Stay, story
from producers.simulate.ledger import Ledger
from producers.simulate.months import Month, spread, utc_time, whole_second
from producers.simulate.parameters import Parameters, of_year
from producers.simulate.random_draws import Floats, lognormal, quantiles, shuffled, stream

_HOUR = 3600.0
_DAY_SECONDS = 24 * _HOUR
_LEAST_STAY_SECONDS = 1800.0
_LONGEST_REFUSED_SECONDS = 1.5 * _HOUR
_LEAST_BAIL_SECONDS = 24 * _HOUR


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
        for word, second, kind, fields in story(stay, self._parameters.custody):
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
    more = stream(seed, "custody courses", month.ordinal)
    chances, returns = more.random((count, 6)).tolist(), _returns(parameters, more, count)
    found: list[Stay] = []
    for number, (second, refused) in enumerate(zip(at.tolist(), is_refused.tolist(), strict=True)):
        disposal = "detention_not_authorised" if refused else next(disposals)
        wait = None if refused else max(120.0, waits[number])
        length = max(lengths[number], _LEAST_STAY_SECONDS, (wait or 0) + _LEAST_STAY_SECONDS)
        if refused:
            length = min(length, _LONGEST_REFUSED_SECONDS)
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
                Chances(draws[number][0], draws[number][1], draws[number][2:], *chances[number]),
                methods[turn : turn + 4],
                returns[number],
            )
        )
    return found


def _disposals(parameters: Parameters, month: Month, count: int, is_refused: Any) -> dict[str, float]:
    """Number of each disposal among authorised detentions; the report's shares count all stays that ended.

    The stays that follow bail end too, so more are bailed and released under investigation the first time.
    """
    params, index = parameters.custody, month.number - 1
    share, again = of_year(params.bail, month.year)[index], params.returned_share + params.rearrested_share
    ended = count / (1 - share * again)
    bail, investigated = share * ended, of_year(params.under_investigation, month.year)[index] * ended
    left = count - int(is_refused.sum()) - bail - investigated
    whole = sum(params.otherwise.values())
    others = {disposal: left * share / whole for disposal, share in params.otherwise.items()}
    return {"bail": bail, "released_under_investigation": investigated, **others}


def _returns(parameters: Parameters, rng: Generator, count: int) -> list[Return]:
    """What happens to each detainee if they are bailed and are in custody again."""
    params = parameters.custody
    after, lengths = params.returned_after.draw(rng, count), params.returned_stay.draw(rng, count)
    disposals = shuffled(rng, count, params.returned_disposals)
    return [
        Return(max(seconds, _LEAST_BAIL_SECONDS), length, disposal)
        for seconds, length, disposal in zip(after, lengths, disposals, strict=True)
    ]


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
