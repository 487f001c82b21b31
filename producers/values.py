"""Reads cells as text, times, yes or no, or whole numbers, as a mapping declares."""

import re
from datetime import datetime, timedelta
from typing import Literal, NamedTuple, Protocol

from producers.declaration import REFUSE, Condition, Field, columns_of
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
    "lost_digits",
    "repeated_key",
    "reused_key",
    "no_session",
    "rows_disagree",
]
_DIGITS_MAX = 18
_DURATION = re.compile(r"(?:(?:(\d{1,4}):)?(\d{1,4}):)?(\d{1,9}(?:\.\d{1,6})?)", re.ASCII)
_SCIENTIFIC = re.compile(r"[+-]?(?:\d+[.,]\d+E[+-]?\d{1,3}|\d+E\+\d{1,3})", re.ASCII | re.IGNORECASE)
_YES_OR_NO = {"true": True, "false": False}


class RowPlace(NamedTuple):
    """Where a row is.

    Attributes:
        line: line of the file on which it begins, counted from 1.
        file: name of the file; empty if only one is read.
    """

    line: int
    file: str = ""

    def __str__(self) -> str:
        return f"line {self.line}" + (f" of {self.file}" if self.file else "")


class MalformedError(Exception):
    """A row, or a fact from several rows, cannot be read.

    Args:
        fault: a code from a fixed list.
        column: the column at fault; empty if the fault concerns the whole row.
        what: what is wrong, without the value, which may be personal.
        place: the row at fault, if it is not the row being read.
    """

    def __init__(self, fault: Fault, column: str, what: str, place: RowPlace | None = None) -> None:
        super().__init__(fault, column, what, place)
        self.fault, self.column, self.what, self.place = fault, column, what, place


class RowTimes(Protocol):
    """Reads the times of a row."""

    def time_in(self, cells: Cells, columns: tuple[str, ...]) -> datetime | None:
        """The time in one column of a row, or in several joined; None if one of them is absent."""


def text_of(cells: Cells, columns: tuple[str, ...]) -> str | None:
    """The text of one column, or of several joined with a space; None if one of them is absent."""
    texts = [cells[column] for column in columns if column in cells]
    return " ".join(texts) if len(texts) == len(columns) else None


def check_digits(text: str, columns: tuple[str, ...]) -> None:
    """Check that a text is not a long number as a spreadsheet shortens it, which many different numbers share.

    Raises:
        MalformedError: it is a number in scientific notation.
    """
    if _SCIENTIFIC.fullmatch(text):
        raise lost_digits(columns)


def lost_digits(columns: tuple[str, ...]) -> MalformedError:
    """The error for a number in scientific notation in these columns."""
    what = (
        "is a number in scientific notation, so its last digits are lost: export it again and do not save it in a "
        "spreadsheet, or format its column as text first"
    )
    return MalformedError("lost_digits", ", ".join(columns), what)


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


def value_of(field: Field, kind: Kind, cells: Cells, clock: RowTimes) -> Value | None:
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
            what = (
                "has a value that the mapping does not list: add it to `values`, set `otherwise`, or leave its rows out with "
                "`rows.exclude`"
            )
            raise MalformedError("unknown_value", ", ".join(columns), what)
        return field.values.get(text or "", field.otherwise)
    if kind == "time":
        return clock.time_in(cells, columns)
    return None if text is None else _read(text, kind, columns)


def _read(text: str, kind: Kind, columns: tuple[str, ...]) -> Value:
    if kind == "yes_or_no" and text.lower() in _YES_OR_NO:
        return _YES_OR_NO[text.lower()]
    if kind == "whole_number" and text.isascii() and text.isdigit() and len(text) <= _DIGITS_MAX:
        return int(text)
    if kind == "text":
        check_digits(text, columns)
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


def is_broken(text: str) -> bool:
    """Whether a text has bytes that are invalid in the extract's encoding; it cannot be written anywhere."""
    return not text.isascii() and any("\ud800" <= letter <= "\udfff" for letter in text)
