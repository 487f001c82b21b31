"""The declaration of a measure: its question, definition and statistic, from which its figures and documentation are derived."""

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

from facts.errors import QuestionError
from facts.force import UNLISTED, Feed, Force
from facts.union import Topic
from measures.outcome import AS_MET, AS_MISSED, BY_HALF_HOUR, KINDS, LEFT_OUT, Dimension, KindName

Unit = Literal["count", "seconds", "ratio"]
Good = Literal["higher", "lower", "neither"]
Where = Mapping[str, tuple[str, ...]]
"""Each dimension to the labels that count; several labels mean any of them."""
DerivedDimension = Literal["response", "online_home", "family"]
DeclaredWhere = Mapping[Dimension | DerivedDimension, tuple[str, ...]]
"""The same in a declaration, where a misspelt dimension is a type error."""

Place = Literal[
    "emergency",
    "non_emergency",
    "attendance",
    "digital",
    "custody",
    "incidents",
    "wall",
    "custody_page",
    "handover",
    "handover_by_grade",
]
"""A place that not every measure appears in: a panel of the page Now, the Wall, the totals of the page Custody, and the handover's
comparison, there also for Grade 1 and Grade 2 alone."""
Shown = tuple[Place, ...]

DERIVED_DIMENSIONS: dict[str, Dimension] = {
    "response": "grade",
    "online_home": "channel",
    "family": "type",
}
"""Dimensions derived from another one through the force's profile."""
DATE_DIMENSIONS = ("day", "month")
"""Dimensions that only report windows have: the local day or month in which the subject began."""


class Selection(Struct, frozen=True):
    """Outcomes of one kind: all of them, or those with given labels.

    Attributes:
        kind: a key of `KINDS`.
        where: the labels that count.
    """

    kind: KindName
    where: DeclaredWhere = {}


class Unrecorded(Struct, frozen=True):
    """Outcomes that belong to a measure and are not recorded or in doubt, and how the measure counts each (semantics section 12).

    Attributes:
        of: the outcomes.
        met: the values that a share counts as met.
        missed: the values that it counts as missed; a value may be both.
        left_out: the values that it leaves out.
        is_open: they are open items whose end counts as unrecorded; the measure leaves all of them out.
    """

    of: Selection
    met: tuple[int, ...] = (AS_MET,)
    missed: tuple[int, ...] = (AS_MISSED,)
    left_out: tuple[int, ...] = (LEFT_OUT,)
    is_open: bool = False


class Count(Struct, frozen=True):
    """The number of outcomes."""

    of: Selection


class Share(Struct, frozen=True):
    """The share of outcomes that meet a condition: n(met) / n(of)."""

    met: tuple[Selection, ...]
    of: tuple[Selection, ...]


class Mean(Struct, frozen=True):
    """The mean of finished spans, calculated from the exact sum."""

    of: Selection


class Median(Struct, frozen=True):
    """The median of finished spans."""

    of: Selection


class Decided(Struct, frozen=True):
    """The share of decided outcomes that met their target. Open items past their due time count as missed."""

    of: Selection


class SpanWithin(Struct, frozen=True):
    """The share of finished spans of at most `seconds` (or under `seconds`, if not inclusive)."""

    of: Selection
    seconds: int
    is_inclusive: bool = True


class Bands(Struct, frozen=True):
    """Finished spans in bands. A band includes its lower edge and excludes its upper edge; the last band has no upper edge."""

    of: Selection
    edges_seconds: tuple[int, ...]


class OpenCount(Struct, frozen=True):
    """The number of open items, limited by their age.

    Attributes:
        of: the open items.
        at_least_seconds: count only items that have been open this long or longer.
    """

    of: Selection
    at_least_seconds: int = 0


class OpenDue(Struct, frozen=True):
    """The number of open items due in less than `under_seconds`, or overdue; with 0, only those overdue.

    Attributes:
        of: the open items.
        under_seconds: how soon they are due.
        until_due: items that count in the same way, unless they are overdue.
    """

    of: Selection
    under_seconds: int = 0
    until_due: Selection | None = None


class OpenSoonest(Struct, frozen=True):
    """The time until the first open item is due; below 0 when it is overdue.

    Attributes:
        of: the open items.
        until_due: items that count in the same way, unless they are overdue.
    """

    of: Selection
    until_due: Selection | None = None


class OpenLongest(Struct, frozen=True):
    """The age of the oldest open item."""

    of: Selection


class External(Struct, frozen=True):
    """Published by others, or only as a chart: defined here, but it cannot be calculated from facts."""

    why: str


OpenStatistic = OpenCount | OpenLongest | OpenDue | OpenSoonest
"""Statistics of open items."""
Statistic = Count | Share | Mean | Median | Decided | SpanWithin | Bands | OpenStatistic | External


class PublishedFigure(Struct, frozen=True):
    """A figure as a report prints it.

    Attributes:
        figure: exactly as printed.
        unit: as the report gives it; empty where it gives none.
        period: the period it covers, as FROM/TO in dates, TO excluded.
        source: the report and its section.
        where: the words it is limited to; empty means the whole force.
        note: a note for anyone who compares it.
    """

    figure: str
    unit: str
    period: str
    source: str
    where: Mapping[str, str] = {}
    note: str = ""


SPREAD = {"mean": "Mean", "median": "Median", "p90": "90th percentile"}
"""The figures of a distribution of times, with their headings. Every mean and median comes with the others (rules C32)."""


class Measure(Struct, frozen=True, kw_only=True):
    """A measure: its question and its definition.

    Attributes:
        name: its key: what is counted, then the statistic, then the unit.
        title: its heading on the board.
        question: the question that it answers, in plain words; also the help text of its metric.
        population: what it includes and excludes.
        clock: what starts and stops its clock; empty if it has none.
        statistic: how its value is calculated.
        unit: the unit of its value.
        show: where it appears, apart from where every measure does: All measures, Explore, the exporter, Grafana.
        where: words that limit all of its selections.
        good: whether higher or lower values are better.
        target: its target in words; empty if it has none.
        target_value: the target in the measure's unit, if it is a single number.
        unrecorded: for a share, a mean or a median, the outcomes that belong to it and are not recorded or in doubt.
        minimum_n: below this n, the state of a reading is `too_few`.
        has_band: whether its readings come with what is normal for this hour of the week.
        rows: the rows of the published reports that it corresponds to.
        notes: rules that apply, and where the published reports contradict themselves.
        version: the version of the definition; a new version changes earlier figures too.
    """

    name: str
    title: str
    question: str
    population: str
    statistic: Statistic
    unit: Unit
    show: Shown = ()
    clock: str = ""
    where: DeclaredWhere = {}
    good: Good = "neither"
    target: str = ""
    target_value: float | None = None
    unrecorded: tuple[Unrecorded, ...] = ()
    minimum_n: int = 1
    has_band: bool = False
    rows: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    version: int = 1

    def selections(self) -> tuple[Selection, ...]:
        """Every selection that it is calculated from; none for an external measure."""
        match self.statistic:
            case Share(met, of):
                return (*met, *of)
            case External():
                return ()
            case OpenDue(until_due=Selection() as until_due) | OpenSoonest(until_due=Selection() as until_due):
                return (self.statistic.of, until_due)
            case statistic:
                return (statistic.of,)

    def kinds(self) -> tuple[KindName, ...]:
        """The kinds of finished outcomes that it is calculated from; a measure of open items has none."""
        own = () if self.is_open() else self.selections()
        doubted = (each.of for each in self.unrecorded if not each.is_open)
        return tuple(dict.fromkeys(selection.kind for selection in (*own, *doubted)))

    def has_half_hours(self) -> bool:
        """Whether all its kinds are also counted by half-hours."""
        return BY_HALF_HOUR.issuperset(self.kinds()) and not self.is_open()

    def spread(self) -> tuple[str, ...]:
        """The names of `SPREAD` that go with a mean or a median, besides itself; none for any other measure."""
        own = {Mean: "mean", Median: "median"}.get(type(self.statistic))
        return tuple(name for name in SPREAD if name != own) if own else ()

    def is_share(self) -> bool:
        """Whether its figure is a share, which has bounds."""
        return isinstance(self.statistic, Share | Decided | SpanWithin)

    def topics(self) -> frozenset[Topic]:
        """The topics whose facts it is calculated from."""
        return frozenset(KINDS[selection.kind].topic for selection in self.selections())

    def lines(self) -> frozenset[str]:
        """The contact lines that it is limited to; empty means all."""
        return frozenset(self.where.get("line", ()))

    def feeds(self, force: Force) -> tuple[Feed, ...]:
        """The feeds of a force that it is calculated from; none if the force cannot have it, for example because it lists no type of the family."""
        families = frozenset(self.where.get("family", ()))
        if families and families.isdisjoint((UNLISTED, *(each.family for each in force.occurrence_types))):
            return ()
        topics, lines = self.topics(), self.lines()
        return tuple(
            feed
            for feed in force.feeds
            if feed.topic in topics and (not lines or not feed.lines or not lines.isdisjoint(feed.lines))
        )

    def dimensions(self) -> tuple[str, ...]:
        """The dimensions it can be broken down by: those that all of its selections have, and the derived ones."""
        shared = [set(KINDS[selection.kind].dimensions) for selection in self.selections()]
        # A share of one result cannot be broken down by result: every other row would be a share of nothing.
        split = {name for part in _parts(self) for name in part.where}
        fixed = {name for name, words in self.where.items() if len(words) == 1}
        own = [name for name in _ordered(self) if name not in split and all(name in names for names in shared)]
        derived = [name for name, source in DERIVED_DIMENSIONS.items() if source in own]
        return tuple(name for name in (*own, *derived) if name not in fixed)

    def is_of_people(self) -> bool:
        """Whether it counts call takers, so that the page Staffing alone shows it, and hides small groups."""
        return "call_takers" in self.topics()

    def is_open(self) -> bool:
        """Whether it is a measure of open items, which has no window."""
        return isinstance(self.statistic, OpenStatistic)

    def check_dimension(self, name: str, where: str) -> None:
        """Check that it has a dimension.

        Raises:
            QuestionError: it does not; the hint lists the dimensions it has.
        """
        if name not in (*self.dimensions(), *DATE_DIMENSIONS):
            names = ", ".join((*self.dimensions(), *DATE_DIMENSIONS))
            raise QuestionError(
                f"{self.name} has no dimension {name!r}.", where=where, hint=f"Its dimensions: {names}."
            )


def _parts(measure: Measure) -> tuple[Selection, ...]:
    return measure.statistic.met if isinstance(measure.statistic, Share) else ()


def _ordered(measure: Measure) -> tuple[str, ...]:
    selections = measure.selections()
    return KINDS[selections[0].kind].dimensions if selections else ()
