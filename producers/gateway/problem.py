"""What the gateway answers when it takes nothing: a problem document (RFC 9457) that says where and what to do."""

import re
from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec
from msgspec import Struct
from starlette.responses import Response

from facts.wire import Unreadable

MEDIA_TYPE = "application/problem+json"
ERRORS_SHOWN = 100

Kind = Literal[
    "no_such_place",
    "no_such_method",
    "not_authorised",
    "not_json",
    "too_slow",
    "too_large",
    "wrong_media_type",
    "facts_refused",
    "event_refused",
    "too_many_facts",
    "log_unavailable",
    "our_fault",
]


class FactError(Struct, frozen=True, kw_only=True):
    """What is wrong with one fact.

    Attributes:
        fact: its position in the batch, counted from 0.
        field: the field, named from the fact inwards; empty when the fact as a whole is meant.
        reason: one word of a closed list.
        detail: what is wrong, never with the value: it may be personal.
        hint: what to do about it.
    """

    fact: int
    field: str
    reason: str
    detail: str
    hint: str


class Problem(Struct, frozen=True, kw_only=True):
    """Why nothing was taken.

    Attributes:
        type: a URN for each kind of problem.
        title: what happened.
        status: the HTTP status, again.
        detail: what to do.
        errors: each fault, of the first hundred.
        errors_count: how many there are in all.
    """

    type: str
    title: str
    status: int
    detail: str
    errors: tuple[FactError, ...] = ()
    errors_count: int = 0


class ProblemError(Exception):
    """A request that is answered with a problem.

    Args:
        problem: what is answered.
        headers: beside it.
    """

    def __init__(self, problem: Problem, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(problem.title)
        self.problem, self.headers = problem, dict(headers or {})


def problem(
    kind: Kind,
    status: int,
    title: str,
    detail: str,
    errors: Sequence[FactError] = (),
    headers: Mapping[str, str] | None = None,
) -> ProblemError:
    """A problem to be raised.

    Args:
        kind: which.
        status: of HTTP.
        title: what happened.
        detail: what to do.
        errors: each fault.
        headers: of the answer, beside its media type.
    """
    found = Problem(
        type=f"urn:bluelamp:problem:{kind}",
        title=title,
        status=status,
        detail=detail,
        errors=tuple(errors[:ERRORS_SHOWN]),
        errors_count=len(errors),
    )
    return ProblemError(found, headers)


def response_of(error: ProblemError) -> Response:
    """The answer that tells a problem."""
    return Response(
        msgspec.json.encode(error.problem), error.problem.status, media_type=MEDIA_TYPE, headers=error.headers
    )


def error_of(refusal: Unreadable) -> FactError:
    """A refusal of the log's reader, told to the sender."""
    path = refusal.where.rpartition("$")[2].removeprefix(".")
    # A field that is missing, or one too many, is named in the sentence and not in the path.
    named = re.search(r"field `(\w+)`", refusal.what)
    field = ".".join(part for part in (path, named[1] if named else "") if part)
    return FactError(
        fact=refusal.index or 0, field=field, reason=refusal.reason, detail=refusal.what, hint=refusal.hint
    )
