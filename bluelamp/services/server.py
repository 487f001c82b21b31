"""How every service over HTTP runs: the hosts it serves, its time-outs, and how many connections it takes."""

import asyncio
import resource
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import h11
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from producers.http.hosts import OwnHosts
from producers.http.problem import problem, response_of

HEADER_SECONDS, REQUEST_SECONDS = 10.0, 30.0
"""How long the head of a request, and a whole request, may take to arrive."""
_CONNECTIONS_WAITING = 1024
_FILES = 8192
STREAMS_MAX = 1000
"""The largest number of event streams at once."""


class TimedProtocol(H11Protocol):
    """uvicorn's connection, which closes if a request does not arrive in time: so a slow sender cannot hold it open."""

    _limit: asyncio.TimerHandle | None = None
    _is_in_body = False

    def connection_made(self, transport: Any) -> None:
        """Begin to wait for the head of the first request."""
        super().connection_made(transport)
        self._restart(HEADER_SECONDS)

    def data_received(self, data: bytes) -> None:
        """Limit the wait for the rest of a request; once the request is whole, nothing is awaited."""
        super().data_received(data)
        state = self.conn.their_state
        if state is h11.SEND_BODY and not self._is_in_body:
            self._is_in_body = True
            self._restart(REQUEST_SECONDS)
        elif state is h11.IDLE and self._limit is None:
            self._restart(HEADER_SECONDS)
        elif state not in (h11.IDLE, h11.SEND_BODY):
            self._is_in_body = False
            self._cancel()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._cancel()
        super().connection_lost(exc)

    def _restart(self, seconds: float) -> None:
        self._cancel()
        self._limit = self.loop.call_later(seconds, self._close)

    def _cancel(self) -> None:
        if self._limit:
            self._limit.cancel()
        self._limit = None

    def _close(self) -> None:
        self._limit = None
        if not self.transport.is_closing():
            self.transport.abort()


class StreamLimit:
    """Refuses event streams beyond a number, so that one client that opens thousands does not stop everybody else's pages.

    Args:
        app: the application.
        limit: the most streams at once.
    """

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self._app, self._limit = app, limit
        self._open = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        if scope["type"] != "http" or "/events" not in scope["path"]:
            await self._app(scope, receive, send)
            return
        if self._open >= self._limit:
            title = f"There are {self._limit:,} event streams already."
            full = problem("too_many_streams", 503, title, "Try again later.", {"Retry-After": "30"})
            await response_of(full)(scope, receive, send)
            return
        self._open += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._open -= 1


def server(application: ASGIApp, names: Sequence[str], shutdown_seconds: int) -> uvicorn.Server:
    """A server for an application.

    Args:
        application: what it serves.
        names: the host names under which it is reached.
        shutdown_seconds: how long open requests may take at the end.
    """
    allow_files()
    config = uvicorn.Config(
        OwnHosts(StreamLimit(application, STREAMS_MAX), names),
        http=TimedProtocol,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ws="none",
        backlog=_CONNECTIONS_WAITING,
        timeout_graceful_shutdown=shutdown_seconds,
    )
    return uvicorn.Server(config)


def allow_files() -> None:
    """Let this process have as many connections as the system allows it, up to some thousands."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if hard == resource.RLIM_INFINITY else min(_FILES, hard)
    if soft < wanted:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
