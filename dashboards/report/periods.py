"""The periods of a report: the last 12 whole months, the 12 before, and each month."""

import re
from datetime import date, timedelta

from msgspec import Struct

from facts.errors import QuestionError
from measures.chart import periods


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
