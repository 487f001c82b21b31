"""One append-only file of record batches, with a sparse index in memory.

A full segment has a summary file (its index and the producers at its end), so that a start need not read the segment. If the
summary is missing or does not match, the segment is read.
"""

import contextlib
import json
import logging
import os
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from bluelamp.embedded.broker.batch import whole_batches
from bluelamp.embedded.broker.files import write_at
from facts.batch import HEADER_BYTES, Header, read_header

log = logging.getLogger(__name__)

_WINDOW_BYTES = 32 * 1024  # read at once while scanning headers


class Segment:
    """Consecutive batches of one partition from `base_offset`; `end_offset` is the next one to write."""

    def __init__(self, directory: Path, base_offset: int, index_interval_bytes: int) -> None:
        self.path = directory / f"{base_offset:020d}.log"
        self.base_offset = base_offset
        self.end_offset = base_offset
        self.size_bytes = 0
        self.newest_milliseconds = -1
        self._summary_path = self.path.with_suffix(".index")
        self._index_interval_bytes = index_interval_bytes
        self._offsets = array("q")
        self._positions = array("q")
        self._newest_before = array("q")  # the newest time of all batches before the entry
        self._descriptor: int | None = None

    def open_for_append(self) -> None:
        """Open the file, creating it if necessary; OSError if that fails."""
        self._descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def append(self, batch: bytearray, header: Header) -> None:
        """Write one batch at the end; on OSError the segment is unchanged."""
        if self._descriptor is None:
            raise ValueError(f"{self.path} is not open for append")
        write_at(self._descriptor, batch, self.size_bytes)
        self.note(header, self.size_bytes)

    def note(self, header: Header, position: int) -> None:
        """Add the batch at `position` to the index."""
        if not self._positions or position - self._positions[-1] >= self._index_interval_bytes:
            self._offsets.append(header.base_offset)
            self._positions.append(position)
            self._newest_before.append(self.newest_milliseconds)
        self.size_bytes = position + header.size_bytes
        self.end_offset = header.next_offset
        self.newest_milliseconds = max(self.newest_milliseconds, header.newest_milliseconds)

    def read(self, position: int, wanted_bytes: int) -> bytes:
        """Up to `wanted_bytes` from `position`; the last batch may be incomplete."""
        with self._reading() as descriptor:
            return os.pread(descriptor, min(wanted_bytes, self.size_bytes - position), position)

    def locate(self, offset: int) -> tuple[int, Header]:
        """The position and header of the batch with `offset`, which must be in this segment."""
        entry = max(bisect_right(self._offsets, offset) - 1, 0)
        for position, header in self._headers(self._positions[entry]):
            if offset < header.next_offset:
                return position, header
        raise ValueError(f"offset {offset} is not in {self.path}")

    def locate_time(self, milliseconds: int) -> tuple[int, Header] | None:
        """The position and header of the first batch with a record at or after a time; None if there is none."""
        if self.newest_milliseconds < milliseconds or not self._positions:
            return None
        entry = max(bisect_left(self._newest_before, milliseconds) - 1, 0)
        for position, header in self._headers(self._positions[entry]):
            if header.newest_milliseconds >= milliseconds:
                return position, header
        return None

    def recover(self, seen: Callable[[Header], Any]) -> int:
        """Read the whole file and truncate an incomplete write at its end; returns the number of bytes removed."""
        content = self.path.read_bytes()
        for position, header in whole_batches(content, self.base_offset):
            self.note(header, position)
            seen(header)
        cut_bytes = len(content) - self.size_bytes
        if cut_bytes:
            os.truncate(self.path, self.size_bytes)
        return cut_bytes

    def write_summary(self, producers: list[Any]) -> None:
        """Write the summary, so that the next start need not read the file."""
        summary = {
            "size_bytes": self.size_bytes,
            "end_offset": self.end_offset,
            "newest_milliseconds": self.newest_milliseconds,
            "offsets": self._offsets.tolist(),
            "positions": self._positions.tolist(),
            "newest_before": self._newest_before.tolist(),
            "producers": producers,
        }
        try:
            self._summary_path.write_text(json.dumps(summary))
        except OSError as error:  # the next start reads the segment instead
            log.info("No summary of %s: %s", self.path, error)

    def read_summary(self) -> list[Any] | None:
        """Load the index from the summary; returns the producers in it, or None if it does not match the file."""
        try:
            summary = json.loads(self._summary_path.read_bytes())
            if summary["size_bytes"] != self.path.stat().st_size:
                return None
            producers: list[Any] = summary["producers"]
            self._offsets, self._positions = array("q", summary["offsets"]), array("q", summary["positions"])
            self._newest_before = array("q", summary["newest_before"])
            self.size_bytes, self.end_offset = int(summary["size_bytes"]), int(summary["end_offset"])
            self.newest_milliseconds = int(summary["newest_milliseconds"])
            if self._has_sound_tail():
                return producers
        except (OSError, ValueError, KeyError, TypeError, IndexError):
            pass
        self._clear()
        return None

    def _clear(self) -> None:
        self.end_offset, self.size_bytes, self.newest_milliseconds = self.base_offset, 0, -1
        self._offsets, self._positions, self._newest_before = array("q"), array("q"), array("q")

    def _has_sound_tail(self) -> bool:
        """Whether the batches after the last index entry are valid: a power failure may leave zeros there."""
        position, offset, end = self._positions[-1], self._offsets[-1], -1
        for _, header in whole_batches(self.read(position, self.size_bytes), offset):
            position, end = position + header.size_bytes, header.next_offset
        return (position, end) == (self.size_bytes, self.end_offset)

    def duplicate_descriptor(self) -> int | None:
        """A second descriptor of the open file, valid after the segment is closed; the caller closes it."""
        return None if self._descriptor is None else os.dup(self._descriptor)

    def close(self) -> None:
        """Close the file; reading remains possible, appending does not."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def remove(self) -> None:
        """Close the segment and delete its files."""
        self.close()
        self.path.unlink(missing_ok=True)
        self._summary_path.unlink(missing_ok=True)

    def set_aside(self) -> Path:
        """Close the segment and rename its file, so that it is not read again; returns the new path."""
        self.close()
        self._summary_path.unlink(missing_ok=True)
        return self.path.rename(self.path.with_suffix(".set-aside"))

    @contextlib.contextmanager
    def _reading(self) -> Iterator[int]:
        if self._descriptor is not None:
            yield self._descriptor
            return
        descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def _headers(self, position: int) -> Iterator[tuple[int, Header]]:
        window, window_at = b"", position
        with self._reading() as descriptor:
            while position < self.size_bytes:
                if position - window_at + HEADER_BYTES > len(window):
                    window, window_at = os.pread(descriptor, _WINDOW_BYTES, position), position
                header = read_header(window, position - window_at)
                yield position, header
                position += header.size_bytes
