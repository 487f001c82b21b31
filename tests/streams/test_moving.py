"""Facts on a partition that is not their subject's: they do not count there, and all of them count on the right one."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from facts.fact import FactWithdrawn
from facts.feed import FeedHeartbeat
from facts.incident import IncidentClosed, IncidentOpened, UnitDispatched
from facts.moved import HEADER, Origin, header_of, origin_of
from facts.partitioning import partition_of
from facts.union import AnyFact
from facts.wire import decode, encode
from measures.rules import Rules
from streams.fold import Change, PartitionFold
from streams.moving import MOVED_FACTS, Moved, OwnPartition, copy_of
from streams.record import Record
from tests.support.facts import heartbeat
from tests.support.forces import STRICT

RULES = {STRICT.name: Rules(STRICT)}
NOW = datetime(2024, 12, 2, 9, tzinfo=UTC)
SETTLED = NOW - timedelta(days=3)
"""This long before its heartbeat, a claim is settled at once."""
COUNT = 4
SUBJECTS = [f"i-{number}" for number in range(12)]


def opened(subject_id: str, **changed: Any) -> IncidentOpened:
    given: dict[str, Any] = {"fact_id": f"o-{subject_id}", "force": STRICT.name, "at": NOW, "grade": "1"}
    return IncidentOpened(subject_id=subject_id, **given | changed)


def on(number: int) -> PartitionFold:
    """One of four partitions of incidents."""
    return PartitionFold("incidents", OwnPartition(number, COUNT), RULES)


def folded(partition: PartitionFold, *records: Record) -> Change:
    admitted = partition.admit(records)
    for key in partition.uncached(admitted):
        partition.cache_subject(key, {})
    return partition.fold(admitted)


def record(*facts: AnyFact, offset: int = 7, moved_from: Origin | None = None) -> Record:
    return Record(offset, NOW + timedelta(seconds=1), encode(facts), moved_from=moved_from)


def beat(complete_to: datetime) -> FeedHeartbeat:
    return heartbeat("dispatch", complete_to, at=NOW)


@pytest.mark.parametrize("number", range(COUNT))
def test_a_partition_counts_its_own_subjects_of_a_batch_and_moves_each_other_one(number: int) -> None:
    facts = [opened(subject_id) for subject_id in SUBJECTS]
    change = folded(on(number), record(*facts))
    own = {subject_id for subject_id in SUBJECTS if partition_of(subject_id, COUNT) == number}
    assert {key.partition("|")[2] for key in change.timelines} == own
    sent = {fact.subject_id: each.partition for each in change.moved for fact in each.facts}
    assert sent == {subject_id: partition_of(subject_id, COUNT) for subject_id in SUBJECTS if subject_id not in own}
    assert change.counts["facts"] == len(own)
    assert change.counts["moved"] == len(SUBJECTS) - len(own)
    assert change.quarantined == []


def test_every_kind_of_fact_is_moved_and_a_heartbeat_takes_effect_where_it_is() -> None:
    subject_id = next(each for each in SUBJECTS if partition_of(each, COUNT) == 2)
    common: dict[str, Any] = {"force": STRICT.name, "at": NOW, "subject_id": subject_id}
    facts: list[AnyFact] = [
        opened(subject_id),
        UnitDispatched(fact_id="d", unit="u", **common),
        IncidentClosed(fact_id="c", result="attended", corrects="d", **common),
        FactWithdrawn(fact_id="w", withdraws="c", **common),
    ]
    change = folded(on(0), record(facts[0], beat(NOW), *facts[1:]))
    (moved,) = change.moved
    assert (moved.partition, moved.facts) == (2, facts)
    assert change.feeds.keys() == {(STRICT.name, "dispatch")}
    assert (change.timelines, change.panes, change.events) == ({}, {}, {})


def test_a_copy_says_where_its_facts_were_received_and_counts_where_it_arrives() -> None:
    facts = [opened(subject_id) for subject_id in SUBJECTS]
    target = partition_of(SUBJECTS[0], COUNT)
    here = (target + 1) % COUNT
    (moved,) = (each for each in folded(on(here), record(*facts)).moved if each.partition == target)
    topic, partition, key, value, headers = copy_of(("incidents", here), moved)
    assert (topic, partition, key) == ("incidents", target, None)
    received_at = int((NOW + timedelta(seconds=1)).timestamp() * 1000)
    indexes = tuple(index for index, fact in enumerate(facts) if partition_of(fact.subject_id, COUNT) == target)
    assert origin_of(headers) == Origin(
        partition=here, offset=7, indexes=indexes, received_at=received_at, why="wrong_partition"
    )
    arrived = folded(on(target), Record(0, NOW, value, moved_from=origin_of(headers)))
    assert arrived.counts["facts"] == len(moved.facts)
    assert arrived.moved == []


def test_a_single_fact_is_moved_with_its_subject_as_the_key() -> None:
    fact = opened(SUBJECTS[0])
    origin = Origin(partition=3, offset=9, indexes=(0,), received_at=1, why="wrong_partition")
    assert copy_of(("incidents", 3), Moved(1, origin, [fact])).key == SUBJECTS[0].encode()


def test_a_fact_moved_a_second_time_still_says_where_it_was_first_received() -> None:
    origin = Origin(partition=1, offset=3, indexes=(0,), received_at=5, why="partitions_changed")
    here = (partition_of(SUBJECTS[0], COUNT) + 1) % COUNT
    (moved,) = folded(on(here), record(opened(SUBJECTS[0]), moved_from=origin)).moved
    assert moved.origin == origin


def test_whether_a_fact_is_too_late_is_decided_where_it_was_first_received() -> None:
    target = partition_of(SUBJECTS[0], COUNT)
    old = opened(SUBJECTS[0], at=NOW - timedelta(days=800))
    origin = Origin(partition=9, offset=3, indexes=(0,), received_at=5, why="partitions_changed")
    for number in (target, (target + 1) % COUNT):
        change = folded(on(number), record(beat(SETTLED), old))
        assert [each.refusal.reason for each in change.quarantined] == ["too_late"]
        assert change.moved == []
    change = folded(on(target), record(beat(SETTLED)), record(old, moved_from=origin))
    assert change.quarantined == []
    assert change.counts["facts"] == 1


def test_a_large_batch_is_moved_in_several() -> None:
    target = partition_of(SUBJECTS[0], COUNT)
    facts = [opened(SUBJECTS[0], fact_id=f"f{number}") for number in range(2 * MOVED_FACTS + 1)]
    change = folded(on((target + 1) % COUNT), record(*facts))
    assert [len(each.facts) for each in change.moved] == [MOVED_FACTS, MOVED_FACTS, 1]
    assert [each.origin.indexes[0] for each in change.moved] == [0, MOVED_FACTS, 2 * MOVED_FACTS]
    sent = [fact for each in change.moved for _, fact in decode(encode(each.facts), "incidents", NOW).facts]
    assert sent == facts


@pytest.mark.parametrize("value", [b"", b"{", b"{}", b'{"partition":"x"}', None])
def test_an_unreadable_header_is_ignored(value: bytes | None) -> None:
    good = header_of(Origin(partition=1, offset=2, indexes=(0,), received_at=3, why="wrong_partition"))
    assert origin_of([("other", b"x"), (HEADER, value)]) is None
    assert origin_of([("other", b"x"), good]) is not None
