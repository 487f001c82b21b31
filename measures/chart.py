"""Control charts (XmR): which points of a monthly or weekly series say that something has changed, and which are chance.

The rules are the four of NHS England's Making Data Count, as its tools apply them: every point counts for the limits, which
are the mean and 2.66 mean moving ranges either way; a run and a trend are seven points or more.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from fractions import Fraction
from itertools import groupby, pairwise
from typing import Literal

from msgspec import Struct

from facts.errors import QuestionError
from measures.measure import Good

Rule = Literal["outside", "run", "trend", "near"]
Side = Literal["high", "low"]
Grain = Literal["month", "week"]

TO_LIMIT = Fraction(266, 100)
"""From the mean moving range to the natural process limits: 3 / 1.128, rounded as Making Data Count does."""
NEAR = Fraction(2, 3)
"""A point is near a limit when it is beyond two thirds of the way from the centre to it."""
LONG = 7
"""A run or a trend has at least so many points."""
FIRM = 12
"""With fewer points the limits are provisional."""

RULES: dict[Rule, str] = {
    "outside": "A point outside the process limits",
    "run": "Seven points or more in a row on one side of the centre",
    "trend": "Seven points or more in a row rising, or falling",
    "near": "Two of three points in a row near one limit",
}


class ChartPoint(Struct, frozen=True):
    """One value of a series.

    Attributes:
        start: the first day of its month or week.
        value: exact; None where there is none, which ends runs and trends, and has no moving range.
    """

    start: date
    value: Fraction | None


class LimitsPeriod(Struct, frozen=True):
    """The limits that hold from one period on, taken from every point up to the next step.

    Attributes:
        since: the first day of the first period.
        n: how many values they are taken from.
        centre: the mean; None of no value.
        moving_range: the mean difference of one value from the one before; None where no two are neighbours.
    """

    since: date
    n: int
    centre: Fraction | None
    moving_range: Fraction | None

    def is_provisional(self) -> bool:
        """Whether it is taken from too few points to be firm."""
        return self.n < FIRM

    def at(self, share: Fraction) -> Fraction | None:
        """A line between the centre (0) and the limits (-1 the lower, 1 the upper)."""
        if self.centre is None or self.moving_range is None:
            return None
        return self.centre + share * TO_LIMIT * self.moving_range

    def lower(self) -> Fraction | None:
        """The lower process limit; below 0 of a count that cannot be, it is no bound."""
        return self.at(Fraction(-1))

    def upper(self) -> Fraction | None:
        """The upper process limit."""
        return self.at(Fraction(1))


class Signal(Struct, frozen=True):
    """Points that chance does not explain.

    Attributes:
        rule: by which rule.
        side: above the centre or rising; below it or falling.
        points: their periods, in order.
    """

    rule: Rule
    side: Side
    points: tuple[date, ...]

    def meaning(self, good: Good) -> Literal["improvement", "concern", "change"]:
        """What it means for a measure of which higher, lower or neither is better."""
        if good == "neither":
            return "change"
        return "improvement" if (good == "higher") == (self.side == "high") else "concern"


class Chart(Struct, frozen=True):
    """A series with its limits and signals.

    Attributes:
        points: in order.
        steps: at least one, in order; each later one is a recalculation on its date.
        signals: in order of their first points, then of the rules.
    """

    points: tuple[ChartPoint, ...]
    steps: tuple[LimitsPeriod, ...]
    signals: tuple[Signal, ...]

    def step_of(self, start: date) -> LimitsPeriod:
        """The step that holds for a period."""
        return next(step for step in reversed(self.steps) if step.since <= start)


def chart(points: Sequence[ChartPoint], recalculated: Iterable[date] = ()) -> Chart:
    """The chart of a series.

    Args:
        points: one a period without a gap, oldest first.
        recalculated: the first days of the periods from which on limits are taken anew. Where and why is a decision of
            people, so it is never found by itself; no rule looks across such a date.

    Raises:
        QuestionError: there is no point, or a date of recalculation begins none of the later periods.
    """
    if not points:
        raise QuestionError("A chart of no points.", where="chart", hint="Ask for periods that the record holds.")
    dates = sorted(set(recalculated))
    known = {point.start for point in points[1:]}
    for day in dates:
        if day not in known:
            hint = f"Name the first day of a period after {points[0].start}, up to {points[-1].start}."
            raise QuestionError(f"No later period begins on {day}.", where="recalculated limits", hint=hint)
    starts = [points[0].start, *dates]
    parts = [[each for each in points if _begun(starts, each.start) == start] for start in starts]
    steps = [_step(part) for part in parts]
    signals = [signal for part, step in zip(parts, steps, strict=True) for signal in _signals(part, step)]
    order = list(RULES)
    signals.sort(key=lambda signal: (signal.points[0], order.index(signal.rule)))
    return Chart(tuple(points), tuple(steps), tuple(signals))


def _begun(starts: Sequence[date], day: date) -> date:
    return max(start for start in starts if start <= day)


def _step(part: Sequence[ChartPoint]) -> LimitsPeriod:
    values = [point.value for point in part if point.value is not None]
    ranges = [
        abs(later.value - earlier.value)
        for earlier, later in pairwise(part)
        if earlier.value is not None and later.value is not None
    ]
    return LimitsPeriod(part[0].start, len(values), _mean(values), _mean(ranges))


def _mean(values: Sequence[Fraction]) -> Fraction | None:
    return sum(values, Fraction()) / len(values) if values else None


def _signals(part: Sequence[ChartPoint], step: LimitsPeriod) -> Iterator[Signal]:
    for stretch in _stretches(part):
        sides = [_side(value, step.centre) for _, value in stretch]
        rises = [None, *(_side(later, earlier) for (_, earlier), (_, later) in pairwise(stretch))]
        starts = [start for start, _ in stretch]
        yield from (Signal("outside", side, (starts[index],)) for index, side in _beyond(stretch, step, Fraction(1)))
        yield from (Signal("run", side, _those(starts, run)) for side, run in _alike(sides, LONG))
        # A trend of seven points has six steps, and begins at the point before the first of them.
        for side, run in _alike(rises, LONG - 1):
            yield Signal("trend", side, _those(starts, range(run[0] - 1, run[-1] + 1)))
        yield from _near(stretch, step, sides)


_Stretch = list[tuple[date, Fraction]]


def _stretches(part: Sequence[ChartPoint]) -> Iterator[_Stretch]:
    """The parts of a series without a missing value."""
    for is_known, group in groupby(part, key=lambda point: point.value is not None):
        if is_known:
            yield [(point.start, point.value) for point in group if point.value is not None]


def _side(value: Fraction, line: Fraction | None) -> Side | None:
    """On which side of a line a value lies; on the line it is on neither."""
    if line is None or value == line:
        return None
    return "high" if value > line else "low"


def _beyond(stretch: _Stretch, step: LimitsPeriod, share: Fraction) -> Iterator[tuple[int, Side]]:
    """The places beyond a line so far from the centre, on either side."""
    upper, lower = step.at(share), step.at(-share)
    for index, (_, value) in enumerate(stretch):
        if upper is not None and value > upper:
            yield index, "high"
        elif lower is not None and value < lower:
            yield index, "low"


def _alike(sides: Sequence[Side | None], least: int) -> Iterator[tuple[Side, list[int]]]:
    """Every longest run of one side, if it is long enough, with its places."""
    for side, group in groupby(range(len(sides)), key=lambda index: sides[index]):
        run = list(group)
        if side is not None and len(run) >= least:
            yield side, run


def _near(stretch: _Stretch, step: LimitsPeriod, sides: Sequence[Side | None]) -> Iterator[Signal]:
    """Three in a row on one side, at least two of them near its limit; one outside it is told as that, and is not near."""
    outside = {index for index, _ in _beyond(stretch, step, Fraction(1))}
    near = {index for index, _ in _beyond(stretch, step, NEAR)} - outside
    firsts = [
        first
        for first, (one, *others) in enumerate(zip(sides, sides[1:], sides[2:], strict=False))
        if one is not None and others == [one, one] and len(near.intersection(range(first, first + _OF))) >= _NEAR_ONES
    ]
    starts = [start for start, _ in stretch]
    for group in _overlapping(firsts):
        side = sides[group[0]]
        if side is not None:
            yield Signal("near", side, _those(starts, sorted(near.intersection(range(group[0], group[-1] + _OF)))))


_NEAR_ONES, _OF = 2, 3


def _overlapping(firsts: Iterable[int]) -> Iterator[list[int]]:
    """Threes that share a point, together; each is named by its first place."""
    group: list[int] = []
    for first in firsts:
        if group and first - group[-1] >= _OF:
            yield group
            group = []
        group.append(first)
    if group:
        yield group


def _those(starts: Sequence[date], places: Iterable[int]) -> tuple[date, ...]:
    return tuple(starts[place] for place in places)


def periods(grain: Grain, end: date, count: int) -> list[tuple[date, date]]:
    """The first day of each period, and the first after it: `count` whole ones, the last ended by a day.

    Args:
        grain: calendar months, or weeks from Monday to Sunday.
        end: a local day; a period that it lies in is not over and is left out.
        count: how many.
    """
    if grain == "week":
        last = end - timedelta(days=end.weekday())
        starts = [last - timedelta(weeks=weeks) for weeks in range(count, -1, -1)]
    else:
        months = end.year * 12 + end.month - 1
        starts = [date(month // 12, month % 12 + 1, 1) for month in range(months - count, months + 1)]
    return list(pairwise(starts))


def exact(value: float | None, met: int | None, n: int) -> Fraction | None:
    """A figure as a point of a chart: a share from its counts, all else as it was read.

    Args:
        value: in the measure's unit.
        met: of a share, how many are so.
        n: how many it is taken from.
    """
    if value is None:
        return None
    return Fraction(met, n) if met is not None and n else Fraction(value)
