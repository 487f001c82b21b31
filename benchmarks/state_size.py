"""`python -m benchmarks.state_size`: what the state in Redis is made of, in bytes, after some simulated weeks of a force."""

import asyncio
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import click
import msgspec
from redis import Redis
from redis.asyncio import Redis as AsyncRedis

from benchmarks import whole
from streams.block_forms import ExpectedState
from streams.keys import Names
from streams.ownership import RESTING_GRAINS
from streams.store import StateStore, kinds_of

_FORCE = "staffordshire"
_YEAR_DAYS = 365
_NOT_AT_REST = 3
_AT_ONCE = 1000
_GROWING = ("timelines", "pane of days")


class KeyGroup(NamedTuple):
    """All keys of one part of the state.

    Attributes:
        part: what they hold.
        entries: the number of subjects, counts or other entries in them.
        size_bytes: what Redis uses for them.
    """

    part: str
    entries: int
    size_bytes: int


@click.command()
@click.option("--days", default=28, show_default=True, help="Days to simulate.")
def main(days: int) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as directory, whole.parts(Path(directory)) as given:
        settings = msgspec.structs.replace(given, force=_FORCE)
        facts, _ = whole.simulate(settings, days)
        whole.work(settings, facts)
        with Redis.from_url(settings.redis, decode_responses=True) as redis:
            print(f"{facts:,} facts of {days} days")
            print(table(groups(redis), days))
            used = asyncio.run(compress(settings.redis))
            print(f"Blocks at rest compressed: {used:.1f} s of processor time")
            print(table(groups(redis), days))
            print(f"Redis as a whole: {int(redis.info('memory')['used_memory']) / 1e6:,.1f} MB")


def groups(redis: Redis) -> list[KeyGroup]:
    """The parts of the state, the largest first; asking Redis about every key takes seconds for 100,000 keys."""
    sums: dict[str, list[int]] = {}
    for keys in _batched(redis.scan_iter(count=_AT_ONCE)):
        for key, entries, size in zip(keys, _entries(redis, keys), _sizes(redis, keys), strict=True):
            sizes = sums.setdefault(part_of(key), [0, 0])
            sizes[0] += entries
            sizes[1] += size
    found = (KeyGroup(part, *sizes) for part, sizes in sums.items())
    return sorted(found, key=lambda each: -each.size_bytes)


async def compress(address: str) -> float:
    """Compress every block except the newest three of each grain, as a worker does over some hours; returns the processor seconds."""
    start = time.process_time()
    async with AsyncRedis.from_url(address, decode_responses=True) as redis:
        for control in [key async for key in redis.scan_iter(match="*:control")]:
            prefix, _, place = control.removesuffix("}:control").partition(":{")
            topic, _, number = place.partition(":")
            store, names = StateStore(redis, prefix), Names(prefix, topic, int(number))
            stored = await redis.hmget(control, ["epoch", "applied_offset"])
            state = ExpectedState(names, *(int(each or 0) for each in stored))
            for grain in RESTING_GRAINS:
                newest = await store.blocks(names, _FORCE, grain, 10**9)
                for block in newest[:-_NOT_AT_REST]:
                    await store.forms.compress(
                        state, [names.panes_of(_FORCE, grain, block, kind) for kind in kinds_of(topic)]
                    )
    return time.process_time() - start


def _batched(keys: Iterable[str]) -> Iterator[list[str]]:
    """Keys, some at a time."""
    each = iter(keys)
    while some := list(islice(each, _AT_ONCE)):
        yield some


def part_of(key: str) -> str:
    """What a key holds: the name after the partition, with the grain of a pane or an index."""
    part, _, rest = key.partition("}:")[2].partition(":")
    return f"{part} of {rest.split(':')[1]}s" if rest else part or "other"


def _sizes(redis: Redis, keys: Sequence[str]) -> list[int]:
    pipe = redis.pipeline(transaction=False)
    for key in keys:
        pipe.memory_usage(key, samples=0)
    return [size or 0 for size in pipe.execute()]


def _entries(redis: Redis, keys: Sequence[str]) -> list[int]:
    pipe = redis.pipeline(transaction=False)
    for key in keys:
        pipe.type(key)
    types = pipe.execute()
    counts = {"hash": pipe.hlen, "zset": pipe.zcard, "stream": pipe.xlen}
    for key, type_ in zip(keys, types, strict=True):
        counts.get(type_, pipe.exists)(key)
    return [int(each) for each in pipe.execute()]


def table(found: Iterable[KeyGroup], days: int) -> str:
    """The parts as a table in Markdown, with what those that are kept for more than some weeks add in a year."""
    return "\n".join(
        ("| part | entries | MB | bytes an entry | MB a year |", "|---|---|---|---|---|", *_rows(found, days))
    )


def _rows(found: Iterable[KeyGroup], days: int) -> Iterator[str]:
    for part, entries, size_bytes in found:
        yearly = f"{size_bytes / days * _YEAR_DAYS / 1e6:,.0f}" if part in _GROWING else ""
        each = f"{size_bytes / entries:,.0f}" if entries else ""
        yield f"| {part} | {entries:,} | {size_bytes / 1e6:,.1f} | {each} | {yearly} |"


if __name__ == "__main__":
    main()
