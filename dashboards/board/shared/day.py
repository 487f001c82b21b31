"""The half-hours of a local day, and whether they are still kept."""

from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from facts.roster import HALF_HOUR
from measures.display import local_words
from measures.outcome import microseconds
from measures.pane import Grain
from measures.window import kept_from

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


def half_hours(of: Interval) -> list[Interval]:
    """The half-hours of a stretch of time that begins and ends at one, in order."""
    starts = (of.start + number * HALF_HOUR for number in range((of.end - of.start) // HALF_HOUR))
    return [Interval(start, start + HALF_HOUR) for start in starts]


def is_kept(grain: Grain, day: date, present: datetime, zone: ZoneInfo) -> bool:
    """Whether the state still keeps all panes of a grain of a local day."""
    return microseconds(whole_day(day, zone).start) >= kept_from(grain, microseconds(present))


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
