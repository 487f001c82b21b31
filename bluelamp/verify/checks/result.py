"""The result of one check, and the exit status of all results."""

from collections.abc import Iterator, Sequence
from typing import Literal

from msgspec import Struct

CheckState = Literal["good", "not set up", "unknown", "warning", "bad"]
_STATUS: dict[CheckState, int] = {"good": 0, "not set up": 0, "unknown": 1, "warning": 1, "bad": 2}


class CheckResult(Struct, frozen=True):
    """The result of one check.

    Attributes:
        check: the name of the check.
        state: `good`; `not set up`: this system does not have the part; `unknown`: it could not be checked; `warning`: worth
            looking into; `bad`: figures or alerts are missing, or cannot be trusted until it is fixed.
        what: the result in a sentence.
        where: the address, setting or partition; empty when good.
        hint: what to do; empty when good.
        force: the force that it is about; empty if it is about all of them.
    """

    check: str
    state: CheckState
    what: str
    where: str = ""
    hint: str = ""
    force: str = ""


def status(results: Sequence[CheckResult]) -> int:
    """The exit status: 0 when all is well, 1 when there is a warning or an unknown result, 2 when something is bad."""
    return max((_STATUS[each.state] for each in results), default=1)


def lines(result: CheckResult) -> Iterator[str]:
    """The result for a person to read: one line, then where the problem is and what to do."""
    yield f"{result.state:<10} {result.check}: {result.what}"
    if result.where:
        yield f"  where: {result.where}"
    if result.hint:
        yield f"  try:   {result.hint}"
