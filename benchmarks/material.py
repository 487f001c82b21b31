"""The facts to measure with: copies of the sample week, each with its own incident numbers."""

from datetime import datetime

import msgspec

from facts.fact import SubjectFact
from facts.union import AnyFact, Topic
from producers.extract import read_extract
from producers.packaged import packaged_mapping, packaged_sample

FORCE = "san_francisco_fire"
TOPIC: Topic = "incidents"
BATCH_FACTS = 100
_READ_AT = datetime.fromisoformat("2026-01-01T00:00:00Z")


def facts(weeks: int) -> list[AnyFact]:
    """The facts of a number of copies of the sample week, in order of time."""
    week = read_extract(packaged_sample(FORCE), packaged_mapping(FORCE), now=_READ_AT).facts
    copied = [_renamed(fact, copy) for copy in range(weeks) for fact in week]
    return sorted(copied, key=lambda fact: fact.at)


def _renamed(fact: AnyFact, copy: int) -> AnyFact:
    names = {"fact_id": f"{fact.fact_id}-{copy}"}
    if isinstance(fact, SubjectFact):
        names["subject_id"] = f"{fact.subject_id}-{copy}"
    return msgspec.structs.replace(fact, **names)


def batches(ordered: list[AnyFact]) -> list[list[AnyFact]]:
    """Facts in batches, as a backfill sends them."""
    return [ordered[start : start + BATCH_FACTS] for start in range(0, len(ordered), BATCH_FACTS)]
