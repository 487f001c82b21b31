"""How far a feed or an area can be trusted: what is missing, counted and ranked."""

from collections.abc import Iterable, Sequence
from typing import Literal

from msgspec import Struct

from facts.force import UNLISTED
from facts.union import TOPICS, Topic
from measures.measure import Count, Measure, Selection
from measures.outcome import CONTRADICTION, INCOMPLETE, KINDS, KindName, Subject
from measures.reading import Reading

WINDOW = "24h"
"""The window of the page and of the metrics: a day shows each feed's quiet and busy hours."""
What = Literal["incomplete", "contradictory", "unrecorded", "unlisted", "late", "quarantined"]
WHAT: dict[What, str] = {
    "incomplete": "Without an opening",
    "contradictory": "Contradictions",
    "unrecorded": "Unrecorded outcomes",
    "unlisted": "Unlisted labels",
    "late": "Late facts",
    "quarantined": "Quarantined facts",
}
"""What can be missing, with its heading."""

_SUBJECTS: dict[Topic, Subject] = {
    "contacts": "contact",
    "incidents": "incident",
    "custody": "detention",
    "occurrences": "occurrence",
    "call_takers": "call_taker",
}
_CASES: dict[Topic, KindName] = {
    "contacts": "leg_offered",
    "incidents": "incident_opened",
    "custody": "detainee_arrived",
    "occurrences": "occurrence_recorded",
    "call_takers": "handled",
}
_UNRECORDED: dict[Topic, KindName] = {
    "contacts": "leg_abandonment_unrecorded",
    "incidents": "opened_to_arrived_unrecorded",
    "custody": "arrived_to_ended_unrecorded",
    "occurrences": "recorded_to_referred_unrecorded",
    "call_takers": "handled_unrecorded",
}


def _count(name: str, kind: KindName) -> Measure:
    return Measure(
        name=f"trust_{name}_{kind}",
        title=kind,
        question=f"How many outcomes of the kind {kind} were counted?",
        population="All of them.",
        statistic=Count(Selection(kind)),
        unit="count",
    )


CASES = {topic: _count("cases", _CASES[topic]) for topic in TOPICS}
"""By topic, the count of cases: legs of contacts, incidents, detentions, occurrences, contacts handled."""
UNRECORDED = {topic: _count("unrecorded", _UNRECORDED[topic]) for topic in TOPICS}
"""By topic, the count of cases whose outcome is not recorded or in doubt."""
INCOMPLETES = {topic: _count("incomplete", INCOMPLETE[_SUBJECTS[topic]]) for topic in TOPICS}
"""By topic, the count of subjects without an opening."""
CONTRADICTIONS = {topic: _count("contradiction", CONTRADICTION[_SUBJECTS[topic]]) for topic in TOPICS}
"""By topic, the count of contradictions."""


class Missing(Struct, frozen=True):
    """One thing that is missing from a feed or an area.

    Attributes:
        what: what it is.
        count: how many; None if that is not known.
        of: out of how many; None if that is not known.
    """

    what: What
    count: int | None
    of: int | None

    def share(self) -> float:
        """The share that is missing, at most 1; 0 if it is not known or there was nothing to miss."""
        return min(1.0, self.count / self.of) if self.count and self.of else 0.0


class TrustRow(Struct, frozen=True):
    """What is missing from one feed or area.

    Attributes:
        name: the feed's name, or the area's label.
        topic: the feed's topic; empty for an area.
        cases: the number of cases; None if that is not known.
        missing: what is missing, in the order of `WHAT`.
    """

    name: str
    topic: str
    cases: int | None
    missing: tuple[Missing, ...]

    def total(self) -> float:
        """The sum of all missing shares, by which rows are ranked."""
        return sum(each.share() for each in self.missing)


class LiveFinding(Struct, frozen=True):
    """What a check found in the facts that arrived in the last hour.

    Attributes:
        check: the check, as a heading.
        state: `bad` if figures would be wrong, `limit` if they are right within a limit, `unknown` if it was not examined, `good`.
        says: what was found.
        effect: what it does to the figures; empty if nothing.
    """

    check: str
    state: Literal["good", "limit", "bad", "unknown"]
    says: str
    effect: str


class CheckedTopic(Struct, frozen=True, kw_only=True):
    """The checks of what arrived on a topic in the last hour.

    Attributes:
        topic: the topic.
        feeds: the feeds that write to it.
        facts: number of facts that were judged.
        old: number of facts that were not: a feed loaded them as its history, or they arrived more than a day after they happened.
        findings: what was found; none if no fact was judged.
    """

    topic: str
    feeds: tuple[str, ...]
    facts: int
    old: int
    findings: tuple[LiveFinding, ...]


def ranked(rows: Iterable[TrustRow]) -> list[TrustRow]:
    """The rows, the least complete first; equal rows by name."""
    return sorted(rows, key=lambda row: (-row.total(), row.name))


def words_of(measure: Measure) -> tuple[str, ...]:
    """The dimensions of a count of cases whose labels come from the profile."""
    known = ("queue", "channel", "grade", "group", "area", "category", "suite", "type")
    (selection,) = measure.selections()
    return tuple(name for name in KINDS[selection.kind].dimensions if name in known)


def unlisted(readings: Sequence[Reading]) -> int:
    """The number of cases with a label that the profile does not list, from a breakdown by `words_of`."""
    return sum(each.n or 0 for each in readings if UNLISTED in each.dimensions.values())


def width(reading: Reading) -> float:
    """How far apart the bounds of a share are; 0 without bounds."""
    return reading.high - reading.low if reading.high is not None and reading.low is not None else 0.0
