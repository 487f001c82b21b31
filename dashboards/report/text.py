"""A table as lines of text for a terminal, and as plain data for scripts and pages."""

from collections.abc import Iterable
from fractions import Fraction
from typing import Any

from dashboards.report.document import Column, DocumentCell, DocumentRow, Table


def lines(table: Table) -> Iterable[str]:
    """The table with its notes; columns are aligned, with figures to the right."""
    heads = [_head(column) for column in table.columns]
    rows = [[_label(row.label, row.unit), *(_cell_text(cell) for cell in row.cells)] for row in table.rows]
    grid = [[table.heading, *heads], *rows]
    widths = [max(len(row[place]) for row in grid) for place in range(len(grid[0]))]
    yield table.title
    for first, *rest in grid:
        cells = [first.ljust(widths[0]), *(text.rjust(width) for text, width in zip(rest, widths[1:], strict=True))]
        yield "  ".join(cells).rstrip()
    yield from (f"({number}) {note}" for number, note in enumerate(table.notes, start=1))
    yield from table.published
    if table.sources:
        yield f"Published: {'; '.join(table.sources)}."
    yield from (f"{each.number}: {each.what} - {each.explanation}." for each in table.disagreements)


def _head(column: Column) -> str:
    return f"{column.title}, published" if column.is_published else column.title


def _label(label: str, unit: str) -> str:
    return f"{label} ({unit})" if unit and unit != "%" else label


def _cell_text(cell: DocumentCell) -> str:
    return cell.text + "".join(f" ({number})" for number in cell.notes)


def plain(table: Table) -> dict[str, Any]:
    """The table as plain data: every cell with its text and its unrounded value."""
    return {
        "title": table.title,
        "heading": table.heading,
        "columns": [
            {"title": column.title, "period": column.period, "brief": column.brief, "published": column.is_published}
            for column in table.columns
        ],
        "rows": [_plain_row(row) for row in table.rows],
        "notes": table.notes,
        "published": table.published,
        "sources": table.sources,
        "disagreements": table.disagreements,
    }


def _plain_row(row: DocumentRow) -> dict[str, Any]:
    cells = [_plain(cell) for cell in row.cells]
    found = {"label": row.label, "unit": row.unit, "total": row.is_total, "cells": cells}
    named = found | {"href": row.href} if row.href else found
    return named | {"current": True} if row.is_current else named


def _plain(cell: DocumentCell) -> dict[str, Any]:
    fields = {
        "text": cell.text,
        "value": number(cell.value),
        "unit": cell.unit,
        "n": cell.n,
        "low": cell.low,
        "high": cell.high,
        "unrecorded": cell.unrecorded,
        **cell.spread,
        "notes": cell.notes,
        "href": cell.href,
    }
    return {name: value for name, value in fields.items() if value not in (None, "", ())}


def number(value: Fraction | None) -> int | float | None:
    """A value as an int if it is whole, otherwise as a float."""
    if value is None:
        return None
    return value.numerator if value.denominator == 1 else float(value)
