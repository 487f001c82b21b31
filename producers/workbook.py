"""Reads a sheet of an Excel workbook as rows of text, with its dates and times as ISO text."""

import io
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta

from python_calamine import CalamineError, CalamineWorkbook

from facts.errors import MappingError

_DIGITS_KEPT = 10**15
_MILLISECOND = timedelta(milliseconds=1)
_A_DAY = timedelta(days=1)
_MIDNIGHT = datetime(1900, 1, 1)  # noqa: DTZ001 - only its time of day counts
Value = int | float | str | bool | time | date | datetime | timedelta


def sheet_rows(content: bytes, sheet: str, name: str) -> Iterator[tuple[int, list[str]]]:
    """The rows of a sheet that are not empty, each with its number in the sheet, counted from 1.

    Args:
        content: the workbook.
        sheet: name of the sheet; empty for the first.
        name: name of the file, for errors.

    Raises:
        MappingError: this is not a workbook, or it has no such sheet.
    """
    try:
        workbook = CalamineWorkbook.from_filelike(io.BytesIO(content))
        names = workbook.sheet_names
        if sheet and sheet not in names:
            what = f"The workbook has no sheet {sheet!r}."
            raise MappingError(what, where=name, hint=f"Set `source.sheet` to one of {', '.join(names)}.")
        rows = workbook.get_sheet_by_name(sheet or names[0]).to_python(skip_empty_area=False)
    except CalamineError as error:
        hint = "Save it as .xlsx without a password, or export it as CSV."
        raise MappingError(f"The workbook cannot be read: {error}.", where=name, hint=hint) from None
    for number, row in enumerate(rows, 1):
        cells = [text_of_cell(value) for value in row]
        if any(cells):
            yield number, cells


def text_of_cell(value: Value) -> str:
    """The text of a cell: times as ISO text, whole numbers without a decimal point, truth values in lower case."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, datetime):
        return _rounded(value).isoformat(" ")
    if isinstance(value, timedelta):
        return _time_of_day(value)
    if isinstance(value, time):
        return _rounded(datetime.combine(_MIDNIGHT, value)).time().isoformat()
    return value.isoformat() if isinstance(value, date) else str(value)


def _number(value: float) -> str:
    """A number as it was typed. A workbook keeps only 15 digits: numbers that had more are written so that they are refused."""
    if abs(value) >= _DIGITS_KEPT:
        return f"{value:.5E}"
    return str(int(value)) if value.is_integer() else repr(value)


def _rounded(value: datetime) -> datetime:
    """A time to the millisecond, because a workbook stores fractions of a day, which are rarely exact."""
    rest = timedelta(microseconds=value.microsecond % 1000)
    return value - rest + (_MILLISECOND if rest >= _MILLISECOND / 2 else timedelta(0))


def _time_of_day(value: timedelta) -> str:
    """A time of day or, from a day on, a duration as hours:minutes:seconds."""
    if timedelta(0) <= value < _A_DAY:
        return _rounded(_MIDNIGHT + value).time().isoformat()
    hours, seconds = divmod(round(value.total_seconds()), 3600)
    return f"{hours}:{seconds // 60:02}:{seconds % 60:02}"
