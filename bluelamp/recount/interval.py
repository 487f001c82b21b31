"""The time span of a window, on the force's local calendar (semantics section 4)."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import NamedTuple

from bluelamp.recount.times import DAY, HOUR, MINUTE, day_start, local_instant, microseconds
from facts.errors import QuestionError
from facts.force import Force, Shift

_LONG = {"15m": 15 * MINUTE, "60m": HOUR, "24h": DAY}
LIVE_WINDOWS = ("15m", "60m", "24h", "7d", "today", "shift")
REPORT_WINDOWS = ("this_month", "last_month", "12m", "previous_12m")
_ONE_DAY = timedelta(days=1)


class LiveInterval(NamedTuple):
    """Counts outcomes decided from `start` until before `end`; both are in microseconds since 1970 in UTC."""

    start: int
    end: int


class Report(NamedTuple):
    """Counts subjects that began on the local days from `first` until before `end`."""

    first: date
    end: date


def interval(window: str, force: Force, as_of: datetime) -> LiveInterval | Report:
    """The time span of a window.

    Args:
        window: one of `LIVE_WINDOWS` or `REPORT_WINDOWS`, or FROM/TO as dates, with TO excluded.
        force: the force, whose calendar and shifts apply.
        as_of: the time of the question, with its zone.

    Raises:
        QuestionError: the window does not exist, or no shift is under way.
    """
    if window in LIVE_WINDOWS:
        return _live(window, force, as_of)
    today = as_of.astimezone(force.zone()).date()
    first = today.replace(day=1)
    match window:
        case "this_month":
            return Report(first, today + _ONE_DAY)
        case "last_month":
            return Report(_months_before(first, 1), first)
        case "12m":
            return Report(_months_before(first, 12), first)
        case "previous_12m":
            return Report(_months_before(first, 24), _months_before(first, 12))
    return _from_to(window)


def _live(window: str, force: Force, as_of: datetime) -> LiveInterval:
    moment = microseconds(as_of)
    minute = moment // MINUTE * MINUTE
    end = minute if minute == moment else minute + MINUTE
    if window == "today":
        return LiveInterval(day_start(as_of.astimezone(force.zone()).date(), force.zone()), end)
    if window == "shift":
        return LiveInterval(_shift_start(force, as_of), end)
    if window == "7d":
        return LiveInterval((minute - 7 * DAY) // HOUR * HOUR, end)
    return LiveInterval(minute - _LONG[window], end)


def _shift_start(force: Force, as_of: datetime) -> int:
    """The start of the current shift in microseconds; if there are several, of the latest."""
    moment = microseconds(as_of)
    today = as_of.astimezone(force.zone()).date()
    under_way = [
        start
        for shift in force.shifts
        for start, end in _turns(shift, force, (today - _ONE_DAY, today))
        if start <= moment < end
    ]
    if not under_way:
        raise QuestionError(
            "No shift is under way.",
            where=f"the profile of {force.name}",
            hint="Add shifts to the profile that cover the whole day.",
        )
    return max(under_way)


def _turns(shift: Shift, force: Force, days: Iterable[date]) -> Iterable[tuple[int, int]]:
    """The start and end of a shift on each local day; it may end on the next day."""
    over_midnight = _ONE_DAY if shift.end <= shift.start else timedelta()
    for day in days:
        yield (
            local_instant(day, shift.start, force.zone()),
            local_instant(day + over_midnight, shift.end, force.zone()),
        )


def _months_before(first: date, months: int) -> date:
    """The first day of the month a number of months earlier."""
    year, month = divmod(first.year * 12 + first.month - 1 - months, 12)
    return date(year, month + 1, 1)


def _from_to(window: str) -> Report:
    first, _, end = window.partition("/")
    try:
        report = Report(date.fromisoformat(first), date.fromisoformat(end))
    except ValueError:
        known = ", ".join((*LIVE_WINDOWS, *REPORT_WINDOWS))
        raise QuestionError(
            f"{window!r} is not a valid window.", where="WINDOW", hint=f"Use {known}, or FROM/TO as dates."
        ) from None
    if report.first >= report.end:
        raise QuestionError(
            f"{window} contains no day.", where="WINDOW", hint="FROM must be before TO; TO is excluded."
        )
    return report
