"""Working days: the day a number of working days after another, by the bank holidays that the force's profile names."""

from datetime import date
from functools import lru_cache

from facts.force import BankHolidays

_SATURDAY = 5
_CALENDARS: dict[BankHolidays, tuple[str, str]] = {"england_and_wales": ("GB", "ENG")}
"""Each calendar's country and subdivision in the library; England and Wales have the same bank holidays."""


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
    """The bank holidays of a year on weekdays; a substitute day if one falls on a weekend."""
    from holidays import country_holidays  # noqa: PLC0415 - a tenth of a second that most commands need not wait

    country, subdivision = _CALENDARS[calendar]
    known = country_holidays(country, subdiv=subdivision, years=year)
    return frozenset(day for day in known if day.year == year and day.weekday() < _SATURDAY)
