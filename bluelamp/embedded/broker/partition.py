"""The log of one partition: its segments, its start offset and its producers."""

import asyncio
import logging
import shutil
from bisect import bisect_right
from collections.abc import Callable
from pathlib import Path

from bluelamp.embedded.broker import batch as batches
from bluelamp.embedded.broker.errors import BrokerError, ErrorCode
from bluelamp.embedded.broker.producers import Appended, Producers
from bluelamp.embedded.broker.records import first_at_or_after
from bluelamp.embedded.broker.segment import Segment
from bluelamp.embedded.broker.topicconfig import TopicConfig
from facts.batch import Header
from producers.files import replace_file

log = logging.getLogger(__name__)


class Partition:
    """An append-only log on disk; offsets from `start_offset` up to but excluding `end_offset` can be read."""

    def __init__(self, directory: Path, index_interval_bytes: int, now_milliseconds: int) -> None:
        """Open the log in `directory`, or create one; an incomplete write at its end is truncated."""
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        self.producers = Producers()
        self.watchers: set[asyncio.Event] = set()
        self._index_interval_bytes = index_interval_bytes
        self._start_path = directory / "start-offset"
        self._moved_start = _read_number(self._start_path)
        self._unsynced_descriptors: list[int] = []
        self._is_unsynced = False
        self._is_refusing = False
        self._segments = self._load(now_milliseconds)
        self._active.open_for_append()

    @property
    def start_offset(self) -> int:
        """The oldest offset that still exists."""
        return max(self._moved_start, self._segments[0].base_offset)

    @property
    def end_offset(self) -> int:
        """The offset that the next record will get."""
        return self._active.end_offset

    @property
    def size_bytes(self) -> int:
        """The size of all segments on disk."""
        return sum(segment.size_bytes for segment in self._segments)

    @property
    def _active(self) -> Segment:
        return self._segments[-1]

    def append(self, batch: bytes, config: TopicConfig, now_milliseconds: int) -> Appended:
        """Append one batch and notify the watchers; for a repeated batch, returns where it was stored first.

        BrokerError says why it is refused. If the disk is full, the error is KAFKA_STORAGE_ERROR and nothing is stored.
        """
        if len(batch) > config.message_bytes:
            limit = f"{len(batch)} bytes; max.message.bytes of the topic is {config.message_bytes}"
            raise BrokerError(ErrorCode.MESSAGE_TOO_LARGE, limit)
        repeated = self._repeated(batches.check(batch))
        if repeated is not None:
            return repeated
        append_milliseconds = now_milliseconds if config.append_time else None
        stored, header = batches.place(batch, self.end_offset, append_milliseconds)
        self._write(stored, header, config.segment_bytes)
        self.wake()
        return self.producers.note(header, now_milliseconds)

    def read(self, offset: int, wanted_bytes: int, *, whole_batch: bool) -> bytes:
        """Batches from the one with `offset`, up to `wanted_bytes`; the last may be incomplete.

        With `whole_batch` the first batch is always complete; without it the result is empty if the first does not fit.
        BrokerError with OFFSET_OUT_OF_RANGE outside the log.
        """
        self._check_range(offset)
        if offset == self.end_offset:
            return b""
        segment = self._segment_of(offset)
        position, header = segment.locate(offset)
        if header.size_bytes > wanted_bytes:
            return segment.read(position, header.size_bytes) if whole_batch else b""
        return segment.read(position, wanted_bytes)

    def find_time(self, milliseconds: int) -> tuple[int, int] | None:
        """The offset and time of the first record at or after a time; None if there is none."""
        for segment in self._segments:
            found = segment.locate_time(milliseconds) if segment.end_offset > self.start_offset else None
            if found is not None:
                position, header = found
                whole = segment.read(position, header.size_bytes)
                offset, at = first_at_or_after(whole, header, milliseconds)
                return max(offset, self.start_offset), at
        return None

    def delete_before(self, offset: int) -> int:
        """Delete records before `offset`, or all if it is -1; returns the new start offset."""
        target = self.end_offset if offset == -1 else offset
        if not 0 <= target <= self.end_offset:
            reason = f"offset {target} is not within 0 to {self.end_offset}"
            raise BrokerError(ErrorCode.OFFSET_OUT_OF_RANGE, reason)
        if target > self.start_offset:
            self._move_start(target)
            self._drop_while(lambda segment: segment.end_offset <= target)
        return self.start_offset

    def retain(self, config: TopicConfig, now_milliseconds: int) -> int:
        """Delete the oldest segments that are past the topic's retention; returns their number."""
        dropped = 0
        if config.retention_milliseconds >= 0:
            horizon = now_milliseconds - config.retention_milliseconds
            if self._active.size_bytes and self._active.newest_milliseconds < horizon:
                self._roll()
            dropped += self._drop_while(lambda segment: segment.newest_milliseconds < horizon)
        if config.retention_bytes >= 0:
            dropped += self._drop_while(lambda one: self.size_bytes - one.size_bytes >= config.retention_bytes)
        return dropped

    def pop_unsynced(self) -> list[int]:
        """Descriptors of files written since the last call, for the caller to sync and close."""
        descriptors, self._unsynced_descriptors = self._unsynced_descriptors, []
        if self._is_unsynced:
            self._is_unsynced = False
            descriptors += self._duplicate_active()
        return descriptors

    def wake(self) -> None:
        """Notify the watchers of a change."""
        for watcher in self.watchers:
            watcher.set()

    def close(self) -> None:
        """Close the files and write a summary, so that the next start is quick."""
        if self._active.size_bytes:
            self._active.write_summary(self.producers.snapshot())
        self._active.close()

    def remove(self) -> None:
        """Close and delete the log, and notify the watchers."""
        for segment in self._segments:
            segment.close()
        shutil.rmtree(self.directory, ignore_errors=True)
        self.wake()

    def _load(self, now_milliseconds: int) -> list[Segment]:
        bases = sorted(int(path.stem) for path in self.directory.glob("*.log"))
        segments: list[Segment] = []
        for base in bases or [self._moved_start]:
            segment = Segment(self.directory, base, self._index_interval_bytes)
            if segments and base != segments[-1].end_offset:
                aside = segment.set_aside()
                log.error("%s does not continue the offsets before it: renamed to %s", segment.path, aside)
                continue
            if segment.path.exists():
                self._read_segment(segment, now_milliseconds)
            segments.append(segment)
        return segments if segments[-1].end_offset >= self._moved_start else self._begin_at_moved_start(segments)

    def _begin_at_moved_start(self, segments: list[Segment]) -> list[Segment]:
        """Replace a log that was truncated to below its start offset, because no offset may be used twice."""
        for segment in segments:
            segment.remove()
        return [Segment(self.directory, self._moved_start, self._index_interval_bytes)]

    def _read_segment(self, segment: Segment, now_milliseconds: int) -> None:
        known = segment.read_summary()
        if known is not None:
            self.producers.restore(known, now_milliseconds)
            return
        cut_bytes = segment.recover(lambda header: self.producers.note(header, now_milliseconds))
        if cut_bytes:
            log.warning(
                "Truncated an incomplete write of %d bytes at the end of %s, at offset %d",
                cut_bytes,
                segment.path,
                segment.end_offset,
            )

    def _repeated(self, header: Header) -> Appended | None:
        if not batches.is_idempotent(header):
            return None
        repeated = self.producers.repeated(header)
        if repeated is not None:
            self._is_unsynced = (
                True  # the first copy may not be on disk yet, so this acknowledgement must wait for a sync too
            )
        return repeated

    def _write(self, stored: bytearray, header: Header, segment_bytes: int) -> None:
        try:
            if self._active.size_bytes and self._active.size_bytes + len(stored) > segment_bytes:
                self._roll()
            self._active.append(stored, header)
        except OSError as error:
            self._say_refusing(error)
            raise BrokerError(ErrorCode.KAFKA_STORAGE_ERROR, str(error)) from error
        if self._is_refusing:
            self._is_refusing = False
            log.warning("Writing to %s succeeds again, from offset %d", self.directory, header.base_offset)
        self._is_unsynced = True

    def _say_refusing(self, error: OSError) -> None:
        if not self._is_refusing:
            self._is_refusing = True
            log.error("Cannot write to %s: %s. Producers are refused until this is solved.", self.directory, error)

    def _roll(self) -> None:
        fresh = Segment(self.directory, self.end_offset, self._index_interval_bytes)
        fresh.open_for_append()
        if self._is_unsynced:
            self._unsynced_descriptors += self._duplicate_active()
        self._active.write_summary(self.producers.snapshot())
        self._active.close()
        self._segments.append(fresh)

    def _duplicate_active(self) -> list[int]:
        descriptor = self._active.duplicate_descriptor()
        return [] if descriptor is None else [descriptor]

    def _segment_of(self, offset: int) -> Segment:
        return self._segments[bisect_right(self._segments, offset, key=lambda segment: segment.base_offset) - 1]

    def _check_range(self, offset: int) -> None:
        if not self.start_offset <= offset <= self.end_offset:
            reason = f"offset {offset} is not within {self.start_offset} to {self.end_offset}"
            raise BrokerError(ErrorCode.OFFSET_OUT_OF_RANGE, reason)

    def _move_start(self, offset: int) -> None:
        try:
            replace_file(self._start_path, str(offset).encode())
        except OSError as error:
            raise BrokerError(ErrorCode.KAFKA_STORAGE_ERROR, str(error)) from error
        self._moved_start = offset

    def _drop_while(self, is_past: Callable[[Segment], bool]) -> int:
        dropped = 0
        while len(self._segments) > 1 and is_past(self._segments[0]):
            self._segments.pop(0).remove()
            dropped += 1
        return dropped


def _read_number(path: Path) -> int:
    return int(path.read_text()) if path.exists() else 0
