"""The board's web application: its pages, their data and live updates, and the applications mounted with them."""

import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from dashboards.board.pages import FOLDERS, PAGES, data_routes
from dashboards.board.shared.background import BackgroundReadings
from dashboards.board.shared.contract import titled
from dashboards.board.shared.failure import FAILURE, failure_handler
from dashboards.board.shared.frame import read_frame
from dashboards.board.shared.live import LiveUpdates, Snapshot
from dashboards.board.shared.page import (
    FORCES_SEEN,
    MARKING,
    ForcePlace,
    LogEnds,
    Page,
    ReadAlerts,
    ReadEvents,
    ReadFeedChecks,
    ReadRoster,
    View,
    no_events,
    no_feed_checks,
    no_log_ends,
    no_roster,
)
from dashboards.board.shared.strip import areas, read_strip
from dashboards.board.shared.tile import displayed_measures
from facts.errors import QuestionError
from measures.outcome import microseconds
from producers.http.answer import Answer, AnswerRoute, openapi
from producers.http.headers import SecurityHeaders, page_headers
from producers.http.paths import own_path
from producers.http.problem import ProblemError, problem
from streams.readings import Reader

_PACKAGE = "dashboards.board"
_HEADERS = page_headers("script-src", "style-src", "connect-src", "img-src", "form-action")
_ABOUT_API = (
    "Every answer of the board and of its alerts. Figures come with their state, n and time; times have their zone. An error is "
    "a problem document (RFC 9457). Where a sign-in is needed, send a token. `explain` in an answer leads to what is behind it."
)
_API = Answer(summary="This document.", body=dict[str, Any])
_HEALTH = Answer(summary="Whether the board runs.", media=("text/plain",))
_STREAM = ("text/event-stream",)
_EVENTS = Answer(
    summary="The figures of pages, live, as server-sent events.",
    media=_STREAM,
    query={"page": "The name of a page; may be repeated."},
)
_EVENTS_OF_ONE = Answer(summary="The figures of a page, live, as server-sent events.", media=_STREAM)
NO_MOUNTS: Mapping[str, ASGIApp] = MappingProxyType({})


def board(
    reader: Reader,
    force: str,
    mounts: Mapping[str, ASGIApp] = NO_MOUNTS,
    log_ends: Callable[[], LogEnds] = no_log_ends,
    steady_seconds: Callable[[], float] = time.monotonic,
    alerts: ReadAlerts | None = None,
    feed_checks: ReadFeedChecks = no_feed_checks,
    program: str = "",
    root: str = "",
    forces: Sequence[ForcePlace] = (),
    region_routes: Sequence[BaseRoute] = (),
    roster: ReadRoster = no_roster,
    events: ReadEvents = no_events,
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
        program: the version and build, for the foot of each page; empty to show none.
        root: the path under which it is mounted.
        forces: every force of the installation, for the list of forces; empty if there is only one.
        region_routes: the routes of the page Region, which the API's document describes too.
        roster: reads how many call takers are planned.
        events: reads the planned events.
    """
    background = BackgroundReadings(reader, force, steady_seconds)
    view = View(
        reader, force, background, log_ends, alerts, feed_checks, program, root=root, roster=roster, events=events
    )
    pages = [page for page in PAGES if not page.needs or page.needs in mounts]
    live = _live(view, [*pages, FAILURE])

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        live.start()
        yield
        live.stop()

    async def follow(request: Request) -> Response:
        live.start()  # a board that is mounted under another one gets no start event of its own
        names = [request.path_params["name"]] if request.path_params else request.query_params.getlist("page")
        if not names or not live.channels.keys() >= set(names):
            raise problem(
                "no_such_place", 404, "There is no page of this name to follow.", "The pages link to each other."
            )
        stream = live.watch(names[0]) if request.path_params else live.watch_pages(names)
        return StreamingResponse(stream, media_type="text/event-stream")

    async def health(_: Request) -> Response:
        return PlainTextResponse("bluelamp board ok\n")

    templates = _templates(view, pages, forces)
    failed = failure_handler(templates, _HEADERS)

    routes: list[BaseRoute] = [_route(page, view, templates) for page in pages]
    routes += [
        AnswerRoute("/events/{name}", follow, _EVENTS_OF_ONE),
        AnswerRoute("/events", follow, _EVENTS),
        AnswerRoute("/health", health, _HEALTH),
        AnswerRoute("/api", _document(region_routes), _API),
        *data_routes(view),
    ]
    routes += [Mount(path, application) for path, application in mounts.items()]
    routes.append(Mount("/static", StaticFiles(packages=[(f"{_PACKAGE}.{folder}", "static") for folder in FOLDERS])))
    return Starlette(
        routes=routes,
        lifespan=lifespan,
        middleware=[Middleware(SecurityHeaders, headers=_HEADERS)],
        exception_handlers={HTTPException: failed, ProblemError: failed, Exception: failed},
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


def _templates(view: View, pages: list[Page], forces: Sequence[ForcePlace]) -> Environment:
    templates = Environment(loader=PackageLoader(_PACKAGE, ""), autoescape=True, undefined=StrictUndefined)
    listed = [page for page in pages if page.is_listed]
    templates.globals.update(
        force=view.profile.title,
        root=view.root,
        listed_forces=ForceList(tuple(forces)),
        request_scope={},
        zone=view.profile.time_zone,
        pages=listed,
        areas=areas(view),
        marking=MARKING,
        program=view.program,
        titled=titled,
    )
    return templates


class ForceList(NamedTuple):
    """The forces of the installation, for the list on every page.

    Attributes:
        forces: every force; one or none if the board has no list.
    """

    forces: tuple[ForcePlace, ...]

    def links(self, scope: MutableMapping[str, Any]) -> list[tuple[str, str]]:
        """The title and address of the same page in each force that the sender of a request may see, and of the page Region."""
        if "path" not in scope:  # the page of an error
            return []
        seen = scope.get(FORCES_SEEN)
        listed = [each for each in self.forces if seen is None or each.name in seen]
        path = own_path(scope)
        region = [("Region", "/region")] if len(listed) == len(self.forces) else []
        return [*((each.title, each.root + path) for each in listed), *region] if len(listed) > 1 else []


def _route(page: Page, view: View, templates: Environment) -> Route:
    async def serve(request: Request) -> Response:
        try:
            values: dict[str, Any] = {"page": page, "request_scope": request.scope, **page.context(view, request)}
        except QuestionError as error:
            raise problem("no_such_place", 404, error.what, error.hint) from None
        status = 400 if values.get("refused") else 200
        return HTMLResponse(templates.get_template(page.template).render(values), status)

    answer = Answer(summary=f"The page {page.title or page.name}.", media=("text/html",))
    return AnswerRoute(page.path, serve, answer, name=page.name)


def _document(further: Sequence[BaseRoute]) -> Callable[[Request], Awaitable[Response]]:
    """Answers with the API's document, of every route of the running application and of further ones at the same address."""

    async def answer(request: Request) -> Response:
        document = openapi("Blue Lamp board", _ABOUT_API, [*request.app.routes, *further])
        return Response(msgspec.json.encode(document), media_type="application/json")

    return answer
