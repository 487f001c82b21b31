"""A figure over time: constant between the times at which it changes, which are known to the microsecond."""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

BEGINNING = -(1 << 62)
Times = NDArray[np.int64]
Values = NDArray[np.float64]


class TimeSeries(NamedTuple):
    """The value of a figure from each time until the next.

    Attributes:
        times: in microseconds since 1970, ascending; the first is the beginning of time.
        values: NaN where there is no value.
    """

    times: Times
    values: Values

    def at(self, times: Times) -> Values:
        """The values at these times."""
        found: Values = self.values[np.searchsorted(self.times, times, side="right") - 1]
        return found


def always(value: float) -> TimeSeries:
    """A figure that never changes."""
    return TimeSeries(np.array([BEGINNING], dtype=np.int64), np.array([value], dtype=np.float64))


def total(stretches: Iterable[tuple[int, int, float]]) -> TimeSeries:
    """The sum of amounts that each count from a start up to, but without, an end."""
    kept = [each for each in stretches if each[0] < each[1]]
    times = np.array([BEGINNING, *(each[0] for each in kept), *(each[1] for each in kept)], dtype=np.int64)
    changes = np.array([0.0, *(each[2] for each in kept), *(-each[2] for each in kept)], dtype=np.float64)
    order = np.argsort(times, kind="stable")
    sums = np.cumsum(changes[order])
    is_last = np.append(np.diff(times[order]) > 0, True)
    return TimeSeries(times[order][is_last], sums[is_last])


def pieces(changes: Sequence[tuple[int, float]]) -> TimeSeries:
    """A series from the times at which it changes, and its value from each on."""
    whole = [(BEGINNING, float("nan")), *sorted(changes)]
    return TimeSeries(np.array([at for at, _ in whole], dtype=np.int64), np.array([value for _, value in whole]))


def together(function: Callable[..., Values], *series: TimeSeries) -> TimeSeries:
    """A figure calculated from others, for each time at which one of them changes."""
    times = np.unique(np.concatenate([each.times for each in series]))
    with np.errstate(divide="ignore", invalid="ignore"):
        values = function(*(each.at(times) for each in series))
    return TimeSeries(times, values)
