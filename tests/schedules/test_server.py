"""The model of the state server and the real ones: the same changes lead to the same keys and the same refusals."""

import asyncio
import random
from typing import Any, cast

from redis import Redis
from redis.asyncio import Redis as AsyncRedis

from bluelamp.embedded.state import StateServer
from streams.block_forms import BlockForms, ExpectedState
from streams.fold import Change, PartitionFold
from streams.keys import Names
from streams.moving import OwnPartition
from streams.ownership import Owner
from streams.record import Record
from streams.store import Applied, StateStore, kinds_of
from tests.schedules.choices import Choices
from tests.schedules.reports import Reports, as_record
from tests.schedules.server import AsyncClient, Server
from tests.schedules.world import IDENTITIES, RULES, START

PLACE = ("contacts", 0)
NAMES = Names("s", *PLACE)
FORCE = next(iter(RULES))


def changes(seed: int) -> list[Change]:
    """Changes of one partition, in order."""
    partition, reports = PartitionFold("contacts", OwnPartition(0, 1), RULES), Reports(Choices(seed), START)
    found = []
    for offset in range(60):
        facts = [fact for subject, fact in (reports.next(START) for _ in range(3)) if subject.topic == "contacts"]
        admitted = partition.admit([Record(offset, START, as_record(facts) if facts else b"[]")])
        for key in partition.uncached(admitted):
            partition.cache_subject(key, {})
        found.append(partition.fold(admitted))
    return found


async def apply_all(store: StateStore, seed: int) -> list[Applied]:
    """Claim the partition, then apply each change: most in order, some stale, some twice, and one that is impossible."""
    chance = random.Random(seed)

    async def nothing(*_: Any) -> None:
        """Neither quarantine nor move anything."""

    owner = Owner(store, RULES, nothing, nothing)
    control = await owner.claim(PLACE, IDENTITIES["contacts"])
    await owner.start(PLACE, control, 0, OwnPartition(0, 1))
    applied, applied_offset = [], 0
    for change in changes(seed):
        expected, epoch = applied_offset - (chance.random() < 0.1), control.epoch - (chance.random() < 0.1)
        applied.append(await store.apply(NAMES, epoch, expected, expected + 1, change))
        applied_offset += applied[-1].outcome == "applied"
        if chance.random() < 0.5:
            await compress_some(store, ExpectedState(NAMES, epoch, applied_offset), chance)
    return applied


async def compress_some(store: StateStore, state: ExpectedState, chance: random.Random) -> None:
    """Compress some hours of some kinds; a stale owner compresses none."""
    kinds = chance.sample(kinds_of(PLACE[0]), 10)
    blocks = await store.blocks(NAMES, FORCE, "hour", 10**9)
    await BlockForms(store.redis, fewest=1).compress(
        state, [NAMES.panes_of(FORCE, "hour", block, kind) for block in blocks for kind in kinds]
    )


def contents(client: Any) -> dict[str, Any]:
    """Every key of a real server, except the stream's ids, which depend on its clock."""
    read = {"hash": client.hgetall, "zset": lambda key: {int(each) for each in client.zrange(key, 0, -1)}}
    return {
        key: read[kind](key) if (kind := client.type(key)) in read else [entry for _, entry in client.xrange(key)]
        for key in cast(list[str], client.keys("*"))
    }


def test_the_model_does_what_the_script_does(state_backend: StateServer) -> None:
    refused = compressed = 0
    for seed in range(8):
        server = Server(10_000, lambda: "", lambda: None)
        modelled = asyncio.run(apply_all(StateStore(cast(Any, AsyncClient(server)), "s"), seed))
        with Redis.from_url(state_backend.url, decode_responses=True) as client:
            client.flushall()

            async def real(number: int = seed) -> list[Applied]:
                async with AsyncRedis.from_url(state_backend.url, decode_responses=True) as redis:
                    return await apply_all(StateStore(redis, "s"), number)

            assert asyncio.run(real()) == modelled
            stream = [{name: str(word) for name, word in entry.items()} for _, entry in server.keys[NAMES.changes]]
            assert contents(client) == server.keys | {NAMES.changes: stream}
            compressed += sum("z" in fields for key, fields in server.keys.items() if ":pane:" in key)
        refused += sum(each.outcome == "stale" for each in modelled)
    assert min(refused, compressed) > 0
