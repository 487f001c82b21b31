"""Working days: the bank holidays of England and Wales, and the day a number of working days after another.

Source: the Banking and Financial Dealings Act 1971, schedule 1, with Good Friday and Christmas Day, and the royal
proclamations under the Act that gave New Year's Day (from 1974), Early May (from 1978), substitute days, and the days of
single years listed here. Add a day that is proclaimed later to `_ONCE` or `_MOVED`.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from functools import lru_cache

from facts.force import BankHolidays

_DAY = timedelta(days=1)
_MONDAY, _FRIDAY, _SATURDAY, _SUNDAY = 0, 4, 5, 6
_MOVED = {
    date(1995, 5, 1): date(1995, 5, 8),  # fifty years of peace in Europe
    date(2002, 5, 27): date(2002, 6, 4),  # Golden Jubilee
    date(2012, 5, 28): date(2012, 6, 4),  # Diamond Jubilee
    date(2020, 5, 4): date(2020, 5, 8),  # seventy-five years of peace in Europe
    date(2022, 5, 30): date(2022, 6, 2),  # Platinum Jubilee
}
_ONCE = (
    date(1981, 7, 29),  # royal wedding
    date(1999, 12, 31),  # millennium
    date(2002, 6, 3),  # Golden Jubilee
    date(2011, 4, 29),  # royal wedding
    date(2012, 6, 5),  # Diamond Jubilee
    date(2022, 6, 3),  # Platinum Jubilee
    date(2022, 9, 19),  # state funeral
    date(2023, 5, 8),  # coronation
)


@lru_cache(maxsize=4096)
def working_day_after(day: int, count: int, calendar: BankHolidays) -> int:
    """The day that is `count` working days after a day.

    Args:
        day: an ordinal (`date.toordinal`); it need not be a working day.
        count: the number of working days, at least 1.
        calendar: the bank holidays to use.

    Returns:
        An ordinal.
    """
    while count:
        day += 1
        count -= is_working_day(date.fromordinal(day), calendar)
    return day


def is_working_day(day: date, calendar: BankHolidays) -> bool:
    """Whether a day is not a Saturday, a Sunday or a bank holiday."""
    return day.weekday() < _SATURDAY and day not in bank_holidays(day.year, calendar)


@lru_cache(maxsize=128)
def bank_holidays(year: int, calendar: BankHolidays) -> frozenset[date]:
    """The bank holidays of a year from 1978 on; a substitute day if one falls on a weekend."""
    usual = {"england_and_wales": _england_and_wales}[calendar](year)
    return frozenset(_MOVED.get(day, day) for day in usual) | {day for day in _ONCE if day.year == year}


def _england_and_wales(year: int) -> Iterator[date]:
    new_year, christmas, easter = date(year, 1, 1), date(year, 12, 25), easter_sunday(year)
    yield new_year + {_SATURDAY: 2, _SUNDAY: 1}.get(new_year.weekday(), 0) * _DAY
    yield easter - 2 * _DAY
    yield easter + _DAY
    yield _monday_from(date(year, 5, 1))
    yield _monday_from(date(year, 5, 25))
    yield _monday_from(date(year, 8, 25))
    # Christmas Day and Boxing Day with their substitutes, by the weekday of Christmas.
    after = {_FRIDAY: (0, 3), _SATURDAY: (2, 3), _SUNDAY: (1, 2)}.get(christmas.weekday(), (0, 1))
    yield from (christmas + days * _DAY for days in after)


def _monday_from(day: date) -> date:
    return day + (_MONDAY - day.weekday()) % 7 * _DAY


def easter_sunday(year: int) -> date:
    """Easter Sunday of the Gregorian calendar (the algorithm of Meeus, Jones and Butcher)."""
    century, of_century = divmod(year, 100)
    golden = year % 19
    shift = (century - (century + 8) // 25 + 1) // 3
    epact = (19 * golden + century - century // 4 - shift + 15) % 30
    weekday = (32 + 2 * (century % 4) + 2 * (of_century // 4) - epact - of_century % 4) % 7
    late = (golden + 11 * epact + 22 * weekday) // 451
    month, day = divmod(epact + weekday - 7 * late + 114, 31)
    return date(year, month, day + 1)
