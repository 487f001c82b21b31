"""The first page of the report: its main figures in one table, and what the control charts show for the last month."""

from collections.abc import Iterator
from datetime import date

from msgspec import Struct
from msgspec.structs import replace

from dashboards.report.document import Column, Document, DocumentRow, Drawn, Table
from dashboards.report.layout import SUMMARY
from measures.catalogue import CATALOGUE

_MEANINGS = {"concern": "Concern", "improvement": "Improvement", "change": "Change"}
_SIDES = {"high": "higher than before, or rising", "low": "lower than before, or falling"}
_COLUMNS = 5
"""Last 12 months, previous 12 months, difference, % difference, and the month."""


class Summary(Struct, frozen=True):
    """The first page.

    Attributes:
        table: the main figures.
        changes: a sentence for each chart with a signal in the report's last month, concerns first.
        quiet: the number of charts that have none.
        undecided: the number of charts that cannot tell, because they have too few points.
    """

    table: Table
    changes: tuple[str, ...]
    quiet: int
    undecided: int


def summary(document: Document) -> Summary:
    """The summary of a report."""
    charts = [drawn for section in document.sections for drawn in section.charts]
    changes = sorted((meaning, words) for drawn in charts for meaning, words in _changes(drawn, document.month))
    order = list(_MEANINGS)
    changes.sort(key=lambda each: order.index(each[0]))
    said = {drawn.title for drawn in charts if any(_changes(drawn, document.month))}
    firm = [drawn for drawn in charts if _is_firm(drawn)]
    return Summary(
        table=_table(document),
        changes=tuple(f"{_MEANINGS[meaning]}: {words}" for meaning, words in changes),
        quiet=sum(drawn.title not in said for drawn in firm),
        undecided=len(charts) - len(firm),
    )


def _table(document: Document) -> Table:
    """The rows of the main measures, with the columns that every table of periods begins with."""
    found: dict[str, DocumentRow] = {}
    columns: tuple[Column, ...] = ()
    for section in document.sections:
        for table in section.tables:
            if table.heading != "Measure":
                continue
            columns = columns or table.columns[:_COLUMNS]
            for row in table.rows:
                if row.measures and row.measures[0] in SUMMARY:
                    found.setdefault(row.measures[0], _of_table(row, table))
    rows = tuple(found[name] for name in SUMMARY if name in found)
    return Table("Main figures", "Measure", columns, rows)


def _of_table(row: DocumentRow, table: Table) -> DocumentRow:
    """A row with the title of its table in front, and without its note numbers: the notes are below that table."""
    label = row.label if row.label.startswith(table.title) else f"{table.title}: {row.label[0].lower()}{row.label[1:]}"
    return replace(row, label=label, cells=tuple(replace(cell, notes=()) for cell in row.cells[:_COLUMNS]))


def _is_firm(drawn: Drawn) -> bool:
    return drawn.chart is not None and bool(drawn.chart.steps) and not drawn.chart.steps[-1].is_provisional()


def _changes(drawn: Drawn, month: date) -> Iterator[tuple[str, str]]:
    """Each kind of signal of a chart in a month, with a sentence."""
    if drawn.chart is None or not _is_firm(drawn):
        return
    good = CATALOGUE[drawn.measure].good
    found = {signal.side: signal.meaning(good) for signal in drawn.chart.signals if month in signal.points}
    for side, meaning in found.items():
        yield meaning, f"{CATALOGUE[drawn.measure].title} ({drawn.title}): {_SIDES[side]}."
