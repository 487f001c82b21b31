"""Moves what a rebuild finds on the wrong partition, unless the log holds its copy already."""

from array import array
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Protocol

from kafka import KafkaProducer
from kafka.errors import KafkaError
from msgspec.structs import replace

from bluelamp.archive.reading import Archive, Whole
from facts.batch import BatchRecord
from facts.errors import PartMissingError
from facts.moved import Origin, origin_of
from facts.union import TOPICS
from streams.logreader import RecordSource
from streams.moving import Copy, Moved, copy_of
from streams.stall import Place
from streams.store import Identity

_INDEX_BITS = 20
"""A record of a megabyte holds no more facts than that can number."""
Copied = dict[tuple[str, int, int], "array[int]"]
"""The numbers of facts that were moved, in order: by topic, and by the partitions they were moved from and to."""
Send = Callable[[Sequence[Copy]], None]
"""Sends records; returns when the log has them."""


class LogSource(RecordSource, Protocol):
    """The log, read beside whatever folds it; `streams.logreader.LogReader` is one."""

    def identities(self, topics: Sequence[str]) -> dict[str, Identity]:
        """Which cluster and topic each of the topics that are there is."""
        ...

    def reach(self, identities: Mapping[str, Identity]) -> dict[Place, tuple[int, int]]:
        """The first offset still held, and the one after the last, of each partition of topics."""
        ...


class Mover:
    """Sends facts to the partition they belong on, each once.

    Args:
        archive: of the log; None where there is none.
        log: where copies are looked for; not the one that is being folded.
        send: sends them.

    Attributes:
        moved: how many facts it has sent.
    """

    def __init__(self, archive: Archive | None, log: LogSource, send: Send) -> None:
        self._archive, self._log, self._send = archive, log, send
        self._copied: Copied | None = None
        self.moved = 0

    async def move(self, place: Place, moved: Sequence[Moved]) -> None:
        """Send facts found on a partition; a `streams.moving.Move`."""
        copies = [copy_of(place, left) for each in moved if (left := self._without_copies(place[0], each)).facts]
        if copies:
            self._send(copies)

    def _without_copies(self, topic: str, moved: Moved) -> Moved:
        if self._copied is None:
            self._copied = self._find_copies()
        known = self._copied.get((topic, moved.origin.partition, moved.partition), array("Q"))
        numbers = _numbers(moved.origin)
        left = [each for each, number in enumerate(numbers) if not _holds(known, number)]
        self.moved += len(left)
        origin = replace(moved.origin, indexes=tuple(moved.origin.indexes[each] for each in left))
        return Moved(moved.partition, origin, [moved.facts[each] for each in left])

    def _find_copies(self) -> Copied:
        """Of which facts the log holds copies."""
        found: Copied = defaultdict(lambda: array("Q"))
        whole = Whole(self._archive, self._log)
        for place, span in whole.reach(self._log.reach(self._log.identities(TOPICS))).items():
            for some in whole.read(place, *span):
                for entry in some:
                    if isinstance(entry, BatchRecord) and (origin := origin_of(entry.headers)):
                        found[place[0], origin.partition, place[1]].extend(_numbers(origin))
        return {places: array("Q", sorted(numbers)) for places, numbers in found.items()}


def _numbers(origin: Origin) -> list[int]:
    """One number for each fact, unlike that of any other of its partition."""
    return [origin.offset << _INDEX_BITS | index for index in origin.indexes]


def _holds(numbers: "array[int]", number: int) -> bool:
    at = bisect_left(numbers, number)
    return at < len(numbers) and numbers[at] == number


@contextmanager
def sending(bootstrap: str) -> Iterator[Send]:
    """Sends records to the log at an address.

    Raises:
        PartMissingError: it does not answer, or does not take them.
    """
    hint = "See whether Kafka is well and takes records of that topic from this program; then begin again."
    try:
        with KafkaProducer(bootstrap_servers=bootstrap.split(","), acks="all", enable_idempotence=True) as producer:

            def send(copies: Sequence[Copy]) -> None:
                sent = [
                    producer.send(copy.topic, copy.value, copy.key, list(copy.headers), partition=copy.partition)
                    for copy in copies
                ]
                producer.flush()
                for each in sent:
                    each.get()

            yield send
    except KafkaError as error:
        what = f"Facts could not be moved to their own partition ({error!r})."
        raise PartMissingError(what, where=bootstrap, hint=hint) from error
