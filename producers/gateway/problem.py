"""The gateway's problem documents, which also list what is wrong with each fact."""

import re
from collections.abc import Mapping, Sequence
from typing import Annotated

from msgspec import Meta, Struct

from facts.wire import Unreadable
from producers.http.problem import Kind, Problem, ProblemError, type_of

ERRORS_LISTED = 100


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


class FactsProblem(Problem, frozen=True, kw_only=True):
    """Why a request failed. None of its facts is confirmed to be in the log.

    Attributes:
        errors: the first hundred faults.
        errors_count: the number of faults in all.
    """

    errors: Annotated[tuple[FactError, ...], Meta(description="The first hundred faults.")] = ()
    errors_count: Annotated[int, Meta(description="Number of faults in all.")] = 0


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
        kind: the kind of problem.
        status: the HTTP status.
        title: what happened.
        detail: what to do.
        errors: every fault.
        headers: response headers besides the content type.
    """
    document = FactsProblem(
        type=type_of(kind),
        title=title,
        status=status,
        detail=detail,
        errors=tuple(errors[:ERRORS_LISTED]),
        errors_count=len(errors),
    )
    return ProblemError(document, headers)


def error_of(refusal: Unreadable) -> FactError:
    """A fault found by the log's decoder, in the form sent to the sender."""
    path = refusal.where.rpartition("$")[2].removeprefix(".")
    # A missing or unknown field is named in the sentence and not in the path.
    named = re.search(r"field `(\w+)`", refusal.what)
    field = ".".join(part for part in (path, named[1] if named else "") if part)
    return FactError(
        fact=refusal.index or 0, field=field, reason=refusal.reason, detail=refusal.what, hint=refusal.hint
    )
