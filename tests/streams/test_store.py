"""The atomic step: a batch is applied completely at its applied offset, or not at all, on the embedded state server and on Redis."""

from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from redis import Redis

import streams.store
from bluelamp.embedded.state import StateServer
from facts.errors import IncompleteError
from facts.wire import encode
from measures.catalogue import CATALOGUE
from streams.fold import Change
from streams.keys import Names
from streams.readings import Reader
from streams.store import Applied, Identity, StateStore
from tests.integration.changed_worker import GUARDS
from tests.support.examples import examples
from tests.support.facts import heartbeat
from tests.support.forces import STRICT, rules
from tests.support.memory import RECEIVED, MemoryPartition, MemoryState, deliver
from tests.support.stores import FINGERPRINTS, IDENTITY, apply_all, apply_memory, call, dump
from tests.support.stories import AS_OF, FORCE, START, TopicFact, records

RULES = rules(STRICT)


@pytest.fixture
def redis(state_backend: StateServer) -> Iterator[Redis]:
    """An empty state server."""
    with Redis.from_url(state_backend.url, decode_responses=True) as client:
        client.flushall()
        yield client


def some_changes(count: int) -> list[Change]:
    """The changes of an incident that is opened, dispatched and attended, one fact per batch."""
    from facts.incident import IncidentOpened, IncidentRegraded, UnitArrived, UnitDispatched  # noqa: PLC0415
    from tests.support.story import Story  # noqa: PLC0415 - only here

    story = Story(STRICT)
    story.report(IncidentOpened, "10:00", grade="2", group="crime")
    story.report(UnitDispatched, "10:01", unit="u1")
    story.report(UnitArrived, "10:05", unit="u1")
    story.report(IncidentRegraded, "10:06", grade="1")
    return story.state.partitions["incidents"][0].changes[:count]


def test_a_batch_is_applied_and_moves_the_applied_offset(redis: Redis, state_backend: StateServer) -> None:
    batches = some_changes(4)
    assert [each.outcome for each in call(state_backend.url, lambda store: apply_all(store, batches))] == [
        "applied"
    ] * 4
    assert redis.hget("test:{incidents:0}:control", "applied_offset") == "4"
    assert redis.hget("test:{incidents:0}:control", "facts") == "4"


@pytest.mark.parametrize(("epoch_back", "applied_offset_back", "stored"), [(0, 1, 4), (1, 0, 4), (0, -1, 4)])
def test_a_zombie_and_a_replay_are_stale_and_change_nothing(
    redis: Redis, state_backend: StateServer, epoch_back: int, applied_offset_back: int, stored: int
) -> None:
    """An older epoch, an older applied offset, and an applied offset ahead of the state are all refused."""
    batches = some_changes(4)

    async def work(store: StateStore) -> tuple[Any, Applied, Any]:
        await apply_all(store, batches)
        names = store.names("incidents", 0)
        before = dump(redis)
        epoch = int(str(redis.hget(names.control, "epoch")))
        answer = await store.apply(names, epoch - epoch_back, 4 - applied_offset_back, 5, batches[-1])
        assert redis.hget(names.control, "stale_writes") == "1"
        return before, answer, dump(redis)

    before, answer, after = call(state_backend.url, work)
    assert (answer.outcome, answer.applied_offset) == ("stale", stored)
    assert after == before


@pytest.mark.parametrize(
    "spoil",
    [
        lambda redis, names, pane: redis.hset(pane, next(iter(redis.hgetall(pane))), "many"),
        lambda redis, names, pane: (redis.delete(pane), redis.set(pane, "a string")),
        lambda redis, names, pane: redis.delete(pane),  # removing this would make a count negative
        lambda redis, names, pane: (redis.delete(names.open), redis.set(names.open, "a string")),
        lambda redis, names, pane: (redis.delete(names.changes), redis.set(names.changes, "a string")),
        lambda redis, names, pane: (
            redis.delete(names.index(FORCE, "hour")),
            redis.set(names.index(FORCE, "hour"), "x"),
        ),
    ],
)
def test_a_state_that_another_program_has_written_to_is_refused_and_left_unchanged(
    redis: Redis, state_backend: StateServer, spoil: Callable[[Redis, Names, str], Any]
) -> None:
    batches = some_changes(4)

    async def work(store: StateStore) -> tuple[Any, Applied, Any]:
        await apply_all(store, batches[:3])
        names = store.names("incidents", 0)
        pane = next(key for key in redis.scan_iter(match="*pane:strict:day:*"))
        spoil(redis, names, pane)
        before = dump(redis)
        answer = await store.apply(names, 1, 3, 4, batches[3])
        return before, answer, dump(redis)

    before, answer, after = call(state_backend.url, work)
    assert answer.outcome == "damaged"
    assert answer.reason
    assert after == before


@given(records(), st.integers(1, 5), st.sampled_from(("24h", "this_month")))
@settings(max_examples=examples(4, 10), suppress_health_check=list(HealthCheck), phases=[Phase.generate, Phase.shrink])
def test_a_reading_from_the_state_equals_the_reading_from_memory(
    state_backend: StateServer, facts: list[TopicFact], batch: int, window: str
) -> None:
    """The same facts through Redis and through dicts: every measure over a window, and the open items."""
    beats: list[Any] = [(feed.topic, heartbeat(feed.name, AS_OF, replay=True)) for feed in STRICT.feeds]
    memory = MemoryState(RULES, FORCE)
    deliver(memory, [*facts, *beats], batch)
    with Redis.from_url(state_backend.url, decode_responses=True) as client:
        client.flushall()
        call(state_backend.url, lambda store: apply_memory(store, memory))
        reader = Reader(client, "test", RULES, lambda: AS_OF)
        for measure in CATALOGUE.values():
            by = measure.dimensions()
            figures, readings = memory.figures(measure, window, AS_OF, by), reader.read(measure, window, by=by)
            read = [(each.dimensions, each.value, each.n, each.met) for each in readings if each.n is not None]
            # A feed without any event, and a figure that others publish, have no known n.
            kept = [
                (each.dimensions, each.value, each.n, each.met)
                for each in figures
                if each.n or len(read) == len(readings)
            ]
            assert read == kept, (measure.name, window)


def test_the_state_holds_no_count_below_one(redis: Redis, state_backend: StateServer) -> None:
    batches = some_changes(4)
    call(state_backend.url, lambda store: apply_all(store, batches))
    counts = [int(count) for key in redis.scan_iter(match="*pane*") for count in redis.hgetall(key).values()]
    assert counts
    assert min(counts) >= 1


def test_old_panes_are_dropped_as_the_watermark_advances(redis: Redis, state_backend: StateServer) -> None:
    partition = MemoryPartition("incidents", RULES)
    batches = some_changes(3)
    late = partition.feed([encode([heartbeat("dispatch", START.replace(year=2029), replay=True)])], RECEIVED)
    call(state_backend.url, lambda store: apply_all(store, [*batches, late]))
    assert not list(redis.scan_iter(match="*pane*"))
    assert not list(redis.scan_iter(match="*index*"))


@pytest.mark.parametrize(
    ("identity", "fingerprints", "words"),
    [
        (Identity("cluster", "another", 1), FINGERPRINTS, "another log"),
        (Identity("elsewhere", "topic", 1), FINGERPRINTS, "another log"),
        (Identity("cluster", "topic", 2), FINGERPRINTS, "has 2 partitions, but the state was built when it had 1"),
        (IDENTITY, {FORCE: "changed"}, "profile of strict has changed"),
        (IDENTITY, {"another": "new"}, "profile of strict is missing"),
    ],
)
def test_a_state_of_another_log_or_definition_is_not_continued(
    redis: Redis, state_backend: StateServer, identity: Identity, fingerprints: dict[str, str], words: str
) -> None:
    async def work(store: StateStore) -> None:
        await apply_all(store, some_changes(1))
        await store.claim(store.names("incidents", 0), identity, fingerprints)

    with pytest.raises(IncompleteError) as caught:
        call(state_backend.url, work)
    assert words in str(caught.value)
    assert "bluelamp rebuild" in caught.value.hint


def test_a_force_listed_later_needs_a_new_state_if_its_facts_may_be_quarantined(
    redis: Redis, state_backend: StateServer
) -> None:
    """Facts quarantined for lack of its profile are before the applied offset, so they would be missing for good."""
    more = {**FINGERPRINTS, "another": "new"}

    async def work(store: StateStore) -> None:
        names = store.names("incidents", 0)
        await apply_all(store, some_changes(1))
        await store.claim(names, IDENTITY, more)
        unlisted = some_changes(1)[0]
        unlisted.count("quarantined_unlisted_force", 2)
        await apply_all(store, [unlisted], fingerprints=more)
        await store.claim(names, IDENTITY, {**more, "a third": "new"})

    with pytest.raises(IncompleteError, match="a third is new, and 2 facts of forces without a profile"):
        call(state_backend.url, work)


async def _apply_in_multi(
    self: StateStore, names: Names, epoch: int, applied_offset: int, after: int, change: Change
) -> Applied:
    """The same with MULTI and EXEC, which execute the rest when one command fails."""
    stored = await self.redis.hmget(names.control, ["applied_offset", "epoch"])
    if stored != [str(applied_offset), str(epoch)]:
        return Applied("stale", None)
    decoded = msgspec.msgpack.decode(streams.store.encode_change(names, change))
    async with self.redis.pipeline(transaction=True) as pipe:
        for start, rest, fields, deltas in ((start, *each) for start, some in decoded["panes"] for each in some):
            for field, delta in zip(fields, deltas, strict=True):
                pipe.hincrby(start + rest, field, delta)
        for key in ("timelines", "open", "feeds"):
            for name, text in zip(decoded[key][::2], decoded[key][1::2], strict=True):
                pipe.hset(getattr(names, key), name, text)
        pipe.hset(names.control, "applied_offset", str(after))
        await pipe.execute(raise_on_error=False)
    return Applied("applied", after)


def test_multi_in_place_of_the_script_is_caught(
    redis: Redis, state_backend: StateServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It applies valid batches, but half of one that is refused."""
    monkeypatch.setattr(StateStore, "apply", _apply_in_multi)
    batches = some_changes(4)
    assert [each.outcome for each in call(state_backend.url, lambda store: apply_all(store, batches))] == [
        "applied"
    ] * 4
    redis.flushall()

    def spoil(redis: Redis, _: Names, pane: str) -> None:
        redis.delete(pane)
        redis.set(pane, "a string")

    with pytest.raises(AssertionError):
        test_a_state_that_another_program_has_written_to_is_refused_and_left_unchanged(redis, state_backend, spoil)


def test_without_the_applied_offset_a_replay_would_count_twice(
    redis: Redis, state_backend: StateServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tests above would detect a script without the check of the applied offset."""
    guarded, _ = GUARDS
    assert all(guard in streams.store.SCRIPT for guard in GUARDS), "workers that are changed on purpose leave these out"
    monkeypatch.setattr("streams.store.SCRIPT", streams.store.SCRIPT.replace(guarded, "if false then"))
    batches = some_changes(1)

    async def work(store: StateStore) -> Applied:
        await apply_all(store, batches)
        return await store.apply(store.names("incidents", 0), 0, 0, 1, batches[0])

    assert call(state_backend.url, work).outcome == "applied"
    day = next(key for key in redis.scan_iter(match="*pane:strict:day:*"))
    assert "2" in redis.hvals(day)
