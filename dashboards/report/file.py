"""The report as CSV: a row for each cell as shown, with its unrounded value, under a header that says what it is."""

import csv
import io
from collections.abc import Iterable

from dashboards.report.document import Document, DocumentRow, Table
from dashboards.report.text import number
from measures.catalogue import CATALOGUE

COLUMNS = (
    ("table", "its caption"),
    ("row", "its heading"),
    ("column", "its heading"),
    ("period", "the days it is of, the last one included; empty where it is worked out of other columns"),
    ("measure", "name of the measure, as `bluelamp measures` lists it"),
    ("shown", "as the page shows it: rounded once, or as it was published"),
    ("value", "unrounded; empty where there is none, where it is withheld, and where it was published"),
    ("unit", "of the value: count, seconds, ratio (a share of 1), points (a difference of two shares of 1)"),
    ("n", "how many it is taken from"),
    ("published", "yes where a report is quoted"),
    ("notes", "what must be read with it"),
)
"""What a row of the file holds of one cell: name and meaning."""
_COLUMNS = (("section", "of the report"), *COLUMNS)


def table_file(document: Document) -> str:
    """The file."""
    text = io.StringIO()
    for line in _header(document):
        text.write(f"# {line}\r\n")
    rows = csv.writer(text)
    rows.writerow(name for name, _ in _COLUMNS)
    for section in document.sections:
        for table in (*section.tables, *(each.table for each in section.charts)):
            rows.writerows([section.title, *cells] for cells in table_rows(table))
    return text.getvalue()


def table_rows(table: Table) -> Iterable[list[str]]:
    """A row of the file, in the order of `COLUMNS`, for each cell of a table."""
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
            "yes" if column.is_published else "no",
            notes,
        ]
