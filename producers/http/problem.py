"""Error responses: problem documents (RFC 9457) that say what happened and what to do."""

from collections.abc import Mapping
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct
from starlette.responses import Response

MEDIA_TYPE = "application/problem+json"

Kind = Literal[
    "no_such_place",
    "no_such_method",
    "no_such_alert",
    "not_signed_in",
    "not_authorised",
    "not_allowed",
    "nobody_may_act",
    "from_elsewhere",
    "too_many_attempts",
    "too_many_streams",
    "has_ended",
    "not_json",
    "not_understood",
    "facts_refused",
    "event_refused",
    "too_slow",
    "too_large",
    "too_many_facts",
    "wrong_media_type",
    "log_unavailable",
    "state_unavailable",
    "our_fault",
]
"""Every kind of problem; clients may rely on them, so none is ever renamed."""


class Problem(Struct, frozen=True, kw_only=True):
    """Why a request was refused.

    Attributes:
        type: a URN that names the kind of problem.
        title: what happened.
        status: the HTTP status, repeated.
        detail: what to do.
    """

    type: Annotated[str, Meta(description="URN of the kind of problem: urn:bluelamp:problem:KIND.")]
    title: Annotated[str, Meta(description="What happened.")]
    status: Annotated[int, Meta(description="The HTTP status of the response.")]
    detail: Annotated[str, Meta(description="What to do.")]


class ProblemError(Exception):
    """A request that is answered with a problem document.

    Args:
        problem: the document.
        headers: further headers of the response.
    """

    def __init__(self, problem: Problem, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(problem.title)
        self.problem, self.headers = problem, dict(headers or {})


def type_of(kind: Kind) -> str:
    """The URN of a kind of problem."""
    return f"urn:bluelamp:problem:{kind}"


def problem(kind: Kind, status: int, title: str, detail: str, headers: Mapping[str, str] | None = None) -> ProblemError:
    """A problem to raise.

    Args:
        kind: the kind of problem.
        status: the HTTP status.
        title: what happened.
        detail: what to do.
        headers: further headers of the response.
    """
    return ProblemError(Problem(type=type_of(kind), title=title, status=status, detail=detail), headers)


def response_of(error: ProblemError) -> Response:
    """The response with a problem's document."""
    body = msgspec.json.encode(error.problem)
    return Response(body, error.problem.status, media_type=MEDIA_TYPE, headers=error.headers)
