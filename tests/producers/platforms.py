"""The outcomes of a platform's events, in lines that a person can check against the events."""

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

from facts.fact import SubjectFact
from facts.union import AnyFact
from measures.outcomes import outcomes_of
from measures.rules import Rules
from measures.timeline import Timeline, add
from producers.adapters.webhook import Webhook
from producers.declaration import columns_used
from producers.extract import Malformed
from producers.gateway.sent import Sent
from producers.live import RowFollower
from producers.packaged import packaged_mapping
from producers.rows import read_rows
from tests.producers.extracts import NOW
from tests.support.forces import shipped

_COUNTED = {"contact_offered": "caller", "contact_incomplete": "incomplete", "leg_end_unrecorded": "unrecorded"}
_SPANS = {
    "leg_answered": "answered",
    "leg_abandoned": "abandoned",
    "leg_abandoned_short": "abandoned",
    "leg_left": "left",
}
_RULES = Rules(shipped("staffordshire"))
BEGAN = datetime(2024, 12, 2, 9, tzinfo=UTC)
"""When the events of the tests begin: 09:00 UTC, which is 1733130000 seconds after 1970."""


def iso(seconds: float) -> str:
    """A time after the beginning, to the millisecond."""
    return (BEGAN + timedelta(seconds=seconds)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def milliseconds(seconds: float) -> int:
    """A time after the beginning, in milliseconds since 1970."""
    return round((BEGAN.timestamp() + seconds) * 1000)


def lines(facts: Iterable[AnyFact]) -> list[str]:
    """The outcomes of the facts, in alphabetical order: one line for each caller, each leg and each fault."""
    timelines: dict[str, Timeline] = defaultdict(dict)
    for fact in facts:
        subject = cast(SubjectFact, fact)
        add(timelines[subject.subject_id], subject)
    found: list[str] = []
    for timeline in timelines.values():
        outcomes = outcomes_of("contacts", timeline, _RULES)
        for each in outcomes.finished:
            if each.kind in _COUNTED:
                found.append(" ".join((_COUNTED[each.kind], *each.dimensions[:2])))
            elif each.kind in _SPANS:
                found.append(f"{_SPANS[each.kind]} {each.dimensions[1]} {each.value / 10:g}")
            elif each.kind == "contact_contradiction":
                found.append(f"contradiction {each.dimensions[0]}")
        found += [f"waiting {each.dimensions[1]}" for each in outcomes.open if each.kind == "leg_waiting"]
    return sorted(found)


def pushed(mapping: str, events: Sequence[dict[str, Any]]) -> list[AnyFact]:
    """The facts of events pushed to a webhook one by one, each of them twice and the last first."""
    webhook = Webhook(packaged_mapping(mapping), lambda: NOW, events_max=10)
    return [fact for event in [*events[::-1], *events] for fact in webhook.read(Sent(body=json.dumps(event).encode()))]


def followed(mapping: str, file: Path) -> tuple[list[AnyFact], list[Malformed]]:
    """The facts of a file as it grows, and its malformed rows."""
    declared = packaged_mapping(mapping)
    follower = RowFollower(declared, lambda: NOW)
    facts: list[AnyFact] = []
    malformed: list[Malformed] = []
    with file.open("rb") as stream:
        for row in read_rows(stream, declared.source, frozenset(columns_used(declared)), file.name):
            result = follower.read(row)
            facts += result.facts
            malformed += result.malformed
    return facts, malformed
