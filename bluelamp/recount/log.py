"""Reads the whole log: every partition of every topic, from its beginning to its end at the time of opening."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, Protocol

from kafka import KafkaConsumer, TopicPartition
from kafka.admin import KafkaAdminClient, OffsetSpec
from kafka.consumer.fetcher import ConsumerRecord, Fetcher
from kafka.errors import KafkaError, OffsetOutOfRangeError

from bluelamp.recount.load import LogRecord, from_records
from bluelamp.recount.needed import NeededTime
from bluelamp.recount.recount import Recount
from bluelamp.recount.times import moment_of
from facts.batch import BatchRecord, Entry
from facts.errors import IncompleteError, PartMissingError
from facts.force import Force
from facts.heartbeat_run import HeartbeatRun, before, read_in_runs, span_of
from facts.moved import origin_of
from facts.union import TOPICS, Topic
from producers.kafka import Kafka, KafkaAddress, kafka_at
from producers.kafka_probe import check_reachable, no_answer

_POLL_MILLISECONDS = 1000
_EMPTY_POLLS_MAX = 30
_RECORDS_A_POLL = 5000
_CONNECT_SECONDS = 5


Reach = Mapping[tuple[str, int], tuple[int, int]]
"""For each (topic, partition): the first offset in the log, and the offset after its last."""


class Earlier(Protocol):
    """An archive of a log, which may hold records that the log has deleted, such as `bluelamp.archive.reading.Archive`."""

    def begins(self, reach: Reach) -> dict[tuple[str, int], int]:
        """The first offset of each partition in the archive or the log."""
        ...

    def follow(self, reach: Reach) -> dict[tuple[str, int], int]:
        """The offset at which the log continues after the archive; raises IncompleteError if there is a gap."""
        ...

    def records(self, until: Mapping[tuple[str, int], int] | None) -> Iterator[LogRecord]:
        """Every record, in order of offset within each partition."""
        ...


def from_log(
    kafka: KafkaAddress,
    forces: Sequence[Force],
    until: Mapping[tuple[str, int], int] | None = None,
    *,
    earlier: Earlier | None = None,
    keeps_facts: bool = False,
    topics: Collection[Topic] = TOPICS,
    spans: Sequence[NeededTime] | None = None,
) -> Recount:
    """Recount a log up to its current end, with its archive first if there is one.

    Args:
        kafka: the log's addresses, and how to connect.
        forces: the profiles; facts of other forces are left out.
        until: for each (topic, partition), the offset to stop before; partitions that are missing are not read.
        earlier: the archive of this log, which is read first.
        keeps_facts: whether to keep the facts, so that they can be listed with the figures.
        topics: the topics to read; a measure needs only its own.
        spans: only subjects with a fact in one of these times are recounted; None recounts every subject.

    Returns:
        the recount; close it, or use it as a context manager.

    Raises:
        PartMissingError: Kafka does not answer, or stopped sending records before the end.
        IncompleteError: records were deleted while they were being read, or there is a gap after the archive.
    """
    target = kafka_at(kafka)
    consumer, log = _open(target, topics)
    try:
        if earlier is not None:
            log.continue_after(earlier)
        left_beyond = log.stop_before(until) if until is not None else 0
        before = earlier.records(until) if earlier is not None else ()
        records = (each for each in chain(before, log.records()) if each.topic in topics)
        recount = from_records(records, forces, log.partitions, keeps_facts=keeps_facts, spans=spans)
        held_back = log.held_back(target)
    finally:
        consumer.close()
    loaded = recount.loaded
    loaded.missing_before, loaded.missing_after = log.missing_before, log.missing_after
    loaded.left_beyond, loaded.held_back = left_beyond, held_back
    return recount


class OpenedLog:
    """The log as it was when it was opened.

    Attributes:
        missing_before: for each partition that no longer begins at offset 0, its first offset.
        partitions: the number of partitions of each topic.
        missing_after: for each partition that ends too early, its end and the offset up to which it should have been read.
    """

    def __init__(self, consumer: Any, topics: Collection[Topic] = TOPICS) -> None:
        self._consumer, self._topics = consumer, topics
        consumer._fetcher.PartitionRecords = _Committed  # noqa: SLF001 - the library has no other place for it
        # A topic that does not exist is empty.
        partitions = [
            TopicPartition(topic, number)
            for topic in TOPICS
            for number in sorted(consumer.partitions_for_topic(topic) or ())
        ]
        self.partitions = Counter(place.topic for place in partitions)
        consumer.assign(partitions)
        first = consumer.beginning_offsets(partitions)
        self._readable: dict[Any, int] = consumer.end_offsets(partitions)
        # The other topics are not read.
        self._ends: dict[Any, int] = {
            place: end if place.topic in topics else first[place] for place, end in self._readable.items()
        }
        self.missing_before: dict[tuple[str, int], int] = {
            (place.topic, place.partition): offset
            for place, offset in first.items()
            if offset and place.topic in topics
        }
        self.missing_after: dict[tuple[str, int], tuple[int, int]] = {}
        for place, offset in first.items():
            consumer.seek(place, offset)

    def continue_after(self, earlier: Earlier) -> None:
        """Begin each partition where its archive ends.

        Raises:
            IncompleteError: there is a gap between the archive and the log.
        """
        reach = {
            (place.topic, place.partition): (self._consumer.position(place), end)
            for place, end in self._readable.items()
        }
        for (topic, number), offset in earlier.follow(reach).items():
            self._consumer.seek(TopicPartition(topic, number), offset)
        begins = earlier.begins(reach)
        self.missing_before = {place: first for place, first in begins.items() if first and place[0] in self._topics}

    def stop_before(self, until: Mapping[tuple[str, int], int]) -> int:
        """Stop reading before these offsets; returns the number of records left unread."""
        total, ends = sum(self._ends.values()), self._ends
        known = {(place.topic, place.partition): end for place, end in ends.items()}
        self.missing_after = {
            place: (known.get(place, 0), after)
            for place, after in until.items()
            if place[0] in self._topics and after > known.get(place, 0)
        }
        self._ends = {place: min(end, until.get((place.topic, place.partition), 0)) for place, end in ends.items()}
        return total - sum(self._ends.values())

    def held_back(self, kafka: Kafka) -> int:
        """The number of records behind an open transaction, which cannot be read yet."""
        admin = KafkaAdminClient(**kafka.options())
        try:
            found = admin.list_partition_offsets(dict.fromkeys(self._readable, OffsetSpec.LATEST))
            written: dict[Any, int] = {place: each.offset for place, each in found.items()}
        finally:
            admin.close()
        return sum(max(0, written[place] - end) for place, end in self._readable.items())

    def records(self) -> Iterator[LogRecord]:
        """Every record, in order of offset within each partition.

        Raises:
            PartMissingError: Kafka stopped sending records before the end.
            IncompleteError: records were deleted while they were being read.
        """
        empty_polls = 0
        unread = self._unread()
        while unread:
            polled = self._poll(unread)
            for place, records in polled.items():
                yield from self._before_end(place, records)
            empty_polls = 0 if polled else empty_polls + 1
            unread = self._unread()
            if empty_polls >= _EMPTY_POLLS_MAX:
                raise _silent(unread)

    def _poll(self, unread: list[Any]) -> dict[Any, list[Any]]:
        try:
            polled: dict[Any, list[Any]] = self._consumer.poll(timeout_ms=_POLL_MILLISECONDS)
        except OffsetOutOfRangeError as error:
            what = "Kafka deleted records while they were being read."
            raise IncompleteError(what, where=_names(unread), hint="Run the command again.") from error
        return polled

    def _before_end(self, place: Any, polled: list[Any]) -> Iterator[LogRecord]:
        for each in polled:
            entry = before(each.value, self._ends[place])
            if entry is not None:
                yield from records_of(place.topic, place.partition, entry)

    def _unread(self) -> list[Any]:
        """The partitions that are not read to their end. The others are paused, so that nothing more is fetched for them."""
        unread = [place for place, end in self._ends.items() if self._consumer.position(place) < end]
        done = [place for place in self._ends if place not in unread and place not in self._consumer.paused()]
        self._consumer.pause(*done)
        return unread


def records_of(topic: Topic, partition: int, entry: Entry | HeartbeatRun) -> Iterator[LogRecord]:
    """The record of an entry of the log; none for an entry without data, such as a transaction marker."""
    if isinstance(entry, HeartbeatRun):
        yield LogRecord(topic, partition, entry.first, moment_of(entry.timestamp * 1000), None, run=entry)
    elif isinstance(entry, BatchRecord):
        received_at, is_moved = moment_of(entry.timestamp * 1000), origin_of(entry.headers) is not None
        yield LogRecord(topic, partition, entry.offset, received_at, entry.value, is_moved)
    elif entry.why:
        received_at = moment_of(entry.timestamp * 1000)
        yield LogRecord(topic, partition, entry.first, received_at, None, is_readable=False)


class _Committed(Fetcher.PartitionRecords):  # type: ignore[misc]
    """Reads a fetched chunk entry by entry. kafka-python's own reader never gets past a batch that it cannot read."""

    def _unpack_records(self, tp: Any, records: Any, *_: Any) -> Iterator[ConsumerRecord]:
        aborted = [(each.producer_id, each.first_offset) for each in self.aborted_transactions]
        for entry in read_in_runs(records._buffer, self.fetch_offset, aborted):  # noqa: SLF001 - the bytes as they came
            offset, self.next_fetch_offset = span_of(entry)
            yield ConsumerRecord(*tp, -1, offset, entry.timestamp, 0, None, entry, (), None, 0, 0, 0)
        self.drain()


def _open(kafka: Kafka, topics: Collection[Topic]) -> tuple[Any, OpenedLog]:
    """A consumer, which the caller closes, and the log that it reads."""
    # Check the address first: the client tries for half a minute, and leaves a thread running when it gives up.
    check_reachable(kafka)
    consumer = None
    try:
        consumer = KafkaConsumer(
            **kafka.options(),
            group_id=None,
            enable_auto_commit=False,
            # If a record is deleted while reading, fail instead of skipping it.
            auto_offset_reset="none",
            max_poll_records=_RECORDS_A_POLL,
            # Records of a transaction count when it is committed.
            isolation_level="read_committed",
        )
        return consumer, OpenedLog(consumer, topics)
    except KafkaError as error:
        if consumer is not None:
            consumer.close()
        raise no_answer(kafka) from error


def _silent(unread: list[Any]) -> PartMissingError:
    return PartMissingError(
        "Kafka stopped sending records before the end of the log.",
        where=_names(unread),
        hint="Check the broker, then run the command again.",
    )


def _names(partitions: list[Any]) -> str:
    return ", ".join(f"{place.topic}/{place.partition}" for place in partitions)
