"""The declaration of a measure: everything that is known of it, from which everything else is derived."""

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

from facts.errors import QuestionError
from facts.force import UNLISTED, Feed, Force
from facts.union import Topic
from measures.outcome import KINDS

Unit = Literal["count", "seconds", "ratio"]
Good = Literal["higher", "lower", "neither"]
Where = Mapping[str, tuple[str, ...]]
"""Dimension to the words that count; several words mean any of them."""

DERIVED_DIMENSIONS = {"response": "grade", "online_home": "channel", "family": "type"}
"""Dimensions read off another through the force's profile."""
DATE_DIMENSIONS = ("day", "month")
"""Dimensions of report windows: the local day or month in which the subject began."""


class Selection(Struct, frozen=True):
    """Outcomes of one kind, all of them or those with given words.

    Attributes:
        kind: a key of `KINDS`.
        where: the words that count.
    """

    kind: str
    where: Where = {}


class Count(Struct, frozen=True):
    """How many."""

    of: Selection


class Share(Struct, frozen=True):
    """How many of some are so: n(met) / n(of)."""

    met: tuple[Selection, ...]
    of: tuple[Selection, ...]


class Mean(Struct, frozen=True):
    """The mean of finished spans, from the exact sum."""

    of: Selection


class Median(Struct, frozen=True):
    """The median of finished spans."""

    of: Selection


class Decided(Struct, frozen=True):
    """The share that met its target, of all that are decided: what is overdue and still open counts as missed."""

    of: Selection


class SpanWithin(Struct, frozen=True):
    """The share of finished spans of at most so many seconds (or, not inclusive, under them)."""

    of: Selection
    seconds: int
    is_inclusive: bool = True


class Bands(Struct, frozen=True):
    """Finished spans by half-open bands: each band holds its lower edge and not its upper one; the last has no end."""

    of: Selection
    edges_seconds: tuple[int, ...]


class OpenCount(Struct, frozen=True):
    """How many stand open now, by how long they have.

    Attributes:
        of: what stands open.
        at_least_seconds: count only what has stood so long.
        under_seconds: count only what has stood for less: beyond it the end is taken as never recorded.
    """

    of: Selection
    at_least_seconds: int = 0
    under_seconds: int | None = None


class OpenDue(Struct, frozen=True):
    """How many stand open now with less than so many seconds left before they are due; with 0, what is overdue."""

    of: Selection
    under_seconds: int = 0


class OpenSoonest(Struct, frozen=True):
    """How long until the first of what stands open is due; less than 0 once it is overdue."""

    of: Selection


class OpenLongest(Struct, frozen=True):
    """How long the one that stands open longest has done so."""

    of: Selection
    under_seconds: int | None = None


class External(Struct, frozen=True):
    """Published by others, or only as a picture: defined here, but no fact carries it."""

    why: str


Standing = OpenCount | OpenLongest | OpenDue | OpenSoonest
"""Statistics of what stands open now."""
Statistic = Count | Share | Mean | Median | Decided | SpanWithin | Bands | Standing | External


class PublishedFigure(Struct, frozen=True):
    """A figure as a report prints it.

    Attributes:
        figure: exactly as printed.
        unit: as the report gives it; empty where it gives none.
        period: the period it is of, as FROM/TO in dates, TO excluded.
        source: the report and its section.
        where: the words it is of; empty means the whole force.
        note: what must be known to compare it.
    """

    figure: str
    unit: str
    period: str
    source: str
    where: Mapping[str, str] = {}
    note: str = ""


class Measure(Struct, frozen=True, kw_only=True):
    """A measure: its question, its definition, and what has been published of it.

    Attributes:
        name: its key: what is counted, then the statistic, then the unit.
        title: as a board shows it.
        question: what it answers, in plain words; the help of its metric.
        population: what is in it and what is not.
        clock: what starts and stops its clock; empty where it has none.
        statistic: how it is taken.
        unit: of its value.
        where: words that hold for all of its selections.
        good: which way is better.
        target: what is aimed at, in words; empty where nothing is.
        target_value: the same in the measure's unit, where one number says it.
        minimum_n: with fewer the reading says `too_few`.
        has_band: what is normal for this hour of the week is told beside it.
        rows: the rows of the reports' measures that it answers.
        notes: rules and known disagreements of the reports.
        version: of the definition; a new one restates.
    """

    name: str
    title: str
    question: str
    population: str
    statistic: Statistic
    unit: Unit
    clock: str = ""
    where: Where = {}
    good: Good = "neither"
    target: str = ""
    target_value: float | None = None
    minimum_n: int = 1
    has_band: bool = False
    rows: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    version: int = 1

    def selections(self) -> tuple[Selection, ...]:
        """Every selection it is taken from; none for what is external."""
        match self.statistic:
            case Share(met, of):
                return (*met, *of)
            case External():
                return ()
            case statistic:
                return (statistic.of,)

    def topics(self) -> frozenset[Topic]:
        """The topics whose facts it is taken from."""
        return frozenset(KINDS[selection.kind].topic for selection in self.selections())

    def lines(self) -> frozenset[str]:
        """The lines it is limited to; empty means all."""
        return frozenset(self.where.get("line", ()))

    def feeds(self, force: Force) -> tuple[Feed, ...]:
        """The feeds of a force that it stands on; none when the force cannot have it: no type of its profile is of the family, say."""
        families = frozenset(self.where.get("family", ()))
        if families and families.isdisjoint((UNLISTED, *(each.family for each in force.occurrence_types))):
            return ()
        return tuple(
            feed
            for feed in force.feeds
            if feed.topic in self.topics()
            and (not self.lines() or not feed.lines or self.lines() & frozenset(feed.lines))
        )

    def dimensions(self) -> tuple[str, ...]:
        """The dimensions it can be broken down by: those that all of its selections have, and those derived."""
        shared = [set(KINDS[selection.kind].dimensions) for selection in self.selections()]
        # A share of one result cannot be broken down by result: every other row would be a share of nothing.
        split = {name for part in _parts(self) for name in part.where}
        fixed = {name for name, words in self.where.items() if len(words) == 1}
        own = [name for name in _ordered(self) if name not in split and all(name in names for names in shared)]
        derived = [name for name, source in DERIVED_DIMENSIONS.items() if source in own]
        return tuple(name for name in (*own, *derived) if name not in fixed)

    def is_open(self) -> bool:
        """Whether it is of what stands open now, and so has no window."""
        return isinstance(self.statistic, Standing)

    def check_dimension(self, name: str, where: str) -> None:
        """Refuse a dimension that it does not have.

        Raises:
            QuestionError: naming those it has.
        """
        if name not in (*self.dimensions(), *DATE_DIMENSIONS):
            known = ", ".join((*self.dimensions(), *DATE_DIMENSIONS))
            raise QuestionError(f"{self.name} has no dimension {name!r}.", where=where, hint=f"It has {known}.")


def _parts(measure: Measure) -> tuple[Selection, ...]:
    return measure.statistic.met if isinstance(measure.statistic, Share) else ()


def _ordered(measure: Measure) -> tuple[str, ...]:
    selections = measure.selections()
    return KINDS[selections[0].kind].dimensions if selections else ()
