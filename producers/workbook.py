"""Reads a sheet of an Excel workbook as rows of text, with its dates and times as ISO text."""

import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import IO

from python_calamine import CalamineError, CalamineWorkbook

from facts.errors import MappingError

_DIGITS_KEPT = 10**15
_CELLS_MAX, _UNPACKED_BYTES_MAX = 20_000_000, 1024 * 1024 * 1024
"""A sheet is read into memory as a whole rectangle, even if most of its cells are empty: 20 million cells take about 800 MB."""
_CHUNK_BYTES, _CELL_BYTES = 1024 * 1024, 64 * 1024
_SHEET = re.compile(r"xl/worksheets/[^/]+\.xml")
_FILLED = re.compile(rb'<(?:\w+:)?c(?=\s)[^>]*?\sr="([A-Z]{1,3})([0-9]{1,7})"(?:[^>]*[^/>])?>')
_UNPLACED = re.compile(rb'<(?:\w+:)?c(?=[\s>])(?=[^>]*>)(?![^>]*/>)(?![^>]*\sr="[A-Z]{1,3}[0-9]{1,7}"[^>]*>)')
_MILLISECOND = timedelta(milliseconds=1)
_A_DAY = timedelta(days=1)
_MIDNIGHT = datetime(1900, 1, 1)  # noqa: DTZ001 - only its time of day counts
_UNREADABLE_HINT = "Save it as .xlsx without a password, or export it as CSV."
Value = int | float | str | bool | time | date | datetime | timedelta


def sheet_rows(content: bytes, sheet: str, name: str) -> Iterator[tuple[int, list[str]]]:
    """The rows of a sheet that are not empty, each with its number in the sheet, counted from 1.

    Args:
        content: the workbook.
        sheet: name of the sheet; empty for the first.
        name: name of the file, for errors.

    Raises:
        MappingError: this is not a workbook, it would take too much memory, or it has no such sheet.
    """
    _check_size(content, name)
    try:
        workbook = CalamineWorkbook.from_filelike(io.BytesIO(content))
        names = workbook.sheet_names
        if not names:
            raise MappingError("The workbook has no sheet.", where=name, hint=_UNREADABLE_HINT)
        if sheet and sheet not in names:
            what = f"The workbook has no sheet {sheet!r}."
            raise MappingError(what, where=name, hint=f"Set `source.sheet` to one of {', '.join(names)}.")
        rows = workbook.get_sheet_by_name(sheet or names[0]).to_python(skip_empty_area=False)
    except CalamineError as error:
        raise MappingError(f"The workbook cannot be read: {error}.", where=name, hint=_UNREADABLE_HINT) from None
    for number, row in enumerate(rows, 1):
        cells = [text_of_cell(value) for value in row]
        if any(cells):
            yield number, cells


def _check_size(content: bytes, name: str) -> None:
    """Check that no sheet takes too much memory, before anything is read.

    Raises:
        MappingError: one does, or this is not a workbook.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            if sum(each.file_size for each in packed.infolist()) > _UNPACKED_BYTES_MAX:
                what = f"The workbook has more than {_UNPACKED_BYTES_MAX:,} bytes once unpacked."
                raise MappingError(what, where=name, hint="Export it as CSV, or in several files.")
            for member in filter(_SHEET.fullmatch, packed.namelist()):
                with packed.open(member) as sheet:
                    _check_cells(sheet, f"{name}, {member}")
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise MappingError(f"The workbook cannot be read: {error}.", where=name, hint=_UNREADABLE_HINT) from None


def _check_cells(sheet: IO[bytes], where: str) -> None:
    rows, columns, before = 0, 0, b""
    while chunk := sheet.read(_CHUNK_BYTES):
        text = before + chunk
        if _UNPLACED.search(text):
            hint = "Open it in Excel and save it again, or export the sheet as CSV."
            raise MappingError("A cell has no valid place, such as B7.", where=where, hint=hint)
        found = {(_column(letters), int(digits)) for letters, digits in _FILLED.findall(text)}
        columns = max([columns, *(column for column, _ in found)])
        rows = max([rows, *(row for _, row in found)])
        if rows * columns > _CELLS_MAX:
            what = f"The sheet reaches to row {rows:,} and column {columns:,}. Together that is more than {_CELLS_MAX:,} cells."
            hint = "Delete the cell that is far from the others, or export the sheet as CSV."
            raise MappingError(what, where=where, hint=hint)
        before = text[-_CELL_BYTES:]


def _column(letters: bytes) -> int:
    """The number of a column, counted from 1."""
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


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
