"""Formats values for people: rounded once, half up, with their unit."""

import re
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from zoneinfo import ZoneInfo

from measures.measure import Unit

NOTHING = "-"
_MINUTE, _HOUR, _DAY = 60, 3600, 86_400


def number(count: int, noun: str) -> str:
    """Such as `1 figure` or `1,200 figures`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def words(value: float | None, unit: Unit) -> str:
    """A value as the board displays it; a dash for None.

    Args:
        value: in the unit; a share between 0 and 1.
        unit: the unit of the value.
    """
    if value is None:
        return NOTHING
    if unit == "count":
        return f"{int(value):,}"
    if unit == "ratio":
        return f"{_rounded(value * 100, '0.1')}%"
    return span_words(value)


def doubt_words(low: float | None, high: float | None, unrecorded: int | None, unit: Unit) -> str:
    """What is not recorded of a figure, and the bounds of a share; empty if everything is recorded.

    Args:
        low: the lower bound of a share.
        high: its upper bound.
        unrecorded: the number of outcomes that are not recorded or in doubt.
        unit: the unit of the figure.
    """
    if not unrecorded:
        return ""
    count = f"{unrecorded:,} unrecorded"
    if unit != "ratio" or low is None or high is None:
        return count
    return f"between {_rounded(low * 100, '0.1')} and {_rounded(high * 100, '0.1')}%, {count}"


def span_words(seconds: float) -> str:
    """A span: below a minute in tenths of a second, then as people say it: `10 min 31 s`, `2 h 49 min`, `12 days 21 h`."""
    if seconds < 59.95:  # noqa: PLR2004 - from here on it rounds to a minute
        return f"{_rounded(seconds, '0.1')} s"
    whole = int(_rounded(seconds, "1"))
    return f"{whole // 60} min {whole % 60:02} s" if whole < _HOUR else _long_words(_nearest(seconds, _MINUTE))


def minutes_words(seconds: float) -> str:
    """A span of time as whole minutes and seconds, for narrow columns: `7:05` is seven minutes and five seconds."""
    minutes, rest = divmod(_nearest(seconds, 1), 60)
    return f"{minutes}:{rest:02}"


def short_words(seconds: float) -> str:
    """A span without parts that are 0, such as a target: `30 s`, `15 min`, `1 h 30 min`, `2 days`."""
    return re.sub(r" 0+ (s|min|h)$|\.0(?= s$)", "", span_words(seconds))


def _nearest(seconds: float, unit: int) -> int:
    """A whole number of minutes; from a day on, of hours, both in seconds."""
    rounded = int(_rounded(seconds / unit, "1")) * unit
    return rounded if rounded < _DAY or unit == _HOUR else _nearest(seconds, _HOUR)


def _long_words(whole: int) -> str:
    """An hour or more, in seconds: hours and minutes, or days and hours."""
    days, hours = divmod(whole // _HOUR, 24)
    return f"{number(days, 'day')} {hours} h" if days else f"{hours} h {whole // _MINUTE % 60} min"


def rough_words(seconds: float) -> str:
    """A span rounded down: `40 s`, `2 min`, `1 h 59 min`, `3 days 4 h`."""
    whole = int(seconds)
    if whole < _MINUTE:
        return f"{whole} s"
    return f"{whole // _MINUTE} min" if whole < _HOUR else _long_words(whole)


def local_words(at: datetime, zone: ZoneInfo, form: str) -> str:
    """A local time in a `strftime` format; in the hour that a clock change repeats, followed by which of the two it is."""
    local = at.astimezone(zone)
    is_repeated = local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()
    return local.strftime(f"{form} %Z" if is_repeated else form)


def _rounded(value: float, places: str) -> Decimal:
    return Decimal(repr(value)).quantize(Decimal(places), rounding=ROUND_HALF_UP)
