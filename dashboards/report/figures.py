"""What a report asks, and the figures it is answered with: exact, and with what keeps them from being relied on."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from fractions import Fraction
from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace

from measures.chart import exact
from measures.measure import Measure, Where
from measures.reading import SIMULATION, Reading
from streams.readings import Reader


class ReportFigure(Struct, frozen=True):
    """One cell of an answer.

    Attributes:
        dimensions: the words it is of.
        value: exact, in the measure's unit (a count, a share of 1, seconds); None when there is none.
        n: how many it is taken from; None when that is not known.
        met: of a share, how many are so.
        trouble: why it cannot be relied on, or what must be known to read it; empty when nothing.
        instead: what is shown in place of a value that may not be shown; empty when there is one, or simply none.
        is_whole: the record holds all of its period. Only such a figure is compared, drawn, or counted for limits.
    """

    dimensions: Mapping[str, str]
    value: Fraction | None
    n: int | None = 0
    met: int | None = None
    trouble: str = ""
    instead: str = ""
    is_whole: bool = True

    def is_known(self) -> bool:
        """Whether the record says anything of it; of what it says nothing, nothing is 0."""
        return self.n is not None

    def of_a_whole_period(self) -> Fraction | None:
        """The value where it may be held against that of another period; else None."""
        return self.value if self.is_whole else None


NO_RECORD = "no record"
"""In place of a figure of a period that the record does not hold."""
CUT = "The record does not hold all of both periods, so no difference is given."


def difference(now: ReportFigure, before: ReportFigure) -> Fraction | None:
    """How much more it is than before; None unless the record holds all of both periods."""
    later, earlier = now.of_a_whole_period(), before.of_a_whole_period()
    return later - earlier if later is not None and earlier is not None else None


def nothing_of(whole: ReportFigure) -> ReportFigure:
    """The count of a word that an answer has no cell of: 0, as far as the whole is known, and with what is said of it."""
    if whole.value is None:
        return replace(whole, dimensions={}, met=None)
    return ReportFigure({}, Fraction(0), trouble=whole.trouble, is_whole=whole.is_whole)


Ask = Callable[[Measure, str, tuple[str, ...], Where], Sequence[ReportFigure]]
"""Answers a measure over a window, broken down by dimensions, limited to words."""


class Answered(Protocol):
    """A reading, or a cell of the recount."""

    @property
    def dimensions(self) -> Mapping[str, str]:
        """The words it is of."""

    @property
    def value(self) -> float | None:
        """In the measure's unit."""

    @property
    def n(self) -> int | None:
        """How many it is taken from; None when that is not known."""

    @property
    def met(self) -> int | None:
        """Of a share, how many are so."""


def figure(measure: Measure, answered: Answered) -> ReportFigure:
    """A figure from what was read or recounted."""
    met = answered.met if measure.unit == "ratio" else None
    return ReportFigure(answered.dimensions, exact(answered.value, met, answered.n or 0), answered.n, met)


def figure_of(measure: Measure, reading: Reading) -> ReportFigure:
    """A figure from a reading, with what must be read with it."""
    found = replace(figure(measure, reading), trouble=_trouble(reading), is_whole=reading.coverage == "whole")
    return replace(found, instead=NO_RECORD) if reading.coverage == "none" and reading.state == "no_data" else found


def from_reader(reader: Reader, force: str, as_of: datetime) -> Ask:
    """The figures of the state.

    Args:
        reader: of the state.
        force: whose figures.
        as_of: the present, at which they are asked.
    """

    def ask(measure: Measure, window: str, by: tuple[str, ...], where: Where) -> list[ReportFigure]:
        readings = reader.read(measure, window, by=by, where=where, as_of=as_of, force=force, is_now=True)
        return [figure_of(measure, each) for each in readings]

    return ask


def _trouble(reading: Reading) -> str:
    """What must be read with one figure; that a force is simulated is said of the whole."""
    return " ".join(part for part in (reading.reason, reading.note.replace(SIMULATION, "").strip()) if part)
