"""Sends one request to an ASGI application, without a server."""

import asyncio
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from starlette.types import ASGIApp

NO_HEADERS: Mapping[str, str] = MappingProxyType({})


class Answer(NamedTuple):
    """The response of an application: header names in lower case, and the body."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()


def get(application: ASGIApp, path: str, query: str = "", headers: Mapping[str, str] = NO_HEADERS) -> Answer:
    """The response to a GET request; it must end by itself."""
    return asyncio.run(_request(application, "GET", path, query, headers))


def post(application: ASGIApp, path: str, body: bytes, headers: Mapping[str, str] = NO_HEADERS) -> Answer:
    """The response to a POST request with this body."""
    return asyncio.run(_request(application, "POST", path, "", headers, body))


async def _request(
    application: ASGIApp, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes = b""
) -> Answer:
    messages: list[Any] = []
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "scheme": "http",
        "query_string": query.encode(),
        "headers": [(b"host", b"board"), *((name.lower().encode(), value.encode()) for name, value in headers.items())],
        "client": ("127.0.0.1", 1),
        "server": ("board", 80),
    }

    sent = iter([{"type": "http.request", "body": body, "more_body": False}])

    async def receive() -> dict[str, Any]:
        for message in sent:
            return message
        await asyncio.Event().wait()  # the client waits for its answer
        raise AssertionError

    async def send(message: Any) -> None:
        messages.append(message)

    await application(scope, receive, send)
    received = {name.decode().lower(): value.decode() for name, value in messages[0]["headers"]}
    return Answer(messages[0]["status"], received, b"".join(each.get("body", b"") for each in messages[1:]))
