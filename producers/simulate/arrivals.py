"""What the twin expects to arrive in the next hours, and when it arrives in one run."""

from typing import NamedTuple

import numpy as np
from msgspec import Struct
from numpy.random import Generator

from producers.simulate.random_draws import Floats

HORIZON_SECONDS = 7200
"""How far the twin looks ahead: two hours."""


class Arriving(NamedTuple):
    """Calls or incidents expected in a stretch of time, in seconds from the present; negative before it."""

    start: float
    end: float
    expected: float


class Arrivals(Struct, frozen=True):
    """The calls or incidents that are expected.

    Attributes:
        stretches: from before the present to `HORIZON_SECONDS`, in order.
        dispersion: how much whole days differ from what is expected, as a variance relative to the square of the mean.
    """

    stretches: tuple[Arriving, ...]
    dispersion: float = 0.0


def arrival_times(arrivals: Arrivals, from_second: float, share: float, rng: Generator) -> Floats:
    """When they arrive in one run, in order: by chance (Poisson), on a day that is busier or quieter as a whole."""
    shape = 1 / arrivals.dispersion if arrivals.dispersion > 0 else None
    day = share * (rng.gamma(shape) / shape if shape else 1.0)
    found = []
    for stretch in arrivals.stretches:
        start, end = max(stretch.start, from_second), min(stretch.end, float(HORIZON_SECONDS))
        if start < end:
            expected = day * stretch.expected * (end - start) / (stretch.end - stretch.start)
            found.append(np.sort(rng.uniform(start, end, rng.poisson(expected))))
    return np.concatenate(found) if found else np.empty(0)
