"""The board's web application: its pages, their data and live updates, and the applications mounted with them."""

import contextlib
import time
from collections.abc import AsyncIterator, Callable, Mapping
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

from dashboards.board.pages import FOLDERS, PAGES, data_routes
from dashboards.board.shared.background import BackgroundReadings
from dashboards.board.shared.frame import read_frame
from dashboards.board.shared.live import LiveUpdates, Snapshot
from dashboards.board.shared.not_found import NOT_FOUND
from dashboards.board.shared.page import (
    MARKING,
    LogEnds,
    Page,
    ReadAlerts,
    ReadFeedChecks,
    View,
    error_words,
    no_feed_checks,
    no_log_ends,
)
from dashboards.board.shared.strip import areas, read_strip
from dashboards.board.shared.tile import displayed_measures
from facts.errors import QuestionError
from measures.outcome import microseconds
from producers.http.headers import SecurityHeaders, page_headers
from producers.http.problem import problem, response_of
from streams.readings import Reader

_PACKAGE = "dashboards.board"
_HEADERS = page_headers("script-src", "style-src", "connect-src", "img-src")
_FOR_PROGRAMS = ("/api/", "/csv/", "/parquet/", "/svg/", "/events/", "/static/")
"""Paths whose errors are for programs, so a 404 there is JSON and not a page."""
NO_MOUNTS: Mapping[str, ASGIApp] = MappingProxyType({})


def board(
    reader: Reader,
    force: str,
    mounts: Mapping[str, ASGIApp] = NO_MOUNTS,
    log_ends: Callable[[], LogEnds] = no_log_ends,
    steady_seconds: Callable[[], float] = time.monotonic,
    alerts: ReadAlerts | None = None,
    feed_checks: ReadFeedChecks = no_feed_checks,
) -> Starlette:
    """The application, for any ASGI server.

    Args:
        reader: reads the state.
        force: the force whose figures are displayed.
        mounts: further applications by their path, such as `/api/alerts`; pages that need one exist only with it.
        log_ends: gives the end of the log by topic and partition; None while the log does not answer.
        steady_seconds: a clock that never jumps.
        alerts: reads the alerts of the mounted inbox; None without one.
        feed_checks: gives what the checks found in the facts of the last hour; None while it is not known.
    """
    view = View(reader, force, BackgroundReadings(reader, force, steady_seconds), log_ends, alerts, feed_checks)
    pages = [page for page in PAGES if not page.needs or page.needs in mounts]
    live = _live(view, [*pages, NOT_FOUND])

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        live.start()
        yield
        live.stop()

    async def events(request: Request) -> Response:
        name = request.path_params["name"]
        if name not in live.channels:
            return PlainTextResponse("Page not found.\n", status_code=404)
        return StreamingResponse(live.watch(name), media_type="text/event-stream")

    async def health(_: Request) -> Response:
        return PlainTextResponse("bluelamp board ok\n")

    templates = _templates(view, pages)

    async def not_found(request: Request, _: Exception) -> Response:
        path = request.scope["path"]
        detail = f"There is nothing at {path}."
        if path.startswith(_FOR_PROGRAMS):
            return response_of(problem("no_such_place", 404, "Not found.", detail))
        return _not_found_page(detail, templates)

    routes: list[BaseRoute] = [_route(page, view, templates) for page in pages]
    routes += [Route("/events/{name}", events), Route("/health", health), *data_routes(view)]
    routes += [Mount(path, application) for path, application in mounts.items()]
    routes.append(Mount("/static", StaticFiles(packages=[(f"{_PACKAGE}.{folder}", "static") for folder in FOLDERS])))
    return Starlette(
        routes=routes,
        lifespan=lifespan,
        middleware=[Middleware(SecurityHeaders, headers=_HEADERS)],
        exception_handlers={404: not_found},
    )


def _live(view: View, pages: list[Page]) -> LiveUpdates:
    """One stream for each page; all watched pages are read at one moment, so that they agree."""
    reads = {page.name: page.read for page in pages}
    measures = [measure for measure in displayed_measures(view) if not measure.is_open()]
    displayed: dict[str, str] = {}

    def read(watched: set[str]) -> Snapshot:
        reader, force = view.reader, view.force

        def pages_at_one_moment() -> Snapshot:
            nonlocal displayed
            displayed = reader.position()
            frame = {**read_frame(reader, force), "strip": read_strip(view)}
            # Pages that share a read function share its result.
            parts = {each: each(view) for each in {reads[name] for name in watched}}
            now = microseconds(reader.present(force)) // 1000
            return Snapshot(now, {name: frame | parts[reads[name]] for name in watched})

        snapshot = reader.at_one_moment(pages_at_one_moment)
        view.background.refresh(measures)
        return snapshot

    return LiveUpdates(reads, read, lambda seconds: view.reader.wait(seconds, displayed))


def _templates(view: View, pages: list[Page]) -> Environment:
    templates = Environment(loader=PackageLoader(_PACKAGE, ""), autoescape=True, undefined=StrictUndefined)
    listed = [page for page in pages if page.is_listed]
    templates.globals.update(
        force=view.profile.title, zone=view.profile.time_zone, pages=listed, areas=areas(view), marking=MARKING
    )
    return templates


def _route(page: Page, view: View, templates: Environment) -> Route:
    async def serve(request: Request) -> Response:
        try:
            values: dict[str, Any] = {"page": page, **page.context(view, request)}
        except QuestionError as error:
            return _not_found_page(error_words(error), templates)
        return HTMLResponse(templates.get_template(page.template).render(values))

    return Route(page.path, serve, name=page.name)


def _not_found_page(detail: str, templates: Environment) -> Response:
    template = templates.get_template(NOT_FOUND.template)
    return HTMLResponse(template.render(page=NOT_FOUND, detail=detail), status_code=404)
