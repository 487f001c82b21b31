"""A topic that is given more partitions: a rebuild moves each subject to its own, and compares the figures with the log."""

import asyncio
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from redis.asyncio import Redis as AsyncRedis

from bluelamp.archive.reading import Archive, ArchiveAndLog
from bluelamp.archive.verifying import verify
from bluelamp.archive.writing import write_new
from bluelamp.embedded.state import StateServer
from bluelamp.rebuild.certify import certify
from bluelamp.rebuild.jobs import RebuildParts
from bluelamp.rebuild.rebuild import Rebuild, Rebuilt, lines
from bluelamp.rebuild.repartition import Mover
from bluelamp.recount.load import from_records
from bluelamp.verify.restatements import Restatement, read_partition, restated
from bluelamp.wiring.settings import Settings
from facts.batch import BatchRecord
from facts.errors import IncompleteError, PartMissingError
from facts.fact import SubjectFact
from facts.moved import origin_of
from facts.partitioning import partition_of
from facts.union import AnyFact, Topic
from facts.wire import decode, encode
from measures.catalogue import CATALOGUE
from streams.moving import Copy, OwnPartition
from streams.retrying import once
from streams.store import Identity, StateStore
from streams.version_builder import VersionBuilder
from tests.archive.logs import MemoryLog, record
from tests.archive.test_rebuild import (
    NAME,
    NOW,
    RULES,
    WINDOWS,
    counting,
    incident_facts,
    moves_nothing,
    reader,
    rebuilt,
    redis,
    server,
)
from tests.recount.outcomes import records
from tests.support.facts import heartbeat
from tests.support.forces import STRICT

__all__ = ["redis", "server"]  # fixtures
TOPIC: Topic = "incidents"


def later() -> list[AnyFact]:
    """More facts of the same subjects and of others, which arrive when there are more partitions."""
    shift = timedelta(hours=2)
    return [
        type(fact)(
            **{name: getattr(fact, name) for name in fact.__struct_fields__}
            | {"fact_id": f"again-{fact.fact_id}", "at": fact.at + shift, "subject_id": _other(fact)}
        )
        for fact in incident_facts()
    ]


def _other(fact: AnyFact) -> str:
    assert isinstance(fact, SubjectFact)
    return fact.subject_id if int(fact.subject_id[1:]) % 3 else f"later-{fact.subject_id}"


def put(log: MemoryLog, facts: Sequence[AnyFact], partitions: int, batch: int = 1) -> None:
    """Add facts from a client that knows this many partitions."""
    batches: dict[int, list[AnyFact]] = {number: [] for number in range(partitions)}
    for fact in facts:
        assert isinstance(fact, SubjectFact)
        waiting = batches[partition_of(fact.subject_id, partitions)]
        waiting.append(fact)
        if len(waiting) == batch:
            _add(log, partition_of(fact.subject_id, partitions), waiting)
            waiting.clear()
    for number, waiting in batches.items():
        if waiting:
            _add(log, number, waiting)


def _add(log: MemoryLog, number: int, facts: Sequence[AnyFact]) -> None:
    place = TOPIC, number
    log.add(place, [record(log.ends[place], max(log.now, int(NOW.timestamp() * 1000)) + 1, encode(facts))])


def beat(log: MemoryLog, partitions: int) -> None:
    """Heartbeats up to the present on every partition."""
    for number in range(partitions):
        beat = heartbeat("dispatch", NOW)
        _add(log, number, [beat])


def folded(server: StateServer, log: MemoryLog) -> MemoryLog:
    """The log, and the current version folded from it."""

    async def fold() -> None:
        async with AsyncRedis.from_url(server.url, decode_responses=True) as client:
            store, identity = StateStore(client, NAME), log.identities([TOPIC])[TOPIC]
            await store.announce(TOPIC, identity.partitions)
            builder = VersionBuilder(store, RULES, log, moves_nothing)
            for place, end in log.ends.items():
                await builder.claim(place, identity, 0)
                await builder.advance(place, end, lambda _: None)

    asyncio.run(fold())
    return log


@pytest.fixture
def log(redis: Redis, server: StateServer) -> MemoryLog:
    """A log of two partitions with its state, then two more partitions with facts sent for either number."""
    made = MemoryLog({(TOPIC, number): [] for number in range(2)})
    put(made, incident_facts(), 2, batch=3)
    beat(made, 2)
    folded(server, made)
    made.grow(TOPIC, 4)
    half = len(later()) // 2
    put(made, later()[:half], 2, batch=3)  # a producer that has not noticed
    put(made, later()[half:], 4)
    beat(made, 4)
    return made


def misplaced(log: MemoryLog) -> Counter[str]:
    """How often each fact that is on a wrong partition is in the log, by its id."""
    counts = log.identities([TOPIC])[TOPIC].partitions
    return Counter(
        fact.fact_id for (_, number), fact, _ in logged_facts(log) if partition_of(fact.subject_id, counts) != number
    )


def copies(log: MemoryLog) -> Counter[str]:
    """The number of copies of each fact in the log, by its id."""
    return Counter(fact.fact_id for _, fact, row in logged_facts(log) if origin_of(row.headers))


def logged_facts(log: MemoryLog) -> Iterator[tuple[tuple[str, int], SubjectFact, BatchRecord]]:
    for place, rows in log.records.items():
        for row in rows:
            for _, fact in decode(row.value, TOPIC, NOW).facts:
                if isinstance(fact, SubjectFact):
                    yield place, fact, row


def assert_shown_as_counted(redis: Redis, facts: Sequence[AnyFact]) -> None:
    """Check that every figure equals a recount of the facts alone, which knows of no partitions."""
    found = certify(reader(redis), RULES, {}, lambda *_: from_records(records(facts), [STRICT], keeps_facts=True))
    assert (found.differing, found.compared > 100) == ([], True)


def test_each_subject_is_moved_to_its_own_partition_and_every_figure_is_compared_with_the_log(
    redis: Redis, server: StateServer, log: MemoryLog
) -> None:
    due = misplaced(log)
    found = rebuilt(server, log, is_switched=True)
    assert found.not_compared == "The current version was built with fewer partitions: incidents has 4, not 2."
    assert (found.figures, found.counts, found.differing_from_log, found.current) == (0, 0, [], 2)
    assert found.log_compared > 100
    report = list(lines(found, 0))
    assert f"{found.moved:,} facts were on a wrong partition and were moved." in report
    assert f"Compared {found.log_compared:,} counts and open items with a recount of the log: 0 differ." in report
    assert not any("with version 1: 0 differ" in line for line in report)
    assert found.moved == due.total() > len(incident_facts()) / 4
    assert copies(log) == due
    assert_shown_as_counted(redis, [*incident_facts(), *later()])
    again = rebuilt(server, log)
    assert (again.moved, again.is_same(), again.not_compared) == (0, True, "")


def test_more_partitions_once_more(redis: Redis, server: StateServer, log: MemoryLog) -> None:
    """Also to a number that is not a multiple: a moved fact is moved again, from its first place or from its copy."""
    rebuilt(server, log, is_switched=True)
    log.grow(TOPIC, 7)
    beat(log, 7)
    found = rebuilt(server, log, is_switched=True)
    assert (found.differing_from_log, found.current) == ([], 3)
    assert found.moved > 0
    assert_shown_as_counted(redis, [*incident_facts(), *later()])
    assert rebuilt(server, log).moved == 0


def test_a_rebuild_killed_while_it_moves_continues_and_moves_nothing_twice(
    redis: Redis, server: StateServer, log: MemoryLog
) -> None:
    due, chance = misplaced(log), random.Random(5)
    for _ in range(3):
        left = chance.randrange(1, 9)

        def send(some: Sequence[Copy], most: int = left) -> None:
            log.send(some[:most])
            raise PartMissingError("killed", where="here", hint="none")

        with pytest.raises(PartMissingError, match="killed"):
            rebuild_by(server, log, send)
    assert rebuilt(server, log, is_switched=True).current == 2
    assert copies(log) == due
    assert_shown_as_counted(redis, [*incident_facts(), *later()])


def rebuild_by(server: StateServer, log: MemoryLog, send: Any) -> Rebuilt:
    """A rebuild that sends the facts it moves with another function."""

    async def run() -> Rebuilt:
        async with AsyncRedis.from_url(server.url, decode_responses=True) as client:
            with Redis.from_url(server.url, decode_responses=True) as blocking:
                mover, recounter = Mover(None, log, send), counting(ArchiveAndLog(None, log), log, RULES)
                connected = (blocking, log, None, mover, recounter, client)
                parts = RebuildParts(NAME, RULES, *connected, lambda: NOW, lambda *_: None, once)
                made = Rebuild(Settings(state_name=NAME), parts, windows=WINDOWS)
                return await made.run(is_from_scratch=False, is_switched=False, are_accepted=False)

    return asyncio.run(run())


def test_an_archive_from_before_and_the_log_from_after_are_rebuilt_as_one(
    redis: Redis, server: StateServer, log: MemoryLog, tmp_path: Path
) -> None:
    """The archive continues when its topic is given more partitions, and holds the moved facts and their copies."""
    before = MemoryLog({place: rows for place, rows in log.records.items() if place[1] < 2})
    write_new(tmp_path, before, before.identities([TOPIC]), before.reach(), lambda _: None)
    write_new(tmp_path, log, log.identities([TOPIC]), log.reach(), lambda _: None)
    for place, end in log.ends.items():
        log.forget(place, end)
    found = rebuilt(server, log, archive=str(tmp_path), is_switched=True)
    assert (found.differing_from_log, found.current) == ([], 2)
    assert_shown_as_counted(redis, [*incident_facts(), *later()])
    kept = write_new(tmp_path, log, log.identities([TOPIC]), log.reach(), lambda _: None)
    assert list(verify(tmp_path, kept.manifest)) == []
    assert Archive(tmp_path).manifest.identities[TOPIC].partitions == 4
    assert rebuilt(server, log, archive=str(tmp_path)).moved == 0
    fewer: dict[str, Identity] = {TOPIC: before.identities([TOPIC])[TOPIC]}
    with pytest.raises(IncompleteError, match="to another log"):
        write_new(tmp_path, log, fewer, log.reach(), lambda _: None)


def test_a_version_that_splits_subjects_does_not_become_current(
    redis: Redis, server: StateServer, log: MemoryLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two versions folded in the same wrong way agree with each other; only the log shows that both are wrong."""
    monkeypatch.setattr(OwnPartition, "is_own", lambda *_: True)
    found = rebuilt(server, log, is_switched=True)
    assert (found.current, found.is_same()) == (1, False)
    assert found.differing_from_log
    assert any(line.startswith("incident_opened  2024-12-02  ") and "state " in line for line in lines(found, 0))


def test_a_figure_first_shown_before_there_were_more_partitions_is_still_known(
    redis: Redis, server: StateServer, log: MemoryLog
) -> None:
    """Moving facts restates nothing: a day was first shown as it was when its facts were on the old partitions."""
    days = [date(2024, 12, 2)]
    before = MemoryLog({(TOPIC, 0): []})
    put(before, incident_facts(), 1)
    beat(before, 1)
    put(before, later(), 1)
    beat(before, 1)
    first = restatements(before, days)
    rebuilt(server, log)
    now = restatements(log, days)
    shown = [[(each.measure, each.first, each.first_n, each.now, each.now_n) for each in some] for some in (first, now)]
    assert shown[0] == shown[1]
    assert ("incident_count", 40, 40, 54, 54) in shown[0]


def restatements(log: MemoryLog, days: Sequence[date]) -> list[Restatement]:
    rules, count = RULES[STRICT.name], log.identities([TOPIC])[TOPIC].partitions
    kept = [read_partition(log, place, count, span, rules, days) for place, span in log.reach().items()]
    return list(restated(kept, rules, days, CATALOGUE.values(), (), NOW))
