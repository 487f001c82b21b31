"""Who may view what on the board, and the record of who viewed or exported what at board and inbox."""

import json
import logging
import os
import re
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from alerts.inbox.api.guard import Area, Guard
from alerts.inbox.api.people import Person
from bluelamp.services.inbox_client import API_PATH
from bluelamp.wiring.logs import is_json
from dashboards.board.forces import UNDER
from dashboards.board.shared.page import FORCES_SEEN, ForcePlace
from facts.errors import SettingError
from measures.catalogue import CATALOGUE
from producers.http.paths import own_path
from producers.http.problem import ProblemError, response_of

_logger = logging.getLogger("bluelamp.access")
_OPEN = ("/health", "/ready", "/metrics")
_OPEN_BELOW = ("/static/", f"{API_PATH}/")
"""What everyone may request; the alerts API and the metrics guard their own paths."""
_CUSTODY_PAGES = frozenset({"custody", "handover"})
_CUSTODY_MEASURES = frozenset(name for name, each in CATALOGUE.items() if "custody" in each.topics())
_EXPORTS = ("/csv/", "/parquet/", "/svg/", "/report", f"{API_PATH}/export")
_NOT_RECORDED = (
    "/health",
    "/ready",
    "/metrics",
    "/static/",
    f"{API_PATH}/session",
    f"{API_PATH}/sign-in.js",
    f"{API_PATH}/oidc",
)
_AGAIN = timedelta(hours=1)
_REMEMBERED_MAX = 10_000


def area_of(path: str) -> Area | None:
    """What a path of the board shows; None if everyone may request it."""
    if path in _OPEN or path.startswith(_OPEN_BELOW):
        return None
    words = frozenset(path.strip("/").split("/"))
    if words & _CUSTODY_PAGES or words & _CUSTODY_MEASURES:
        return "custody"
    return "alerts" if "alerts" in words else "board"


class BoardAccess:
    """Lets a request through if its sender may view the force and what the request asks for; a person without a session is sent to the sign-in page.

    It is plain ASGI, so that event streams pass through unbuffered.

    Args:
        app: the board of a force, or the page of the region.
        guard: decides.
        forces: the forces whose figures it shows.
        places: every force of the installation. Somebody who opens the front page of a force that they may not see is sent to one that they may see.
    """

    def __init__(self, app: ASGIApp, guard: Guard, forces: Iterable[str], places: Sequence[ForcePlace] = ()) -> None:
        self._app, self._guard, self._forces, self._places = app, guard, frozenset(forces), places

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        area = area_of(own_path(scope)) if scope["type"] == "http" else None
        try:
            if area:
                self._guard.require_view(Request(scope), area)
                self._guard.require_forces(Request(scope), self._forces)
                scope[FORCES_SEEN] = self._guard.forces_of(self._guard.identify(Request(scope)))
        except ProblemError as error:
            response = self._own_board(Request(scope), error) or _refusal(Request(scope), error)
            await response(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _own_board(self, request: Request, error: ProblemError) -> Response | None:
        """Sends somebody from the front page of this force to that of the first force that they may see; None if there is no such force."""
        if error.problem.status != 403 or own_path(request.scope) != "/":  # noqa: PLR2004 - HTTP's own number
            return None
        allowed = self._guard.forces_of(self._guard.identify(request)) or ()
        own = next((each for each in self._places if each.name in allowed and each.name not in self._forces), None)
        return RedirectResponse(f"{own.root}/", status_code=303) if own else None


def _refusal(request: Request, error: ProblemError) -> Response:
    is_page = request.method == "GET" and "text/html" in request.headers.get("accept", "")
    if is_page and error.problem.status == 401:  # noqa: PLR2004 - HTTP's own number
        path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse(f"{API_PATH}/sign-in?{urlencode({'next': path})}", status_code=303)
    return response_of(error)


class AccessLog:
    """Records who viewed or exported what: each export, and each page or stream once an hour, because pages poll.

    Args:
        app: the application.
        guard: says who a request is from.
        write: writes one line.
        now: the wall clock.
    """

    def __init__(self, app: ASGIApp, guard: Guard, write: Callable[[str], None], now: Callable[[], datetime]) -> None:
        self._app, self._guard, self._write, self._now = app, guard, write, now
        self._recorded: dict[tuple[Any, ...], datetime] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        if scope["type"] != "http" or _in_force(scope["path"]).startswith(_NOT_RECORDED):
            await self._app(scope, receive, send)
            return

        # Before it is answered: signing out ends the session.
        person = self._person(Request(scope))

        async def send_recorded(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._record(Request(scope), person, message["status"])
            await send(message)

        await self._app(scope, receive, send_recorded)

    def _record(self, request: Request, person: Person | None, status: int) -> None:
        entry = {
            "by": person.login if person else "",
            "role": person.role if person else "",
            "from": request.client.host if request.client else "",
            "method": request.method,
            "path": request.scope["path"],
            "query": request.url.query,
            "status": status,
        }
        now = self._now()
        if self._is_due(tuple(entry.values()), now, is_export=_in_force(entry["path"]).startswith(_EXPORTS)):
            self._write(json.dumps({"at": now.isoformat(), **entry}))

    def _person(self, request: Request) -> Person | None:
        try:
            return self._guard.identify(request)
        except ProblemError:
            return None

    def _is_due(self, key: tuple[Any, ...], now: datetime, *, is_export: bool) -> bool:
        before = self._recorded.pop(key, None)
        is_due = is_export or before is None or not timedelta() <= now - before < _AGAIN
        if len(self._recorded) >= _REMEMBERED_MAX:
            del self._recorded[next(iter(self._recorded))]
        self._recorded[key] = now if is_due or before is None else before
        return is_due


def _in_force(path: str) -> str:
    """A path without `/forces/NAME` at its beginning."""
    return re.sub(rf"^{UNDER}/[^/]+(?=/)", "", path)


def writer_to(path: str) -> Callable[[str], None]:
    """A function that appends lines to a file that only its owner may read; an empty path writes to the output.

    Each line opens the file again, so that it can be rotated by renaming it.

    Raises:
        SettingError: the file cannot be written.
    """
    if not path and is_json():
        return lambda line: _logger.info("access", extra={"access": json.loads(line)})
    if not path:
        return lambda line: _logger.info("%s", line)

    def write(line: str) -> None:
        try:
            _append(path, f"{line}\n")
        except OSError as error:
            _logger.error("%s cannot be written (%s): %s", path, error.strerror, line)  # noqa: TRY400 - said in full

    try:
        _append(path, "")
    except OSError as error:
        hint = "Set it to a file in a directory that this program may write to."
        what = f"The file cannot be written: {error.strerror}."
        raise SettingError(what, where=f"BLUELAMP_ACCESS_LOG={path}", hint=hint) from None
    return write


def _append(path: str, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    with open(descriptor, "a") as file:  # noqa: PTH123 - Path.open cannot say who may read a new file
        file.write(text)
