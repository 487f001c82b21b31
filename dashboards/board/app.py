"""The board's web application: one page, its style and script, and the stream of its figures."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from importlib.resources import files

from jinja2 import Environment, PackageLoader
from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dashboards.board.live import Live
from dashboards.board.snapshot import FEED_COLUMNS, columns, take
from streams.readings import Reader

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


def board(reader: Reader, force: str) -> Starlette:
    """The application, for any ASGI server.

    Args:
        reader: of the state.
        force: whose figures it shows.
    """
    live = Live(lambda: take(reader, force), reader.wait)
    pages = Environment(loader=PackageLoader("dashboards.board"), autoescape=True)

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        following = asyncio.create_task(live.follow())
        yield
        following.cancel()

    async def page(_: Request) -> Response:
        title = reader.rules[force].force.title
        told = {"title": title, "columns": columns(reader, force), "feed_columns": FEED_COLUMNS}
        return HTMLResponse(pages.get_template("board.html").render(told))

    async def events(_: Request) -> Response:
        return StreamingResponse(live.watch(), media_type="text/event-stream")

    async def health(_: Request) -> Response:
        return PlainTextResponse("ok\n")

    static = StaticFiles(directory=str(files("dashboards.board").joinpath("static")))
    routes = [Route("/", page), Route("/events", events), Route("/health", health), Mount("/static", static)]
    return Starlette(routes=routes, lifespan=lifespan, middleware=[Middleware(_Secured)])


class _Secured:
    """Puts the security headers on every answer; plain ASGI, so that streams pass through untouched."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_secured(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        await self._app(scope, receive, send_secured)
