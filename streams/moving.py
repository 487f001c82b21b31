"""Finds facts that are on the wrong partition and makes the copies that move them to the right one. Pure."""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from facts import provenance
from facts.fact import SubjectFact
from facts.moved import Origin, header_of
from facts.partitioning import partition_of
from facts.wire import encode
from measures.outcome import microseconds
from streams.record import Place, Record

MOVED_FACTS = 100
"""The most facts moved in one record: a few hundred kilobytes, well below any topic's limit."""
Misplaced = dict[tuple[int, bool], list[tuple[int, SubjectFact]]]
"""Facts on the wrong partition, by their right one and whether they belonged here before, with their index in the record."""


class OwnPartition(NamedTuple):
    """One partition and the number of partitions, which decide the subjects that belong on it.

    Attributes:
        number: the number of the partition.
        partitions: the number of partitions that its topic has.
        before: the number it had when the previous state version was built; the same unless partitions were added.
    """

    number: int
    partitions: int
    before: int = 0

    def is_own(self, fact: SubjectFact) -> bool:
        """Whether a fact belongs here."""
        return partition_of(fact.subject_id, self.partitions) == self.number

    def was_own(self, fact: SubjectFact) -> bool:
        """Whether a fact belonged here before the topic was given more partitions."""
        return 0 < self.before < self.partitions and partition_of(fact.subject_id, self.before) == self.number

    def add_misplaced(self, fact: SubjectFact, index: int, misplaced: Misplaced) -> None:
        """Add a fact that does not belong here to those of its right partition."""
        place = partition_of(fact.subject_id, self.partitions), self.was_own(fact)
        misplaced.setdefault(place, []).append((index, fact))


class Moved(NamedTuple):
    """Facts of one record that belong on another partition.

    Attributes:
        partition: where they belong.
        origin: where they were first received.
        facts: in the order of their record, at most `MOVED_FACTS`.
        mapping: the mapping by which they were read from a file; None if they were not.
    """

    partition: int
    origin: Origin
    facts: list[SubjectFact]
    mapping: str | None = None


Move = Callable[[Place, Sequence[Moved]], Awaitable[None]]
"""Sends facts found on a partition to the right ones; returns when the log has them."""


class Copy(NamedTuple):
    """A record to send.

    Attributes:
        topic: the topic to send it to.
        partition: the partition to send it to.
        key: the subject's id if it holds one fact.
        value: the encoded facts.
        headers: where the facts were first received, and by which mapping they were read.
    """

    topic: str
    partition: int
    key: bytes | None
    value: bytes
    headers: list[tuple[str, bytes]]


def moved_batches(
    record: Record, number: int, misplaced: Mapping[tuple[int, bool], list[tuple[int, SubjectFact]]]
) -> Iterator[Moved]:
    """The facts of a record that belong on other partitions, in the batches in which they are sent there."""
    for (partition, was_own), indexed_facts in misplaced.items():
        for start in range(0, len(indexed_facts), MOVED_FACTS):
            batch = indexed_facts[start : start + MOVED_FACTS]
            origin = _origin(record, number, [index for index, _ in batch], was_own=was_own)
            yield Moved(partition, origin, [fact for _, fact in batch], record.mapping)


def _origin(record: Record, number: int, indexes: list[int], *, was_own: bool) -> Origin:
    """Where facts of a record were first received; a copy that moves again keeps the origin it has."""
    known = record.moved_from if record.moved_from and len(record.moved_from.indexes) > max(indexes) else None
    first = known or Origin(
        partition=number,
        offset=record.offset,
        indexes=tuple(range(max(indexes) + 1)),
        received_at=max(0, microseconds(record.received_at) // 1000),
    )
    origin = replace(first, indexes=tuple(first.indexes[each] for each in indexes))
    if was_own and first.counted_on is None:
        return replace(origin, why="partitions_changed", counted_on=number, counted_at=record.offset)
    return origin


def copy_of(place: Place, moved: Moved) -> Copy:
    """The record that carries facts to their right partition."""
    key = moved.facts[0].subject_id.encode() if len(moved.facts) == 1 else None
    headers = [header_of(moved.origin), *([provenance.header_of(moved.mapping)] if moved.mapping else ())]
    return Copy(place[0], moved.partition, key, encode(moved.facts), headers)
