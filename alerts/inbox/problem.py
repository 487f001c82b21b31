"""What the inbox answers when it does nothing: a problem document (RFC 9457) that says what happened and what to do."""

from collections.abc import Mapping
from typing import Literal

import msgspec
from msgspec import Struct
from starlette.responses import Response

MEDIA_TYPE = "application/problem+json"

Kind = Literal[
    "no_such_place",
    "no_such_method",
    "no_such_alert",
    "not_signed_in",
    "not_allowed",
    "nobody_may_act",
    "from_elsewhere",
    "too_many_attempts",
    "has_ended",
    "not_understood",
    "too_large",
    "wrong_media_type",
    "state_unavailable",
    "our_fault",
]


class Problem(Struct, frozen=True, kw_only=True):
    """Why nothing was done.

    Attributes:
        type: a URN for each kind of problem.
        title: what happened.
        status: the HTTP status, again.
        detail: what to do.
    """

    type: str
    title: str
    status: int
    detail: str


class ProblemError(Exception):
    """A request that is answered with a problem.

    Args:
        kind: which.
        status: of HTTP.
        title: what happened.
        detail: what to do.
        headers: of the answer, beside its media type.
    """

    def __init__(
        self, kind: Kind, status: int, title: str, detail: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(title)
        self.problem = Problem(type=f"urn:bluelamp:problem:{kind}", title=title, status=status, detail=detail)
        self.headers = dict(headers or {})


def response_of(error: ProblemError) -> Response:
    """The answer that tells a problem."""
    body = msgspec.json.encode(error.problem)
    return Response(body, error.problem.status, media_type=MEDIA_TYPE, headers=error.headers)
