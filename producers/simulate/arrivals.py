"""What the twin expects to arrive in the next hours, and when it arrives in one run."""

from typing import NamedTuple

import numpy as np
from msgspec import Struct
from numpy.random import Generator

from producers.simulate.random_draws import Floats

HORIZON_SECONDS = 7200
"""How far the twin looks ahead: two hours."""


class Arriving(NamedTuple):
    """Calls or incidents expected in a stretch of time.

    Attributes:
        start: when it starts, in seconds from the present; negative before it.
        end: when it ends, likewise.
        expected: how many are expected.
        doubt: the variance of the expected number itself, relative to its square; 0 for calls or incidents that were counted.
    """

    start: float
    end: float
    expected: float
    doubt: float = 0.0


class Arrivals(Struct, frozen=True):
    """The calls or incidents that are expected.

    Attributes:
        stretches: from before the present to `HORIZON_SECONDS`, in order.
        dispersion: how much whole days differ from what is expected, as a variance relative to the square of the mean.
    """

    stretches: tuple[Arriving, ...]
    dispersion: float = 0.0


def arrival_times(arrivals: Arrivals, from_second: float, share: float, rng: Generator) -> Floats:
    """When they arrive in one run, in order: by chance (Poisson), on a day that is busier or quieter as a whole.

    The expected number of each stretch is drawn as well, because it is known from few hours.
    """
    day = share * _factor(arrivals.dispersion, rng)
    found = []
    for stretch in arrivals.stretches:
        start, end = max(stretch.start, from_second), min(stretch.end, float(HORIZON_SECONDS))
        if start < end:
            mean = stretch.expected * _factor(stretch.doubt, rng)
            expected = day * mean * (end - start) / (stretch.end - stretch.start)
            found.append(np.sort(rng.uniform(start, end, rng.poisson(expected))))
    return np.concatenate(found) if found else np.empty(0)


def _factor(variance: float, rng: Generator) -> float:
    """A number drawn from a gamma distribution with the mean 1."""
    return rng.gamma(1 / variance) * variance if variance > 0 else 1.0
