"""What one check has found, and what it comes to for the whole."""

from collections.abc import Iterator, Sequence
from typing import Literal

from msgspec import Struct

State = Literal["good", "not set up", "unknown", "warning", "bad"]
_STATUS: dict[State, int] = {"good": 0, "not set up": 0, "unknown": 1, "warning": 1, "bad": 2}


class Finding(Struct, frozen=True):
    """What one check has found.

    Attributes:
        check: what was looked at.
        state: `good`; `not set up`, a part that this system does not have; `unknown`, it could not be seen; `warning`, worth a
            look; `bad`, figures or alerts are missing, or cannot be trusted until it is mended.
        what: what was found.
        where: the address, setting or partition; empty when good.
        hint: what to do; empty when good.
    """

    check: str
    state: State
    what: str
    where: str = ""
    hint: str = ""


def status(findings: Sequence[Finding]) -> int:
    """The exit status: 0 when all is well, 1 when something is worth a look or unknown, 2 when something is bad."""
    return max((_STATUS[each.state] for each in findings), default=1)


def lines(finding: Finding) -> Iterator[str]:
    """What a person reads: one line, and for what is not well where it is and what to do."""
    yield f"{finding.state:<10} {finding.check}: {finding.what}"
    if finding.where:
        yield f"  where: {finding.where}"
    if finding.hint:
        yield f"  try:   {finding.hint}"
