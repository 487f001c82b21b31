"""A state server for a test, and changes folded in memory that are applied to it, one batch at a time."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from redis import Redis
from redis.asyncio import Redis as AsyncRedis

from bluelamp.embedded.state import StateServer
from facts.union import Topic
from streams.fold import Change
from streams.store import Applied, Identity, StateStore
from tests.support.forces import STRICT
from tests.support.memory import MemoryState
from tests.support.stories import FORCE

IDENTITY = Identity("cluster", "topic", 1)
FINGERPRINTS = {FORCE: STRICT.fingerprint()}


@contextmanager
def state_server(directory: Path) -> Iterator[StateServer]:
    """The embedded state server, stopped afterwards in any case."""
    server = StateServer(directory, binary="embedded")
    server.start()
    try:
        yield server
    finally:
        server.stop()


def dump(redis: Redis) -> dict[str, Any]:
    """Everything in the state server, except the count of stale writes."""
    redis.hdel("test:{incidents:0}:control", "stale_writes")
    read: dict[Any, Callable[[Any], Any]] = {
        "hash": redis.hgetall,
        "string": redis.get,
        "zset": lambda key: redis.zrange(key, 0, -1, withscores=True),
        "stream": redis.xrange,
    }
    return {key: read[redis.type(key)](key) for key in sorted(redis.scan_iter())}


def as_user(url: str, name: str) -> str:
    """The address of the state server for another user, with an arbitrary password."""
    return url.replace("redis://", f"redis://{name}:any@")


def call(url: str, work: Callable[[StateStore], Awaitable[Any]]) -> Any:
    """Run work on a store with its own connection."""

    async def run() -> Any:
        async with AsyncRedis.from_url(url, decode_responses=True) as client:
            return await work(StateStore(client, "test"))

    return asyncio.run(run())


async def apply_all(
    store: StateStore, changes: list[Change], topic: Topic = "incidents", fingerprints: dict[str, str] = FINGERPRINTS
) -> list[Applied]:
    """Claim a partition and apply changes one after another, each at the next offset."""
    names = store.names(topic, 0)
    control = await store.claim(names, IDENTITY, fingerprints)
    await store.begin(names, 0)
    applied_offset = int(str(await store.redis.hget(names.control, "applied_offset")))
    return [
        await store.apply(names, control.epoch, applied_offset + at, applied_offset + at + 1, change)
        for at, change in enumerate(changes)
    ]


async def apply_memory(store: StateStore, memory: MemoryState) -> None:
    """Apply everything that was folded in memory, and announce the topics to readers."""
    for topic, (partition,) in memory.partitions.items():
        applied = await apply_all(store, partition.changes, topic)
        assert {each.outcome for each in applied} <= {"applied"}
        await store.announce(topic, 1)


def one_by_one(url: str, changes: list[Change], topic: Topic = "incidents") -> Iterator[None]:
    """Apply the next change at each step."""
    for change in changes:

        async def apply(store: StateStore, change: Change = change) -> None:
            await apply_all(store, [change], topic)
            await store.announce(topic, 1)

        call(url, apply)
        yield
