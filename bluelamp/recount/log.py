"""Reading the whole log: every partition of every topic, from its beginning to its end as it was at the start."""

import socket
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, Protocol

from kafka import KafkaConsumer, TopicPartition
from kafka.admin import KafkaAdminClient, OffsetSpec
from kafka.consumer.fetcher import ConsumerRecord, Fetcher
from kafka.errors import KafkaError, OffsetOutOfRangeError

from bluelamp.recount.load import LogRecord, from_records
from bluelamp.recount.recount import Recount
from bluelamp.recount.times import moment_of
from facts.batch import BatchRecord, Entry, read
from facts.errors import IncompleteError, PartMissingError
from facts.force import Force
from facts.moved import origin_of
from facts.union import TOPICS, Topic

_POLL_MILLISECONDS = 1000
_EMPTY_POLLS_MAX = 30
_RECORDS_A_POLL = 5000
_CONNECT_SECONDS = 5


Reach = Mapping[tuple[str, int], tuple[int, int]]
"""(topic, partition) to the first offset that the log holds, and the one after its last."""


class Earlier(Protocol):
    """What was kept of a log, also of what it holds no more; `bluelamp.archive.reading.Archive` is one."""

    def begins(self, reach: Reach) -> dict[tuple[str, int], int]:
        """The first offset of each partition that it or the log holds."""
        ...

    def follow(self, reach: Reach) -> dict[tuple[str, int], int]:
        """Where the log goes on from it; raises IncompleteError where the two do not meet."""
        ...

    def records(self, until: Mapping[tuple[str, int], int] | None) -> Iterator[LogRecord]:
        """Every record of it, each partition in the order of its offsets."""
        ...


def from_log(
    bootstrap: str,
    forces: Sequence[Force],
    client: Mapping[str, Any] | None = None,
    until: Mapping[tuple[str, int], int] | None = None,
    *,
    earlier: Earlier | None = None,
    keeps_facts: bool = False,
) -> Recount:
    """Recount everything that a log holds, and before it what was kept of it, up to its end as it is now.

    Args:
        bootstrap: the address of the log, host:port.
        forces: the profiles; facts of other forces are left out.
        client: further settings of the consumer, such as TLS.
        until: (topic, partition) to the offset to stop before; nothing of a partition that it does not name.
        earlier: what was kept of this log: it is read first, and the log from where that ends.
        keeps_facts: the facts can be asked for, not only what they come to.

    Returns:
        the recount; close it, or use it as a context manager.

    Raises:
        PartMissingError: the log does not answer, or stopped before its end.
        IncompleteError: it let go of records while they were being read, or does not go on from what was kept.
    """
    consumer, log = _open(bootstrap, client or {})
    try:
        if earlier is not None:
            log.go_on_from(earlier)
        left_beyond = log.stop_before(until) if until is not None else 0
        before = earlier.records(until) if earlier is not None else ()
        records = chain(before, log.records())
        recount = from_records(records, forces, log.partitions, keeps_facts=keeps_facts)
        held_back = log.held_back(bootstrap, client or {})
    finally:
        consumer.close()
    loaded = recount.loaded
    loaded.missing_before, loaded.missing_after = log.missing_before, log.missing_after
    loaded.left_beyond, loaded.held_back = left_beyond, held_back
    return recount


class OpenedLog:
    """The log as it was when it was opened.

    Attributes:
        missing_before: (topic, partition) to the first offset there still is, where that is not 0.
        partitions: topic to how many it has.
        missing_after: (topic, partition) to where the log ends and how far it was to be read, where it ends before that.
    """

    def __init__(self, consumer: Any) -> None:
        self._consumer = consumer
        consumer._fetcher.PartitionRecords = _Committed  # noqa: SLF001 - the library has no other place for it
        # A topic that is not there holds nothing.
        partitions = [
            TopicPartition(topic, number)
            for topic in TOPICS
            for number in sorted(consumer.partitions_for_topic(topic) or ())
        ]
        self.partitions = Counter(place.topic for place in partitions)
        consumer.assign(partitions)
        first = consumer.beginning_offsets(partitions)
        self._readable: dict[Any, int] = consumer.end_offsets(partitions)
        self._ends: dict[Any, int] = self._readable
        self.missing_before: dict[tuple[str, int], int] = {
            (place.topic, place.partition): offset for place, offset in first.items() if offset
        }
        self.missing_after: dict[tuple[str, int], tuple[int, int]] = {}
        for place, offset in first.items():
            consumer.seek(place, offset)

    def go_on_from(self, earlier: Earlier) -> None:
        """Begin each partition where what was kept of it ends.

        Raises:
            IncompleteError: the two do not meet.
        """
        reach = {
            (place.topic, place.partition): (self._consumer.position(place), end) for place, end in self._ends.items()
        }
        for (topic, number), offset in earlier.follow(reach).items():
            self._consumer.seek(TopicPartition(topic, number), offset)
        self.missing_before = {place: first for place, first in earlier.begins(reach).items() if first}

    def stop_before(self, until: Mapping[tuple[str, int], int]) -> int:
        """Read no further than these offsets; how many records that leaves unread."""
        held, ends = sum(self._ends.values()), self._ends
        known = {(place.topic, place.partition): end for place, end in ends.items()}
        self.missing_after = {
            place: (known.get(place, 0), after) for place, after in until.items() if after > known.get(place, 0)
        }
        self._ends = {place: min(end, until.get((place.topic, place.partition), 0)) for place, end in ends.items()}
        return held - sum(self._ends.values())

    def held_back(self, bootstrap: str, client: Mapping[str, Any]) -> int:
        """How many records lie behind the beginning of a transaction that is still open: nobody may read them yet."""
        admin = KafkaAdminClient(bootstrap_servers=bootstrap, **client)
        try:
            found = admin.list_partition_offsets(dict.fromkeys(self._readable, OffsetSpec.LATEST))
            written: dict[Any, int] = {place: each.offset for place, each in found.items()}
        finally:
            admin.close()
        return sum(max(0, written[place] - end) for place, end in self._readable.items())

    def records(self) -> Iterator[LogRecord]:
        """Every record, each partition in the order of its offsets.

        Raises:
            PartMissingError: the log stopped giving records before its end.
            IncompleteError: it let go of records while they were being read.
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
            raise IncompleteError(
                "The log let go of records while they were being read.", where=_names(unread), hint="Ask again."
            ) from error
        return polled

    def _before_end(self, place: Any, polled: list[Any]) -> Iterator[LogRecord]:
        for each in polled:
            if each.offset < self._ends[place]:
                yield from records_of(place.topic, place.partition, each.value)

    def _unread(self) -> list[Any]:
        """The partitions not read to their end; the others are paused, so that nothing is fetched for nothing."""
        unread = [place for place, end in self._ends.items() if self._consumer.position(place) < end]
        done = [place for place in self._ends if place not in unread and place not in self._consumer.paused()]
        self._consumer.pause(*done)
        return unread


def records_of(topic: Topic, partition: int, entry: Entry) -> Iterator[LogRecord]:
    """What an entry of the log is to the recount: nothing where the log itself holds nothing."""
    if isinstance(entry, BatchRecord):
        received_at, is_moved = moment_of(entry.timestamp * 1000), origin_of(entry.headers) is not None
        yield LogRecord(topic, partition, entry.offset, received_at, entry.value, is_moved)
    elif entry.why:
        received_at = moment_of(entry.timestamp * 1000)
        yield LogRecord(topic, partition, entry.first, received_at, None, is_readable=False)


class _Committed(Fetcher.PartitionRecords):  # type: ignore[misc]
    """What a fetch brought, in entries; kafka-python's own reading stops for good at a batch that it cannot read."""

    def _unpack_records(self, tp: Any, records: Any, *_: Any) -> Iterator[ConsumerRecord]:
        aborted = [(each.producer_id, each.first_offset) for each in self.aborted_transactions]
        for entry in read(records._buffer, self.fetch_offset, aborted):  # noqa: SLF001 - the bytes as they came
            offset = entry.offset if isinstance(entry, BatchRecord) else entry.first
            self.next_fetch_offset = offset + 1 if isinstance(entry, BatchRecord) else entry.last + 1
            yield ConsumerRecord(*tp, -1, offset, entry.timestamp, 0, None, entry, (), None, 0, 0, 0)
        self.drain()


def _open(bootstrap: str, client: Mapping[str, Any]) -> tuple[Any, OpenedLog]:
    """A consumer, which the caller closes, and the log it reads."""
    # The client tries for half a minute, and leaves a thread behind when it gives up: nobody there is told at once.
    if not any(_listens(address) for address in bootstrap.split(",")):
        raise _no_answer(bootstrap)
    consumer = None
    try:
        consumer = KafkaConsumer(
            bootstrap_servers=bootstrap,
            group_id=None,
            enable_auto_commit=False,
            # A record that is gone since the reading began must not be passed over in silence.
            auto_offset_reset="none",
            max_poll_records=_RECORDS_A_POLL,
            # What a transaction wrote counts when it is committed.
            isolation_level="read_committed",
            **client,
        )
        return consumer, OpenedLog(consumer)
    except KafkaError as error:
        if consumer is not None:
            consumer.close()
        raise _no_answer(bootstrap) from error


def _listens(address: str) -> bool:
    host, _, port = address.strip().rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), _CONNECT_SECONDS).close()
    except (OSError, ValueError):
        return False
    return True


def _no_answer(bootstrap: str) -> PartMissingError:
    return PartMissingError(
        "The log does not answer.", where=bootstrap, hint="Start it, or mend its address in the settings."
    )


def _silent(unread: list[Any]) -> PartMissingError:
    return PartMissingError(
        "The log stopped giving records before its end.",
        where=_names(unread),
        hint="See whether the broker is well; ask again.",
    )


def _names(partitions: list[Any]) -> str:
    return ", ".join(f"{place.topic}/{place.partition}" for place in partitions)
