"""The periods of a report, and the days that some days are compared with."""

import calendar
import re
from datetime import date, timedelta
from typing import Literal

from msgspec import Struct

from facts.errors import QuestionError
from measures.chart import periods
from measures.window import Window

Comparison = Literal["", "period_before", "week_before", "month_before", "year_before"]
"""What some days are compared with; empty for nothing."""
_YEAR = 12
_DAY, _WEEK = timedelta(days=1), timedelta(weeks=1)


class Period(Struct, frozen=True):
    """A run of whole local days.

    Attributes:
        title: the heading of its column.
        start: the first day.
        end: the day after the last.
    """

    title: str
    start: date
    end: date

    def window(self) -> str:
        """The period as a report window, FROM/TO."""
        return f"{self.start}/{self.end}"

    def words(self) -> str:
        """The first and the last day."""
        last = self.end - timedelta(days=1)
        first = f"{self.start.day} {self.start:%b %Y}"
        return first if last == self.start else f"{first} to {last.day} {last:%b %Y}"

    def brief(self) -> str:
        """Its months, or its days if it is not whole months; empty where the title already says it."""
        last = self.end - timedelta(days=1)
        if self.start.day != 1 or self.end.day != 1:
            return self.words()
        if (self.start.year, self.start.month) == (last.year, last.month):
            return "" if self.title == f"{self.start:%b %Y}" else f"{self.start:%b %Y}"
        first = f"{self.start:%b}" if self.start.year == last.year else f"{self.start:%b %Y}"
        return f"{first} to {last:%b %Y}"


def span_of_window(window: Window) -> str:
    """The days of a window in words, or the times of a live one."""
    if window.kind == "report":
        return Period("", window.start.date(), window.end.date()).words()
    start = f"{window.start.day} {window.start:%b %Y %H:%M}"
    is_same_day = window.start.date() == window.end.date()
    return f"{start} to {window.end:%H:%M}" if is_same_day else f"{start} to {window.end.day} {window.end:%b %Y %H:%M}"


def brief_window(window: Window) -> str:
    """The months of a window in words, or what `span_of_window` gives if it is not of whole months."""
    if window.kind == "report":
        return Period("", window.start.date(), window.end.date()).brief()
    return span_of_window(window)


def moved(first: date, end: date, compare: Comparison) -> tuple[date, date]:
    """The days that a period is compared with: the first, and the day after the last. Whole months are compared with whole months.

    Raises:
        QuestionError: there are no such days in the calendar.
    """
    try:
        return _moved(first, end, compare)
    except (ValueError, OverflowError):
        what = f"There are no days to compare {first} with."
        raise QuestionError(what, where="compare", hint="Choose a later window.") from None


def _moved(first: date, end: date, compare: Comparison) -> tuple[date, date]:
    is_months = first.day == end.day == 1
    match compare:
        case "week_before":
            return first - _WEEK, end - _WEEK
        case "period_before" if not is_months:
            return first - (end - first), first
        case "period_before":
            return _months_before(first, _month(end) - _month(first)), first
        case _:
            count = _YEAR if compare == "year_before" else 1
            after = _months_before(end, count) if is_months else _months_before(end - _DAY, count) + _DAY
            return _months_before(first, count), after


def _month(day: date) -> int:
    return day.year * _YEAR + day.month - 1


def _months_before(day: date, count: int) -> date:
    """The same day some months earlier, or the last day of that month if it is shorter."""
    year, month = divmod(_month(day) - count, _YEAR)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


class Periods(Struct, frozen=True):
    """The periods of a report.

    Attributes:
        year: the 12 months that end with the reported month.
        previous: the 12 months before.
        months: the 24 months, oldest first.
    """

    year: Period
    previous: Period
    months: tuple[Period, ...]


def check_month(month: str) -> None:
    """Refuse text that is not a month.

    Raises:
        QuestionError: it is not in the form 2024-12.
    """
    if not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", month):
        raise QuestionError(f"{month!r} is not a valid month.", where="--month", hint="Write it as 2024-12.")


def of_month(month: str, today: date) -> Periods:
    """The periods of the report of a month.

    Args:
        month: such as `2024-12`.
        today: the force's local day; there is no report for a month that is not over.

    Raises:
        QuestionError: the month is not valid, or is not over.
    """
    check_month(month)
    first = date.fromisoformat(f"{month}-01")
    end = (first + timedelta(days=31)).replace(day=1)
    if end > today:
        over = periods("month", today, 1)[0][0]
        raise QuestionError(
            f"There is no report for {month} yet: the force's figures reach {today}.",
            where="--month",
            hint=f"The latest month with a report is {over:%Y-%m}.",
        )
    months = tuple(Period(f"{start:%b %Y}", start, after) for start, after in periods("month", end, 24))
    year, previous = (
        Period(title, part[0].start, part[-1].end)
        for title, part in (("Last 12 months", months[12:]), ("Previous 12 months", months[:12]))
    )
    return Periods(year, previous, months)
