"""The time span of a window, on the force's local calendar (semantics section 4)."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import NamedTuple

from bluelamp.recount.times import DAY, HOUR, MINUTE, day_start, local_instant, microseconds
from facts.errors import QuestionError
from facts.force import Force, Shift

_LONG = {"15m": 15 * MINUTE, "60m": HOUR, "24h": DAY}
LIVE_WINDOWS = ("15m", "60m", "24h", "7d", "today", "shift")
REPORT_WINDOWS = ("this_month", "last_month", "12m", "previous_12m", "yesterday", "last_week", "last_28_days")
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
        window: one of `LIVE_WINDOWS` or `REPORT_WINDOWS`, or FROM/TO as dates or as local times, with TO excluded.
        force: the force, whose calendar and shifts apply.
        as_of: the time of the question, with its zone.

    Raises:
        QuestionError: the window does not exist, or no shift is under way.
    """
    if window in LIVE_WINDOWS:
        return _live(window, force, as_of)
    if window in REPORT_WINDOWS:
        return _named_days(window, as_of.astimezone(force.zone()).date())
    return _between(window, force, microseconds(as_of)) if "T" in window else _from_to(window)


def _named_days(window: str, today: date) -> Report:
    month, monday = today.replace(day=1), today - today.weekday() * _ONE_DAY
    days = {
        "this_month": (month, today + _ONE_DAY),
        "last_month": (_months_before(month, 1), month),
        "12m": (_months_before(month, 12), month),
        "previous_12m": (_months_before(month, 24), _months_before(month, 12)),
        "yesterday": (today - _ONE_DAY, today),
        "last_week": (monday - 7 * _ONE_DAY, monday),
        "last_28_days": (today - 28 * _ONE_DAY, today),
    }
    return Report(*days[window])


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


def _between(window: str, force: Force, moment: int) -> LiveInterval:
    """A live window between two local times to the minute."""
    first, _, last = window.partition("/")
    try:
        moments = [datetime.strptime(each, "%Y-%m-%dT%H:%M") for each in (first, last)]  # noqa: DTZ007 - local to the force
    except ValueError:
        hint = "Use FROM/TO as local times, such as 2024-12-01T22:00/2024-12-02T04:00."
        raise QuestionError(f"{window!r} is not a valid window.", where="WINDOW", hint=hint) from None
    start, end = (local_instant(each.date(), each.time(), force.zone()) for each in moments)
    if start >= end:
        hint = "FROM must be before TO; TO is excluded."
        raise QuestionError(f"{window} contains no time.", where="WINDOW", hint=hint)
    if start >= moment:
        hint = "FROM must be before the time of the question."
        raise QuestionError(f"{window} has not begun yet.", where="WINDOW", hint=hint)
    return LiveInterval(start, end)


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
