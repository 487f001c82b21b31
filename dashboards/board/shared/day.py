"""The intervals of a local day: half-hours, or hours where minutes are no longer kept."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

from measures.display import local_words
from measures.outcome import microseconds
from measures.window import kept_from

Minutes = Literal[0, 30, 60]
"""The length of a day's intervals; 0 if only the total of the day is kept."""
_DAY = timedelta(days=1)


class Interval(NamedTuple):
    """A stretch of time, in UTC; the end is excluded."""

    start: datetime
    end: datetime

    def place(self, zone: ZoneInfo) -> tuple[time, int]:
        """Its place in a day: its local start, and which of the two it is if a clock change repeats that time."""
        local = self.start.astimezone(zone)
        return local.time(), local.fold

    def words(self, zone: ZoneInfo) -> str:
        """Its local times; a time that occurs twice says which of the two it is."""
        start, end = (local_words(at, zone, "%H:%M") for at in self)
        return f"{start} to {end}"


def whole_day(day: date, zone: ZoneInfo) -> Interval:
    """A local day, which has 23, 24 or 25 hours."""
    start, end = (datetime.combine(each, time(), zone).astimezone(UTC) for each in (day, day + _DAY))
    return Interval(start, end)


def intervals(day: date, minutes: Minutes, zone: ZoneInfo) -> list[Interval]:
    """The intervals of a local day, in order; none if only its total is kept."""
    if not minutes:
        return []
    start, end = whole_day(day, zone)
    step = timedelta(minutes=minutes)
    count = -((start - end) // step)
    return [Interval(start + number * step, min(start + (number + 1) * step, end)) for number in range(count)]


def minutes_kept(day: date, present: datetime, zone: ZoneInfo) -> Minutes:
    """The shortest intervals of a day for which the state still keeps the counts."""
    start, now = microseconds(whole_day(day, zone).start), microseconds(present)
    if start >= kept_from("minute", now):
        return 30
    return 60 if start >= kept_from("hour", now) else 0


def clock_change(day: date, zone: ZoneInfo) -> str:
    """The change of the clocks on a day, in words; empty if there is none."""
    start, end = whole_day(day, zone)
    hours = (end - start) / timedelta(hours=1)
    if end - start == _DAY:
        return ""
    if end - start > _DAY:
        return f"The clocks go back: this day has {hours:g} hours, and times that occur twice name their time zone."
    return f"The clocks go forward: this day has {hours:g} hours, and some times do not occur."


def day_words(day: date) -> str:
    """A day as a heading names it."""
    return f"{day:%a} {day.day} {day:%b %Y}"
