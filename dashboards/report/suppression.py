"""What a public report leaves out and rounds, so that nobody can be identified, also by comparing several reports."""

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction

from msgspec.structs import replace

from dashboards.report.figures import ReportFigure
from measures.measure import Unit

SMALL = 5
SMALL_COUNTS_AS = 2
"""What a small count counts as in a published total, so that no total depends on what the small count is."""
BASE = 5
"""Counts are published as multiples of this. The same count is rounded in the same way in every report."""
SUPPRESSED = "[c]"
RULE = (
    f"Small numbers are suppressed and marked {SUPPRESSED} (confidential). This applies to counts from 1 to {SMALL - 1}, to means "
    f"and medians of 1 to {SMALL - 1} cases, and to percentages where 1 to {SMALL - 1} cases meet, or do not meet, the condition. "
    f"If a suppressed count could be worked out from a total, the smallest other count in that total is suppressed too. "
    f"In totals, each small number of a month or of a row counts as {SMALL_COUNTS_AS}. Then all counts are rounded to the nearest {BASE}, "
    f"percentages to a whole one, and whatever is calculated from counts is calculated from rounded ones. So totals may differ from the "
    f"sum of their parts, and nobody can work out a suppressed count from two reports. "
    f"Differences and proportions of suppressed figures are suppressed. Counts of 0 and figures quoted from earlier publications "
    f"are not suppressed."
)

Key = tuple[str, tuple[tuple[str, tuple[str, ...]], ...], str]
"""The measure, the filter and the window of a figure."""


def is_small(figure: ReportFigure, unit: Unit) -> bool:
    """Whether a figure must be suppressed because of its own small numbers."""
    if figure.n is None:
        return False
    if unit == "ratio" and figure.met is not None:
        return any(0 < count < SMALL for count in (figure.n, figure.met, figure.n - figure.met))
    if unit == "count":
        return figure.value is not None and 0 < figure.value < SMALL
    return 0 < figure.n < SMALL


def rounded_count(count: Fraction | int) -> int:
    """A count as it is published: the nearest multiple of the base."""
    return BASE * int((count + Fraction(BASE, 2)) // BASE)


def published(figure: ReportFigure, unit: Unit) -> ReportFigure:
    """A figure as a public report has it: rounded, and without what would reveal the exact counts."""
    value = figure.value
    if value is not None and unit == "count":
        value = Fraction(rounded_count(value))
    elif value is not None and unit == "ratio":
        value = Fraction(round(value * 100), 100)
    n = None if figure.n is None else rounded_count(figure.n)
    return replace(figure, value=value, n=n, met=None, low=None, high=None, unrecorded=None, spread={})


def suppressed(
    small: Iterable[Key], counts: Mapping[Key, int], sums: Sequence[tuple[Sequence[Key], Key]]
) -> frozenset[Key]:
    """The figures to suppress: the small ones, and more until none can be worked out from a total.

    Args:
        small: the figures that are small themselves.
        counts: the value of every figure that is a count.
        sums: the counts that the report shows with their total: the parts, and the total.
    """
    hidden = set(small)
    while revealing := [
        parts for parts, whole in sums if len(hidden.intersection((*parts, whole))) == 1 and _visible(parts, hidden)
    ]:
        parts = revealing[0]
        hidden.add(min(_visible(parts, hidden), key=lambda key: (counts[key] == 0, counts[key], key)))
    return frozenset(hidden)


def _visible(parts: Sequence[Key], hidden: set[Key]) -> list[Key]:
    return [key for key in parts if key not in hidden]
