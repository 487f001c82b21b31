"""Text that is safe to open in a spreadsheet: no cell is read as a formula. Every CSV file and workbook is written with it."""

import csv
import re
from collections.abc import Iterable
from typing import Protocol

# Spreadsheets skip what cannot be seen, and read the full-width signs of East Asian keyboards like the usual ones.
_FORMULA = re.compile(r"[\s\x00-\x1f\u200b\u2060\ufeff]*[=+\-@\uff1d\uff0b\uff0d\uff20]|[\t\r\n]")
# A signed number, or the dash of a missing figure, with the numbers of its notes.
_FIGURE = re.compile(r"([+-][\d.,:]+(e[+-]?\d+)?(%| pp)?|-)( \(\d+\))*")


class _Writable(Protocol):
    def write(self, text: str, /) -> object: ...


def safe_cell(text: str) -> str:
    """Text with an apostrophe in front if a spreadsheet would read it as a formula.

    A signed number such as `-3` or `+12.9 pp` stays a number, and a lone dash is safe. A tab, a carriage return or a line feed in
    front counts too: some spreadsheets skip it and read what follows.
    """
    return text if _FIGURE.fullmatch(text) or not _FORMULA.match(text) else f"'{text}"


class SafeRows:
    """Writes the rows of a CSV file (RFC 4180); each cell with text is safe.

    Args:
        out: the file.
        lineterminator: the end of a line.
    """

    def __init__(self, out: _Writable, lineterminator: str = "\r\n") -> None:
        self._rows = csv.writer(out, lineterminator=lineterminator)

    def writerow(self, cells: Iterable[object]) -> None:
        """Write a row; what is not text is written as it is."""
        self._rows.writerow([safe_cell(each) if isinstance(each, str) else each for each in cells])

    def writerows(self, rows: Iterable[Iterable[object]]) -> None:
        """Write rows."""
        for each in rows:
            self.writerow(each)
