"""The product's partitions and reader in this process: its own fold and readings, without servers, at any time."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, cast

from facts.force import Force
from facts.union import TOPICS, AnyFact, Topic
from facts.wire import encode
from measures.outcome import OpenItem, instant
from measures.pane import BLOCK, Counts, Grain, OpenPane, apply, field_of
from measures.reading import FeedStatus
from measures.rules import Rules
from streams.clock_steps import ClockStep
from streams.codec import decode_timeline, encode_timeline
from streams.fold import PartitionFold
from streams.keys import Names
from streams.moving import OwnPartition
from streams.partition_cache import Block, Key, PartitionCache
from streams.readings import Reader
from streams.record import Record

Touched = tuple[str, tuple[str, ...]]
"""A kind of outcome and its words."""


class MemoryCache(PartitionCache):
    """A partition folded and cached in this process: the work of a worker and of a reader's cache together.

    Args:
        topic: the topic of the partition.
        rules: the rules of each force.
    """

    def __init__(self, topic: Topic, rules: Mapping[str, Rules]) -> None:
        super().__init__(cast(Any, None), Names("memory", topic, 0))
        self.fold = PartitionFold(topic, OwnPartition(0, 1), rules)
        self.feeds, self.events, self.applied_offset = self.fold.feeds, self.fold.events, 0
        self._timelines: dict[str, str] = {}
        self._open_items: dict[str, dict[str, list[OpenItem]]] = {}

    def missing(self, keys: Iterable[Key]) -> set[Key]:
        """Nothing: everything is in memory."""
        return set()

    def block(self, key: Key) -> Block:
        """One kind in a block; empty if there is none."""
        return self._panes.get(key[:3], {}).get(key[3], {})

    def open(self, force: str, kind: str) -> list[OpenItem]:
        """The open items of a kind, of the only force."""
        return [each for items in self._open_items.get(kind, {}).values() for each in items]

    def open_subjects(self, force: str, kind: str) -> list[tuple[str, OpenItem]]:
        """The same, each with the id of its subject."""
        found = self._open_items.get(kind, {})
        return [(key.partition("|")[2], each) for key, items in found.items() for each in items]

    def _add(self, force: str, kind: str, deltas: Mapping[Grain, Mapping[int, Mapping[str, int]]]) -> set[Touched]:
        """Add counts of a kind; returns the outcomes that changed."""
        touched = set[Touched]()
        for grain, slots in deltas.items():
            blocks = self._panes.setdefault((force, grain, kind), {})
            for slot, counts in slots.items():
                block = cast(dict[int, Counts], blocks.setdefault(slot // BLOCK[grain], {}))
                # A pane that changes becomes another object, as when it is read from the state.
                before = block.pop(slot, {})
                pane: OpenPane = {kind: {dimensions: dict(each) for dimensions, each in before.items()}}
                apply(pane, kind, counts)
                if kind in pane:
                    block[slot] = pane[kind]
                touched.update((kind, field_of(name)[0]) for name in counts)
        return touched

    def receive(self, facts: Sequence[AnyFact], received_at: datetime) -> set[Touched]:
        """Fold facts as one batch of records; returns the outcomes that changed."""
        records = [
            Record((self.applied_offset or 0) + place, received_at, encode([fact])) for place, fact in enumerate(facts)
        ]
        admitted = self.fold.admit(records)
        for key in self.fold.uncached(admitted):
            self.fold.cache_subject(key, decode_timeline(self._timelines.get(key, "[]"), key))
        change = self.fold.fold(admitted)
        self.applied_offset = (self.applied_offset or 0) + len(records)
        self._version += 1
        self._all_changed_at = self._version
        touched = set[Touched]()
        for force, deltas in change.panes.items():
            for kind, by_grain in deltas.items():
                touched |= self._add(force, kind, by_grain)
        self._filled.clear()
        for key, timeline in change.timelines.items():
            self._timelines[key] = encode_timeline(timeline, key, is_closed=key in change.closed)
        for key, outcomes in change.open.items():
            changed = {*self._open.get(key, ())} ^ {*outcomes.open}
            touched.update((each.kind, each.dimensions) for each in changed)
            self._open[key] = outcomes.open
            for kind in {each.kind for each in changed}:
                of_kind, items = self._open_items.setdefault(kind, {}), [e for e in outcomes.open if e.kind == kind]
                of_kind.pop(key, None)
                of_kind |= {key: items} if items else {}
        for name, count in change.counts.items():
            self.counts[name] = self.counts.get(name, 0) + count
        return touched


class MemoryReader(Reader):
    """The product's reader over partitions in memory, at the time that the test sets.

    Args:
        force: the force's profile.
    """

    def __init__(self, force: Force) -> None:
        rules = {force.name: Rules(force)}
        super().__init__(cast(Any, None), "memory", rules, lambda: instant(self.moment))
        self.moment = 0
        self._feeds_of: tuple[int, list[FeedStatus]] = (-1, [])
        self.caches = {topic: MemoryCache(topic, rules) for topic in TOPICS}
        self._caches = {(topic, 0): cast(PartitionCache, cache) for topic, cache in self.caches.items()}

    def refresh(self) -> bool:
        """Nothing to do: everything is in memory."""
        return False

    def clock_steps(self) -> list[ClockStep]:
        """None: no clock is set."""
        return []

    def feeds(self, force: str) -> list[FeedStatus]:
        """The status of each feed, calculated once for each time."""
        if self._feeds_of[0] != self.moment:
            self._feeds_of = (self.moment, super().feeds(force))
        return self._feeds_of[1]
