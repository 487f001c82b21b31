"""One record of the log as the fold reads it, or a range of offsets without a readable record."""

from datetime import datetime
from typing import NamedTuple

from facts.batch import Entry, SkippedOffsets
from facts.heartbeat_run import HeartbeatRun
from facts.moved import Origin, origin_of
from facts.provenance import mapping_of
from measures.outcome import instant

Place = tuple[str, int]
"""A partition: its topic and its number."""


class Record(NamedTuple):
    """One record of the log.

    Attributes:
        offset: its offset in the partition.
        received_at: its timestamp: when the log received it, if the log set it.
        value: its bytes.
        is_by_log: the log set the timestamp; otherwise the producer did, and it is unknown when the log received it.
        moved_from: where its facts were first received; None if that was here.
        skipped: the offsets without a readable record that this entry represents; None for a genuine record.
        mapping: the mapping by which its facts were read from a file; None if they were not.
        run: the heartbeats that this entry represents; None for one record. `offset` and `received_at` are those of the first.
    """

    offset: int
    received_at: datetime
    value: bytes | None
    is_by_log: bool = True
    moved_from: Origin | None = None
    skipped: SkippedOffsets | None = None
    mapping: str | None = None
    run: HeartbeatRun | None = None

    @property
    def after(self) -> int:
        """The next offset."""
        several = self.skipped or self.run
        return several.last + 1 if several else self.offset + 1

    def since(self, offset: int) -> "Record | None":
        """What it holds from an offset on; None if nothing. Skipped offsets are never divided."""
        if self.after <= offset:
            return None
        if self.run is None or self.offset >= offset:
            return self
        rest = self.run.within(offset, self.after)
        return rest and record_of(rest)


def record_of(entry: Entry | HeartbeatRun) -> Record:
    """An entry of the log as the fold reads it."""
    received_at = received(entry.timestamp)
    if isinstance(entry, HeartbeatRun):
        return Record(entry.first, received_at, None, entry.timestamp_type == 1, run=entry)
    if isinstance(entry, SkippedOffsets):
        return Record(entry.first, received_at, None, skipped=entry)
    moved_from, mapping = (origin_of(entry.headers), mapping_of(entry.headers)) if entry.headers else (None, None)
    return Record(
        entry.offset, received_at, entry.value, entry.timestamp_type == 1, moved_from=moved_from, mapping=mapping
    )


def received(milliseconds: int) -> datetime:
    """The time on a record, from milliseconds since 1970."""
    return instant(milliseconds * 1000)
