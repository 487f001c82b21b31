"""A force's planned events: when more or fewer contacts are expected than usual. They are a plan, so they are not facts."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Literal, get_args
from zoneinfo import ZoneInfo

from msgspec import Struct

from facts.errors import SettingError
from facts.force import Force
from facts.plan_rows import plan_rows, starts_half_hour

COLUMNS = ("start", "end", "line", "percent", "name")
EventLine = Literal["999", "101", "digital", "incidents"]
_LONGEST = timedelta(days=31)
_PERCENT_MOST, _NAME_MOST = 1000, 60
_HINT = (
    "Each row has the local start and end of an event at a whole half-hour (2026-12-31 20:00), a line "
    f"({', '.join(get_args(EventLine))}), what percentage of the usual number to expect (1 to {_PERCENT_MOST:,}), and a name of up to "
    f"{_NAME_MOST} characters. docs/feed/events.md has an example."
)


class PlannedEvent(Struct, frozen=True):
    """What is planned for one line.

    Attributes:
        start: its start.
        end: its end, which does not belong to it.
        line: the line, or `incidents`.
        percent: what percentage of the usual number to expect.
        name: its name.
    """

    start: datetime
    end: datetime
    line: str
    percent: int
    name: str


class PlannedEvents(Struct, frozen=True):
    """The events of a force, or of one line.

    Attributes:
        listed: the events, by their start.
        error: why the file cannot be used; empty if it can. What it said before is then not used, and no forecast is known.
    """

    listed: tuple[PlannedEvent, ...] = ()
    error: str = ""

    def on(self, line: str) -> "PlannedEvents":
        """Those of one line."""
        return PlannedEvents(tuple(each for each in self.listed if each.line == line), self.error)

    def between(self, start: datetime, end: datetime) -> Iterator[PlannedEvent]:
        """Those that a stretch of time touches."""
        return (each for each in self.listed if each.start < end and start < each.end)


NO_EVENTS = PlannedEvents()


def parse_events(text: str, source: str, force: Force) -> PlannedEvents:
    """Read a file of events.

    If a clock change repeats a local time, an event starts at the first of the two, and ends at the second.

    Args:
        text: the file: CSV with a header.
        source: its name, for errors.
        force: the profile, for its time zone.

    Raises:
        SettingError: a row is not valid, or two rows of one event and line overlap.
    """
    found: list[PlannedEvent] = []
    for where, cells in plan_rows(text, source, COLUMNS, _HINT):
        event = _event(cells, force.zone(), where)
        same = PlannedEvents(tuple(each for each in found if each.name == event.name)).on(event.line)
        if any(same.between(event.start, event.end)):
            what = f"{event.name!r} has two rows for {event.line} that overlap."
            raise SettingError(
                what, where=where, hint="Keep one of them: the percentages of overlapping rows multiply."
            )
        found.append(event)
    return PlannedEvents(tuple(sorted(found, key=lambda each: (each.start, each.name, each.line))))


def _event(cells: list[str], zone: ZoneInfo, where: str) -> PlannedEvent:
    first, last, line, percent, name = cells
    start, end = _instant(first, zone, 0, where), _instant(last, zone, 1, where)
    if not start < end <= start + _LONGEST:
        what = f"{first} to {last} is not a time of up to {_LONGEST.days} days."
        raise SettingError(what, where=where, hint=f"The end comes after the start. {_HINT}")
    if line not in get_args(EventLine):
        raise SettingError(f"There is no line {line!r}.", where=where, hint=_HINT)
    return PlannedEvent(start, end, line, _percent(percent, where), _name(name, where))


def _instant(text: str, zone: ZoneInfo, fold: int, where: str) -> datetime:
    try:
        at = datetime.strptime(text.replace("T", " "), "%Y-%m-%d %H:%M")  # noqa: DTZ007 - the zone is set below
        found = at.replace(tzinfo=zone, fold=fold).astimezone(UTC)
    except (ValueError, OverflowError):
        raise SettingError(f"{text!r} is not a date and a time.", where=where, hint=_HINT) from None
    if not starts_half_hour(at):
        raise SettingError(f"{text} does not start a half-hour of local time.", where=where, hint=_HINT)
    return found


def _percent(text: str, where: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= len(str(_PERCENT_MOST))):
        raise SettingError(f"{text!r} is not a percentage.", where=where, hint=_HINT)
    if not 1 <= int(text) <= _PERCENT_MOST:
        raise SettingError(f"{text}% is not from 1 to {_PERCENT_MOST:,}%.", where=where, hint=_HINT)
    return int(text)


def _name(text: str, where: str) -> str:
    if not (text and len(text) <= _NAME_MOST and text.isprintable()):
        raise SettingError(
            "The name is missing, too long, or has a character that is not printed.", where=where, hint=_HINT
        )
    return text
