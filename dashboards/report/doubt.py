"""What is not recorded of a figure: its bounds in a cell, and in the words of a note."""

from collections.abc import Iterator
from fractions import Fraction

from msgspec.structs import replace

from dashboards.report.document import DocumentCell
from dashboards.report.figures import ReportFigure
from dashboards.report.notes import Notes
from dashboards.report.words import Unit, figure_text


def numbers(figure: ReportFigure, unit: Unit, notes: Notes) -> tuple[int, ...]:
    """The numbers of a figure's notes: why it cannot be relied on, and what is not recorded of it.

    Args:
        figure: the figure.
        unit: the unit in which it is displayed.
        notes: the notes of its table.
    """
    return tuple(notes.number(text) for text in _texts(figure, unit))


def with_bounds(cell: DocumentCell, figure: ReportFigure) -> DocumentCell:
    """The cell with the bounds of its figure, and the distribution of its times; unchanged if words replace the figure."""
    if figure.instead:
        return cell
    return replace(cell, low=figure.low, high=figure.high, unrecorded=figure.unrecorded, spread=figure.spread)


def _texts(figure: ReportFigure, unit: Unit) -> Iterator[str]:
    if figure.trouble:
        yield figure.trouble
    if doubt := _doubt(figure, unit):
        yield doubt


def _doubt(figure: ReportFigure, unit: Unit) -> str:
    """The bounds of a share, if they differ from it as it is displayed; the number of times that a mean or a median lacks."""
    if figure.value is None or figure.instead or not figure.unrecorded:
        return ""
    if unit.kind != "percent":
        return f"Times not recorded: {figure.unrecorded:,}."
    if figure.low is None or figure.high is None:
        return ""
    own, low, high = (figure_text(value, unit) for value in (figure.value, Fraction(figure.low), Fraction(figure.high)))
    return f"Between {low} and {high}. Outcomes not recorded: {figure.unrecorded:,}." if {own} != {low, high} else ""
