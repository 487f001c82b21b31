"""Exact statistics of histograms: sums and order statistics in whole numbers, with one division at the end."""

from collections.abc import Mapping
from itertools import accumulate

Histogram = Mapping[int, int]


def total(histogram: Histogram) -> int:
    """The number of values."""
    return sum(histogram.values())


def mean(histogram: Histogram, per_second: int) -> float | None:
    """The mean in seconds, from the exact sum; None for an empty histogram."""
    count = total(histogram)
    return sum(value * times for value, times in histogram.items()) / (count * per_second) if count else None


def quantile(histogram: Histogram, numerator: int, denominator: int, per_second: int) -> float | None:
    """The quantile `numerator / denominator` in seconds, linear between order statistics (numpy's default).

    With n values it is at position (n - 1) * q in ascending order. The position is calculated in whole numbers, so that it
    does not depend on rounding.
    """
    count = total(histogram)
    if not count:
        return None
    position, part = divmod((count - 1) * numerator, denominator)
    lower, upper = _ranked(histogram, position), _ranked(histogram, min(position + 1, count - 1))
    return (lower * (denominator - part) + upper * part) / (denominator * per_second)


def within(histogram: Histogram, limit: int, *, inclusive: bool = True) -> int:
    """The number of values at most (or, if not inclusive, under) a limit in the histogram's own units."""
    return sum(times for value, times in histogram.items() if value < limit or (inclusive and value == limit))


def ratio(part: int, whole: int) -> float | None:
    """A share; None if `whole` is 0: without events there is no data, never 0% or 100%."""
    return part / whole if whole else None


def _ranked(histogram: Histogram, rank: int) -> int:
    """The value at a rank, counted from 0."""
    values = sorted(histogram)
    reached = accumulate(histogram[value] for value in values)
    return next(value for value, so_far in zip(values, reached, strict=True) if so_far > rank)
