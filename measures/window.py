"""Windows: which slices of time a reading is taken over, by the force's own clock and calendar."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal

from msgspec import Struct

from facts.errors import QuestionError
from facts.force import Force, Shift
from measures.coverage import Span
from measures.outcome import SECOND, instant, microseconds
from measures.pane import HOUR, MINUTE, Grain
from measures.rules import Rules

WindowKind = Literal["live", "report"]

MINUTES_KEPT = timedelta(days=2)
HOURS_KEPT = timedelta(weeks=10)
DAYS_KEPT = timedelta(days=792)
"""How long panes are kept behind the watermark: 792 days are 26 months."""

_LIVE = {
    "15m": timedelta(minutes=15),
    "60m": timedelta(minutes=60),
    "24h": timedelta(hours=24),
    "7d": timedelta(days=7),
}
LIVE_WINDOWS = (*_LIVE, "shift", "today")
REPORT_WINDOWS = ("this_month", "last_month", "12m", "previous_12m")
WINDOWS = (*LIVE_WINDOWS, *REPORT_WINDOWS)


class Segment(Struct, frozen=True):
    """A run of panes of one grain: from the first slot up to, and without, the last."""

    grain: Grain
    first: int
    last: int

    def slots(self) -> range:
        """Every slot in it."""
        return range(self.first, self.last)


class Window(Struct, frozen=True):
    """A stretch of time that a reading is taken over.

    Attributes:
        name: as it was asked for.
        kind: live windows count an outcome when it was decided, report windows when its subject began.
        start: the first instant in it.
        end: the first instant after it.
        segments: the panes that hold it.
    """

    name: str
    kind: WindowKind
    start: datetime
    end: datetime
    segments: tuple[Segment, ...]


def resolve(name: str, as_of: datetime, force: Force) -> Window:
    """The window that a name means at an instant.

    Args:
        name: one of `WINDOWS`, or `FROM/TO` in local dates, TO excluded.
        as_of: the instant it is read at.
        force: whose clock and calendar.

    Raises:
        QuestionError: there is no such window.
    """
    as_of = as_of.astimezone(UTC)
    if name in _LIVE:
        return _rolling(name, as_of, force)
    if name in _SPECIAL:
        return _SPECIAL[name](name, as_of, force)
    dates = re.fullmatch(r"(\d{4}-\d{2}-\d{2})/(\d{4}-\d{2}-\d{2})", name)
    if dates:
        return _dated(name, dates[1], dates[2], force)
    raise QuestionError(
        f"There is no window {name!r}.",
        where="--window",
        hint=f"Use one of {', '.join(WINDOWS)}, or FROM/TO such as 2024-01-01/2025-01-01 (TO excluded).",
    )


def _rolling(name: str, as_of: datetime, force: Force) -> Window:
    """Elapsed time up to the end of the minute under way: never less than its name says.

    It is at most two minutes longer, because panes are minutes; seven days start on a whole hour, because minutes are
    not kept so long.
    """
    end = _minute_at_or_after(as_of)
    start = as_of.replace(second=0, microsecond=0) - _LIVE[name]
    if _LIVE[name] > MINUTES_KEPT:
        start = start.replace(minute=0)
    return _live(name, start, end, force)


def last_hours(as_of: datetime, force: Force, count: int) -> Iterator[Window]:
    """The whole hours before an instant, oldest first; the one under way is not among them."""
    end = microseconds(as_of) // HOUR
    for slot in range(end - count, end):
        start, after = (instant(edge * HOUR).astimezone(force.zone()) for edge in (slot, slot + 1))
        yield Window("60m", "live", start, after, (Segment("hour", slot, slot + 1),))


def whole_hours(begin: int, end: int, force: Force) -> Window | None:
    """All whole hours between two instants in microseconds; None where there is none."""
    first, after = -(-begin // HOUR), end // HOUR
    if first >= after:
        return None
    return _live("hours", instant(first * HOUR), instant(after * HOUR), force)


def _minute_at_or_after(moment: datetime) -> datetime:
    floor = moment.replace(second=0, microsecond=0)
    return floor if floor == moment else floor + timedelta(minutes=1)


def _live(name: str, start: datetime, end: datetime, force: Force) -> Window:
    segments = tuple(_cover(microseconds(start), microseconds(end)))
    return Window(name, "live", start.astimezone(force.zone()), end.astimezone(force.zone()), segments)


def _cover(start: int, end: int) -> Iterator[Segment]:
    """Whole hours where they fit, minutes at the edges."""
    first_hour, last_hour = -(-start // HOUR), end // HOUR
    if first_hour >= last_hour:
        yield from _minutes(start, end)
        return
    yield from _minutes(start, first_hour * HOUR)
    yield Segment("hour", first_hour, last_hour)
    yield from _minutes(last_hour * HOUR, end)


def _minutes(start: int, end: int) -> Iterator[Segment]:
    if start < end:
        yield Segment("minute", start // MINUTE, end // MINUTE)


def _today(name: str, as_of: datetime, force: Force) -> Window:
    midnight = _local(as_of.astimezone(force.zone()).date(), time(), force)
    return _live(name, midnight, _minute_at_or_after(as_of), force)


def span_of(window: Window) -> Span:
    """All of a window."""
    return Span(microseconds(window.start), microseconds(window.end))


def dated_spans(window: Window, limits: Iterable[Mapping[str, Iterable[str]]], force: Force) -> list[Span]:
    """The stretches of a window that days and months limit it to, oldest first; none where it holds none of them.

    Args:
        window: a report window, where there are such limits.
        limits: each `day` and `month` to the words that are meant; other dimensions say nothing of time.
        force: whose calendar.
    """
    spans = [span_of(window)]
    for name, chosen in (each for limit in limits for each in limit.items()):
        if name in _CALENDAR:
            meant = [span for word in sorted(set(chosen)) for span in _calendar(_CALENDAR[name], word, force)]
            spans = [shared for one in spans for other in meant for shared in _shared(one, other)]
    return spans


def _calendar(period: tuple[str, timedelta], word: str, force: Force) -> list[Span]:
    """The days of a word such as 2024-12-01 or 2024-12; nothing where there is no such day."""
    first_day, length = period
    try:
        first = date.fromisoformat(word + first_day)
        after = (first + length).replace(day=1) if first_day else first + length
        span = Span(*(microseconds(_local(day, time(), force)) for day in (first, after)))
    except (ValueError, OverflowError):
        return []
    return [span] if first.isoformat() == word + first_day else []


_CALENDAR: Mapping[str, tuple[str, timedelta]] = {"day": ("", timedelta(days=1)), "month": ("-01", timedelta(days=31))}
"""What makes a word its first day, and how long after that the next one has begun."""


def _shared(one: Span, other: Span) -> Iterator[Span]:
    start, end = max(one.start, other.start), min(one.end, other.end)
    if start < end:
        yield Span(start, end)


class ShiftSpan(Struct, frozen=True):
    """A shift of one day.

    Attributes:
        shift: which.
        start: its first instant.
        end: the first after it.
    """

    shift: Shift
    start: datetime
    end: datetime


def shift_at(as_of: datetime, force: Force) -> ShiftSpan:
    """The shift under way; where shifts overlap, the one that started last.

    Raises:
        QuestionError: there is none.
    """
    local = as_of.astimezone(force.zone())
    spans = [
        ShiftSpan(shift, _local(day, shift.start, force), _shift_end(day, shift, force))
        for shift in force.shifts
        for day in (local.date() - timedelta(days=1), local.date())
    ]
    found = [each for each in spans if each.start <= as_of < each.end]
    if not found:
        raise QuestionError(
            f"The profile of {force.name} gives no shift that holds {local:%H:%M}.",
            where="--window shift",
            hint="List the force's shifts in its profile, or ask for another window.",
        )
    return max(found, key=lambda each: each.start)


def _shift(name: str, as_of: datetime, force: Force) -> Window:
    return _live(name, shift_at(as_of, force).start, _minute_at_or_after(as_of), force)


def between(name: str, start: datetime, end: datetime, force: Force) -> Window:
    """A live window from one whole minute to another; only whole hours are kept for longer than two days."""
    return _live(name, start, end, force)


def weeks_before(at: datetime, weeks: int, force: Force) -> datetime:
    """The same time by the local clock so many weeks before an instant, over clock changes too."""
    local = at.astimezone(force.zone())
    return _local(local.date() - timedelta(weeks=weeks), local.time(), force)


def _shift_end(day: date, shift: Shift, force: Force) -> datetime:
    return _local(day if shift.end > shift.start else day + timedelta(days=1), shift.end, force)


def _local(day: date, moment: time, force: Force) -> datetime:
    """A local date and time as an instant; of an hour that comes twice the first is meant."""
    return datetime.combine(day, moment, force.zone()).astimezone(UTC)


def _this_month(name: str, as_of: datetime, force: Force) -> Window:
    """The month under way, up to the end of today."""
    today = as_of.astimezone(force.zone()).date()
    return _days(name, today.replace(day=1), today + timedelta(days=1), force)


def _whole_months(back: int, count: int) -> Callable[[str, datetime, Force], Window]:
    """`count` whole calendar months, the last of them `back` months before the one under way."""

    def build(name: str, as_of: datetime, force: Force) -> Window:
        this_month = as_of.astimezone(force.zone()).date()
        end = _months_before(this_month, back - 1)
        return _days(name, _months_before(end, count), end, force)

    return build


def _months_before(day: date, months: int) -> date:
    """The first of the month that lies so many months before the month of a day."""
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    return date(year, month + 1, 1)


_SPECIAL: dict[str, Callable[[str, datetime, Force], Window]] = {
    "today": _today,
    "shift": _shift,
    "this_month": _this_month,
    "last_month": _whole_months(1, 1),
    "12m": _whole_months(1, 12),
    "previous_12m": _whole_months(13, 12),
}


def _dated(name: str, first: str, last: str, force: Force) -> Window:
    try:
        start, end = date.fromisoformat(first), date.fromisoformat(last)
    except ValueError as error:
        raise QuestionError(f"{error}.", where=f"--window {name}", hint="Give two dates that exist.") from None
    if start >= end:
        hint = "FROM comes first and TO is excluded: one day is 2024-12-01/2024-12-02."
        raise QuestionError("The window holds no day.", where=f"--window {name}", hint=hint)
    if (end - start).days > _MOST_DAYS:
        hint = "Look at the years: a window of dates is at most ten of them long."
        raise QuestionError(f"The window is {(end - start).days:,} days long.", where=f"--window {name}", hint=hint)
    return _days(name, start, end, force)


_MOST_DAYS = 3_660
"""More than is ever kept, and few enough that a mistyped year keeps nobody waiting."""


def _days(name: str, start: date, end: date, force: Force) -> Window:
    first, last = (_local(day, time(), force).astimezone(force.zone()) for day in (start, end))
    return Window(name, "report", first, last, (Segment("day", start.toordinal(), end.toordinal()),))


def parse_day(text: str, where: str) -> date:
    """A day in ISO form.

    Raises:
        QuestionError: it is no such thing.
    """
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise QuestionError(f"{text!r} is no day.", where=where, hint="Write it as 2024-07-01.") from None


def kept_from(grain: Grain, watermark: int) -> int:
    """The first instant (microseconds) whose panes of a grain are kept when everything up to the watermark is in."""
    kept = {"minute": MINUTES_KEPT, "hour": HOURS_KEPT, "day": DAYS_KEPT}[grain]
    return watermark - int(kept.total_seconds()) * SECOND


def first_kept(grain: Grain, watermark: int, rules: Rules) -> int:
    """The slot of the first pane of a grain that is kept."""
    first = kept_from(grain, watermark)
    return rules.local_day(first) if grain == "day" else first // (MINUTE if grain == "minute" else HOUR)
