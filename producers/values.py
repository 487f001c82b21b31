"""Cells to values: texts, times of a local clock, yes or no, whole numbers, by what a mapping declares."""

import re
from datetime import UTC, datetime, timedelta
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

from producers.declaration import EPOCH, ISO, REFUSE, Condition, ExtractSource, Field, columns_of
from producers.shape import Kind

Cells = dict[str, str]
"""Column to text, trimmed; what is absent is not in it."""
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
_TIMES_REMEMBERED = 100_000
_DURATION = re.compile(r"(?:(?:(\d{1,4}):)?(\d{1,4}):)?(\d{1,9}(?:\.\d{1,6})?)", re.ASCII)
_A_DAY = timedelta(days=1)
_YES_OR_NO = {"true": True, "false": False}


class MalformedError(Exception):
    """A row, or a fact told by several rows, cannot be read.

    Args:
        fault: one word of a closed list.
        column: where in the row; empty when the row as a whole is meant.
        what: what is wrong, never with the value: it may be personal.
        line: of the row, where it is another one than that being read.
    """

    def __init__(self, fault: Fault, column: str, what: str, line: int | None = None) -> None:
        super().__init__(fault, column, what, line)
        self.fault, self.column, self.what, self.line = fault, column, what, line


def text_of(cells: Cells, columns: tuple[str, ...]) -> str | None:
    """The text of one column, or of several joined by a space; None when one of them is absent."""
    texts = [cells[column] for column in columns if column in cells]
    return " ".join(texts) if len(texts) == len(columns) else None


def holds(condition: Condition, cells: Cells) -> bool:
    """Whether a condition holds in a row."""
    value = cells.get(condition.column)
    if condition.present is not None:
        return (value is not None) == condition.present
    if condition.differs_from is not None:
        other = cells.get(condition.differs_from)
        return value is not None and other is not None and value != other
    return value in columns_of(condition.equals)


def value_of(field: Field, kind: Kind, cells: Cells, clock: "LocalClock") -> Value | None:
    """The value of a field in a row; None when it is absent.

    Raises:
        MalformedError: the text cannot be such a value, or is one the mapping refuses.
    """
    if field.constant is not None:
        return field.constant
    columns = columns_of(field.column)
    text = text_of(cells, columns)
    if field.values and (text is not None or "" in field.values):
        if (text or "") not in field.values and field.otherwise == REFUSE:
            raise MalformedError("unknown_value", ", ".join(columns), "the mapping does not list this value")
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
    raise MalformedError("bad_value", ", ".join(columns), f"is not {_WANTED[kind]}")


_WANTED: dict[Kind, str] = {
    "yes_or_no": "true or false; list other words under `values`",
    "whole_number": "a whole number",
}


def duration(text: str, columns: tuple[str, ...]) -> timedelta:
    """The duration that a text tells: seconds, or hours:minutes:seconds.

    Raises:
        MalformedError: it tells none.
    """
    found = _DURATION.fullmatch(text)
    if not found:
        what = "is not a duration: seconds, or hours:minutes:seconds"
        raise MalformedError("bad_value", ", ".join(columns), what)
    hours, minutes, seconds = (float(part or 0) for part in found.groups())
    return timedelta(hours=hours, minutes=minutes, seconds=seconds)


class After(NamedTuple):
    """What a time came after.

    Attributes:
        moment: the earlier instant.
        within: how long after it a time of day can be.
    """

    moment: datetime
    within: timedelta


class LocalClock:
    """Reads an extract's times, as instants in UTC.

    Args:
        source: the formats, the zone, and what a repeated hour means.
    """

    def __init__(self, source: ExtractSource) -> None:
        self._source, self._zone = source, ZoneInfo(source.time_zone)
        # The same time stands in many cells: each is read once.
        self._known: dict[tuple[str, After | None], datetime] = {}

    def read_time(self, text: str, columns: tuple[str, ...], after: After | None = None) -> datetime:
        """The instant that a text tells.

        Args:
            text: a time; without a date only where `after` is given.
            columns: where it stands.
            after: what it came after. A time of day is of that day or the next; of a local time that came twice it is the
                first one not before that.

        Raises:
            MalformedError: it tells none, or one that the local clock never showed.
        """
        if len(self._known) > _TIMES_REMEMBERED:
            self._known.clear()
        known = self._known.get((text, after))
        if known is None:
            known = self._known[text, after] = self._read(text, ", ".join(columns), after)
        return known

    def _read(self, text: str, column: str, after: After | None) -> datetime:
        for form in self._source.times:
            moment = _parsed(text, form)
            if moment:
                return moment.astimezone(UTC) if moment.tzinfo else self._localised(moment, column, after)
        for form in self._source.times_of_day:
            moment = _parsed(text, form)
            if moment and after:
                return self._next(moment, column, after)
            if moment:
                raise MalformedError("missing_value", column, "is a time of day, and nothing says of which day")
        forms = " or ".join((*self._source.times, *self._source.times_of_day))
        raise MalformedError("bad_time", column, f"is not a time of the form {forms}")

    def _next(self, time_of_day: datetime, column: str, after: After) -> datetime:
        """The first instant at or after another at which the local clock shows a time of day."""
        day = after.moment.astimezone(self._zone).date()
        moment = self._localised(datetime.combine(day, time_of_day.time()), column, after)
        if moment < after.moment:
            moment = self._localised(datetime.combine(day + _A_DAY, time_of_day.time()), column, after)
        if moment - after.moment > after.within:
            hours = after.within.total_seconds() / 3600
            what = f"is more than {hours:g} hours after what it came after, or before it"
            raise MalformedError("out_of_order", column, what)
        return moment

    def _localised(self, moment: datetime, column: str, after: After | None) -> datetime:
        first, second = (moment.replace(tzinfo=self._zone, fold=fold).astimezone(UTC) for fold in (0, 1))
        if first.astimezone(self._zone).replace(tzinfo=None, fold=0) != moment:
            what = f"the clock of {self._source.time_zone} went forward over this time"
            raise MalformedError("no_such_local_time", column, what)
        if first == second:
            return first
        if after and first < after.moment <= second:
            return second
        if self._source.repeated_hour == "refuse":
            what = f"the clock of {self._source.time_zone} showed this time twice"
            raise MalformedError("repeated_local_time", column, what)
        return first if after or self._source.repeated_hour == "first" else second


def _parsed(text: str, form: str) -> datetime | None:
    """The time that a text of a form tells, without a zone where it names none."""
    try:
        if form == EPOCH:
            return datetime.fromtimestamp(float(text), UTC) if text.replace(".", "", 1).isdigit() else None
        return datetime.fromisoformat(text) if form == ISO else datetime.strptime(text, form)  # noqa: DTZ007
    except (ValueError, OverflowError):
        return None
