"""A report compared with the calibration: every published figure that it quotes, and the report's own figure for the same."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from bluelamp.verify.calibration import CalibrationFigure, rows
from dashboards.report.document import Column, Document, DocumentCell, Table
from dashboards.report.document import DocumentRow as Line
from dashboards.report.periods import Period
from dashboards.report.published_rows import days_words
from dashboards.report.words import NOTHING
from measures.catalogue import CATALOGUE
from measures.measure import External

AS_PUBLISHED = ", as published"


@dataclass(frozen=True)
class Quote:
    """One published figure, as the report quotes it.

    Attributes:
        place: table, row and column, in words.
        measure: the name of the measure.
        period: its dates, in words.
        text: the text of the quote.
        ours: the report's own cell for the same; None if it has none.
        row: the row of the calibration; None if no tolerance is agreed for it.
        is_of_others: whether no feed of a force provides the measure.
    """

    place: str
    measure: str
    period: str
    text: str
    ours: DocumentCell | None
    row: CalibrationFigure | None
    is_of_others: bool

    def difference(self) -> float | None:
        """Our figure less the published one, in the unit of the tolerance; None if there is no figure of ours."""
        if self.row is None or self.ours is None or self.ours.value is None:
            return None
        ours = float(self.ours.value)
        return ours / self.row.value - 1 if self.row.kind == "relative" else ours - self.row.value

    def is_near(self) -> bool:
        """Whether there is a figure of ours, and it is within the tolerance if one is agreed."""
        if self.row is None:
            return self.ours is not None and self.ours.value is not None
        difference = self.difference()
        return difference is not None and abs(difference) <= self.row.tolerance


def quotes(document: Document) -> Iterator[Quote]:
    """Every published figure that a report quotes."""
    # For one measure and period, the same text means the same figure.
    agreed = {(row.measure, days_words(row.period), row.published): row for row in rows()}
    tables = {table.title: table for section in document.sections for table in section.tables}
    for table in tables.values():
        own = tables[table.title.removesuffix(AS_PUBLISHED)]
        for number, row in enumerate(table.rows):
            for place, (column, cell) in enumerate(zip(table.columns, row.cells, strict=True)):
                if not column.is_published or cell.text == NOTHING:
                    continue
                measure = row.measures[place] if len(row.measures) > 1 else row.measures[0]
                period = column.period or _days_of(row.label, document)
                for text in cell.text.split("; "):
                    found = agreed.get((measure, period, re.sub(r" \([a-z: ]+\)$", "", text)))
                    is_share = column.title.endswith(", %") or (found is not None and found.kind != "relative")
                    ours = _ours(own, own.rows[number], column, place, is_share=is_share)
                    yield Quote(
                        f"{table.title} | {row.label} | {column.title}",
                        measure,
                        period,
                        text,
                        ours,
                        found,
                        _are_of_others(row),
                    )


def _days_of(label: str, document: Document) -> str:
    """The days of a row of a table of months."""
    if label == "12 months":
        return document.period
    start = datetime.strptime(label, "%b %Y").date()  # noqa: DTZ007 - a month of the calendar
    return Period("", start, (start + timedelta(days=31)).replace(day=1)).words()


def _ours(own: Table, row: Line, quoted: Column, place: int, *, is_share: bool) -> DocumentCell | None:
    """The report's own cell for what a column quotes: for the same dates, or the same measure in that month."""
    if not quoted.period:
        return row.cells[place % sum(not column.is_published for column in own.columns)]
    own_cells = {
        column.period or column.title: cell
        for column, cell in zip(own.columns, row.cells, strict=True)
        if not column.is_published
    }
    if is_share and row.measures and "Proportion" in own_cells:
        # The report has proportions only for the last twelve months.
        return own_cells["Proportion"] if quoted.title.startswith("Last 12 months") else None
    return own_cells.get(quoted.period)


def empty_rows(document: Document) -> Iterator[tuple[str, bool]]:
    """Rows of the report without any figure of ours, and whether the reason is that no feed provides them."""
    for section in document.sections:
        for table in section.tables:
            for row in table.rows:
                ours = [cell for column, cell in zip(table.columns, row.cells, strict=True) if not column.is_published]
                if ours and not any(cell.value for cell in ours):
                    yield f"{table.title} | {row.label}", _are_of_others(row)


def _are_of_others(row: Line) -> bool:
    return all(isinstance(CATALOGUE[name].statistic, External) for name in row.measures)
