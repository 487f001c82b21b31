"""A rebuild leaves out the panes that the current version has already dropped, and no others, whatever that version claims."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta

import msgspec
import pytest
from redis import Redis
from redis.asyncio import Redis as AsyncRedis

from bluelamp.embedded.state import StateServer
from bluelamp.rebuild.rebuild import lines
from facts.wire import encode
from streams.feeds import FeedState
from streams.fold import Change
from streams.keys import Names
from streams.store import Applied, StateStore
from streams.version_builder import VersionBuilder
from tests.archive.logs import IDENTITY, MemoryLog, record
from tests.archive.test_rebuild import NAME, NOW, OLD, PLACE, RULES, Died, incident_facts, moves_nothing, rebuilt
from tests.archive.test_rebuild import redis as redis  # noqa: PLC0414 - a fixture
from tests.archive.test_rebuild import server as server  # noqa: PLC0414 - a fixture
from tests.support.facts import heartbeat

NEW = Names(f"{NAME}:v2", *PLACE)
LATER = NOW + timedelta(days=30)
"""When the minutes of the facts have been dropped, but not their hours."""


@pytest.fixture
def log(redis: Redis, server: StateServer) -> MemoryLog:
    """A log whose feed is a month further, and the current version, which counted the minutes and dropped them later."""
    values = [encode([fact]) for fact in (*incident_facts(), heartbeat("dispatch", NOW), heartbeat("dispatch", LATER))]
    received = int((LATER + timedelta(days=3)).timestamp() * 1000)
    made = MemoryLog({PLACE: [record(at, received, value) for at, value in enumerate(values)]})
    fold(server, made, made.ends[PLACE] - 1)
    assert minutes(redis, OLD)
    fold(server, made, made.ends[PLACE])
    assert not minutes(redis, OLD)
    return made


def fold(server: StateServer, log: MemoryLog, after: int) -> None:
    """Fold the current version up to an offset."""

    async def run() -> None:
        async with AsyncRedis.from_url(server.url, decode_responses=True) as client:
            store = StateStore(client, NAME)
            await store.announce(PLACE[0], 1)
            builder = VersionBuilder(store, RULES, log, moves_nothing)
            await builder.claim(PLACE, IDENTITY, 0)
            await builder.advance(PLACE, after, lambda _: None)

    asyncio.run(run())


def minutes(redis: Redis, names: Names) -> set[str]:
    return {str(key) for key in redis.scan_iter(match=f"{names.base}pane:*:minute:*")}


def panes(redis: Redis, names: Names) -> dict[str, object]:
    """Every count of a version, by key."""
    found = redis.scan_iter(match=f"{names.base}pane:*")
    return {str(key).removeprefix(names.base): redis.hgetall(str(key)) for key in found}


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch, redis: Redis) -> Iterator[list[int]]:
    """Batches of one fact, and after each how many hashes of minutes the new version has."""
    monkeypatch.setattr("streams.version_builder._BATCH_BYTES", 1)
    really, seen = StateStore.apply, list[int]()

    async def apply(self: StateStore, names: Names, epoch: int, expected: int, after: int, change: Change) -> Applied:
        applied = await really(self, names, epoch, expected, after, change)
        if names.prefix == NEW.prefix:
            seen.append(len(minutes(redis, NEW)))
        return applied

    monkeypatch.setattr(StateStore, "apply", apply)
    return iter([seen])


def test_minutes_that_are_dropped_later_are_never_counted(
    redis: Redis, server: StateServer, log: MemoryLog, small_batches: Iterator[list[int]]
) -> None:
    found = rebuilt(server, log)
    seen = next(small_batches)
    assert (found.is_same(), len(seen) > 100, max(seen)) == (True, True, 0), list(lines(found, 0))
    assert panes(redis, NEW) == panes(redis, OLD) != {}
    assert redis.hget(NEW.control, "left_out") is None


def claim_to_be_further(redis: Redis) -> str:
    """Damage the current version: its feed claims to have settled what its log does not say."""
    name = "strict|dispatch"
    before = str(redis.hget(OLD.feeds, name))
    state = msgspec.json.decode(before, type=FeedState)
    ahead = state.settled_to + timedelta(days=100) // timedelta(microseconds=1)
    redis.hset(OLD.feeds, name, msgspec.json.encode(msgspec.structs.replace(state, settled_to=ahead)).decode())
    return before


def test_a_version_that_claims_too_much_costs_no_pane(redis: Redis, server: StateServer, log: MemoryLog) -> None:
    whole = panes(redis, OLD)
    claim_to_be_further(redis)
    found = rebuilt(server, log)
    assert (found.differing_cells, found.differing_from_log) == ([], [])
    assert panes(redis, NEW) == whole
    assert redis.hget(NEW.control, "left_out") is None


@pytest.mark.parametrize("is_readable", [True, False])
def test_what_an_interrupted_rebuild_left_out_wrongly_is_built_again(
    redis: Redis, server: StateServer, log: MemoryLog, monkeypatch: pytest.MonkeyPatch, *, is_readable: bool
) -> None:
    whole, before = panes(redis, OLD), claim_to_be_further(redis)
    monkeypatch.setattr("streams.version_builder._BATCH_BYTES", 1)
    really = StateStore.apply

    async def apply(self: StateStore, names: Names, epoch: int, expected: int, after: int, change: Change) -> Applied:
        if expected == log.ends[PLACE] // 2:
            raise Died
        return await really(self, names, epoch, expected, after, change)

    monkeypatch.setattr(StateStore, "apply", apply)
    with pytest.raises(Died):
        rebuilt(server, log)
    monkeypatch.setattr(StateStore, "apply", really)
    assert redis.hget(NEW.control, "left_out") is not None
    redis.hset(OLD.feeds, "strict|dispatch", before if is_readable else "of another program")
    found = rebuilt(server, log)
    assert (found.is_same(), bool(found.not_compared)) == (True, not is_readable), list(lines(found, 0))
    assert panes(redis, NEW) == whole
