"""Compares two state versions at the same applied offset: every count of every pane, and every open item."""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from datetime import date
from typing import cast

from msgspec import Struct
from redis import Redis

from bluelamp.verify.sides import counts, differing
from bluelamp.verify.words import dimension_words, named, open_words
from measures.outcome import OpenItem, instant
from measures.pane import BLOCK, GRAINS, LENGTH, Counts, Grain
from measures.rules import Rules
from measures.window import first_kept
from streams.compressed_block import loaded_block, stored_counts
from streams.feeds import watermark
from streams.keys import Names
from streams.partition_cache import Block, Key, PartitionCache
from streams.store import reading_state


class StateDifference(Struct, frozen=True, kw_only=True):
    """A count or an open item that differs between two state versions.

    Attributes:
        partition: as `topic:number`.
        force: the force.
        pane: for a count, its pane, such as `day 2024-12-01`; for an open item, its subject.
        kind: a key of `measures.outcome.KINDS`, or a kind that only an older program knew.
        words: the label of each of the kind's dimensions.
        value: for a count, the value in the kind's whole units; for an open item, the text "open since TIME".
        old: the number in the current version.
        new: the number in the new version.
    """

    partition: str
    force: str
    pane: str
    kind: str
    words: dict[str, str]
    value: int | str
    old: int
    new: int

    def line(self) -> str:
        """The difference for a person to read."""
        numbers = f"old {self.old}, new {self.new}"
        words = dimension_words(self.words)
        parts = (self.partition, self.force, self.pane, self.kind, words, f"value {self.value}", numbers)
        return "  ".join(part for part in parts if part)


class PartitionDiff(Struct):
    """The result of comparing a partition.

    Attributes:
        counts: the number of counts compared.
        open_items: the number of open items compared.
        cells: the counts and open items that differ.
    """

    counts: int = 0
    open_items: int = 0
    cells: list[StateDifference] = []


async def compare_versions(
    old: PartitionCache, new: PartitionCache, rules: Mapping[str, Rules], advance: Callable[[int], Awaitable[None]]
) -> PartitionDiff:
    """Compare one partition, while the current version keeps moving on.

    Args:
        old: reads the current version; both are from `read_by`.
        new: reads the new version, which is behind it.
        rules: the rules of each force.
        advance: applies the log to the new version up to an offset.
    """
    kept = _load(old, rules)
    # The panes read from the current version belong to one applied offset; bring the new version to the same one.
    if old.applied_offset is not None:
        await advance(old.applied_offset)
    new.refresh()
    built = _load(new, rules)
    result = PartitionDiff()
    for key in sorted(kept | built):
        # A block that a version's index does not list is empty in that version.
        ours, theirs = (_stored(cache, key) if key in keys else {} for cache, keys in ((old, kept), (new, built)))
        first = _first_kept(old, rules[key[0]], key[1])
        if ours == theirs and key[3] * BLOCK[key[1]] >= first:
            result.counts += len(ours)
        elif ours or theirs:
            _compare_blocks(key, first, _loaded(old, key, ours), _loaded(new, key, theirs), result, f"{old.names}")
    _compare_open_items(old, new, result)
    return result


def read_by(redis: Redis, names: Names) -> PartitionCache:
    """A cache for `compare_versions`: it keeps blocks by the names of their counts, because most are equal."""
    return PartitionCache(redis, names, decode=stored_counts)


def _stored(cache: PartitionCache, key: Key) -> Mapping[str, str]:
    return cast(Mapping[str, str], cache.block(key))


def _loaded(cache: PartitionCache, key: Key, stored: Mapping[str, str]) -> Block:
    with reading_state(cache.names):
        return loaded_block(stored, key[1], key[3])


def _load(cache: PartitionCache, rules: Mapping[str, Rules]) -> set[Key]:
    """Read every pane, all at the same applied offset."""
    cache.refresh()
    while True:
        keys = {key for force in rules for grain in GRAINS for key in cache.index(force, grain)}
        if not cache.missing(keys):
            return keys
        cache.load(keys)


def _first_kept(cache: PartitionCache, rules: Rules, grain: Grain) -> int:
    """The first slot that is kept. Older panes are being deleted, and no figure uses them."""
    mark = watermark(cache.feeds, rules.force, cache.names.topic)
    return first_kept(grain, mark, rules) if mark is not None else 0


def _compare_blocks(key: Key, first: int, old: Block, new: Block, result: PartitionDiff, partition: str) -> None:
    """Compare the panes of a block that are kept."""
    for slot in sorted(each for each in old.keys() | new if each >= first):
        _compare_counts(partition, (*key[:3], slot), old.get(slot, {}), new.get(slot, {}), result)


def _compare_counts(
    partition: str, pane: tuple[str, Grain, str, int], old: Counts, new: Counts, result: PartitionDiff
) -> None:
    """Compare one kind in one pane: force, grain, kind, slot."""
    total, found = differing(counts(pane[2], old), counts(pane[2], new))
    result.counts += total
    for (kind, words, value), before, after in found:
        result.cells.append(
            StateDifference(
                partition=partition, force=pane[0], pane=_slot(pane[1], pane[3]), kind=kind, words=named(kind, words),
                value=value, old=before, new=after,
            )
        )  # fmt: skip


def _compare_open_items(old: PartitionCache, new: PartitionCache, result: PartitionDiff) -> None:
    total, found = differing(_open_items(old), _open_items(new))
    result.open_items += total
    for (subject, item), before, after in found:
        force, _, name = subject.partition("|")
        result.cells.append(
            StateDifference(
                partition=f"{old.names}", force=force, pane=name, kind=item.kind, value=open_words(item),
                words=named(item.kind, item.dimensions), old=before, new=after,
            )
        )  # fmt: skip


def _open_items(cache: PartitionCache) -> Counter[tuple[str, OpenItem]]:
    return Counter((subject, each) for subject, items in cache.open_items().items() for each in items)


def _slot(grain: Grain, slot: int) -> str:
    if grain == "day":
        return f"day {date.fromordinal(slot)}"
    return f"{grain.replace('_', '-')} {instant(slot * LENGTH[grain]):%Y-%m-%d %H:%M}Z"
