"""One finding of a feed check, and the verdict that follows from all of them."""

from collections.abc import Iterable, Sequence
from typing import Literal, get_args

from msgspec import Struct

FindingState = Literal["good", "limit", "bad", "unknown"]
"""`limit`: figures are right within a limit that must be known. `bad`: figures would be wrong. `unknown`: not examined."""
Verdict = Literal["ready", "ready with limits", "not ready"]
Check = Literal[
    "rows",
    "keys",
    "volumes",
    "gaps",
    "ends",
    "contradictions",
    "clock",
    "duplicates",
    "order",
    "words",
    "personal data",
]
CHECKS: tuple[Check, ...] = get_args(Check)
TITLES: dict[Check, str] = {
    "rows": "Rows and facts read",
    "keys": "Keys: subjects against rows",
    "volumes": "Volumes by hour",
    "gaps": "Gaps",
    "ends": "Missing beginnings and ends",
    "contradictions": "Contradictions",
    "clock": "Clocks",
    "duplicates": "Duplicates",
    "order": "Order",
    "words": "Labels of the profile",
    "personal data": "Personal data",
}


class Finding(Struct, frozen=True, kw_only=True):
    """One finding.

    Attributes:
        check: the check that made it.
        state: what it means for the figures.
        says: what was found, in a sentence with its counts.
        effect: what it does to the figures; empty if nothing.
        measures: the measures that it touches.
    """

    check: Check
    state: FindingState
    says: str
    effect: str = ""
    measures: tuple[str, ...] = ()


def verdict(findings: Iterable[Finding]) -> Verdict:
    """The verdict: the worst finding decides, and what was not examined is a limit."""
    states = {each.state for each in findings}
    if "bad" in states or not states:
        return "not ready"
    return "ready with limits" if states & {"limit", "unknown"} else "ready"


def status(word: Verdict) -> int:
    """The exit status of a verdict: 0 ready, 1 ready with limits, 2 not ready."""
    return {"ready": 0, "ready with limits": 1, "not ready": 2}[word]


def in_order(findings: Sequence[Finding]) -> list[Finding]:
    """The findings in the order of the checks."""
    return sorted(findings, key=lambda each: CHECKS.index(each.check))
