"""The application of the page Region: the page itself and its data, for people who may see every force."""

import asyncio
import time
from collections.abc import Sequence

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined
from redis.exceptions import RedisError
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from dashboards.board.region.data import Region, RegionReadings
from dashboards.board.shared.page import MARKING, View
from facts.errors import BlueLampError
from producers.http.answer import Answer, AnswerRoute
from producers.http.headers import SecurityHeaders, page_headers
from producers.http.problem import problem, response_of
from streams.refusal import refusal_of

PATH = "/region"
DATA = "/api/region"
_ABOUT_PAGE = Answer(summary="The page Region.", media=("text/html",))
_ABOUT_DATA = Answer(summary="Every force side by side, and figures for all of them together.", body=Region)


def region(views: Sequence[View]) -> Starlette:
    """The application; it does not check who may see it.

    Args:
        views: the forces, which share one reader.
    """
    templates = Environment(loader=PackageLoader("dashboards.board", ""), autoescape=True, undefined=StrictUndefined)
    readings = RegionReadings(views, time.monotonic)

    async def page(_: Request) -> Response:
        template = templates.get_template("region/region.html")
        return HTMLResponse(template.render(places=[each.place for each in views], marking=MARKING, data=DATA))

    async def data(_: Request) -> Response:
        try:
            content = msgspec.json.encode(await asyncio.to_thread(readings))
        except (RedisError, OSError) as error:
            refusal = refusal_of(error)
            return response_of(problem("state_unavailable", 503, refusal.sentence(), refusal.advice()))
        except BlueLampError as error:
            return response_of(problem("state_unavailable", 503, error.what, error.hint))
        return Response(content, media_type="application/json")

    headers = page_headers("script-src", "style-src", "connect-src", "img-src")
    return Starlette(
        routes=[AnswerRoute(PATH, page, _ABOUT_PAGE), AnswerRoute(DATA, data, _ABOUT_DATA)],
        middleware=[Middleware(SecurityHeaders, headers=headers)],
    )
