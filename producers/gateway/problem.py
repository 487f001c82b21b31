"""The gateway's error answers: problem documents (RFC 9457) that say what is wrong, where, and what to do."""

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct
from starlette.responses import Response

from facts.wire import Unreadable

MEDIA_TYPE = "application/problem+json"
ERRORS_LISTED = 100

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
        fact: the fact's position in the batch, counted from 0.
        field: the path of the field within the fact; empty if the fault concerns the whole fact.
        reason: a code from a fixed list.
        detail: what is wrong, without the value, which may be personal.
        hint: what to do about it.
    """

    fact: Annotated[int, Meta(description="Position of the fact in the batch, counted from 0.")]
    field: Annotated[str, Meta(description="Path of the field; empty if the fault concerns the whole fact.")]
    reason: Annotated[str, Meta(description="Code of the fault, from a fixed list.")]
    detail: Annotated[str, Meta(description="What is wrong. Never repeats the value, which may be personal.")]
    hint: Annotated[str, Meta(description="What to do about it.")]


class Problem(Struct, frozen=True, kw_only=True):
    """Why a request failed. None of its facts is confirmed to be in the log.

    Attributes:
        type: a URN for the kind of problem.
        title: what happened.
        status: the HTTP status.
        detail: what to do.
        errors: the first hundred faults.
        errors_count: the number of faults in all.
    """

    type: Annotated[str, Meta(description="URN of the kind of problem: urn:bluelamp:problem:KIND.")]
    title: Annotated[str, Meta(description="What happened.")]
    status: Annotated[int, Meta(description="The HTTP status of the response.")]
    detail: Annotated[str, Meta(description="What to do.")]
    errors: Annotated[tuple[FactError, ...], Meta(description="The first hundred faults.")] = ()
    errors_count: Annotated[int, Meta(description="Number of faults in all.")] = 0


class ProblemError(Exception):
    """Ends a request with a problem document.

    Args:
        problem: the document.
        headers: response headers besides the content type.
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
    """Build a problem to raise.

    Args:
        kind: the kind of problem, which becomes part of its URN.
        status: the HTTP status.
        title: what happened.
        detail: what to do.
        errors: every fault.
        headers: response headers besides the content type.
    """
    document = Problem(
        type=f"urn:bluelamp:problem:{kind}",
        title=title,
        status=status,
        detail=detail,
        errors=tuple(errors[:ERRORS_LISTED]),
        errors_count=len(errors),
    )
    return ProblemError(document, headers)


def response_of(error: ProblemError) -> Response:
    """The HTTP response for a problem."""
    return Response(
        msgspec.json.encode(error.problem), error.problem.status, media_type=MEDIA_TYPE, headers=error.headers
    )


def error_of(refusal: Unreadable) -> FactError:
    """A fault found by the log's decoder, in the form sent to the sender."""
    path = refusal.where.rpartition("$")[2].removeprefix(".")
    # A missing or unknown field is named in the sentence and not in the path.
    named = re.search(r"field `(\w+)`", refusal.what)
    field = ".".join(part for part in (path, named[1] if named else "") if part)
    return FactError(
        fact=refusal.index or 0, field=field, reason=refusal.reason, detail=refusal.what, hint=refusal.hint
    )
