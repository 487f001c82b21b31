"""The figures of a report: exact values, with the reason where a figure cannot be relied on."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from fractions import Fraction
from typing import Any, Protocol

from msgspec import Struct
from msgspec.structs import replace

from measures.chart import exact
from measures.measure import SPREAD, Measure, Where
from measures.reading import SIMULATION, Reading
from streams.readings import Reader


class ReportFigure(Struct, frozen=True):
    """A figure.

    Attributes:
        dimensions: the label of each dimension.
        value: the exact value in the measure's unit (a count, a share of 1, seconds); None where there is none.
        n: the n of the figure; None where it is not known.
        met: for a share, the number that count towards it.
        trouble: why it cannot be relied on, or what a reader must know; empty where there is nothing to say.
        instead: the text to display instead of a value that must not be displayed; otherwise empty.
        is_whole: whether the record covers its whole period. Only such figures are compared, charted or used for limits.
        low: for a share, its value if every outcome that is not recorded or in doubt had been missed; None where there is none.
        high: likewise if every such outcome had been met.
        unrecorded: for a share, a mean or a median, the number of such outcomes; None where it is not known.
        spread: for a mean or a median, the figures of its distribution, by their names in `SPREAD`.
    """

    dimensions: Mapping[str, str]
    value: Fraction | None
    n: int | None = 0
    met: int | None = None
    trouble: str = ""
    instead: str = ""
    is_whole: bool = True
    low: float | None = None
    high: float | None = None
    unrecorded: int | None = None
    spread: Mapping[str, float] = {}

    def is_known(self) -> bool:
        """Whether the figure is known. A figure that is not known is never 0."""
        return self.n is not None

    def of_a_whole_period(self) -> Fraction | None:
        """The value if it can be compared with another period; otherwise None."""
        return self.value if self.is_whole else None


NO_RECORD = "no record"
"""The text for a period that the record does not cover."""
CUT = "There is no difference, because the record does not cover both periods completely."


def difference(now: ReportFigure, before: ReportFigure) -> Fraction | None:
    """The difference from the earlier figure; None unless the record covers both periods completely."""
    later, earlier = now.of_a_whole_period(), before.of_a_whole_period()
    return later - earlier if later is not None and earlier is not None else None


def nothing_of(whole: ReportFigure) -> ReportFigure:
    """The count of a label that a breakdown does not list: 0 if the whole figure is known, with the same notes."""
    if whole.value is None:
        return replace(whole, dimensions={}, met=None)
    return ReportFigure({}, Fraction(0), trouble=whole.trouble, is_whole=whole.is_whole)


Ask = Callable[[Measure, str, tuple[str, ...], Where], Sequence[ReportFigure]]
"""Runs a query: a measure over a window, broken down by dimensions and filtered by labels."""


class QueryResult(Protocol):
    """A reading of the state, or a figure of the recount."""

    @property
    def dimensions(self) -> Mapping[str, str]:
        """The label of each dimension."""

    @property
    def value(self) -> float | None:
        """The value in the measure's unit."""

    @property
    def n(self) -> int | None:
        """The n of the figure; None where it is not known."""

    @property
    def met(self) -> int | None:
        """For a share, the number that count towards it."""

    @property
    def low(self) -> float | None:
        """For a share, its lower bound."""

    @property
    def high(self) -> float | None:
        """For a share, its upper bound."""

    @property
    def unrecorded(self) -> int | None:
        """The number of outcomes that are not recorded or in doubt."""

    @property
    def spread(self) -> Any:
        """The distribution of the times; None where there is none."""


def figure(measure: Measure, result: QueryResult) -> ReportFigure:
    """The figure of a reading or of a recounted figure."""
    met = result.met if measure.unit == "ratio" else None
    return ReportFigure(
        result.dimensions,
        exact(result.value, met, result.n or 0),
        result.n,
        met,
        low=result.low,
        high=result.high,
        unrecorded=result.unrecorded,
        spread={name: getattr(result.spread, name) for name in SPREAD} if result.spread and measure.spread() else {},
    )


def figure_of(measure: Measure, reading: Reading) -> ReportFigure:
    """The figure of a reading, with its notes."""
    found = replace(figure(measure, reading), trouble=_trouble(reading), is_whole=reading.coverage == "whole")
    return replace(found, instead=NO_RECORD) if reading.coverage == "none" and reading.state == "no_data" else found


def from_reader(reader: Reader, force: str, as_of: datetime) -> Ask:
    """Runs queries on the state.

    Args:
        reader: reads the state.
        force: the force.
        as_of: the time of the figures.
    """

    def ask(measure: Measure, window: str, by: tuple[str, ...], where: Where) -> list[ReportFigure]:
        readings = reader.read(measure, window, by=by, where=where, as_of=as_of, force=force, is_now=True)
        return [figure_of(measure, each) for each in readings]

    return ask


def _trouble(reading: Reading) -> str:
    """The notes of one figure, without the mark of a simulation, which the whole report carries."""
    return " ".join(part for part in (reading.reason, reading.note.replace(SIMULATION, "").strip()) if part)
