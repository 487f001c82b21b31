"""One record of the log as it is folded, and what stands for offsets without one."""

from datetime import datetime
from typing import NamedTuple

from facts.batch import Entry, SkippedOffsets
from facts.moved import Origin, origin_of
from measures.outcome import instant


class Record(NamedTuple):
    """One record of the log.

    Attributes:
        offset: its place in the partition.
        received_at: the time on it: when the log received it, if the log set that time.
        value: its bytes.
        is_by_log: the log set that time; otherwise the producer did, and nobody knows when the log received it.
        moved_from: where its facts were first received; None when that was here.
        passed: the offsets that hold nothing to be read, where it stands for such and is no record.
    """

    offset: int
    received_at: datetime
    value: bytes | None
    is_by_log: bool = True
    moved_from: Origin | None = None
    passed: SkippedOffsets | None = None

    @property
    def after(self) -> int:
        """The offset that follows it."""
        return self.passed.last + 1 if self.passed else self.offset + 1


def record_of(entry: Entry) -> Record:
    """An entry of the log as it is folded."""
    received_at = received(entry.timestamp)
    if isinstance(entry, SkippedOffsets):
        return Record(entry.first, received_at, None, passed=entry)
    return Record(entry.offset, received_at, entry.value, entry.timestamp_type == 1, origin_of(entry.headers))


def received(milliseconds: int) -> datetime:
    """The time on a record, in milliseconds since 1970, as an instant."""
    return instant(milliseconds * 1000)
