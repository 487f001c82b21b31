"""The application of the page Region: the page itself and its data, as JSON and as a file, for people who may see every force."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined
from redis.exceptions import RedisError
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from dashboards.board.region.data import Region, RegionReadings
from dashboards.board.region.file import CONTENT, latest, region_file
from dashboards.board.shared.blocking import file_response
from dashboards.board.shared.content_types import CSV as CSV_TYPE
from dashboards.board.shared.page import MARKING, View
from facts.errors import BlueLampError
from producers.http.answer import Answer, AnswerRoute
from producers.http.headers import SecurityHeaders, page_headers
from producers.http.problem import problem, response_of
from streams.refusal import refusal_of

PATH, DATA, CSV = "/region", "/api/region", "/csv/region"
PATHS = frozenset({PATH, DATA, CSV})
"""Every path of the application."""
_ABOUT_PAGE = Answer(summary="The page Region.", media=("text/html",))
_ABOUT_DATA = Answer(summary="Every force side by side, and figures for all of them together.", body=Region)
_ABOUT_CSV = Answer(summary=f"The same as CSV: {CONTENT}.", media=CSV_TYPE.media)


def region(views: Sequence[View]) -> Starlette:
    """The application; it does not check who may see it.

    Args:
        views: the forces, which share one reader.
    """
    templates = Environment(loader=PackageLoader("dashboards.board", ""), autoescape=True, undefined=StrictUndefined)
    readings = RegionReadings(views, time.monotonic)

    async def page(_: Request) -> Response:
        template = templates.get_template("region/region.html")
        return HTMLResponse(template.render(places=[each.place for each in views], marking=MARKING, data=DATA, csv=CSV))

    def answering(made: Callable[[Region], Response]) -> Callable[[Request], Awaitable[Response]]:
        async def answer(_: Request) -> Response:
            try:
                return made(await asyncio.to_thread(readings))
            except (RedisError, OSError) as error:
                refusal = refusal_of(error)
                return response_of(problem("state_unavailable", 503, refusal.sentence(), refusal.advice()))
            except BlueLampError as error:
                return response_of(problem("state_unavailable", 503, error.what, error.hint))

        return answer

    def data(content: Region) -> Response:
        return Response(msgspec.json.encode(content), media_type="application/json")

    def file(content: Region) -> Response:
        return file_response(region_file(content), "csv", ["region"], latest(content))

    headers = page_headers("script-src", "style-src", "connect-src", "img-src")
    return Starlette(
        routes=[
            AnswerRoute(PATH, page, _ABOUT_PAGE),
            AnswerRoute(DATA, answering(data), _ABOUT_DATA),
            AnswerRoute(CSV, answering(file), _ABOUT_CSV),
        ],
        middleware=[Middleware(SecurityHeaders, headers=headers)],
    )
