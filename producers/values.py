"""Reads cells as text, local times, yes or no, or whole numbers, as a mapping declares."""

import re
from datetime import UTC, datetime, timedelta
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

from producers.declaration import EPOCH, ISO, REFUSE, Condition, ExtractSource, Field, columns_of
from producers.shape import Kind

Cells = dict[str, str]
"""Trimmed text by column; absent cells are left out."""
Value = str | bool | int | datetime
Fault = Literal[
    "ragged_row",
    "bad_encoding",
    "not_readable",
    "missing_value",
    "unknown_value",
    "bad_value",
    "bad_time",
    "no_such_local_time",
    "repeated_local_time",
    "out_of_order",
    "repeated_key",
    "rows_disagree",
]
_DIGITS_MAX = 18
_TIMES_CACHED = 100_000
_DURATION = re.compile(r"(?:(?:(\d{1,4}):)?(\d{1,4}):)?(\d{1,9}(?:\.\d{1,6})?)", re.ASCII)
_A_DAY = timedelta(days=1)
_YES_OR_NO = {"true": True, "false": False}


class MalformedError(Exception):
    """A row, or a fact from several rows, cannot be read.

    Args:
        fault: a code from a fixed list.
        column: the column at fault; empty if the fault concerns the whole row.
        what: what is wrong, without the value, which may be personal.
        line: line of the row at fault, if it is not the row being read.
    """

    def __init__(self, fault: Fault, column: str, what: str, line: int | None = None) -> None:
        super().__init__(fault, column, what, line)
        self.fault, self.column, self.what, self.line = fault, column, what, line


def text_of(cells: Cells, columns: tuple[str, ...]) -> str | None:
    """The text of one column, or of several joined with a space; None if one of them is absent."""
    texts = [cells[column] for column in columns if column in cells]
    return " ".join(texts) if len(texts) == len(columns) else None


def holds(condition: Condition, cells: Cells) -> bool:
    """Whether a row meets a condition."""
    value = cells.get(condition.column)
    if condition.present is not None:
        return (value is not None) == condition.present
    if condition.differs_from is not None:
        other = cells.get(condition.differs_from)
        return value is not None and other is not None and value != other
    if condition.not_equals is not None:
        return value not in columns_of(condition.not_equals)
    return value in columns_of(condition.equals)


def value_of(field: Field, kind: Kind, cells: Cells, clock: "LocalClock") -> Value | None:
    """The value of a field in a row; None if it is absent.

    Raises:
        MalformedError: the text is not a valid value, or the mapping refuses it.
    """
    if field.constant is not None:
        return field.constant
    columns = columns_of(field.column)
    text = text_of(cells, columns)
    if field.values and (text is not None or "" in field.values):
        if (text or "") not in field.values and field.otherwise == REFUSE:
            raise MalformedError("unknown_value", ", ".join(columns), "has a value that the mapping does not list")
        return field.values.get(text or "", field.otherwise)
    return None if text is None else _read(text, kind, columns, clock)


def _read(text: str, kind: Kind, columns: tuple[str, ...], clock: "LocalClock") -> Value:
    if kind == "time":
        return clock.read_time(text, columns)
    if kind == "yes_or_no" and text.lower() in _YES_OR_NO:
        return _YES_OR_NO[text.lower()]
    if kind == "whole_number" and text.isascii() and text.isdigit() and len(text) <= _DIGITS_MAX:
        return int(text)
    if kind == "text":
        return text
    raise MalformedError("bad_value", ", ".join(columns), f"is not {_EXPECTED[kind]}")


_EXPECTED: dict[Kind, str] = {
    "yes_or_no": "true or false; list other words under `values`",
    "whole_number": "a whole number",
}


def duration(text: str, columns: tuple[str, ...]) -> timedelta:
    """Read a duration, in seconds or as hours:minutes:seconds.

    Raises:
        MalformedError: the text is not a duration.
    """
    match = _DURATION.fullmatch(text)
    if not match:
        what = "is not a duration: seconds, or hours:minutes:seconds"
        raise MalformedError("bad_value", ", ".join(columns), what)
    hours, minutes, seconds = (float(part or 0) for part in match.groups())
    return timedelta(hours=hours, minutes=minutes, seconds=seconds)


class After(NamedTuple):
    """The earlier time that another time must follow.

    Attributes:
        time: the earlier time.
        within: the longest a time of day may come after it.
    """

    time: datetime
    within: timedelta


class LocalClock:
    """Reads an extract's local times and converts them to UTC.

    Args:
        source: gives the formats, the zone, and the meaning of a repeated hour.
    """

    def __init__(self, source: ExtractSource) -> None:
        self._source, self._zone = source, ZoneInfo(source.time_zone)
        # The same time occurs in many cells, so each text is parsed once.
        self._parsed_times: dict[tuple[str, After | None], datetime] = {}

    def read_time(self, text: str, columns: tuple[str, ...], after: After | None = None) -> datetime:
        """Read a time.

        Args:
            text: a time; it may lack a date only if `after` is given.
            columns: the columns it comes from, for errors.
            after: the earlier time it must follow. A time of day is on that day or the next; a local time that occurs twice
                is the first one at or after it.

        Raises:
            MalformedError: the text is not a time, or is a time that the local clock skipped.
        """
        if len(self._parsed_times) > _TIMES_CACHED:
            self._parsed_times.clear()
        time = self._parsed_times.get((text, after))
        if time is None:
            time = self._parsed_times[text, after] = self._read(text, ", ".join(columns), after)
        return time

    def _read(self, text: str, column: str, after: After | None) -> datetime:
        for form in self._source.times:
            time = _parsed(text, form)
            if time:
                return time.astimezone(UTC) if time.tzinfo else self._to_utc(time, column, after)
        for form in self._source.times_of_day:
            time = _parsed(text, form)
            if time and after:
                return self._next(time, column, after)
            if time:
                raise MalformedError("missing_value", column, "is a time of day, but the row does not give the day")
        forms = " or ".join((*self._source.times, *self._source.times_of_day))
        raise MalformedError("bad_time", column, f"is not a time of the form {forms}")

    def _next(self, time_of_day: datetime, column: str, after: After) -> datetime:
        """The first time, at or after the earlier one, at which the local clock shows a time of day."""
        day = after.time.astimezone(self._zone).date()
        time = self._to_utc(datetime.combine(day, time_of_day.time()), column, after)
        if time < after.time:
            time = self._to_utc(datetime.combine(day + _A_DAY, time_of_day.time()), column, after)
        if time - after.time > after.within:
            hours = after.within.total_seconds() / 3600
            what = f"is not within {hours:g} hours after the time it should follow"
            raise MalformedError("out_of_order", column, what)
        return time

    def _to_utc(self, local: datetime, column: str, after: After | None) -> datetime:
        first, second = (local.replace(tzinfo=self._zone, fold=fold).astimezone(UTC) for fold in (0, 1))
        if first.astimezone(self._zone).replace(tzinfo=None, fold=0) != local:
            what = f"is a time that the clock of {self._source.time_zone} skipped when it went forward"
            raise MalformedError("no_such_local_time", column, what)
        if first == second:
            return first
        if after and first < after.time <= second:
            return second
        if self._source.repeated_hour == "refuse":
            what = f"is a time that occurred twice when the clock of {self._source.time_zone} went back"
            raise MalformedError("repeated_local_time", column, what)
        return first if after or self._source.repeated_hour == "first" else second


def _parsed(text: str, form: str) -> datetime | None:
    """The time in a text of the given format, without a zone if the text has none; None if the text does not fit."""
    try:
        if form == EPOCH:
            return datetime.fromtimestamp(float(text), UTC) if text.replace(".", "", 1).isdigit() else None
        return datetime.fromisoformat(text) if form == ISO else datetime.strptime(text, form)  # noqa: DTZ007
    except (ValueError, OverflowError):
        return None
