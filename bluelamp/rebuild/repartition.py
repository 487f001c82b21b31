"""Moves facts that a rebuild finds on a wrong partition, unless the log already holds their copies."""

from array import array
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Protocol

from kafka import KafkaProducer
from kafka.errors import KafkaError
from msgspec.structs import replace

from bluelamp.archive.reading import Archive, ArchiveAndLog
from facts.batch import BatchRecord
from facts.errors import PartMissingError
from facts.moved import Origin, origin_of
from facts.union import TOPICS
from producers.kafka import Kafka
from streams.logreader import RunSource
from streams.moving import Copy, Moved, copy_of
from streams.record import Place
from streams.store import Identity

_INDEX_BITS = 20
"""Enough bits to number the facts of one record, which is at most a megabyte."""
Copied = dict[tuple[int, int], "array[int]"]
"""The sorted numbers of the facts of a topic that were moved, by the partitions they were moved from and to."""
Send = Callable[[Sequence[Copy]], None]
"""Sends records; returns when the log has them."""


class LogSource(RunSource, Protocol):
    """The log, such as `streams.logreader.LogReader`."""

    def identities(self, topics: Sequence[str]) -> dict[str, Identity]:
        """The identity of each of the topics that exists."""
        ...

    def reach(self, identities: Mapping[str, Identity]) -> dict[Place, tuple[int, int]]:
        """The first offset that each partition holds, and the offset after the last that can be read."""
        ...


class Mover:
    """Sends each fact to its right partition once.

    Args:
        archive: the archive of the log; None if there is none.
        log: where to look for copies; not the reader that the fold uses.
        send: sends the copies.

    Attributes:
        moved: the number of facts sent.
    """

    def __init__(self, archive: Archive | None, log: LogSource, send: Send) -> None:
        self._archive, self._log, self._send = archive, log, send
        self._copied: dict[str, Copied] = {}
        self.moved = 0

    async def move(self, place: Place, moved: Sequence[Moved]) -> None:
        """Send facts found on a wrong partition; a `streams.moving.Move`."""
        copies = [copy_of(place, left) for each in moved if (left := self._without_copies(place[0], each)).facts]
        if copies:
            self._send(copies)

    def _without_copies(self, topic: str, moved: Moved) -> Moved:
        if topic not in self._copied:
            self._copied[topic] = self._find_copies(topic)
        known = self._copied[topic].get((moved.origin.partition, moved.partition), array("Q"))
        numbers = _numbers(moved.origin)
        left = [each for each, number in enumerate(numbers) if not _holds(known, number)]
        self.moved += len(left)
        origin = replace(moved.origin, indexes=tuple(moved.origin.indexes[each] for each in left))
        return Moved(moved.partition, origin, [moved.facts[each] for each in left], moved.mapping)

    def _find_copies(self, topic: str) -> Copied:
        """The facts of a topic that the log already holds copies of."""
        copied: Copied = defaultdict(lambda: array("Q"))
        whole = ArchiveAndLog(self._archive, self._log)
        for place, span in whole.reach(self._log.reach(self._log.identities(TOPICS))).items():
            for batch in whole.read(place, *span) if place[0] == topic else ():
                for entry in batch:
                    if isinstance(entry, BatchRecord) and (origin := origin_of(entry.headers)):
                        copied[origin.partition, place[1]].extend(_numbers(origin))
        return {places: array("Q", sorted(numbers)) for places, numbers in copied.items()}


def _numbers(origin: Origin) -> list[int]:
    """A number for each fact that is unique on its partition."""
    return [origin.offset << _INDEX_BITS | index for index in origin.indexes]


def _holds(numbers: "array[int]", number: int) -> bool:
    at = bisect_left(numbers, number)
    return at < len(numbers) and numbers[at] == number


@contextmanager
def sending(kafka: Kafka) -> Iterator[Send]:
    """Connect a producer to Kafka; yields a function that sends records.

    Raises:
        PartMissingError: Kafka does not answer, or refuses the records.
    """
    hint = "Check that Kafka is running and that this program may write to the topic, then start again."
    try:
        with KafkaProducer(**kafka.options(), acks="all", enable_idempotence=True) as producer:

            def send(copies: Sequence[Copy]) -> None:
                futures = [
                    producer.send(copy.topic, copy.value, copy.key, list(copy.headers), partition=copy.partition)
                    for copy in copies
                ]
                producer.flush()
                for each in futures:
                    each.get()

            yield send
    except KafkaError as error:
        what = f"Facts could not be moved to their right partition ({error!r})."
        raise PartMissingError(what, where=str(kafka), hint=hint) from error
