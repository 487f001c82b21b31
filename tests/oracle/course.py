"""A figure as it goes over time: constant between the instants at which it changes, known to the microsecond."""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

BEGINNING = -(1 << 62)
Instants = NDArray[np.int64]
Values = NDArray[np.float64]


class Course(NamedTuple):
    """What a figure is from each instant on, until the next.

    Attributes:
        times: in microseconds since 1970, rising; the first is the beginning of time.
        values: not a number where there is none.
    """

    times: Instants
    values: Values

    def at(self, instants: Instants) -> Values:
        """What it is at instants."""
        found: Values = self.values[np.searchsorted(self.times, instants, side="right") - 1]
        return found


def always(value: float) -> Course:
    """A figure that never changes."""
    return Course(np.array([BEGINNING], dtype=np.int64), np.array([value], dtype=np.float64))


def total(stretches: Iterable[tuple[int, int, float]]) -> Course:
    """The sum of what counts from an instant up to, and without, another."""
    kept = [each for each in stretches if each[0] < each[1]]
    times = np.array([BEGINNING, *(each[0] for each in kept), *(each[1] for each in kept)], dtype=np.int64)
    changes = np.array([0.0, *(each[2] for each in kept), *(-each[2] for each in kept)], dtype=np.float64)
    order = np.argsort(times, kind="stable")
    sums = np.cumsum(changes[order])
    is_last = np.append(np.diff(times[order]) > 0, True)
    return Course(times[order][is_last], sums[is_last])


def pieces(changes: Sequence[tuple[int, float]]) -> Course:
    """From each instant on a value."""
    whole = [(BEGINNING, float("nan")), *sorted(changes)]
    return Course(np.array([at for at, _ in whole], dtype=np.int64), np.array([value for _, value in whole]))


def together(function: Callable[..., Values], *courses: Course) -> Course:
    """A figure taken from others, instant by instant."""
    times = np.unique(np.concatenate([course.times for course in courses]))
    with np.errstate(divide="ignore", invalid="ignore"):
        values = function(*(course.at(times) for course in courses))
    return Course(times, values)
