"""A worker's cache of subjects is limited by the number of facts, and removing subjects changes no figure."""

import asyncio
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from redis.asyncio import Redis as AsyncRedis

from facts.fact import SubjectFact
from facts.incident import IncidentClosed, IncidentOpened, IncidentRegraded, UnitDispatched
from facts.wire import encode
from streams.fold import PartitionFold
from streams.moving import OwnPartition
from streams.ownership import Owner
from streams.store import Control, StateStore
from streams.subject_cache import FACTS_REMEMBERED, SubjectCache
from streams.version_builder import _send_nothing
from tests.archive.test_rebuild import moves_nothing
from tests.support.fault_table import Fault
from tests.support.forces import STRICT, rules
from tests.support.memory import MemoryPartition
from tests.support.stories import FORCE

RULES = rules(STRICT)
_START = datetime(2029, 1, 1, tzinfo=UTC)


def facts(subject: int, regrades: int = 1) -> Iterator[SubjectFact]:
    """The facts of one incident."""
    at = _START + timedelta(minutes=subject)
    named: dict[str, Any] = {"force": FORCE, "subject_id": f"incident-{subject}"}
    yield IncidentOpened(fact_id=f"{subject}-opened", at=at, grade="2", **named)
    yield UnitDispatched(fact_id=f"{subject}-sent", at=at + timedelta(seconds=90), unit="u", **named)
    for number in range(regrades):
        when = at + timedelta(seconds=100 + number)
        yield IncidentRegraded(fact_id=f"{subject}-{number}", at=when, grade="12"[number % 2], **named)
    yield IncidentClosed(fact_id=f"{subject}-closed", at=at + timedelta(hours=9), result="attended", **named)


def cached_facts(partition: PartitionFold) -> int:
    """The number of facts in a partition's cache."""
    return sum(len(each.timeline) for each in partition.subjects.values())


def test_memory_is_limited_by_facts_however_many_each_subject_has() -> None:
    for subjects, regrades in ((2_700, 1), (40, 1_000)):
        memory = MemoryPartition("incidents", RULES)
        most = max(fed(memory, subject, regrades) for subject in range(subjects))
        assert FACTS_REMEMBERED * 0.9 < most <= FACTS_REMEMBERED


def fed(memory: MemoryPartition, subject: int, regrades: int) -> int:
    """The number of cached facts after those of one more subject."""
    memory.feed([encode(list(facts(subject, regrades)))])
    return cached_facts(memory.fold)


def test_the_partitions_of_a_worker_share_its_limit() -> None:
    async def limits(partitions: int) -> set[int]:
        async with AsyncRedis() as never_connected:
            owner = Owner(StateStore(never_connected, "test"), RULES, _send_nothing, moves_nothing, cached_facts=12_000)
            for number in range(partitions):
                control = Control(0, 1, {}, {})
                await owner.start(("incidents", number), control, 0, OwnPartition(number, partitions))
            return {each.partition.subjects.limit for each in owner.owned.values()}

    assert [asyncio.run(limits(count)) for count in (1, 3, 12)] == [{12_000}, {4_000}, {1_000}]


def test_one_subject_with_more_facts_than_the_limit_is_kept_while_it_is_used() -> None:
    memory = MemoryPartition("incidents", RULES)
    memory.fold.subjects = SubjectCache(10)
    for subject in range(3):
        assert fed(memory, subject, 50) == 53
    assert len(memory.fold.subjects) == 1


@pytest.mark.injects(20)
def test_a_removed_subject_is_read_again_and_no_figure_differs(fault: Fault) -> None:
    shuffled = [fact for subject in range(60) for fact in facts(subject)] * 2
    random.Random(3).shuffle(shuffled)
    forgetful, other = MemoryPartition("incidents", RULES), MemoryPartition("incidents", RULES)
    forgetful.fold.subjects = SubjectCache(12)
    for first in range(0, len(shuffled), 7):
        for memory in (forgetful, other):
            memory.feed([encode(shuffled[first : first + 7])])
    assert len(forgetful.fold.subjects) < 10 < len(other.fold.subjects) == 60
    fault.fired(len(other.fold.subjects) - len(forgetful.fold.subjects))
    assert forgetful.panes == other.panes
    assert forgetful.timelines == other.timelines
    assert forgetful.open == other.open
