"""The local calendar of a month: its hours, including days of 23 and 25 hours, and arrivals spread over them."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np
from msgspec import Struct
from numpy.random import Generator

from producers.simulate.random_draws import Floats

_DAY_SIGMA = 0.05
"""How much days of the same weekday differ in volume: the spread of the logarithm of a factor around 1."""
_SATURDAY = 5


class SimulatedHour(Struct, frozen=True):
    """One hour.

    Attributes:
        start: its start, in seconds since 1970.
        day: its local date, as an ordinal.
        of_day: the local hour, 0 to 23.
        weekday: 0 is Monday.
    """

    start: float
    day: int
    of_day: int
    weekday: int


class Month(Struct, frozen=True):
    """A local month.

    Attributes:
        year: the year.
        number: the month, 1 to 12.
        hours: its hours in order; one fewer or one more than usual if the clocks change.
    """

    year: int
    number: int
    hours: tuple[SimulatedHour, ...]

    @property
    def start(self) -> float:
        """The start, in seconds since 1970."""
        return self.hours[0].start

    @property
    def end(self) -> float:
        """The end (exclusive), in seconds since 1970."""
        return self.hours[-1].start + 3600

    @property
    def ordinal(self) -> int:
        """A number for each month, used as the key of its random numbers."""
        return self.year * 12 + self.number


@lru_cache(maxsize=64)
def month_of(year: int, number: int, zone: ZoneInfo) -> Month:
    """A month by its year and number."""
    after = (year + number // 12, number % 12 + 1)
    start, end = midnight(date(year, number, 1), zone), midnight(date(*after, 1), zone)
    return Month(year, number, tuple(_hour(second, zone) for second in range(int(start), int(end), 3600)))


def month_at(second: float, zone: ZoneInfo) -> Month:
    """The month that contains a time in seconds since 1970."""
    local = datetime.fromtimestamp(second, zone)
    return month_of(local.year, local.month, zone)


def midnight(day: date, zone: ZoneInfo) -> float:
    """The start of a local day, in seconds since 1970."""
    return datetime(day.year, day.month, day.day, tzinfo=zone).timestamp()


def utc_time(second: float) -> datetime:
    """A time of the simulation, in seconds since 1970, as facts carry it."""
    return _from_timestamp(second, UTC)


_from_timestamp = datetime.fromtimestamp


def whole_second(second: float) -> float:
    """Round as command and control, custody and records systems do."""
    return float(round(second))


def _hour(second: int, zone: ZoneInfo) -> SimulatedHour:
    local = datetime.fromtimestamp(second, zone)
    return SimulatedHour(float(second), local.toordinal(), local.hour, local.weekday())


def spread(
    month: Month,
    count: int,
    weekday_hours: Sequence[float],
    weekend_hours: Sequence[float],
    weekdays: Sequence[float],
    rng: Generator,
) -> Floats:
    """Times of `count` arrivals in a month, in order and in seconds since 1970; day, hour and second are random.

    Args:
        month: the month.
        count: number of arrivals.
        weekday_hours: 24 weights by local hour, Monday to Friday.
        weekend_hours: 24 weights by local hour, Saturday and Sunday.
        weekdays: 7 weights, Monday first.
        rng: the random stream of these arrivals.
    """
    first = month.hours[0].day
    busy = rng.lognormal(0.0, _DAY_SIGMA, month.hours[-1].day - first + 1)
    weights = np.array(
        [
            (weekend_hours if hour.weekday >= _SATURDAY else weekday_hours)[hour.of_day]
            * weekdays[hour.weekday]
            * busy[hour.day - first]
            for hour in month.hours
        ]
    )
    numbers = rng.multinomial(count, weights / weights.sum())
    starts = np.repeat(np.array([hour.start for hour in month.hours]), numbers)
    return np.sort(np.round(starts + rng.random(count) * 3599.9, 1))
