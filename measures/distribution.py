"""The distribution of finished spans: counts in bins of equal width. Bins include their upper edge, to match "within N"."""

from collections.abc import Mapping

from msgspec import Struct

from measures.statistic import quantile, total, within

BINS_MOST = 40
WIDTHS_SECONDS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 28_800, 86_400)


class Bin(Struct, frozen=True):
    """The number of spans over one edge and within another.

    Attributes:
        over_seconds: the lower edge, excluded; None for the first bin, which includes 0.
        within_seconds: the upper edge, included; None for the last bin, which has all longer spans.
        count: the number of spans.
    """

    over_seconds: int | None
    within_seconds: int | None
    count: int


def bins(histogram: Mapping[int, int], per_second: int, reach_seconds: int = 0) -> list[Bin]:
    """The spans of a histogram in at most 40 bins up to at least the 90th percentile, and one bin of longer spans.

    Args:
        histogram: each value to its count.
        per_second: the number of units of its values in a second.
        reach_seconds: the bins reach at least this far, such as a target.
    """
    ninetieth = quantile(histogram, 9, 10, per_second)
    if ninetieth is None:
        return []
    longest = max(ninetieth, reach_seconds)
    width = next((each for each in WIDTHS_SECONDS if longest <= each * BINS_MOST), WIDTHS_SECONDS[-1])
    edges = [width * number for number in range(1, max(1, -int(-longest // width)) + 1)][:BINS_MOST]
    reached = [within(histogram, edge * per_second) for edge in edges]
    counts = [now - before for before, now in zip([0, *reached], reached, strict=False)]
    found = [Bin(over, edge, count) for over, edge, count in zip([None, *edges], edges, counts, strict=False)]
    left = total(histogram) - reached[-1]
    return [*found, *([Bin(edges[-1], None, left)] if left else [])]
