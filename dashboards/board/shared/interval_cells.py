"""Cells of tables by interval: a figure where the record covers all of its time, otherwise a word with a note that says why."""

from fractions import Fraction

from msgspec.structs import replace

from dashboards.board.shared.interval_queues import Part
from dashboards.report.document import DocumentCell
from dashboards.report.figures import figure_of
from measures.display import doubt_words, words
from measures.measure import Measure, Unit
from measures.reading import Reading

UNKNOWN = "unknown"
NOT_COVERED = "The record does not cover all of this time."


class IntervalCells:
    """Makes the cells of one table, and numbers their notes."""

    def __init__(self) -> None:
        self._notes: dict[str, int] = {}

    def notes(self) -> tuple[str, ...]:
        """The notes, in order of their numbers."""
        return tuple(self._notes)

    def shown(self, measure: Measure, part: Part, reading: Reading | str) -> DocumentCell:
        """The cell of a part of a reading, or of the reason why there is none."""
        if isinstance(reading, str):
            return self.unknown(reading)
        is_loaded = reading.is_loading and reading.value is not None
        if reading.coverage != "whole" or (reading.state == "stale" and not is_loaded):
            return self.unknown(reading.reason or reading.note or NOT_COVERED)
        if part == "value":
            return self._value(measure, reading)
        count = reading.n if part == "n" else reading.met
        if count is None:
            return self.unknown(NOT_COVERED)
        doubt = doubt_words(None, None, reading.unrecorded, "count")
        return self.noted(figure_cell(Fraction(count), "count", reading.n), doubt)

    def _value(self, measure: Measure, reading: Reading) -> DocumentCell:
        unit = measure.unit
        if reading.state == "too_few":
            why = f"Fewer than {measure.minimum_n} cases are too few to rely on."
            return self.noted(DocumentCell("too few", n=reading.n), why)
        if reading.value is None:
            return DocumentCell("none", n=reading.n)
        found = figure_of(measure, reading)
        assert found.value is not None  # noqa: S101 - the reading has a value
        made = replace(
            figure_cell(found.value, unit, found.n),
            text=words(reading.value, unit),
            low=found.low,
            high=found.high,
            unrecorded=found.unrecorded,
            spread=found.spread,
        )
        return self.noted(made, doubt_words(found.low, found.high, found.unrecorded, unit))

    def unknown(self, why: str) -> DocumentCell:
        """A cell without a known figure, with the reason."""
        return self.noted(DocumentCell(UNKNOWN), why)

    def noted(self, cell: DocumentCell, note: str) -> DocumentCell:
        """The cell with a note; without one if it is empty."""
        if not note:
            return cell
        return replace(cell, notes=(self._notes.setdefault(note, len(self._notes) + 1),))


def figure_cell(value: Fraction, unit: Unit, n: int | None) -> DocumentCell:
    """The cell of a value."""
    return DocumentCell(words(float(value), unit), value, unit, n)
