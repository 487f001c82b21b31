"""Reads and checks the bodies of requests."""

from typing import TypeVar
from urllib.parse import parse_qsl

import msgspec
from starlette.requests import Request

from producers.http.problem import problem

BODY_BYTES, PAYLOAD_BYTES = 16_384, 4_194_304
"""The largest body from a person, and from an engine."""
JSON = "application/json"
_Body = TypeVar("_Body")


async def read_body(request: Request, max_bytes: int = BODY_BYTES) -> bytes:
    """A request's body.

    Raises:
        ProblemError: it is too large.
    """
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > max_bytes:
            raise problem("too_large", 413, f"The body is larger than {max_bytes:,} bytes.", "Send a smaller body.")
    return body


def decode_body(body: bytes, kind: type[_Body]) -> _Body:
    """A body as an object; an empty body is an empty JSON object.

    Raises:
        ProblemError: it is not JSON, or not of this kind.
    """
    try:
        return msgspec.json.decode(body or b"{}", type=kind)
    except msgspec.DecodeError as error:
        title = f"The body cannot be read: {error}."
        raise problem("not_understood", 422, title, "docs/run/inbox.md shows what to send.") from None


async def read_form(request: Request) -> dict[str, str]:
    """The fields of a form, or of a JSON object.

    Raises:
        ProblemError: it is neither, or too large.
    """
    body = await read_body(request)
    media_type = request.headers.get("content-type", "").partition(";")[0]
    if media_type == JSON:
        return decode_body(body, dict[str, str])
    if media_type != "application/x-www-form-urlencoded":
        raise problem("wrong_media_type", 415, "The body is neither a form nor JSON.", "Send a form or JSON.")
    return dict(parse_qsl(body.decode(errors="replace")))
