"""Reads the rows of the CSV files in which people plan: rosters and events."""

import csv
from collections.abc import Iterator, Sequence
from datetime import datetime
from io import StringIO

from facts.errors import SettingError

_BYTE_ORDER_MARK = "\ufeff"
MINUTES = 30
"""Plans are made by half-hours of local time."""


def plan_rows(text: str, source: str, columns: Sequence[str], hint: str) -> Iterator[tuple[str, list[str]]]:
    """Each row of a plan below its header, with its place in the file; empty rows are left out.

    Args:
        text: the file: CSV with a header.
        source: its name, for errors.
        columns: the header.
        hint: how a row is written.

    Raises:
        SettingError: the text is not CSV, has another header, or a row has too few or too many cells.
    """
    rows = _rows(text, source, hint)
    where, header = next(rows, (f"{source}, line 1", []))
    if header != [*columns]:
        raise SettingError(f"The header is not {','.join(columns)}.", where=where, hint=hint)
    for where, cells in rows:
        if cells and len(cells) != len(columns):
            raise SettingError(f"The row has {len(cells)} cells, not {len(columns)}.", where=where, hint=hint)
        if cells:
            yield where, cells


def _rows(text: str, source: str, hint: str) -> Iterator[tuple[str, list[str]]]:
    lines = csv.reader(StringIO(text.removeprefix(_BYTE_ORDER_MARK)))
    try:
        for cells in lines:
            yield f"{source}, line {lines.line_num}", [each.strip() for each in cells]
    except csv.Error as error:
        raise SettingError(f"This is not CSV: {error}.", where=f"{source}, line {lines.line_num}", hint=hint) from None


def starts_half_hour(at: datetime) -> bool:
    """Whether a time is local, without an offset, and starts a half-hour."""
    return at.tzinfo is None and not (at.minute % MINUTES or at.second or at.microsecond)
