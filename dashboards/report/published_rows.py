"""Published figures, found by measure, labels and period, and quoted as printed."""

from collections.abc import Iterable
from datetime import date

from dashboards.report.layout import Line
from dashboards.report.periods import Period
from dashboards.report.words import NOTHING, Unit
from facts.force import Force
from measures.measure import PublishedFigure
from measures.published import OF_FORCE, PUBLISHED

CHANGE = "% change"
"""The unit of a published change whose figure was not published."""


def published(line: Line, force: Force) -> tuple[PublishedFigure, ...]:
    """Every published figure of a row, for any period."""
    if force.name != OF_FORCE:
        return ()
    words = {name: word for name, (word, *_) in line.where.items()}
    return tuple(each for each in PUBLISHED.get(line.measure, ()) if dict(each.where) == words)


def quoted(figures: Iterable[PublishedFigure], period: Period, unit: Unit, *, is_share: bool = False) -> str:
    """The published figure for exactly this period; a dash where there is none.

    Args:
        figures: the published figures of the row.
        period: the period of the column.
        unit: the unit of the row; a published figure in another unit is quoted with its unit.
        is_share: whether to quote a count's share of the total instead of the count.
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
    """Sentences for published figures that have no column: changes, and periods that are not in the table and not one month."""
    windows = {each.window() for each in shown}
    for each in figures:
        is_change = each.unit == CHANGE
        if is_change or (each.period not in windows and not _is_month(each.period)):
            figure = f"{each.figure} (change)" if is_change else each.figure
            note = f"; {each.note}" if each.note else ""
            yield f"{line.label}: {figure}, {days_words(each.period)} ({each.source}{note})."


def as_printed(figure: PublishedFigure, unit: Unit, *, is_share: bool = False) -> str:
    """A published figure, with its unit where it differs from the unit of the row."""
    is_said = is_share or figure.unit in ("", "%", "days and hours", unit.kind) or unit.kind == "clock"
    return figure.figure if is_said else f"{figure.figure} ({figure.unit})"


def _is_month(window: str) -> bool:
    start, end = (date.fromisoformat(day) for day in window.split("/"))
    return start.day == end.day == 1 and (end - start).days <= 31  # noqa: PLR2004 - no month is longer


def days_words(window: str) -> str:
    """The first and last day of a window FROM/TO, in words."""
    start, end = (date.fromisoformat(day) for day in window.split("/"))
    return Period("", start, end).words()
