"""Downloads: comments with marking, time and contract, then a header row and the rows of the page."""

import io
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dashboards.board.shared.blocking import Needed, as_file, blocking
from dashboards.board.shared.content_types import CSV, PARQUET, WORKBOOK
from dashboards.board.shared.contract import contract
from dashboards.board.shared.page import MARKING, View
from dashboards.report.document import Table
from dashboards.report.file import COLUMNS, table_rows
from measures.measure import Measure, Where
from measures.outcome import instant
from measures.reading import SIMULATION
from measures.spreadsheet import SafeRows
from producers.http.answer import AnswerRoute


class Sheet(NamedTuple):
    """The content of a file.

    Attributes:
        name: the words of the file's name.
        measure: the measure of its tables.
        where: the filters.
        head: further lines of the head, each with a term and its text.
        tables: in order.
    """

    name: tuple[str, ...]
    measure: Measure
    where: Where
    head: list[list[str]]
    tables: tuple[Table, ...]


def download_routes(
    page: str, sheet: Callable[[Request], Sheet], view: View, needs: Callable[[Request], Needed]
) -> list[Route]:
    """The routes that download what a page displays, as CSV, as Parquet and as an Excel workbook.

    Args:
        page: the page's name in the address.
        sheet: the content of the file.
        view: what the board reads.
        needs: what must be read first, a little at a time.
    """

    def in_kind(kind: str, write: Callable[[Sheet, View], str | bytes]) -> Route:
        def download(request: Request) -> Response:
            content = sheet(request)
            return as_file(write(content, view), kind, (page, *content.name), view)

        answer = {"csv": CSV, "parquet": PARQUET, "xlsx": WORKBOOK}[kind]
        return AnswerRoute(f"/{kind}/{page}/{{name}}", blocking(view, download, needs), answer)

    return [in_kind("csv", _csv_of), in_kind("parquet", _parquet_of), in_kind("xlsx", _workbook_of)]


def _csv_of(sheet: Sheet, view: View) -> str:
    """A row for each cell as it is displayed, with its unrounded value."""
    out = io.StringIO()
    rows = SafeRows(out)
    columns = (["Column", name, what] for name, what in COLUMNS)
    rows.writerows(as_comments([*head_of(sheet.measure, sheet.where, view), *sheet.head, *columns]))
    rows.writerow(name for name, _ in COLUMNS)
    rows.writerows(cells for table in sheet.tables for cells in table_rows(table))
    return out.getvalue()


def as_comments(head: Iterable[list[str]]) -> Iterator[list[str]]:
    """The lines of a head, each one line that begins with `#`, so that a program that skips comments reads only a table."""
    for term, *words in head:
        yield [f"# {term}", *(" ".join(each.split()) for each in words)]


def _parquet_of(sheet: Sheet, view: View) -> bytes:
    """The same rows and head as the CSV."""
    # pyarrow takes as long to import as all of the board.
    from dashboards.board.shared.parquet import in_parquet  # noqa: PLC0415

    return in_parquet([*head_of(sheet.measure, sheet.where, view), *sheet.head], sheet.tables)


def _workbook_of(sheet: Sheet, view: View) -> bytes:
    """The tables as they are displayed, each on a sheet, and the head of the CSV on the last one."""
    # As for Parquet: most people never download a workbook.
    from dashboards.board.shared.workbook import in_workbook  # noqa: PLC0415

    return in_workbook([*head_of(sheet.measure, sheet.where, view), *sheet.head], sheet.tables)


def head_of(measure: Measure, where: Where, view: View) -> Iterator[list[str]]:
    """The lines of a file's head: marking, force, time, data coverage, question, filters and contract."""
    declared = contract(measure, view)
    yield ["Marking", MARKING]
    if view.reader.is_simulated(view.force):
        yield ["Simulation", SIMULATION]
    yield ["Force", view.profile.title]
    yield ["As of", view.reader.present(view.force).astimezone(view.profile.zone()).isoformat(timespec="seconds")]
    yield from _coverage(measure, view)
    yield ["Measure", declared.title, declared.name]
    yield ["Question", declared.question]
    filters = "; ".join(f"{name} is {' or '.join(words)}" for name, words in where.items())
    yield ["Filter", filters or "none (whole force)"]
    yield from ([term, words] for term, words in declared.terms)
    yield from (["Published", *figure] for figure in declared.published)


def _coverage(measure: Measure, view: View) -> Iterator[list[str]]:
    """How complete the measure's data are: the time that each feed is complete to, and the applied offset of each partition."""
    zone, sources = view.profile.zone(), {feed.name for feed in measure.feeds(view.profile)}
    for feed in view.reader.feeds(view.force):
        if feed.feed in sources:
            at = None if feed.complete_to is None else instant(feed.complete_to).astimezone(zone)
            yield ["Complete to", feed.feed, at.isoformat(timespec="seconds") if at else "not known"]
    for (topic, number), applied_offset in sorted(view.reader.applied_offsets().items()):
        if topic in measure.topics():
            yield ["Applied offset", f"{topic} {number}", str(applied_offset)]
