"""How a report is to be read: what its figures are, in words, for the page and the workbook alike."""

from measures.measure import Bands, Count, Decided, External, Mean, Measure, Median, Share, SpanWithin, Statistic

ROUNDING = (
    "Differences, percentages and proportions are worked out from unrounded figures, and each figure is rounded once, half up. "
    "Differences of percentages are percentage points (pp). Medians and percentages of a total are taken from all of its cases, "
    "never from the figures of its parts. Shaded columns quote the published report as it was printed."
)
CHARTS = (
    "The centre is the mean, the limits lie 2.66 mean moving ranges from it (XmR). Four rules tell signals from chance: a point "
    "outside the limits; seven points or more in a row on one side of the centre; seven or more in a row rising, or falling; two "
    "of three in a row near one limit, beyond two thirds of the way to it. A square is an improvement, a diamond a concern, a "
    "triangle a change of a measure of which neither way is better, a circle common variation. Limits are taken anew only from a "
    "stated date on."
)
_STATISTICS: dict[type[Statistic], str] = {
    Count: "A count",
    Share: "A share",
    Decided: "A share of what is decided",
    SpanWithin: "A share",
    Mean: "The mean",
    Median: "The median",
    Bands: "Counts in bands",
    External: "Published by others",
}


def statistic_words(measure: Measure) -> str:
    """How a measure is taken, in words."""
    return f"{_STATISTICS[type(measure.statistic)]}; version {measure.version} of the definition"


def definition(measure: Measure) -> str:
    """What a measure is, in words."""
    parts = (
        measure.question,
        measure.population,
        measure.clock and f"Clock: {measure.clock}",
        measure.target and f"Target: {measure.target}.",
        f"{statistic_words(measure)}.",
        *measure.notes,
    )
    return " ".join(part for part in parts if part)
