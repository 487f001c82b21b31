"""Which figures a public copy withholds, so that nobody can be found behind a small number: a rule, applied to a whole copy."""

from collections.abc import Iterable, Mapping, Sequence

from dashboards.report.figures import ReportFigure
from measures.measure import Unit

SMALL = 5
WITHHELD = "[c]"
RULE = (
    f"Small numbers are withheld, and marked {WITHHELD} (confidential): every count from 1 to {SMALL - 1}; every mean and median "
    f"taken from so few; every share of which so few are, or are not, so. Where a withheld count could be worked out from a total "
    f"and the other counts shown, the smallest of those is withheld too. Differences and proportions of what is withheld "
    f"are withheld. A count of 0 is shown. What has been published before is quoted as it was."
)

Key = tuple[str, tuple[tuple[str, tuple[str, ...]], ...], str]
"""A figure's measure, the words it is limited to, and its window."""


def is_small(figure: ReportFigure, unit: Unit) -> bool:
    """Whether a figure is of so few that it must be withheld by itself."""
    if figure.n is None:
        return False
    if unit == "ratio" and figure.met is not None:
        return any(0 < count < SMALL for count in (figure.n, figure.met, figure.n - figure.met))
    if unit == "count":
        return figure.value is not None and 0 < figure.value < SMALL
    return 0 < figure.n < SMALL


def protected(
    small: Iterable[Key], counts: Mapping[Key, int], sums: Sequence[tuple[Sequence[Key], Key]]
) -> frozenset[Key]:
    """The figures to withhold: the small ones, and others until no sum gives one of them away.

    Args:
        small: to be withheld by themselves.
        counts: of every figure that is a count.
        sums: counts shown together with their sum: the parts, and the whole.
    """
    withheld = set(small)
    while given_away := [
        parts for parts, whole in sums if len(withheld.intersection((*parts, whole))) == 1 and _spare(parts, withheld)
    ]:
        parts = given_away[0]
        withheld.add(min(_spare(parts, withheld), key=lambda key: (counts[key] == 0, counts[key], key)))
    return frozenset(withheld)


def _spare(parts: Sequence[Key], withheld: set[Key]) -> list[Key]:
    return [key for key in parts if key not in withheld]
