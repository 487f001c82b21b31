"""Which facts are not of a partition's subjects, and the copies by which they move to the partition they belong on. Pure."""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from facts.fact import SubjectFact
from facts.moved import Origin, header_of
from facts.partitioning import partition_of
from facts.wire import encode
from measures.outcome import microseconds
from streams.record import Record

MOVED_FACTS = 100
"""The most facts moved in one record: some hundred kilobytes, well below what any topic takes."""
Misplaced = dict[tuple[int, bool], list[tuple[int, SubjectFact]]]
"""Facts that do not belong on a partition: by where they do and whether they did, each with its position in its record."""


class OwnPartition(NamedTuple):
    """One partition of so many: which subjects are its own follows from that.

    Attributes:
        number: of the partition.
        of: how many its topic has.
        before: how many it had when the version of the state before this one was built; the same unless some were added.
    """

    number: int
    of: int
    before: int = 0

    def is_own(self, fact: SubjectFact) -> bool:
        """Whether a fact belongs here."""
        return partition_of(fact.subject_id, self.of) == self.number

    def was_own(self, fact: SubjectFact) -> bool:
        """Whether it belonged here before the topic was given more partitions."""
        return 0 < self.before < self.of and partition_of(fact.subject_id, self.before) == self.number

    def add_misplaced(self, fact: SubjectFact, index: int, misplaced: Misplaced) -> None:
        """Put a fact that does not belong here with those of where it does."""
        place = partition_of(fact.subject_id, self.of), self.was_own(fact)
        misplaced.setdefault(place, []).append((index, fact))


class Moved(NamedTuple):
    """Facts of one record that are not of its partition's subjects.

    Attributes:
        partition: where they belong.
        origin: where they were first received.
        facts: in the order of their record, a parcel at most.
    """

    partition: int
    origin: Origin
    facts: list[SubjectFact]


Place = tuple[str, int]
Move = Callable[[Place, Sequence[Moved]], Awaitable[None]]
"""Sends facts found on a partition to those they belong on; returns when the log has them."""


class Copy(NamedTuple):
    """A record to be sent.

    Attributes:
        topic: where to.
        partition: likewise.
        key: the subject's id where it holds one fact.
        value: its facts.
        headers: where they were first received.
    """

    topic: str
    partition: int
    key: bytes | None
    value: bytes
    headers: list[tuple[str, bytes]]


def moved_batches(
    record: Record, number: int, misplaced: Mapping[tuple[int, bool], list[tuple[int, SubjectFact]]]
) -> Iterator[Moved]:
    """The facts of a record that do not belong on its partition, as they are sent to where they do."""
    for (partition, was_own), indexed_facts in misplaced.items():
        for start in range(0, len(indexed_facts), MOVED_FACTS):
            some = indexed_facts[start : start + MOVED_FACTS]
            origin = _origin(record, number, [index for index, _ in some], was_own=was_own)
            yield Moved(partition, origin, [fact for _, fact in some])


def _origin(record: Record, number: int, indexes: list[int], *, was_own: bool) -> Origin:
    """Where facts of a record were first received: of a copy that is moved again, where its own were."""
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
    """The record that carries facts to the partition they belong on."""
    key = moved.facts[0].subject_id.encode() if len(moved.facts) == 1 else None
    return Copy(place[0], moved.partition, key, encode(moved.facts), [header_of(moved.origin)])
