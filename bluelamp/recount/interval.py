"""What stretch of time a window asks for, on the force's local calendar (semantics section 4)."""

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
    """Counts what was decided from `start` to `end`, that excluded; both in microseconds since 1970 in UTC."""

    start: int
    end: int


class Report(NamedTuple):
    """Counts what began on the local days from `first` to `end`, that excluded."""

    first: date
    end: date


def interval(window: str, force: Force, as_of: datetime) -> LiveInterval | Report:
    """The stretch of time of a window.

    Args:
        window: one of `LIVE_WINDOWS` or `REPORT_WINDOWS`, or FROM/TO in dates, TO excluded.
        force: whose calendar and shifts it follows.
        as_of: the instant of the question, with its zone.

    Raises:
        QuestionError: there is no such window, or the force has no shifts.
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
    """The start of the shift under way, in microseconds; of several, of the one that started last."""
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
            "No shift is under way.", where=f"the profile of {force.name}", hint="List shifts that cover the day."
        )
    return max(under_way)


def _turns(shift: Shift, force: Force, days: Iterable[date]) -> Iterable[tuple[int, int]]:
    """The start and end of a shift that starts on each of some local days; it may end on the day after."""
    over_midnight = _ONE_DAY if shift.end <= shift.start else timedelta()
    for day in days:
        yield (
            local_instant(day, shift.start, force.zone()),
            local_instant(day + over_midnight, shift.end, force.zone()),
        )


def _months_before(first: date, months: int) -> date:
    """The first of the month so many months before the month of a first."""
    year, month = divmod(first.year * 12 + first.month - 1 - months, 12)
    return date(year, month + 1, 1)


def _from_to(window: str) -> Report:
    first, _, end = window.partition("/")
    try:
        report = Report(date.fromisoformat(first), date.fromisoformat(end))
    except ValueError:
        known = ", ".join((*LIVE_WINDOWS, *REPORT_WINDOWS))
        raise QuestionError(
            f"There is no window {window!r}.", where="WINDOW", hint=f"Ask for {known}, or FROM/TO in dates."
        ) from None
    if report.first >= report.end:
        raise QuestionError(f"{window} holds no day.", where="WINDOW", hint="Give FROM before TO; TO is excluded.")
    return report
