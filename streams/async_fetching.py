"""Makes aiokafka, which Faust uses, decode what it fetches with our own batch reader, as `streams.fetching` does for kafka-python."""

from collections.abc import Sequence
from typing import Any, Self

from aiokafka.consumer import fetcher as aiokafkas
from aiokafka.structs import ConsumerRecord as AiokafkasRecord

from facts.batch import BatchRecord, SkippedOffsets
from facts.heartbeat_run import HeartbeatRun, read_in_runs, span_of

_SEVERAL = object()
"""Marks the header that carries an entry of several offsets: an object of this process, which no producer can send."""


def entry_in(headers: Sequence[tuple[Any, Any]]) -> SkippedOffsets | HeartbeatRun | None:
    """The skipped offsets, or the run of heartbeats, that an aiokafka record represents; None for a genuine record."""
    return headers[0][1] if headers and headers[0][0] is _SEVERAL else None


def read_by_entries() -> None:
    """Make every aiokafka consumer in this process decode what it fetches with `read_in_runs`."""
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
        self._entries = read_in_runs(records.data, fetch_offset, aborted or ())

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> AiokafkasRecord:
        entry = next(self._entries)
        first, self.next_fetch_offset = span_of(entry)
        if not isinstance(entry, BatchRecord):
            return AiokafkasRecord(
                *self._place, first, entry.timestamp, 0, None, b"", None, -1, 0, ((_SEVERAL, entry),)
            )
        key, value, headers = entry.key, entry.value, entry.headers
        sizes = (len(key or b""), len(value or b""))
        return AiokafkasRecord(
            *self._place, first, entry.timestamp, entry.timestamp_type, key, value, None, *sizes, headers
        )
