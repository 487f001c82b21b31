"""The routes of a measure's data: its contract and its breakdown as JSON, and the breakdown as CSV."""

import io

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dashboards.board.measure.data import Breakdown, read_breakdown
from dashboards.board.shared.blocking import Needed, as_file, blocking
from dashboards.board.shared.contract import contract
from dashboards.board.shared.export import head_of
from dashboards.board.shared.page import MARKING, View
from dashboards.board.shared.query import BreakdownQuery, parse_query
from measures.catalogue import find
from measures.spreadsheet import SafeRows

_JSON = "application/json"


def _question(request: Request) -> BreakdownQuery:
    return parse_query(request.path_params["name"], request.query_params)


def _needs(request: Request) -> Needed:
    question = _question(request)
    return [] if question.measure.is_open() else [(question.measure, question.window)]


def routes(view: View) -> list[Route]:
    """The routes."""

    def contract_json(request: Request) -> Response:
        return Response(msgspec.json.encode(contract(find(request.path_params["name"]), view)), media_type=_JSON)

    def breakdown_json(request: Request) -> Response:
        return Response(msgspec.json.encode(read_breakdown(_question(request), view)), media_type=_JSON)

    def breakdown_csv(request: Request) -> Response:
        question = _question(request)
        content = csv_of(question, read_breakdown(question, view, listed_most=None), view)
        return as_file(content, "csv", (question.measure.name, question.window, question.by), view)

    return [
        Route("/api/contract/{name}", blocking(view, contract_json)),
        Route("/api/measure/{name}", blocking(view, breakdown_json, _needs)),
        Route("/csv/{name}", blocking(view, breakdown_csv, _needs)),
    ]


def csv_of(question: BreakdownQuery, breakdown: Breakdown, view: View) -> str:
    """A breakdown as CSV (RFC 4180): its rows, their total, and the open subjects."""
    out = io.StringIO()
    rows = SafeRows(out)
    rows.writerows(head_of(question.measure, question.where, view))
    rows.writerow(["Window", question.window])
    rows.writerow(["State", breakdown.tile.state, breakdown.tile.reason])
    rows.writerow(["Check", breakdown.says])
    rows.writerow([])
    rows.writerow(breakdown.columns)
    rows.writerows((each.name, *each.cells) for each in breakdown.rows)
    rows.writerow(breakdown.total)
    if breakdown.subjects is not None:
        rows.writerow([])
        rows.writerow([f"{breakdown.subjects.says}: {breakdown.subjects.count}"])
        rows.writerow(breakdown.subjects.columns)
        rows.writerows(breakdown.subjects.rows)
    rows.writerow([MARKING])
    return out.getvalue()
