"""Seeded random draws: a stream of random numbers for each kind of subject and month, and stratified draws."""

import math
import zlib
from collections.abc import Mapping, Sequence
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.random import PCG64, Generator, SeedSequence

Floats = np.ndarray[Any, np.dtype[np.float64]]

_normal_quantile = NormalDist().inv_cdf
_BLOCK = 16


def stream(seed: int, name: str, ordinal: int) -> Generator:
    """The random numbers for one kind of thing in one period, independent of every other stream.

    Args:
        seed: the simulation's seed.
        name: name of the kind.
        ordinal: number of the period.
    """
    return Generator(PCG64(SeedSequence([seed, zlib.crc32(name.encode()), ordinal])))


def quantiles(rng: Generator, count: int) -> Floats:
    """Numbers between 0 and 1 in random order, one from each of `count` equal strata.

    With independent draws, the median of a month's 300 incidents would be several per cent from the distribution's. Strata
    keep each month close to the distribution and leave only the order random.
    """
    return (rng.permutation(count) + rng.random(count)) / max(count, 1)


def quantiles_in_blocks(rng: Generator, count: int) -> Floats:
    """Numbers between 0 and 1; each block of sixteen has one number from each of sixteen equal strata."""
    blocks = -(-count // _BLOCK)
    order = np.argsort(rng.random((blocks, _BLOCK)), axis=1)
    found: Floats = ((order + rng.random((blocks, _BLOCK))) / _BLOCK).reshape(-1)
    return found[:count]


def normal(places: Floats) -> Floats:
    """The values of the standard normal distribution at quantiles."""
    inside = np.clip(places, 1e-9, 1 - 1e-9).tolist()
    return np.fromiter(map(_normal_quantile, inside), float, len(places))


def lognormal(places: Floats, median: float, sigma: float) -> Floats:
    """The values of a lognormal distribution at quantiles."""
    return median * np.exp(sigma * normal(places))


def bounded_lognormal(places: Floats, median: float, sigma: float, longest: float) -> Floats:
    """The values of a lognormal distribution at quantiles, without its tail.

    Values over `longest` are spread over the last two thirds up to it. The median stays the same, if it is shorter than a third of `longest`.
    """
    whole, third = (
        0.5 * (1 + math.erf(math.log(each / median) / sigma / math.sqrt(2))) for each in (longest, longest / 3)
    )
    moved = third + (whole - third) * (places - whole) / (1 - whole)
    return lognormal(np.where(places > whole, moved, places), median, sigma)


def apportion(total: int, weights: Sequence[float]) -> list[int]:
    """Whole numbers that add up to a total in proportion to weights, by the largest-remainder method."""
    whole = sum(weights)
    exact = [total * weight / whole for weight in weights] if whole else [0.0] * len(weights)
    counts = [int(each) for each in exact]
    by_remainder = sorted(range(len(exact)), key=lambda index: counts[index] - exact[index])
    for index in by_remainder[: total - sum(counts)]:
        counts[index] += 1
    return counts


def shuffled(rng: Generator, count: int, shares: Mapping[str, float]) -> list[str]:
    """`count` labels in random order, in proportion to their shares as nearly as whole numbers allow."""
    labels = np.repeat(np.array(list(shares)), apportion(count, list(shares.values())))
    labels = labels[rng.permutation(len(labels))]
    return [str(label) for label in labels.tolist()]
