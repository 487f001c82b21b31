"""The simulator's patience of callers, fitted to the first half of a bank's morning and tested on the second."""

from collections.abc import Sequence
from itertools import pairwise
from math import exp, log
from statistics import NormalDist
from typing import NamedTuple

from msgspec.structs import replace

from benchmarks.bank.record import BankCall
from producers.simulate.parameters import CallerPatience, Lognormal

_NORMAL = NormalDist()
_EDGES = (0, 30, 60, 120, 180, 600)
_FIRST_GUESS = CallerPatience(
    at_once_share=0.1, at_once_mean_seconds=10, staying=Lognormal(median_seconds=300, sigma=1.0)
)
_ROUNDS = 60


class WaitBand(NamedTuple):
    """Callers by how long they had waited already.

    Attributes:
        title: the band of waits.
        hung_up: how many hung up in it.
        expected: how many would be expected to hang up, of those who waited as long, with the fitted patience.
    """

    title: str
    hung_up: int
    expected: float


def fitted_patience(calls: Sequence[BankCall]) -> CallerPatience:
    """The patience with which these waits are most likely: a caller who was answered would have waited longer than that.

    Each parameter in turn is moved by ever smaller steps while that makes the waits more likely.
    """
    best, step = _FIRST_GUESS, 0.5
    likely = _log_likelihood(best, calls)
    for _ in range(_ROUNDS):
        tried = [(_log_likelihood(each, calls), each) for each in _nearby(best, step)]
        found, patience = max(tried, key=lambda each: each[0])
        if found > likely:
            best, likely = patience, found
        else:
            step /= 2
    return best


def _nearby(patience: CallerPatience, step: float) -> list[CallerPatience]:
    found = []
    for factor in (1 + step, 1 / (1 + step)):
        staying = patience.staying
        found += [
            replace(patience, at_once_share=min(patience.at_once_share * factor, 0.99)),
            replace(patience, at_once_mean_seconds=patience.at_once_mean_seconds * factor),
            replace(patience, staying=replace(staying, median_seconds=staying.median_seconds * factor)),
            replace(patience, staying=replace(staying, sigma=staying.sigma * factor)),
        ]
    return found


def _log_likelihood(patience: CallerPatience, calls: Sequence[BankCall]) -> float:
    return sum(
        log(staying_share(patience, each.waited) if each.is_answered else _leaving_density(patience, each.waited))
        for each in calls
    )


def staying_share(patience: CallerPatience, seconds: float) -> float:
    """The share of callers who wait longer than this."""
    at_once = exp(-seconds / patience.at_once_mean_seconds)
    return patience.at_once_share * at_once + (1 - patience.at_once_share) * (1 - _gone(patience.staying, seconds))


def _gone(staying: Lognormal, seconds: float) -> float:
    return _NORMAL.cdf(log(seconds / staying.median_seconds) / staying.sigma) if seconds > 0 else 0.0


def _leaving_density(patience: CallerPatience, seconds: float) -> float:
    at_once = exp(-seconds / patience.at_once_mean_seconds) / patience.at_once_mean_seconds
    staying = patience.staying
    stays = _NORMAL.pdf(log(seconds / staying.median_seconds) / staying.sigma) / (staying.sigma * seconds)
    return patience.at_once_share * at_once + (1 - patience.at_once_share) * stays


def hung_up_by_band(patience: CallerPatience, calls: Sequence[BankCall]) -> list[WaitBand]:
    """How many callers hung up after how long, and how many should have, given how long each of them waited."""
    return [
        WaitBand(
            f"{first} to {last} s",
            sum(not each.is_answered and first < each.waited <= last for each in calls),
            sum(_hazard(patience, min(first, each.waited), min(last, each.waited)) for each in calls),
        )
        for first, last in pairwise(_EDGES)
    ]


def _hazard(patience: CallerPatience, first: float, last: float) -> float:
    """The expected number of callers who hang up between two waits, of one who is there all the time."""
    return log(staying_share(patience, first) / staying_share(patience, last))


def kept_share(calls: Sequence[BankCall], seconds: float) -> float:
    """The share of callers who wait longer than this, by the Kaplan-Meier estimate, which assumes no distribution."""
    share, ordered = 1.0, sorted(calls, key=lambda each: each.waited)
    for place, each in enumerate(ordered):
        if each.waited <= seconds and not each.is_answered:
            share *= 1 - 1 / (len(ordered) - place)
    return share
