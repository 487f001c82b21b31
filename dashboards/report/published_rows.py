"""What was published of a figure, found by its measure, its words and its period: quoted as it was printed."""

from collections.abc import Iterable
from datetime import date

from dashboards.report.layout import Line
from dashboards.report.periods import Period
from dashboards.report.words import NOTHING, Unit
from facts.force import Force
from measures.measure import PublishedFigure
from measures.published import OF_FORCE, PUBLISHED

CHANGE = "% change"
"""The unit of what was published as a change, without the figure itself."""


def published(line: Line, force: Force) -> tuple[PublishedFigure, ...]:
    """Everything that was published of a row, for whatever period."""
    if force.name != OF_FORCE:
        return ()
    words = {name: word for name, (word, *_) in line.where.items()}
    return tuple(each for each in PUBLISHED.get(line.measure, ()) if dict(each.where) == words)


def quoted(figures: Iterable[PublishedFigure], period: Period, unit: Unit, *, is_share: bool = False) -> str:
    """What was published for just this period; a dash for nothing.

    Args:
        figures: of the row.
        period: of the column.
        unit: that the row is printed in: another one is said.
        is_share: of a count's row, its share of the total is meant.
    """
    wanted = [
        each
        for each in figures
        if each.period == period.window()
        and each.unit != CHANGE
        and (unit.kind != "count" or (each.unit == "%") == is_share)
    ]
    return "; ".join(dict.fromkeys(as_printed(each, unit, is_share=is_share) for each in wanted)) or NOTHING


def otherwise(line: Line, figures: Iterable[PublishedFigure], shown: Iterable[Period]) -> Iterable[str]:
    """What was published of a row for other periods than those shown, except of single months, or as a change, in words."""
    windows = {each.window() for each in shown}
    for each in figures:
        is_change = each.unit == CHANGE
        if is_change or (each.period not in windows and not _is_month(each.period)):
            told = f"{each.figure} (change)" if is_change else each.figure
            note = f"; {each.note}" if each.note else ""
            yield f"{line.label}: {told}, {days_words(each.period)} ({each.source}{note})."


def as_printed(figure: PublishedFigure, unit: Unit, *, is_share: bool = False) -> str:
    """What was published, with its unit where that is not the row's."""
    is_said = is_share or figure.unit in ("", "%", "days and hours", unit.kind) or unit.kind == "clock"
    return figure.figure if is_said else f"{figure.figure} ({figure.unit})"


def _is_month(window: str) -> bool:
    start, end = (date.fromisoformat(day) for day in window.split("/"))
    return start.day == end.day == 1 and (end - start).days <= 31  # noqa: PLR2004 - no month is longer


def days_words(window: str) -> str:
    """The days of a period, FROM/TO, in words."""
    start, end = (date.fromisoformat(day) for day in window.split("/"))
    return Period("", start, end).words()
