"""Runs the product's own fold and readings in memory, with a dict instead of Redis."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache

from facts.fact import Fact, SubjectFact
from facts.moved import Origin, origin_of
from facts.partitioning import partition_of
from facts.union import TOPICS, Topic
from facts.wire import encode
from measures.measure import Measure, Where
from measures.outcome import OpenItem
from measures.pane import Counts, Dimensions, Grain, OpenPane, Pane, apply
from measures.reading import Figure, Question, check, read
from measures.rules import Rules
from measures.window import resolve
from streams.codec import decode_open, decode_timeline, encode_open, encode_timeline
from streams.fold import Change, PartitionFold
from streams.moving import OwnPartition, copy_of
from streams.record import Record

Field = tuple[str, Dimensions, int]
"""One count of a pane: kind, labels, value."""
RECEIVED = datetime(2030, 1, 1, tzinfo=UTC)
WHOLE = OwnPartition(0, 1)


class MemoryPartition:
    """One partition: its fold and its state.

    Args:
        topic: its topic.
        rules: the rules of each force.
        share: its number among the topic's partitions; by default it is the only one.
    """

    def __init__(self, topic: Topic, rules: Mapping[str, Rules], share: OwnPartition = WHOLE) -> None:
        self.fold = PartitionFold(topic, share, rules)
        self.panes: dict[tuple[str, Grain, int], OpenPane] = {}
        self.timelines: dict[str, str] = {}
        self.open: dict[str, str] = {}
        self.applied_offset = 0
        self.changes: list[Change] = []

    def feed(
        self, values: Sequence[bytes], received_at: datetime = RECEIVED, moved_from: Origin | None = None
    ) -> Change:
        """Fold one batch of records and apply it."""
        records = [
            Record(self.applied_offset + index, received_at, value, moved_from=moved_from)
            for index, value in enumerate(values)
        ]
        admitted = self.fold.admit(records)
        for key in self.fold.uncached(admitted):
            self.fold.cache_subject(key, decode_timeline(self.timelines.get(key, "[]"), key))
        change = self.fold.fold(admitted)
        self._apply(change)
        self.applied_offset += len(records)
        self.changes.append(change)
        return change

    def _apply(self, change: Change) -> None:
        for force, deltas in change.panes.items():
            for kind, grain, slots in ((kind, *each) for kind, of_kind in deltas.items() for each in of_kind.items()):
                for slot, counts in slots.items():
                    apply(self.panes.setdefault((force, grain, slot), {}), kind, counts)
        for (force, grain), first in change.drop_before.items():
            for place in [place for place in self.panes if place[:2] == (force, grain) and place[2] < first]:
                del self.panes[place]
        for key, timeline in change.timelines.items():
            self.timelines[key] = encode_timeline(timeline, key, is_closed=key in change.closed)
        for key, outcomes in change.open.items():
            self.open[key] = encode_open(outcomes.open)

    def least_count(self) -> int:
        """The least count anywhere. Counts of 0 are removed, so a count below 1 is an error."""
        return min((count for pane in self.panes.values() for _, count in _fields(pane)), default=1)

    def forget(self) -> None:
        """Forget everything cached outside the state, like a new owner of the partition."""
        known = self.fold
        self.fold = PartitionFold(known.topic, known.own_partition, known.rules, known.feeds, known.events)


@lru_cache(maxsize=4096)
def _open_items(text: str) -> list[OpenItem]:
    """The open items of a subject; they are cached, because every measure asks for them."""
    return decode_open(text)


class MemoryState:
    """Every partition of every topic; a `FigureSource` for one force.

    Args:
        rules: the rules of each force.
        force: the force whose figures are read.
        partitions: the number of partitions of each topic.
    """

    def __init__(self, rules: Mapping[str, Rules], force: str, partitions: int = 1) -> None:
        self.rules, self.force = rules, force
        shares = [OwnPartition(number, partitions) for number in range(partitions)]
        self.partitions = {topic: [MemoryPartition(topic, rules, share) for share in shares] for topic in TOPICS}

    def place(self, topic: Topic, subject_id: str) -> MemoryPartition:
        """The partition of a subject."""
        partitions = self.partitions[topic]
        return partitions[partition_of(subject_id, len(partitions))]

    def move(self) -> None:
        """Move every fact that is not on its subject's partition."""
        for topic, partitions in self.partitions.items():
            moved = [each for partition in partitions for change in partition.changes for each in change.moved]
            for each in moved:
                copy = copy_of((topic, each.origin.partition), each)
                partitions[copy.partition].feed([copy.value], moved_from=origin_of(copy.headers))

    def panes(self, kind: str, grain: Grain, first: int, last: int) -> Iterator[tuple[int, Counts]]:
        """As a `FigureSource`."""
        for partition in self._all():
            for slot in range(first, last):
                if counts := partition.panes.get((self.force, grain, slot), {}).get(kind):
                    yield slot, counts

    def open(self, kind: str) -> Iterable[OpenItem]:
        """As a `FigureSource`."""
        for partition in self._all():
            for key, text in partition.open.items():
                if key.startswith(f"{self.force}|"):
                    yield from (each for each in _open_items(text) if each.kind == kind)

    def figures(
        self, measure: Measure, window: str, as_of: datetime, by: tuple[str, ...] = (), where: Where | None = None
    ) -> list[Figure]:
        """The figures of a question."""
        rules = self.rules[self.force]
        question = Question(measure, resolve(window, as_of, rules.force), as_of, by, where or {})
        check(question, rules)
        return read(question, self, rules)

    def numbers(self) -> tuple[dict[tuple[str, Grain, int, Field], int], list[OpenItem]]:
        """The sum of every count over all partitions, and all open items: everything that readings are calculated from."""
        counts: dict[tuple[str, Grain, int, Field], int] = {}
        for partition in self._all():
            for place, pane in partition.panes.items():
                for field, count in _fields(pane):
                    counts[*place, field] = counts.get((*place, field), 0) + count
        items = [each for partition in self._all() for text in partition.open.values() for each in decode_open(text)]
        return counts, sorted(items, key=repr)

    def _all(self) -> Iterator[MemoryPartition]:
        return (partition for partitions in self.partitions.values() for partition in partitions)

    def least_count(self) -> int:
        """The least count anywhere."""
        return min(partition.least_count() for partition in self._all())


def _fields(pane: Pane) -> Iterator[tuple[Field, int]]:
    for kind, groups in pane.items():
        for dimensions, histogram in groups.items():
            for value, count in histogram.items():
                yield (kind, dimensions, value), count


def deliver(
    state: MemoryState,
    facts: Iterable[tuple[Topic, Fact]],
    batch: int = 1,
    place: Callable[[Topic, str], MemoryPartition] | None = None,
) -> None:
    """Send facts in order, `batch` records at a time to each partition, with one fact in each record.

    Args:
        state: the state that receives them.
        facts: the facts.
        batch: the number of records at a time.
        place: chooses the partition of a subject; by default, the right one.
    """
    waiting: dict[int, tuple[MemoryPartition, list[bytes]]] = {}
    put = place or state.place
    for topic, fact in facts:
        places = [put(topic, fact.subject_id)] if isinstance(fact, SubjectFact) else state.partitions[topic]
        for partition in places:
            values = waiting.setdefault(id(partition), (partition, []))[1]
            values.append(encode([fact]))
            if len(values) >= batch:
                partition.feed(values)
                values.clear()
    for partition, values in waiting.values():
        if values:
            partition.feed(values)
