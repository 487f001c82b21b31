"""A breakdown as a file: marking, contract and as-of time in its head, then the rows, the whole, and the open subjects."""

import csv
import io
from collections.abc import Iterator

from dashboards.board.contract import contract
from dashboards.board.drill import Asked, Drill
from dashboards.board.page import MARKING, View
from measures.reading import SIMULATION


def written(question: Asked, drill: Drill, view: View) -> str:
    """The file in CSV (RFC 4180)."""
    out = io.StringIO()
    rows = csv.writer(out)
    rows.writerows(_head(question, drill, view))
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


def _head(question: Asked, drill: Drill, view: View) -> Iterator[list[str]]:
    told = contract(question.measure, view)
    yield ["Marking", MARKING]
    if view.reader.is_simulated(view.force):
        yield ["Simulation", SIMULATION]
    yield ["Force", view.profile.title]
    yield ["As of", view.reader.present(view.force).astimezone(view.profile.zone()).isoformat(timespec="seconds")]
    yield ["Measure", told.title, told.name]
    yield ["Question", told.question]
    yield ["Window", question.window]
    limits = "; ".join(f"{name} is {' or '.join(words)}" for name, words in question.where.items())
    yield ["Limited to", limits or "nothing: the whole force"]
    yield ["State", drill.tile.state, drill.tile.reason]
    yield from ([term, words] for term, words in told.terms)
    yield from (["Published", *figure] for figure in told.published)
    yield ["How it adds up", drill.says]


def _safe(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@") and cell != "-" else cell
