"""What a page shows as a file: marking, contract and as-of time in its head, then the rows."""

import csv
import io
import re
from collections.abc import Iterable, Iterator

from dashboards.board.contract import contract
from dashboards.board.drill import Asked, Drill
from dashboards.board.page import MARKING, View
from dashboards.report.document import Table
from dashboards.report.file import COLUMNS, table_rows
from measures.measure import Measure, Where
from measures.reading import SIMULATION


def tables_file(measure: Measure, where: Where, told: Iterable[list[str]], tables: Iterable[Table], view: View) -> str:
    """Tables as a file in CSV: a row for each cell as it is shown, with its unrounded value.

    Args:
        measure: that they are of.
        where: the words it is limited to.
        told: further lines of the head.
        tables: in order.
        view: what they were taken from.
    """
    out = io.StringIO()
    rows = csv.writer(out)
    rows.writerows(_head(measure, where, view))
    rows.writerows(told)
    rows.writerows(["Column", name, what] for name, what in COLUMNS)
    rows.writerow([])
    rows.writerow(name for name, _ in COLUMNS)
    for table in tables:
        rows.writerows([_figure(cell) for cell in cells] for cells in table_rows(table))
    rows.writerow([MARKING])
    return out.getvalue()


def written(question: Asked, drill: Drill, view: View) -> str:
    """A breakdown as a file in CSV (RFC 4180): its rows, the whole, and the open subjects."""
    out = io.StringIO()
    rows = csv.writer(out)
    rows.writerows(_head(question.measure, question.where, view))
    rows.writerow(["Window", question.window])
    rows.writerow(["State", drill.tile.state, drill.tile.reason])
    rows.writerow(["How it adds up", drill.says])
    rows.writerow([])
    rows.writerow(drill.columns)
    rows.writerows([_safe(cell) for cell in (each.name, *each.cells)] for each in drill.rows)
    rows.writerow(drill.total)
    if drill.subjects is not None:
        rows.writerow([])
        rows.writerow([f"{drill.subjects.says}: {drill.subjects.count}"])
        rows.writerow(drill.subjects.columns)
        rows.writerows([_safe(cell) for cell in each] for each in drill.subjects.rows)
    rows.writerow([MARKING])
    return out.getvalue()


def _head(measure: Measure, where: Where, view: View) -> Iterator[list[str]]:
    told = contract(measure, view)
    yield ["Marking", MARKING]
    if view.reader.is_simulated(view.force):
        yield ["Simulation", SIMULATION]
    yield ["Force", view.profile.title]
    yield ["As of", view.reader.present(view.force).astimezone(view.profile.zone()).isoformat(timespec="seconds")]
    yield ["Measure", told.title, told.name]
    yield ["Question", told.question]
    limits = "; ".join(f"{name} is {' or '.join(words)}" for name, words in where.items())
    yield ["Limited to", limits or "nothing: the whole force"]
    yield from ([term, words] for term, words in told.terms)
    yield from (["Published", *figure] for figure in told.published)


def _safe(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@") and cell != "-" else cell


def _figure(cell: str) -> str:
    """The same, but for what is a signed number."""
    return cell if re.fullmatch(r"[+-][\d.,:e%p -]*", cell) else _safe(cell)
