"""Windows: the stretches of time that readings cover, in the force's time zone and calendar."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal

from msgspec import Struct

from facts.errors import QuestionError
from facts.force import Force, Shift
from measures.coverage import Span
from measures.outcome import SECOND, instant, microseconds
from measures.pane import BLOCK, HALF_HOUR, HOUR, LENGTH, MINUTE, Grain
from measures.rules import Rules

WindowKind = Literal["live", "report"]

MINUTES_KEPT = timedelta(days=10)
HALF_HOURS_KEPT = timedelta(weeks=56)
HOURS_KEPT = timedelta(weeks=10)
DAYS_KEPT = timedelta(days=792)
"""How long panes are kept behind the watermark. Ten days reach back to all of the same weekday last week; 56 weeks, to that of last year; and
792 days are 26 months."""
KEPT_WORDS: Mapping[Grain, str] = {
    "minute": "Minutes are kept for ten days",
    "half_hour": "Half-hours are kept for 56 weeks",
    "hour": "Hours are kept for ten weeks",
    "day": f"Days are kept for 26 months ({DAYS_KEPT.days} days)",
}
_TO_THE_MINUTE = timedelta(days=2)
"""Longer rolling windows start on a whole hour, so that they are read from hours."""

_LIVE = {
    "15m": timedelta(minutes=15),
    "60m": timedelta(minutes=60),
    "24h": timedelta(hours=24),
    "7d": timedelta(days=7),
}
LIVE_WINDOWS = (*_LIVE, "shift", "today")
REPORT_WINDOWS = ("this_month", "last_month", "12m", "previous_12m")
"""The report windows that are exported and compared."""
DAY_WINDOWS = ("yesterday", "last_week", "last_28_days")
"""Further report windows, for a question about a few days."""
WINDOWS = (*LIVE_WINDOWS, *DAY_WINDOWS, *REPORT_WINDOWS)


class SlotRun(Struct, frozen=True):
    """Panes of one grain: from the slot `first` up to the slot `last`, which is excluded."""

    grain: Grain
    first: int
    last: int

    def slots(self) -> range:
        """Its slots."""
        return range(self.first, self.last)

    def blocks(self) -> tuple[int, int]:
        """The number of its first block, and that after its last one."""
        return self.first // BLOCK[self.grain], -(-self.last // BLOCK[self.grain])


class Window(Struct, frozen=True):
    """The stretch of time that a reading covers.

    Attributes:
        name: its name.
        kind: a live window counts an outcome by the time of its decision, a report window by when its subject began.
        start: its start.
        end: its end, which is excluded.
        segments: the panes that it is made up of.
    """

    name: str
    kind: WindowKind
    start: datetime
    end: datetime
    segments: tuple[SlotRun, ...]


def resolve(name: str, as_of: datetime, force: Force) -> Window:
    """The window that a name means at a time.

    Args:
        name: one of `WINDOWS`, or `FROM/TO` in local dates, or in local times to the minute, TO excluded.
        as_of: the time of the reading.
        force: the force whose time zone and shifts are used.

    Raises:
        QuestionError: there is no window with this name.
    """
    as_of = as_of.astimezone(UTC)
    if name in _LIVE:
        return _rolling(name, as_of, force)
    if name in _SPECIAL:
        return _SPECIAL[name](name, as_of, force)
    dates = re.fullmatch(r"(\d{4}-\d{2}-\d{2})/(\d{4}-\d{2}-\d{2})", name)
    if dates:
        return _dated(name, dates[1], dates[2], force)
    times = re.fullmatch(r"(\d{4}-\d{2}-\d{2}T\d{2}:\d{2})/(\d{4}-\d{2}-\d{2}T\d{2}:\d{2})", name)
    if times:
        return _timed(name, (times[1], times[2]), as_of, force)
    raise QuestionError(
        f"There is no window {name!r}.",
        where="--window",
        hint=f"Use one of {', '.join(WINDOWS)}, or FROM/TO such as 2024-01-01/2025-01-01 (TO excluded).",
    )


def _rolling(name: str, as_of: datetime, force: Force) -> Window:
    """A window of elapsed time, up to the end of the current minute.

    It is never shorter than its name says, and up to two minutes longer, because panes are whole minutes. Seven days start
    on a whole hour.
    """
    end = _minute_at_or_after(as_of)
    start = as_of.replace(second=0, microsecond=0) - _LIVE[name]
    if _LIVE[name] > _TO_THE_MINUTE:
        start = start.replace(minute=0)
    return _live(name, start, end, force)


def last_hours(as_of: datetime, force: Force, count: int) -> Iterator[Window]:
    """The last `count` whole hours before a time, oldest first, without the current hour."""
    end = microseconds(as_of) // HOUR
    for slot in range(end - count, end):
        start, after = (instant(edge * HOUR).astimezone(force.zone()) for edge in (slot, slot + 1))
        yield Window("60m", "live", start, after, (SlotRun("hour", slot, slot + 1),))


def whole_hours(begin: int, end: int, force: Force) -> Window | None:
    """A window of all whole hours between two times in microseconds; None if there is none."""
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


def _cover(start: int, end: int) -> Iterator[SlotRun]:
    """Whole hours where possible, minutes at the edges."""
    first_hour, last_hour = -(-start // HOUR), end // HOUR
    if first_hour >= last_hour:
        yield from _minutes(start, end)
        return
    yield from _minutes(start, first_hour * HOUR)
    yield SlotRun("hour", first_hour, last_hour)
    yield from _minutes(last_hour * HOUR, end)


def _minutes(start: int, end: int) -> Iterator[SlotRun]:
    if start < end:
        yield SlotRun("minute", start // MINUTE, end // MINUTE)


def _today(name: str, as_of: datetime, force: Force) -> Window:
    midnight = _local(as_of.astimezone(force.zone()).date(), time(), force)
    return _live(name, midnight, _minute_at_or_after(as_of), force)


def span_of(window: Window) -> Span:
    """The whole span of a window."""
    return Span(microseconds(window.start), microseconds(window.end))


def dated_spans(window: Window, limits: Iterable[Mapping[str, Iterable[str]]], force: Force) -> list[Span]:
    """The stretches of a window that remain when it is limited to days and months, oldest first.

    Args:
        window: the window; only report windows can be limited.
        limits: `day` and `month`, each to its words; other dimensions do not limit the time.
        force: the force whose time zone is used.
    """
    spans = [span_of(window)]
    for name, chosen in (item for limit in limits for item in limit.items()):
        if name in _CALENDAR:
            allowed = [span for word in sorted(set(chosen)) for span in _calendar(_CALENDAR[name], word, force)]
            spans = [shared for one in spans for other in allowed for shared in _shared(one, other)]
    return spans


def _calendar(period: tuple[str, timedelta], word: str, force: Force) -> list[Span]:
    """The span of a word such as 2024-12-01 or 2024-12; empty if there is no such day or month."""
    first_day, length = period
    try:
        first = date.fromisoformat(word + first_day)
        after = (first + length).replace(day=1) if first_day else first + length
        span = Span(*(microseconds(_local(day, time(), force)) for day in (first, after)))
    except (ValueError, OverflowError):
        return []
    return [span] if first.isoformat() == word + first_day else []


_CALENDAR: Mapping[str, tuple[str, timedelta]] = {"day": ("", timedelta(days=1)), "month": ("-01", timedelta(days=31))}
"""What turns a word into its first day, and a duration after which the next one has begun."""


def _shared(one: Span, other: Span) -> Iterator[Span]:
    start, end = max(one.start, other.start), min(one.end, other.end)
    if start < end:
        yield Span(start, end)


class ShiftSpan(Struct, frozen=True):
    """A shift on one day.

    Attributes:
        shift: the shift.
        start: its start.
        end: its end, which is excluded.
    """

    shift: Shift
    start: datetime
    end: datetime


def shift_at(as_of: datetime, force: Force) -> ShiftSpan:
    """The current shift; if shifts overlap, the one that started last.

    Raises:
        QuestionError: no shift covers the time.
    """
    local = as_of.astimezone(force.zone())
    spans = [
        ShiftSpan(shift, _local(day, shift.start, force), _shift_end(day, shift, force))
        for shift in force.shifts
        for day in (local.date() - timedelta(days=1), local.date())
    ]
    current = [each for each in spans if each.start <= as_of < each.end]
    if not current:
        raise QuestionError(
            f"No shift in the profile of {force.name} covers {local:%H:%M}.",
            where="--window shift",
            hint="Add the shift to the force's profile, or use another window.",
        )
    return max(current, key=lambda each: each.start)


def _shift(name: str, as_of: datetime, force: Force) -> Window:
    return _live(name, shift_at(as_of, force).start, _minute_at_or_after(as_of), force)


def between(name: str, start: datetime, end: datetime, force: Force) -> Window:
    """A live window between two whole minutes. Minutes are kept for ten days; see `kept_window` for earlier ones."""
    return _live(name, start, end, force)


def dropped_grain(window: Window, mark: int, rules: Rules) -> Grain | None:
    """The first grain of a window whose panes are no longer kept, for a watermark; None if all are."""
    return next((each.grain for each in window.segments if each.first < first_kept(each.grain, mark, rules)), None)


def kept_window(window: Window, mark: int, rules: Rules) -> Window:
    """The same window, made up of half-hours if its minutes or hours are no longer kept, for a watermark, and it begins and ends at one."""
    finer = _by_half_hours(window)
    return finer if finer and dropped_grain(window, mark, rules) else window


def _by_half_hours(window: Window) -> Window | None:
    start, end = microseconds(window.start), microseconds(window.end)
    if window.kind == "report" or start % HALF_HOUR or end % HALF_HOUR:
        return None
    segment = SlotRun("half_hour", start // HALF_HOUR, end // HALF_HOUR)
    return Window(window.name, "live", window.start, window.end, (segment,))


def whole_minutes(name: str, first: int, after: int, force: Force) -> Window:
    """A window of the minutes since 1970 from `first` up to `after`, which is excluded, made up of minutes only."""
    start, end = (instant(each * MINUTE).astimezone(force.zone()) for each in (first, after))
    return Window(name, "live", start, end, (SlotRun("minute", first, after),))


def weeks_before(at: datetime, weeks: int, force: Force) -> datetime:
    """The same local time a number of weeks earlier, also across clock changes."""
    local = at.astimezone(force.zone())
    return _local(local.date() - timedelta(weeks=weeks), local.time(), force)


def _shift_end(day: date, shift: Shift, force: Force) -> datetime:
    return _local(day if shift.end > shift.start else day + timedelta(days=1), shift.end, force)


def _local(day: date, moment: time, force: Force) -> datetime:
    """A local date and time in UTC; of an hour that a clock change repeats, the first is used."""
    return datetime.combine(day, moment, force.zone()).astimezone(UTC)


def _this_month(name: str, as_of: datetime, force: Force) -> Window:
    """The current month, up to the end of today."""
    today = as_of.astimezone(force.zone()).date()
    return _days(name, today.replace(day=1), today + timedelta(days=1), force)


def _whole_months(back: int, count: int) -> Callable[[str, datetime, Force], Window]:
    """`count` whole calendar months, the last of them `back` months before the current one."""

    def build(name: str, as_of: datetime, force: Force) -> Window:
        this_month = as_of.astimezone(force.zone()).date()
        end = _months_before(this_month, back - 1)
        return _days(name, _months_before(end, count), end, force)

    return build


def _months_before(day: date, months: int) -> date:
    """The first day of the month that is `months` months before the month of a day."""
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    return date(year, month + 1, 1)


def _days_before(count: int) -> Callable[[str, datetime, Force], Window]:
    """`count` whole local days, the last of them yesterday."""

    def build(name: str, as_of: datetime, force: Force) -> Window:
        today = as_of.astimezone(force.zone()).date()
        return _days(name, today - timedelta(days=count), today, force)

    return build


def _last_week(name: str, as_of: datetime, force: Force) -> Window:
    """The last week from Monday to Sunday that is over."""
    today = as_of.astimezone(force.zone()).date()
    monday = today - timedelta(days=today.weekday())
    return _days(name, monday - timedelta(weeks=1), monday, force)


_SPECIAL: dict[str, Callable[[str, datetime, Force], Window]] = {
    "today": _today,
    "shift": _shift,
    "this_month": _this_month,
    "last_month": _whole_months(1, 1),
    "12m": _whole_months(1, 12),
    "previous_12m": _whole_months(13, 12),
    "yesterday": _days_before(1),
    "last_week": _last_week,
    "last_28_days": _days_before(28),
}


def _timed(name: str, times: tuple[str, str], as_of: datetime, force: Force) -> Window:
    try:
        moments = [datetime.fromisoformat(each) for each in times]
    except ValueError as error:
        hint = "Use two valid times, such as 2024-12-01T22:00/2024-12-02T04:00."
        raise QuestionError(f"{error}.", where=f"--window {name}", hint=hint) from None
    start, end = (_local(each.date(), each.time(), force) for each in moments)
    if start >= end:
        hint = "FROM must be before TO, and TO is excluded."
        raise QuestionError("The window contains no time.", where=f"--window {name}", hint=hint)
    if start >= as_of:
        hint = "FROM must be before the time of the figures."
        raise QuestionError("The window has not begun yet.", where=f"--window {name}", hint=hint)
    if (end - start).days > _MOST_DAYS:
        hint = "Check the years: a window can be at most ten years long."
        raise QuestionError(f"The window is {(end - start).days:,} days long.", where=f"--window {name}", hint=hint)
    return _live(name, start, end, force)


def _dated(name: str, first: str, last: str, force: Force) -> Window:
    try:
        start, end = date.fromisoformat(first), date.fromisoformat(last)
    except ValueError as error:
        raise QuestionError(
            f"{error}.", where=f"--window {name}", hint="Use two valid dates, such as 2024-01-01/2025-01-01."
        ) from None
    if start >= end:
        hint = "FROM must be before TO, and TO is excluded: one day is 2024-12-01/2024-12-02."
        raise QuestionError("The window contains no days.", where=f"--window {name}", hint=hint)
    if (end - start).days > _MOST_DAYS:
        hint = "Check the years: a window of dates can be at most ten years long."
        raise QuestionError(f"The window is {(end - start).days:,} days long.", where=f"--window {name}", hint=hint)
    return _days(name, start, end, force)


_MOST_DAYS = 3_660
"""More than is ever kept, and few enough that a mistyped year is refused at once."""


def _days(name: str, start: date, end: date, force: Force) -> Window:
    first, last = (_local(day, time(), force).astimezone(force.zone()) for day in (start, end))
    return Window(name, "report", first, last, (SlotRun("day", start.toordinal(), end.toordinal()),))


def parse_day(text: str, where: str) -> date:
    """Parse a date in ISO form.

    Raises:
        QuestionError: the text is not a valid date.
    """
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise QuestionError(f"{text!r} is not a valid date.", where=where, hint="Write it as 2024-07-01.") from None


def kept_from(grain: Grain, watermark: int) -> int:
    """The time in microseconds from which panes of a grain are kept, for a watermark."""
    kept = {"minute": MINUTES_KEPT, "half_hour": HALF_HOURS_KEPT, "hour": HOURS_KEPT, "day": DAYS_KEPT}[grain]
    return watermark - int(kept.total_seconds()) * SECOND


def first_kept(grain: Grain, watermark: int, rules: Rules) -> int:
    """The slot of the first pane of a grain that is kept, for a watermark."""
    return slot_at(grain, kept_from(grain, watermark), rules)


def slot_at(grain: Grain, at: int, rules: Rules) -> int:
    """The slot of the pane of a grain that holds a time in microseconds."""
    return rules.local_day(at) if grain == "day" else at // LENGTH[grain]
