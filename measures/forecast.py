"""The forecast of how many contacts will be offered, from the counts of past hours: a weekly pattern, its level, and a range."""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise, product
from statistics import fmean
from typing import Any, NamedTuple, Protocol
from zoneinfo import ZoneInfo

from facts.planned_event import NO_EVENTS, PlannedEvent, PlannedEvents
from measures.outcome import instant, microseconds
from measures.pane import HALF_HOUR, HOUR
from measures.rules import Rules
from measures.window import weeks_before
from measures.working_days import bank_holidays

WEEKS_READ = 10
"""As long as hours are kept."""
WEEKS = 9
"""How many weeks before its origin a forecast uses, if the record has them: few enough that the hours for yesterday's forecast are still kept."""
LEAST_WEEKS = 4
"""How many weeks of hours a forecast needs."""
SHARE_INSIDE = 0.8
"""The share of the half-hours whose count the range should contain."""
WEEK_HOURS = 7 * 24
LEVEL_HOURS, _HALF_LIFE_HOURS = 4 * WEEK_HOURS, WEEK_HOURS
"""The level uses the last four weeks; a week ago counts half as much as now."""
_LEAST_VALUES = 2
TAIL = 0.1
_COUNT_MAX = 100_000

Key = tuple[int, int]
"""Weekday (0 is Monday) and local hour."""


class Expected(NamedTuple):
    """What is expected of an hour or half-hour.

    Attributes:
        mean: the expected number of contacts.
        low: the least number in the range; None on a bank holiday, for which there are too few days to give a range, and in a planned event.
        high: the greatest number in the range; likewise.
    """

    mean: float
    low: int | None
    high: int | None

    def contains(self, count: int) -> bool:
        """Whether a count is in the range."""
        return self.low is not None and self.high is not None and self.low <= count <= self.high


class _Usual(NamedTuple):
    """The usual count of an hour of the week, and from how many hours it is known."""

    mean: float
    hours: int


class _Place(NamedTuple):
    """Where an hour is in the week, and what may make it unlike other weeks: a bank holiday, or a planned event."""

    key: Key
    is_bank_holiday: bool
    is_in_event: bool

    @property
    def is_ordinary(self) -> bool:
        """Whether the weekly pattern is learned from it."""
        return not (self.is_bank_holiday or self.is_in_event)


class _Compared(NamedTuple):
    """A past hour, its count, and the usual count of its hour of the week."""

    hour: int
    counted: int
    usual: _Usual
    place: _Place


class Brought(NamedTuple):
    """What a past event brought: how many contacts there were for each usual one."""

    event: PlannedEvent
    factor: float


class Forecast:
    """A forecast from whole hours before its origin.

    Args:
        counts: the count of each past hour that the record covers, by its number since 1970 in UTC; an hour that is not
            covered is left out.
        origin: the first hour that is not used, by its number.
        rules: the force's rules, for its time zone and bank holidays.
        events: the planned events of the line.

    Attributes:
        weeks: how many whole weeks of hours it uses.
        reason: why there is no forecast; empty if there is one.
        holiday_factor: how many contacts come on a bank holiday for each one on an ordinary day of the same weekday; None if
            the hours include no bank holiday.
        dispersion: how much whole days differ from their usual level, as a variance relative to the square of the mean.
    """

    def __init__(self, counts: Mapping[int, int], origin: int, rules: Rules, events: PlannedEvents = NO_EVENTS) -> None:
        self._zone, self._calendar = rules.force.zone(), rules.force.bank_holidays
        self._events = _by_half_hour(events.listed)
        used = {hour: counts[hour] for hour in range(origin - WEEKS * WEEK_HOURS, origin) if hour in counts}
        places = {hour: self._place(hour) for hour in used}
        self.weeks = len(used) // WEEK_HOURS
        self.reason = events.error or reason_of(self.weeks)
        self._usual = _usual((place.key, used[hour]) for hour, place in places.items() if place.is_ordinary)
        compared = [
            _Compared(hour, used[hour], self._usual[place.key], place)
            for hour, place in places.items()
            if place.key in self._usual
        ]
        ordinary = [each for each in compared if each.place.is_ordinary]
        self._level = _level(ordinary, origin)
        self.dispersion = _dispersion(ordinary)
        self.holiday_factor = _ratio(
            [each for each in compared if each.place.is_bank_holiday and not each.place.is_in_event]
        )
        self._in_events = [each for each in compared if each.place.is_in_event]

    def hour(self, hour: int) -> Expected | None:
        """What is expected of an hour, by its number since 1970; None if it is not known."""
        place = self._place(hour)
        mean = self._mean(hour, is_bank_holiday=place.is_bank_holiday)
        if mean is None:
            return None
        if place.is_in_event:
            return Expected(sum(self._part(half, mean) * self._factor(half) for half in _halves(hour)), None, None)
        return self._expected(mean, mean, place)

    def half_hour(self, half: int) -> Expected | None:
        """What is expected of a half-hour, by its number since 1970; None if it is not known."""
        place = self._place(half // 2)
        mean = self._mean(half // 2, is_bank_holiday=place.is_bank_holiday)
        if mean is None:
            return None
        part = self._part(half, mean)
        if half in self._events:
            return Expected(part * self._factor(half), None, None)
        return self._expected(part, mean, place)

    def events(self, half: int) -> tuple[PlannedEvent, ...]:
        """The planned events of a half-hour, by its number since 1970."""
        return self._events.get(half, ())

    def is_in_event(self, hour: int) -> bool:
        """Whether an hour, or half of it, is in a planned event."""
        return any(half in self._events for half in _halves(hour))

    def brought(self, name: str) -> list[Brought]:
        """What past events of a name brought, in the order of time, by the whole hours that are in no other event."""
        hours: dict[PlannedEvent, list[_Compared]] = {}
        for each in self._in_events:
            first, second = (self.events(half) for half in _halves(each.hour))
            if first == second and len(first) == 1 and first[0].name == name:
                hours.setdefault(first[0], []).append(each)
        found = ((event, _ratio(compared)) for event, compared in hours.items())
        return [Brought(event, factor) for event, factor in found if factor is not None]

    def _part(self, half: int, mean: float) -> float:
        """How much of the mean of an hour belongs to a half-hour of it, without events.

        The hour is divided as if contacts grew or fell steadily from the hour before to the hour after.
        """
        hour = half // 2
        is_bank_holiday = self._place(hour).is_bank_holiday
        before, after = (self._mean(hour + step, is_bank_holiday=is_bank_holiday) for step in (-1, 1))
        slope = 0.0 if before is None or after is None else (after - before) / 16
        first = min(max(mean / 2 - slope, 0.0), mean)
        return mean - first if half % 2 else first

    def _factor(self, half: int) -> float:
        """How many contacts the events of a half-hour bring for each usual one."""
        return math.prod(each.percent / 100 for each in self.events(half))

    def doubt(self, hour: int) -> float:
        """How far the expected count of an hour may itself be wrong, because it is known from few hours.

        Returns:
            a variance, relative to the square of the expected count; 0 for an hour without a forecast.
        """
        place = self._place(hour)
        mean = self._mean(hour, is_bank_holiday=place.is_bank_holiday)
        return 0.0 if mean is None else self._doubt(mean, place)

    def unknown_words(self) -> str:
        """Why something is not known."""
        return self.reason or "The record covers this hour of the week too few times."

    def note(self, half: int) -> str:
        """Why a half-hour, by its number since 1970, has no range; empty if it has one."""
        events = [event_words(each) for each in self.events(half)]
        holiday = [self.holiday_words()] if self.is_bank_holiday(half // 2) else []
        return " ".join((*holiday, *events))

    def holiday_words(self) -> str:
        """What a bank holiday's forecast is made from, and why it has no range."""
        if self.holiday_factor is None:
            return "Bank holiday: forecast like an ordinary day, because the weeks before have no bank holiday."
        return "Bank holiday: forecast from the bank holidays in the weeks before, which are too few for a range."

    def is_bank_holiday(self, hour: int) -> bool:
        """Whether an hour is on a bank holiday."""
        return self._place(hour).is_bank_holiday

    def _expected(self, part: float, mean: float, place: _Place) -> Expected:
        if place.is_bank_holiday:
            return Expected(part, None, None)
        # Chance, then that the usual count is itself known from a few hours, then days that are busier or quieter as a whole.
        variance = part + (self._doubt(mean, place) + self.dispersion) * part * part
        return Expected(part, *count_range(part, variance))

    def _doubt(self, mean: float, place: _Place) -> float:
        return 1 / mean / self._usual[place.key].hours if mean else 0.0

    def _mean(self, hour: int, *, is_bank_holiday: bool) -> float | None:
        """The expected count of an hour, or None if it is not known."""
        usual = self._usual.get(self._place(hour).key)
        if self.reason or usual is None:
            return None
        factor = self.holiday_factor if is_bank_holiday else None
        return usual.mean * self._level * (1.0 if factor is None else factor)

    def _place(self, hour: int) -> _Place:
        local = instant(hour * HOUR).astimezone(self._zone)
        is_bank_holiday = self._calendar is not None and local.date() in bank_holidays(local.year, self._calendar)
        return _Place((local.weekday(), local.hour), is_bank_holiday, self.is_in_event(hour))


def event_words(event: PlannedEvent) -> str:
    """What a planned event does to the forecast, and why it has no range."""
    return f"{event.name}: {event.percent}% of the usual number, as planned. No range: it is an estimate."


def event_time_words(event: PlannedEvent, zone: ZoneInfo) -> str:
    """When a planned event is, and what it is expected to bring."""
    start, end = (each.astimezone(zone) for each in (event.start, event.end))
    until = f"{end:%H:%M}" if end.date() == start.date() else f"{end:%a} {end.day} {end:%b} {end:%H:%M}"
    when = f"{start:%a} {start.day} {start:%b} {start:%H:%M} to {until}"
    return f"{event.name}, {when}, {event.percent}% of the usual number expected"


def brought_words(found: Sequence[Brought], zone: ZoneInfo) -> str:
    """What past events of the same name brought."""
    if not found:
        return "The weeks before have no event of this name to compare with."
    past = [(each.event.start.astimezone(zone), each.factor) for each in found]
    return f"Past events of this name brought {', '.join(f'{factor:.0%} ({at.day} {at:%b})' for at, factor in past)}."


def _halves(hour: int) -> tuple[int, int]:
    return 2 * hour, 2 * hour + 1


def _by_half_hour(events: Iterable[PlannedEvent]) -> dict[int, tuple[PlannedEvent, ...]]:
    """The events of each half-hour, by its number since 1970."""
    found: dict[int, tuple[PlannedEvent, ...]] = {}
    for each in events:
        for half in range(microseconds(each.start) // HALF_HOUR, microseconds(each.end) // HALF_HOUR):
            found[half] = (*found.get(half, ()), each)
    return found


def _usual(hours: Iterable[tuple[Key, int]]) -> dict[Key, _Usual]:
    """The mean of each hour of the week that has enough hours."""
    values: dict[Key, list[int]] = {}
    for key, count in hours:
        values.setdefault(key, []).append(count)
    return {key: _Usual(fmean(each), len(each)) for key, each in values.items() if len(each) >= _LEAST_VALUES}


def reason_of(weeks: int) -> str:
    """Why there is no forecast from this number of weeks; empty if there is one."""
    if weeks >= LEAST_WEEKS:
        return ""
    return f"A forecast needs at least {LEAST_WEEKS} weeks of hours; the record has {weeks}."


def _level(compared: Iterable[_Compared], origin: int) -> float:
    """How busy the last weeks were, relative to the usual counts; the latest hours count most."""
    actual = expected = 0.0
    for each in compared:
        age = origin - each.hour
        if age <= LEVEL_HOURS:
            weight = age_weight(age)
            actual += weight * each.counted
            expected += weight * each.usual.mean
    return actual / expected if expected else 1.0


def age_weight(age: int) -> float:
    """How much an hour counts for the level, by its age in hours."""
    return math.pow(0.5, age / _HALF_LIFE_HOURS)


def _dispersion(compared: Iterable[_Compared]) -> float:
    """The variance beyond that of chance (Poisson), relative to the square of the mean; never negative."""
    beyond = squares = 0.0
    for each in compared:
        mean, hours = each.usual
        beyond += (each.counted - mean) ** 2 * hours / (hours - 1) - mean
        squares += mean * mean
    return max(0.0, beyond / squares) if squares else 0.0


def _ratio(compared: Sequence[_Compared]) -> float | None:
    """How many contacts there were for each usual one; None if nothing is compared."""
    usual = sum(each.usual.mean for each in compared)
    return sum(each.counted for each in compared) / usual if usual else None


def count_range(mean: float, variance: float) -> tuple[int, int]:
    """The range of whole numbers whose probability is nearest to `SHARE_INSIDE`, with tails of about the same size.

    Counts have a negative binomial distribution, or a Poisson distribution if the variance is not above the mean.
    """
    if mean <= 0:
        return 0, 0
    below = [0.0]  # below[k] is the probability of a count under k
    for probability in probabilities(mean, variance):
        below.append(below[-1] + probability)
        if below[-1] > 1 - TAIL / 2:
            break
    middles = [(under + upto) / 2 for under, upto in pairwise(below)]
    low = bisect_left(middles, TAIL)
    high = max(low, bisect_right(middles, 1 - TAIL) - 1)
    near = [
        (least, most)
        for least, most in product((low, low - 1, low + 1), (high, high - 1, high + 1))
        if 0 <= least <= most < len(middles)
    ]
    return min(near, key=lambda each: abs(below[each[1] + 1] - below[each[0]] - SHARE_INSIDE))


def probabilities(mean: float, variance: float) -> Iterator[float]:
    """The probability of 0, 1, 2 and so on: negative binomial, or Poisson if the variance is not above the mean."""
    is_wider = variance > mean * (1 + 1e-9)
    size = mean * mean / (variance - mean) if is_wider else math.inf
    share = mean / (size + mean) if is_wider else 0.0
    logarithm = size * math.log1p(-share) if is_wider else -mean
    for count in range(_COUNT_MAX):
        yield math.exp(logarithm)
        logarithm += math.log((count + size) / (count + 1) * share if is_wider else mean / (count + 1))


class Score(NamedTuple):
    """How forecasts compare with what happened.

    Attributes:
        cases: how many hours or half-hours were compared.
        error: the mean absolute error.
        naive_error: that of the same hour or half-hour a week earlier.
        inside: the share of the counts that were inside the range; None if none had a range.
    """

    cases: int
    error: float
    naive_error: float
    inside: float | None


class Predicted(Protocol):
    """What is expected of an hour or half-hour, with its range."""

    @property
    def mean(self) -> float:
        """What is expected."""

    @property
    def low(self) -> float | None:
        """The lower end of the range; None without a range."""

    def contains(self, value: Any, /) -> bool:
        """Whether a value is in the range."""


class Case(NamedTuple):
    """One hour or half-hour: what was expected, what happened, and what happened a week earlier."""

    expected: Predicted
    actual: float
    week_before: float


def score(cases: Iterable[Case]) -> Score | None:
    """The score of some cases; None if there are none."""
    found = list(cases)
    if not found:
        return None
    ranged = [each for each in found if each.expected.low is not None]
    return Score(
        cases=len(found),
        error=fmean(abs(each.actual - each.expected.mean) for each in found),
        naive_error=fmean(abs(each.actual - each.week_before) for each in found),
        inside=fmean(each.expected.contains(each.actual) for each in ranged) if ranged else None,
    )


def cases(
    hours: Mapping[int, int],
    days: Iterable[tuple[int, int]],
    rules: Rules,
    halves: Mapping[int, int] | None = None,
    events: PlannedEvents = NO_EVENTS,
) -> Iterator[Case]:
    """Each hour of some days as it was forecast at the start of its day, with what happened; or each half-hour.

    Hours in a planned event are left out, and those a week after one: a percentage may have been entered, or corrected, after the event.

    Args:
        hours: the count of each hour that the record covers, by its number since 1970.
        days: the first hour of each day, and the hour after its last.
        rules: the force's rules.
        halves: the count of each half-hour, to compare these; None to compare hours.
        events: the planned events of the line.
    """
    per_hour, actual = (1, hours) if halves is None else (2, halves)
    length = HOUR // per_hour
    for first, after in days:
        forecast = Forecast(hours, first, rules, events)
        expect = forecast.hour if halves is None else forecast.half_hour
        for slot in range(first * per_hour, after * per_hour):
            expected, start = expect(slot), instant(slot * length)
            before = microseconds(weeks_before(start, 1, rules.force)) // length
            if any(forecast.is_in_event(each // per_hour) for each in (slot, before)):
                continue
            if expected is not None and slot in actual and before in actual:
                yield Case(expected, actual[slot], actual[before])
