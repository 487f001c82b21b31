"""Tables of a page as an Excel workbook: figures as numbers, words as text, and on the last sheet where they come from."""

import io
import re
from collections.abc import Iterable, Sequence

from xlsxwriter import Workbook
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from dashboards.report.document import DocumentCell, Table
from dashboards.report.workbook import write_text

_NAME_CHARACTERS, _HEADING_WIDTH, _FIGURE_WIDTH, _WORDS_WIDTH = 31, 24, 14, 60
_CODES = {"count": "#,##0.##", "ratio": "0.0%", "seconds": '#,##0.0" s"', "points": '0.0" pp"'}
"""The number format of each unit."""
_NOT_IN_NAMES = re.compile(r"[][:*?/\\]+")


def in_workbook(head: Iterable[Sequence[str]], tables: Iterable[Table]) -> bytes:
    """A workbook with a sheet for each table.

    Args:
        head: lines that each begin with a term, for the last sheet.
        tables: in order.
    """
    content = io.BytesIO()
    with Workbook(content, {"in_memory": True}) as book:
        bold = book.add_format({"bold": True})
        formats = {unit: book.add_format({"num_format": code}) for unit, code in _CODES.items()}
        for number, table in enumerate(tables, 1):
            _write_table(book.add_worksheet(_sheet_name(number, table.title)), table, bold, formats)
        _write_head(book.add_worksheet("About"), head, bold)
    return content.getvalue()


def _sheet_name(number: int, title: str) -> str:
    """A name that Excel allows: its characters, its length, and no name twice."""
    return f"{number} {_NOT_IN_NAMES.sub(' ', title)}"[:_NAME_CHARACTERS].rstrip(" '")


def _write_table(sheet: Worksheet, table: Table, bold: Format, formats: dict[str, Format]) -> None:
    sheet.set_column(0, 0, _HEADING_WIDTH)
    sheet.set_column(1, max(len(table.columns), 1), _FIGURE_WIDTH)
    for place, column in enumerate(table.columns, 1):
        under = column.brief or column.period
        write_text(sheet, 0, place, f"{column.title}, {under}" if under else column.title, bold)
    write_text(sheet, 0, 0, table.heading, bold)
    for line, row in enumerate(table.rows, 1):
        write_text(sheet, line, 0, row.label, bold)
        for place, cell in enumerate(row.cells, 1):
            _write_cell(sheet, line, place, cell, formats)
    for line, note in enumerate(table.notes, len(table.rows) + 2):
        write_text(sheet, line, 0, f"({line - len(table.rows) - 1}) {note}")
    sheet.freeze_panes(1, 1)


def _write_cell(sheet: Worksheet, line: int, place: int, cell: DocumentCell, formats: dict[str, Format]) -> None:
    """A figure as its unrounded value, with its range or the numbers of its notes as a comment; words as they are displayed."""
    text = " ".join([cell.text, *(f"({note})" for note in cell.notes)])
    if cell.value is None:
        write_text(sheet, line, place, text)
        return
    value = float(cell.value * 100 if cell.unit == "points" else cell.value)
    sheet.write_number(line, place, value, formats.get(cell.unit))
    if "(" in text:
        sheet.write_comment(line, place, text)


def _write_head(sheet: Worksheet, head: Iterable[Sequence[str]], bold: Format) -> None:
    sheet.set_column(0, 0, _HEADING_WIDTH)
    sheet.set_column(1, 2, _WORDS_WIDTH)
    for line, (term, *words) in enumerate(head):
        write_text(sheet, line, 0, term, bold)
        for place, each in enumerate(words, 1):
            write_text(sheet, line, place, each)
