"""Two versions of a state held against each other at one place of the log: every count of every pane, and what stands open."""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import date

from msgspec import Struct

from measures.outcome import KINDS, OpenItem, instant
from measures.pane import GRAINS, HOUR, MINUTE, Grain, Pane
from measures.rules import Rules
from measures.window import first_kept
from streams.feeds import watermark
from streams.partition_cache import Key, PartitionCache


class StateDifference(Struct, frozen=True, kw_only=True):
    """One count, or one matter that stands open, of which two versions hold different numbers.

    Attributes:
        partition: as `topic:number`.
        force: whose.
        pane: the slice of time it is counted in, for people; of what stands open its subject.
        kind: a key of `measures.outcome.KINDS`, or one that an older program knew.
        words: of the kind's dimensions.
        value: in the kind's whole units; of what stands open since when.
        old: how many the version shown holds.
        new: how many the other holds.
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
        """As people read it."""
        words = " ".join(f"{name}={word}" for name, word in self.words.items())
        parts = (self.partition, self.force, self.pane, self.kind, words, f"value {self.value}")
        return "  ".join(part for part in parts if part) + f"  old {self.old}, new {self.new}"


class PartitionDiff(Struct):
    """What came of a partition.

    Attributes:
        counts: how many counts were compared.
        standing: how many matters that stand open.
        cells: those that differ.
    """

    counts: int = 0
    standing: int = 0
    cells: list[StateDifference] = []


async def hold(
    old: PartitionCache, new: PartitionCache, rules: Mapping[str, Rules], advance: Callable[[int], Awaitable[None]]
) -> PartitionDiff:
    """Compare one partition, also while the old version moves on.

    Args:
        old: reads the version shown.
        new: reads the other.
        rules: by force.
        advance: brings the other version to an offset, up to which it has not been folded yet.
    """
    kept = _load(old, rules)
    # The cache of the old version is at one applied offset, and the new version is folded up to the same one.
    if old.applied_offset is not None:
        await advance(old.applied_offset)
    new.refresh()
    built = _load(new, rules)
    found = PartitionDiff()
    for key in sorted(kept | built):
        if key[2] >= _kept(old, rules[key[0]], key[1]):
            # What a version's index does not list holds nothing in it.
            ours, theirs = (cache.pane(key) if key in keys else {} for cache, keys in ((old, kept), (new, built)))
            _counts(f"{old.names}", key, ours, theirs, found)
    _standing(old, new, found)
    return found


def _load(cache: PartitionCache, rules: Mapping[str, Rules]) -> set[Key]:
    """Read all panes at one applied offset."""
    cache.refresh()
    while True:
        keys = {key for force in rules for grain in GRAINS for key in cache.index(force, grain)}
        if not cache.missing(keys):
            return keys
        cache.load(keys)


def _kept(cache: PartitionCache, rules: Rules, grain: Grain) -> int:
    """The first slot that is kept: older ones go batch by batch, and are no figure any more."""
    mark = watermark(cache.feeds, rules.force, cache.names.topic)
    return first_kept(grain, mark, rules) if mark is not None else 0


def _fields(pane: Pane) -> Counter[tuple[str, tuple[str, ...], int]]:
    return Counter(
        {
            (kind, words, value): count
            for kind, groups in pane.items()
            for words, histogram in groups.items()
            for value, count in histogram.items()
        }
    )


def _counts(partition: str, key: Key, old: Pane, new: Pane, found: PartitionDiff) -> None:
    ours, theirs = _fields(old), _fields(new)
    found.counts += len(ours | theirs)
    for kind, words, value in sorted(each for each in ours | theirs if ours[each] != theirs[each]):
        field = (kind, words, value)
        found.cells.append(
            StateDifference(
                partition=partition, force=key[0], pane=_slot(key[1], key[2]), kind=kind, words=named(kind, words),
                value=value, old=ours[field], new=theirs[field],
            )
        )  # fmt: skip


def _standing(old: PartitionCache, new: PartitionCache, found: PartitionDiff) -> None:
    ours, theirs = (_matters(cache) for cache in (old, new))
    found.standing += len(ours | theirs)
    for subject, matter in sorted((each for each in ours | theirs if ours[each] != theirs[each]), key=repr):
        force, _, name = subject.partition("|")
        since = f"open since {instant(matter.since).isoformat()}" + (
            f", due {instant(matter.due).isoformat()}" if matter.due is not None else ""
        )
        found.cells.append(
            StateDifference(
                partition=f"{old.names}", force=force, pane=name, kind=matter.kind, value=since,
                words=named(matter.kind, matter.dimensions), old=ours[subject, matter], new=theirs[subject, matter],
            )
        )  # fmt: skip


def _matters(cache: PartitionCache) -> Counter[tuple[str, OpenItem]]:
    return Counter((subject, each) for subject, matters in cache.open_items().items() for each in matters)


def named(kind: str, words: Iterable[str]) -> dict[str, str]:
    """Words by their dimensions; of a kind that this program does not know, by their places."""
    names = KINDS[kind].dimensions if kind in KINDS else ()
    return {names[at] if at < len(names) else str(at + 1): word for at, word in enumerate(words)}


def _slot(grain: Grain, slot: int) -> str:
    if grain == "day":
        return f"day {date.fromordinal(slot)}"
    start = instant(slot * (MINUTE if grain == "minute" else HOUR))
    return f"{grain} {start:%Y-%m-%d %H:%M}Z"
