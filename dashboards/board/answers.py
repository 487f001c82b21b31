"""What pages ask for beside their stream: a measure's contract, a breakdown, and the same as a file."""

import asyncio
import re
from collections.abc import Callable

import msgspec
from redis.exceptions import RedisError
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from dashboards.board.contract import contract
from dashboards.board.drill import asked, take_drill
from dashboards.board.export import written
from dashboards.board.page import View
from facts.errors import QuestionError
from measures.catalogue import find

_JSON = "application/json"


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
        words = (
            question.measure.name,
            question.window,
            question.by,
            f"{view.reader.present(view.force):%Y%m%dT%H%M%SZ}",
        )
        name = re.sub(r"[^A-Za-z0-9_.-]+", "_", "-".join(each for each in words if each))
        headers = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
        return PlainTextResponse(text, media_type="text/csv; charset=utf-8", headers=headers)

    return [
        Route("/api/contract/{name}", _blocking(view, told)),
        Route("/api/measure/{name}", _blocking(view, broken_down)),
        Route("/csv/{name}", _blocking(view, exported)),
    ]


def _blocking(view: View, answer: Callable[[Request], Response]) -> Callable[[Request], object]:
    """Answers in a thread, with the reader held steady; says what is wrong with a question, and when the state is gone."""

    def steady(request: Request) -> Response:
        with view.reader.steady():
            return answer(request)

    async def answered(request: Request) -> Response:
        try:
            return await asyncio.to_thread(steady, request)
        except QuestionError as error:
            return PlainTextResponse(f"{error}\n", status_code=404)
        except (RedisError, OSError):
            return PlainTextResponse("The state server does not answer.\n", status_code=503)

    return answered
