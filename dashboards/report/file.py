"""The report as CSV: one row for each cell, with its text and its unrounded value, under comments that explain the columns."""

import io
from collections.abc import Iterable

from dashboards.report.document import Document, DocumentRow, Table
from dashboards.report.text import number
from measures.catalogue import CATALOGUE
from measures.measure import SPREAD
from measures.spreadsheet import SafeRows

COLUMNS = (
    ("table", "caption of the table"),
    ("row", "heading of the row"),
    ("column", "heading of the column"),
    ("period", "first and last day; empty where the figure is calculated from other columns"),
    ("measure", "name of the measure, as `bluelamp measures` lists it"),
    ("shown", "figure as the page displays it: rounded once, or as published"),
    ("value", "unrounded value; empty where there is none, it is suppressed or it is quoted"),
    ("unit", "unit of the value: count, seconds, ratio (a share of 1) or points (a difference between shares of 1)"),
    ("n", "number of cases behind the figure"),
    ("low", "the share if every outcome that is not recorded had been missed; empty for other figures"),
    ("high", "the share if every such outcome had been met"),
    ("unrecorded", "number of outcomes that are not recorded or in doubt; for a mean or a median, of times"),
    *((name, f"{title} of the times behind a mean or a median, in seconds") for name, title in SPREAD.items()),
    ("published", "yes where a published report is quoted"),
    ("notes", "notes to the figure"),
)
"""The columns of the file: name and meaning."""
_COLUMNS = (("section", "section of the report"), *COLUMNS)


def table_file(document: Document) -> str:
    """The report as a CSV file."""
    text = io.StringIO()
    for line in _header(document):
        text.write(f"# {line}\r\n")
    rows = SafeRows(text)
    rows.writerow(name for name, _ in _COLUMNS)
    for section in document.sections:
        for table in (*section.tables, *(each.table for each in section.charts)):
            rows.writerows([section.title, *cells] for cells in table_rows(table))
    return text.getvalue()


def table_rows(table: Table) -> Iterable[list[str]]:
    """One row for each cell of a table, in the order of `COLUMNS`."""
    return (cells for row in table.rows for cells in _cells(table, row))


def _header(document: Document) -> Iterable[str]:
    yield document.marking
    yield f"{document.force}: {document.title}, {document.month:%B %Y}; 12 months: {document.period}"
    yield f"Figures as of {document.as_of.isoformat(timespec='seconds')}"
    yield from document.remarks
    yield from (f"{name}: {what}" for name, what in _COLUMNS)


def _cells(table: Table, row: DocumentRow) -> Iterable[list[str]]:
    for place, (column, cell) in enumerate(zip(table.columns, row.cells, strict=True)):
        measure = row.measures[place] if len(row.measures) > 1 else row.measures[0]
        notes = " ".join(table.notes[each - 1] for each in cell.notes)
        yield [
            table.title,
            row.label,
            column.title,
            column.period,
            CATALOGUE[measure].name,
            cell.text,
            "" if cell.value is None else repr(number(cell.value)),
            cell.unit,
            "" if cell.n is None else str(cell.n),
            *("" if bound is None else repr(bound) for bound in (cell.low, cell.high)),
            "" if cell.unrecorded is None else str(cell.unrecorded),
            *(repr(cell.spread[name]) if name in cell.spread else "" for name in SPREAD),
            "yes" if column.is_published else "no",
            notes,
        ]
