"""The texts that explain a report's figures, for the page and the workbook."""

from measures.measure import Bands, Count, Decided, External, Mean, Measure, Median, Share, SpanWithin, Statistic

ROUNDING = (
    "Differences, percentages and proportions are calculated from unrounded figures, and each figure is rounded once, half up. "
    "Differences between percentages are in percentage points (pp). Medians and percentages of a total are calculated from all of "
    "its cases, not from the figures of its parts. Shaded columns quote the published report exactly."
)
CHARTS = (
    "The centre line is the mean. The limits are 2.66 mean moving ranges above and below it (XmR). A signal is a point outside the "
    "limits; seven or more points in a row on one side of the centre line; seven or more in a row rising or falling; or two of three "
    "points in a row more than two thirds of the way to the same limit. A square marks an improvement, a diamond a concern, and a "
    "triangle a change in a measure where neither direction is better. A circle is common variation. Limits are recalculated only "
    "from a stated date."
)
_STATISTICS: dict[type[Statistic], str] = {
    Count: "A count",
    Share: "A share",
    Decided: "A share of decided cases",
    SpanWithin: "A share",
    Mean: "The mean",
    Median: "The median",
    Bands: "Counts in bands",
    External: "Published by others",
}


def statistic_words(measure: Measure) -> str:
    """The statistic of a measure and the version of its definition."""
    return f"{_STATISTICS[type(measure.statistic)]}; version {measure.version} of the definition"


def definition(measure: Measure) -> str:
    """The definition of a measure: question, population, clock, target, statistic and notes."""
    parts = (
        measure.question,
        measure.population,
        measure.clock and f"Clock: {measure.clock}",
        measure.target and f"Target: {measure.target}.",
        f"{statistic_words(measure)}.",
        *measure.notes,
    )
    return " ".join(part for part in parts if part)
