"""What a page shows as a file: marking, contract and as-of time in its head, then the rows."""

import csv
import io
from collections.abc import Callable, Iterator
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dashboards.board.blocking import Needed, as_file, blocking
from dashboards.board.contract import contract
from dashboards.board.drill import BreakdownQuery, Drill
from dashboards.board.page import MARKING, View
from dashboards.board.parquet import in_parquet
from dashboards.report.document import Table
from dashboards.report.file import COLUMNS, table_rows
from measures.measure import Measure, Where
from measures.outcome import instant
from measures.reading import SIMULATION
from measures.spreadsheet import safe_cell, safe_figure


class Sheet(NamedTuple):
    """What an analyst's page shows, to be kept.

    Attributes:
        named: the words that its file is named by.
        measure: that its tables are of.
        where: the words it is limited to.
        told: further lines of the head: a term, and what is said of it.
        tables: in order.
    """

    named: tuple[str, ...]
    measure: Measure
    where: Where
    told: list[list[str]]
    tables: tuple[Table, ...]


def kept(page: str, sheet: Callable[[Request], Sheet], view: View, needs: Callable[[Request], Needed]) -> list[Route]:
    """The routes to what a page shows as a file, in CSV and in Parquet.

    Args:
        page: the page's word in the address.
        sheet: what it shows.
        view: what that is taken from.
        needs: what is read before that a little at a time.
    """

    def in_kind(kind: str, write: Callable[[Sheet, View], str | bytes]) -> Route:
        def exported(request: Request) -> Response:
            found = sheet(request)
            return as_file(write(found, view), kind, (page, *found.named), view)

        return Route(f"/{kind}/{page}/{{name}}", blocking(view, exported, needs))

    return [in_kind("csv", _csv_of), in_kind("parquet", _parquet_of)]


def _csv_of(sheet: Sheet, view: View) -> str:
    """A row for each cell as it is shown, with its unrounded value."""
    out = io.StringIO()
    rows = csv.writer(out)
    rows.writerows(_head(sheet.measure, sheet.where, view))
    rows.writerows(sheet.told)
    rows.writerows(["Column", name, what] for name, what in COLUMNS)
    rows.writerow([])
    rows.writerow(name for name, _ in COLUMNS)
    rows.writerows([safe_figure(cell) for cell in cells] for table in sheet.tables for cells in table_rows(table))
    rows.writerow([MARKING])
    return out.getvalue()


def _parquet_of(sheet: Sheet, view: View) -> bytes:
    """The same rows, the same head."""
    return in_parquet([*_head(sheet.measure, sheet.where, view), *sheet.told], sheet.tables)


def written(question: BreakdownQuery, drill: Drill, view: View) -> str:
    """A breakdown as a file in CSV (RFC 4180): its rows, the whole, and the open subjects."""
    out = io.StringIO()
    rows = csv.writer(out)
    rows.writerows(_head(question.measure, question.where, view))
    rows.writerow(["Window", question.window])
    rows.writerow(["State", drill.tile.state, drill.tile.reason])
    rows.writerow(["How it adds up", drill.says])
    rows.writerow([])
    rows.writerow(drill.columns)
    rows.writerows([safe_cell(cell) for cell in (each.name, *each.cells)] for each in drill.rows)
    rows.writerow(drill.total)
    if drill.subjects is not None:
        rows.writerow([])
        rows.writerow([f"{drill.subjects.says}: {drill.subjects.count}"])
        rows.writerow(drill.subjects.columns)
        rows.writerows([safe_cell(cell) for cell in each] for each in drill.subjects.rows)
    rows.writerow([MARKING])
    return out.getvalue()


def _head(measure: Measure, where: Where, view: View) -> Iterator[list[str]]:
    told = contract(measure, view)
    yield ["Marking", MARKING]
    if view.reader.is_simulated(view.force):
        yield ["Simulation", SIMULATION]
    yield ["Force", view.profile.title]
    yield ["As of", view.reader.present(view.force).astimezone(view.profile.zone()).isoformat(timespec="seconds")]
    yield from _reaches(measure, view)
    yield ["Measure", told.title, told.name]
    yield ["Question", told.question]
    limits = "; ".join(f"{name} is {' or '.join(words)}" for name, words in where.items())
    yield ["Limited to", limits or "nothing: the whole force"]
    yield from ([term, words] for term, words in told.terms)
    yield from (["Published", *figure] for figure in told.published)


def _reaches(measure: Measure, view: View) -> Iterator[list[str]]:
    """How far what a measure stands on has come: each feed by its own word, each partition of the log by its applied offset."""
    zone, stands_on = view.profile.zone(), {feed.name for feed in measure.feeds(view.profile)}
    for feed in view.reader.feeds(view.force):
        if feed.feed in stands_on:
            at = None if feed.complete_to is None else instant(feed.complete_to).astimezone(zone)
            yield ["Complete to", feed.feed, at.isoformat(timespec="seconds") if at else "not known"]
    for (topic, number), applied_offset in sorted(view.reader.applied_offsets().items()):
        if topic in measure.topics():
            yield ["Log counted up to offset", f"{topic} {number}", str(applied_offset)]
