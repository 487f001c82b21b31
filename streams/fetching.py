"""Makes both Kafka client libraries decode what they fetch with our own batch reader, which returns committed records only.

Both libraries stop for good at a batch that they cannot read. Here such a batch becomes an entry at its own offset.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Self

from aiokafka.consumer import fetcher as aiokafkas
from aiokafka.structs import ConsumerRecord as AiokafkasRecord
from kafka import KafkaConsumer
from kafka.consumer.fetcher import ConsumerRecord, Fetcher

from facts.batch import Entry, SkippedOffsets, read
from producers.kafka import Kafka

READ_COMMITTED = "read_committed"
_SKIPPED = object()
"""Marks the header that carries a `SkippedOffsets`: an object of this process, which no producer can send."""


def skipped_of(headers: Sequence[tuple[Any, Any]]) -> SkippedOffsets | None:
    """The skipped offsets that an aiokafka record represents; None for a genuine record."""
    return headers[0][1] if headers and headers[0][0] is _SKIPPED else None


# kafka-python.


def committed_consumer(kafka: Kafka, **settings: Any) -> KafkaConsumer:
    """A kafka-python consumer: the value of each of its records is an entry of `facts.batch.read`.

    Args:
        kafka: how to connect.
        settings: further settings of the library.
    """
    consumer = KafkaConsumer(
        **kafka.options(),
        group_id=None,
        enable_auto_commit=False,
        # A record that is gone must not be skipped silently.
        auto_offset_reset="none",
        isolation_level=READ_COMMITTED,
        **settings,
    )
    consumer._fetcher.PartitionRecords = _Entries  # noqa: SLF001 - the library has no other place for it
    return consumer


class _Entries(Fetcher.PartitionRecords):  # type: ignore[misc]
    """The entries of a fetch, in place of kafka-python's own records."""

    def _unpack_records(self, tp: Any, records: Any, *_: Any) -> Iterator[ConsumerRecord]:
        aborted = [(each.producer_id, each.first_offset) for each in self.aborted_transactions]
        for entry in read(records._buffer, self.fetch_offset, aborted):  # noqa: SLF001 - the bytes as they were fetched
            first, after = span_of(entry)
            self.next_fetch_offset = after
            yield ConsumerRecord(*tp, -1, first, entry.timestamp, 0, None, entry, (), None, 0, 0, 0)
        self.drain()


def span_of(entry: Entry) -> tuple[int, int]:
    """The first offset of an entry, and the one after its last."""
    return (entry.first, entry.last + 1) if isinstance(entry, SkippedOffsets) else (entry.offset, entry.offset + 1)


# aiokafka, which Faust uses.


def read_by_entries() -> None:
    """Make every aiokafka consumer in this process decode what it fetches with `facts.batch.read`."""
    # The library looks both up by these names and has no setting for either; its version is pinned.
    aiokafkas.MemoryRecords, aiokafkas.PartitionRecords = _Fetched, _Opened


class _Fetched:
    """The bytes of a fetch, not yet decoded."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def has_next(self) -> bool:
        """Whether there are any bytes."""
        return bool(self.data)

    def size_in_bytes(self) -> int:
        """The number of bytes."""
        return len(self.data)


class _Opened:
    """The entries of a fetch, in place of aiokafka's own records."""

    def __init__(self, tp: Any, records: _Fetched, aborted: Any, fetch_offset: int, *_: Any) -> None:
        self.next_fetch_offset = fetch_offset
        self._place = tp
        self._entries = read(records.data, fetch_offset, aborted or ())

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> AiokafkasRecord:
        entry = next(self._entries)
        first, self.next_fetch_offset = span_of(entry)
        if isinstance(entry, SkippedOffsets):
            return AiokafkasRecord(
                *self._place, first, entry.timestamp, 0, None, b"", None, -1, 0, ((_SKIPPED, entry),)
            )
        key, value, headers = entry.key, entry.value, entry.headers
        sizes = (len(key or b""), len(value or b""))
        return AiokafkasRecord(
            *self._place, first, entry.timestamp, entry.timestamp_type, key, value, None, *sizes, headers
        )
