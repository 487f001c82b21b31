"""What pages ask for beside their stream: a measure's contract, a breakdown, and the same as a file."""

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dashboards.board.blocking import Needed, as_file, blocking
from dashboards.board.charting import routes as charting
from dashboards.board.comparing import routes as comparing
from dashboards.board.contract import contract
from dashboards.board.drill import asked, take_drill
from dashboards.board.exploring import routes as exploring
from dashboards.board.export import written
from dashboards.board.handover import routes as handing_over
from dashboards.board.page import View
from measures.catalogue import find

_JSON = "application/json"


def _needs(request: Request) -> Needed:
    question = asked(request.path_params["name"], request.query_params)
    return [] if question.measure.is_open() else [(question.measure, question.window)]


def answers(view: View) -> list[Route]:
    """The routes."""

    def told(request: Request) -> Response:
        return Response(msgspec.json.encode(contract(find(request.path_params["name"]), view)), media_type=_JSON)

    def broken_down(request: Request) -> Response:
        drill = take_drill(asked(request.path_params["name"], request.query_params), view)
        return Response(msgspec.json.encode(drill), media_type=_JSON)

    def exported(request: Request) -> Response:
        question = asked(request.path_params["name"], request.query_params)
        text = written(question, take_drill(question, view, listed_most=None), view)
        return as_file(text, "csv", (question.measure.name, question.window, question.by), view)

    return [
        Route("/api/contract/{name}", blocking(view, told)),
        Route("/api/measure/{name}", blocking(view, broken_down, _needs)),
        Route("/csv/{name}", blocking(view, exported, _needs)),
        *comparing(view),
        *charting(view),
        *exploring(view),
        *handing_over(view),
    ]
