"""Compares two state versions at the same applied offset: every count of every pane, and every open item."""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from datetime import date

from msgspec import Struct

from bluelamp.verify.sides import counts, differing
from bluelamp.verify.words import dimension_words, named, open_words
from measures.outcome import OpenItem, instant
from measures.pane import GRAINS, LENGTH, Counts, Grain
from measures.rules import Rules
from measures.window import first_kept
from streams.feeds import watermark
from streams.partition_cache import Key, PartitionCache


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
        old: reads the current version.
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
        ours, theirs = (cache.block(key) if key in keys else {} for cache, keys in ((old, kept), (new, built)))
        first = _first_kept(old, rules[key[0]], key[1])
        for slot in sorted(each for each in ours.keys() | theirs if each >= first):
            pane = (*key[:3], slot)
            _compare_counts(f"{old.names}", pane, ours.get(slot, {}), theirs.get(slot, {}), result)
    _compare_open_items(old, new, result)
    return result


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
