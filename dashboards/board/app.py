"""The board's web application: its pages, their style and scripts, the streams of their parts, and what is mounted beside."""

import contextlib
import time
from collections.abc import AsyncIterator, Callable, Mapping
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from dashboards.board.answers import answers
from dashboards.board.background import Slow
from dashboards.board.frame import take_frame
from dashboards.board.live import LiveUpdates, Look
from dashboards.board.page import MARKING, LogEnds, Page, View, sentences, unasked
from dashboards.board.pages import PAGES
from dashboards.board.pages.unknown import UNKNOWN
from dashboards.board.tile import shown
from facts.errors import QuestionError
from measures.outcome import microseconds
from producers.http.headers import SecurityHeaders, page_headers
from producers.http.problem import problem, response_of
from streams.readings import Reader

_HEADERS = page_headers("script-src", "style-src", "connect-src", "img-src")
_FOR_PROGRAMS = ("/api/", "/csv/", "/parquet/", "/svg/", "/events/", "/static/")
"""Addresses that are answered with no page."""
NO_MOUNTS: Mapping[str, ASGIApp] = MappingProxyType({})


def board(
    reader: Reader,
    force: str,
    mounts: Mapping[str, ASGIApp] = NO_MOUNTS,
    log_ends: Callable[[], LogEnds] = unasked,
    steady_seconds: Callable[[], float] = time.monotonic,
) -> Starlette:
    """The application, for any ASGI server.

    Args:
        reader: of the state.
        force: whose figures it shows.
        mounts: further applications by their path, such as `/api/alerts`; pages that need one exist only with it.
        log_ends: where the log ends, by topic and partition, at the last look; None when it does not answer.
        steady_seconds: a clock that never jumps.
    """
    view = View(reader, force, Slow(reader, force, steady_seconds), log_ends)
    pages = [page for page in PAGES if not page.needs or page.needs in mounts]
    live = _live(view, [*pages, UNKNOWN])

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        live.start()
        yield
        live.stop()

    async def events(request: Request) -> Response:
        name = request.path_params["name"]
        if name not in live.channels:
            return PlainTextResponse("There is no such page.\n", status_code=404)
        return StreamingResponse(live.watch(name), media_type="text/event-stream")

    async def health(_: Request) -> Response:
        return PlainTextResponse("bluelamp board ok\n")

    templates = _templates(view, pages)

    async def not_found(request: Request, _: Exception) -> Response:
        path = request.scope["path"]
        says = f"The board has nothing at {path}."
        if path.startswith(_FOR_PROGRAMS):
            return response_of(problem("no_such_place", 404, "There is no such address.", says))
        return _unknown(says, templates)

    routes: list[BaseRoute] = [_route(page, view, templates) for page in pages]
    routes += [Route("/events/{name}", events), Route("/health", health), *answers(view)]
    routes += [Mount(path, application) for path, application in mounts.items()]
    routes.append(Mount("/static", StaticFiles(directory=str(files("dashboards.board").joinpath("static")))))
    return Starlette(
        routes=routes,
        lifespan=lifespan,
        middleware=[Middleware(SecurityHeaders, headers=_HEADERS)],
        exception_handlers={404: not_found},
    )


def _live(view: View, pages: list[Page]) -> LiveUpdates:
    """One stream for each page; those that are watched are looked at together, so that they agree."""
    takes = {page.name: page.take for page in pages}
    slow = [measure for measure in shown(view) if not measure.is_open()]

    def look(watched: set[str]) -> Look:
        reader, force = view.reader, view.force

        def page() -> Look:
            frame = take_frame(reader, force)
            taken = {take: take(view) for take in {takes[name] for name in watched}}
            now = microseconds(reader.present(force)) // 1000
            return Look(now, {name: frame | taken[takes[name]] for name in watched})

        found = reader.at_one_moment(page)
        view.slow.work(slow)
        return found

    return LiveUpdates(takes, look, view.reader.wait)


def _templates(view: View, pages: list[Page]) -> Environment:
    found = Environment(loader=PackageLoader("dashboards.board"), autoescape=True, undefined=StrictUndefined)
    listed = [page for page in pages if page.is_listed]
    found.globals.update(force=view.profile.title, zone=view.profile.time_zone, pages=listed, marking=MARKING)
    return found


def _route(page: Page, view: View, templates: Environment) -> Route:
    async def show(request: Request) -> Response:
        try:
            words: dict[str, Any] = {"page": page, **page.words(view, request)}
        except QuestionError as error:
            return _unknown(sentences(error), templates)
        return HTMLResponse(templates.get_template(f"{page.name}.html").render(words))

    return Route(page.path, show, name=page.name)


def _unknown(says: str, templates: Environment) -> Response:
    return HTMLResponse(templates.get_template("unknown.html").render(page=UNKNOWN, says=says), status_code=404)
