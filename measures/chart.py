"""Control charts (XmR): which points of a series of months or weeks show a real change, and which are chance.

The four rules are those of NHS England's Making Data Count, as its tools apply them. All points count towards the limits,
which are the mean plus and minus 2.66 mean moving ranges. A run or a trend has seven points or more.
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
Grain = Literal["month", "week", "day"]

TO_LIMIT = Fraction(266, 100)
"""The factor from the mean moving range to the natural process limits: 3 / 1.128, rounded as Making Data Count does."""
NEAR = Fraction(2, 3)
"""A point is near a limit if it is beyond two thirds of the way from the centre to the limit."""
LONG = 7
"""The least number of points in a run or a trend."""
FIRM = 12
"""With fewer points than this, the limits are provisional."""

RULES: dict[Rule, str] = {
    "outside": "A point outside the process limits",
    "run": "Seven points or more in a row on one side of the centre",
    "trend": "Seven points or more in a row rising, or falling",
    "near": "Two of three points in a row near one limit",
}


class ChartPoint(Struct, frozen=True):
    """One value of a series.

    Attributes:
        start: the first day of its month or week, or its day.
        value: the exact value; None if there is none. A missing value ends runs and trends, and has no moving range.
    """

    start: date
    value: Fraction | None


class LimitsPeriod(Struct, frozen=True):
    """The limits from one period on, calculated from every point up to the next recalculation.

    Attributes:
        since: the first day of the first period.
        n: the number of values they are calculated from.
        centre: the mean; None without values.
        moving_range: the mean absolute difference between successive values; None without two successive values.
    """

    since: date
    n: int
    centre: Fraction | None
    moving_range: Fraction | None

    def is_provisional(self) -> bool:
        """Whether they are calculated from too few points to be firm."""
        return self.n < FIRM

    def at(self, share: Fraction) -> Fraction | None:
        """A line between the centre and the limits: 0 is the centre, -1 the lower limit, 1 the upper limit."""
        if self.centre is None or self.moving_range is None:
            return None
        return self.centre + share * TO_LIMIT * self.moving_range

    def lower(self) -> Fraction | None:
        """The lower process limit; for a count it may be below 0, and is then no limit."""
        return self.at(Fraction(-1))

    def upper(self) -> Fraction | None:
        """The upper process limit."""
        return self.at(Fraction(1))


class Signal(Struct, frozen=True):
    """Points that chance does not explain.

    Attributes:
        rule: the rule that found them.
        side: high for above the centre or rising, low for below it or falling.
        points: the first days of their periods, in order.
    """

    rule: Rule
    side: Side
    points: tuple[date, ...]

    def meaning(self, good: Good) -> Literal["improvement", "concern", "change"]:
        """What it means for a measure, depending on whether higher or lower values are better."""
        if good == "neither":
            return "change"
        return "improvement" if (good == "higher") == (self.side == "high") else "concern"


class Chart(Struct, frozen=True):
    """A series with its limits and signals.

    Attributes:
        points: in order.
        steps: the limits, in order: the first, then one for each recalculation.
        signals: in order of their first points, then of the rules.
    """

    points: tuple[ChartPoint, ...]
    steps: tuple[LimitsPeriod, ...]
    signals: tuple[Signal, ...]

    def step_of(self, start: date) -> LimitsPeriod:
        """The limits of a period."""
        return next(step for step in reversed(self.steps) if step.since <= start)


def chart(points: Sequence[ChartPoint], recalculated: Iterable[date] = ()) -> Chart:
    """The chart of a series.

    Args:
        points: one for each period without a gap, oldest first.
        recalculated: the first days of the periods from which the limits are recalculated. People decide where and why, so
            this is never automatic; no rule looks across such a date.

    Raises:
        QuestionError: there are no points, or a recalculation date is not the first day of a later period.
    """
    if not points:
        raise QuestionError("The chart has no points.", where="chart", hint="Choose periods that the record covers.")
    dates = sorted(set(recalculated))
    later = {point.start for point in points[1:]}
    for day in dates:
        if day not in later:
            hint = f"Give the first day of a period after {points[0].start}, up to {points[-1].start}."
            raise QuestionError(f"No later period begins on {day}.", where="recalculated limits", hint=hint)
    starts = [points[0].start, *dates]
    parts = [[point for point in points if _start_of(starts, point.start) == start] for start in starts]
    steps = [_step(part) for part in parts]
    signals = [signal for part, step in zip(parts, steps, strict=True) for signal in _signals(part, step)]
    order = list(RULES)
    signals.sort(key=lambda signal: (signal.points[0], order.index(signal.rule)))
    return Chart(tuple(points), tuple(steps), tuple(signals))


def _start_of(starts: Sequence[date], day: date) -> date:
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
        yield from (Signal("run", side, _dates_at(starts, run)) for side, run in _runs(sides, LONG))
        # A trend of seven points has six steps, and begins at the point before the first of them.
        for side, run in _runs(rises, LONG - 1):
            yield Signal("trend", side, _dates_at(starts, range(run[0] - 1, run[-1] + 1)))
        yield from _near(stretch, step, sides)


_Stretch = list[tuple[date, Fraction]]


def _stretches(part: Sequence[ChartPoint]) -> Iterator[_Stretch]:
    """The parts of a series between missing values."""
    for is_known, group in groupby(part, key=lambda point: point.value is not None):
        if is_known:
            yield [(point.start, point.value) for point in group if point.value is not None]


def _side(value: Fraction, line: Fraction | None) -> Side | None:
    """The side of a line on which a value lies; None if it is on the line."""
    if line is None or value == line:
        return None
    return "high" if value > line else "low"


def _beyond(stretch: _Stretch, step: LimitsPeriod, share: Fraction) -> Iterator[tuple[int, Side]]:
    """The indexes of points beyond the lines at `share` of the limits, with their sides."""
    upper, lower = step.at(share), step.at(-share)
    for index, (_, value) in enumerate(stretch):
        if upper is not None and value > upper:
            yield index, "high"
        elif lower is not None and value < lower:
            yield index, "low"


def _runs(sides: Sequence[Side | None], least: int) -> Iterator[tuple[Side, list[int]]]:
    """The maximal runs of one side that have at least `least` points, with their indexes."""
    for side, group in groupby(range(len(sides)), key=lambda index: sides[index]):
        run = list(group)
        if side is not None and len(run) >= least:
            yield side, run


def _near(stretch: _Stretch, step: LimitsPeriod, sides: Sequence[Side | None]) -> Iterator[Signal]:
    """Three points in a row on one side, at least two of them near the limit. A point outside it is not near."""
    outside = {index for index, _ in _beyond(stretch, step, Fraction(1))}
    near = {index for index, _ in _beyond(stretch, step, NEAR)} - outside
    firsts = [
        first
        for first, (one, *others) in enumerate(zip(sides, sides[1:], sides[2:], strict=False))
        if one is not None
        and others == [one, one]
        and len(near.intersection(range(first, first + _IN_A_ROW))) >= _LEAST_NEAR
    ]
    starts = [start for start, _ in stretch]
    for group in _overlapping(firsts):
        side = sides[group[0]]
        if side is not None:
            yield Signal(
                "near", side, _dates_at(starts, sorted(near.intersection(range(group[0], group[-1] + _IN_A_ROW))))
            )


_LEAST_NEAR, _IN_A_ROW = 2, 3


def _overlapping(firsts: Iterable[int]) -> Iterator[list[int]]:
    """Groups of triples that overlap; each triple is given by its first index."""
    group: list[int] = []
    for first in firsts:
        if group and first - group[-1] >= _IN_A_ROW:
            yield group
            group = []
        group.append(first)
    if group:
        yield group


def _dates_at(starts: Sequence[date], indexes: Iterable[int]) -> tuple[date, ...]:
    return tuple(starts[index] for index in indexes)


def periods(grain: Grain, end: date, count: int) -> list[tuple[date, date]]:
    """The last `count` whole periods before a day: the first day of each, and the first day after it.

    Args:
        grain: calendar months, weeks from Monday to Sunday, or days.
        end: a local day; the period that contains it is not over and is left out.
        count: the number of periods.
    """
    last = _start_of_period(grain, end)
    return list(pairwise(_moved(grain, last, -number) for number in range(count, -1, -1)))


def periods_within(grain: Grain, first: date, end: date) -> list[tuple[date, date]]:
    """The whole periods between two days, the second excluded, as `periods` gives them."""
    start = _start_of_period(grain, first)
    start = start if start == first else _moved(grain, start, 1)
    found = []
    while (after := _moved(grain, start, 1)) <= end:
        found.append((start, after))
        start = after
    return found


def _start_of_period(grain: Grain, day: date) -> date:
    if grain == "month":
        return day.replace(day=1)
    return day - timedelta(days=day.weekday()) if grain == "week" else day


def _moved(grain: Grain, start: date, count: int) -> date:
    """The start of the period a number of periods later, or earlier if it is negative."""
    if grain == "month":
        year, month = divmod(start.year * 12 + start.month - 1 + count, 12)
        return date(year, month + 1, 1)
    return start + count * timedelta(weeks=1 if grain == "week" else 0, days=1 if grain == "day" else 0)


def without_limits(points: Sequence[ChartPoint]) -> Chart:
    """The chart of days, without limits and signals: the days of a week differ, and limits would report that as signals."""
    n = sum(point.value is not None for point in points)
    return Chart(tuple(points), (LimitsPeriod(points[0].start, n, None, None),), ())


def exact(value: float | None, met: int | None, n: int) -> Fraction | None:
    """The exact value of a figure for a chart: a share is calculated from its counts.

    Args:
        value: in the measure's unit.
        met: for a share, the number of outcomes that met the condition.
        n: the number of outcomes it is calculated from.
    """
    if value is None:
        return None
    return Fraction(met, n) if met is not None and n else Fraction(value)
