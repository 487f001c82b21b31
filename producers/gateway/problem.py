"""The gateway's problem documents: they also list what is wrong with each fact."""

import re
from collections.abc import Mapping, Sequence

from msgspec import Struct

from facts.wire import Unreadable
from producers.http.problem import Kind, Problem, ProblemError, type_of

ERRORS_SHOWN = 100


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


class FactsProblem(Problem, frozen=True, kw_only=True):
    """Why no fact of a request was accepted.

    Attributes:
        errors: the errors; the first hundred.
        errors_count: how many errors there are in all.
    """

    errors: tuple[FactError, ...] = ()
    errors_count: int = 0


def problem(
    kind: Kind,
    status: int,
    title: str,
    detail: str,
    errors: Sequence[FactError] = (),
    headers: Mapping[str, str] | None = None,
) -> ProblemError:
    """A problem to raise.

    Args:
        kind: the kind of problem.
        status: the HTTP status.
        title: what happened.
        detail: what to do.
        errors: what is wrong with each fact.
        headers: further headers of the response.
    """
    document = FactsProblem(
        type=type_of(kind),
        title=title,
        status=status,
        detail=detail,
        errors=tuple(errors[:ERRORS_SHOWN]),
        errors_count=len(errors),
    )
    return ProblemError(document, headers)


def error_of(refusal: Unreadable) -> FactError:
    """What the fact reader refused, as the sender receives it."""
    path = refusal.where.rpartition("$")[2].removeprefix(".")
    # A field that is missing, or one too many, is named in the sentence and not in the path.
    named = re.search(r"field `(\w+)`", refusal.what)
    field = ".".join(part for part in (path, named[1] if named else "") if part)
    return FactError(
        fact=refusal.index or 0, field=field, reason=refusal.reason, detail=refusal.what, hint=refusal.hint
    )
