"""The offsets that consumer groups have committed: a file with one JSON line per commit. The last line for a partition counts.

Offsets do not expire. They are deleted with their topic.
"""

import json
import logging
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from bluelamp.embedded.broker.files import write_at
from producers.files import replace_file

log = logging.getLogger(__name__)

_LINES_KEPT_FOR_EACH_OFFSET = 8
_LINES_BEFORE_REWRITING = 10_000


class Place(NamedTuple):
    """The group and partition that an offset is committed for."""

    group: str
    topic: str
    partition: int


class Committed(NamedTuple):
    """A committed offset, which is the next one the group will read; an epoch of -1 is unknown."""

    offset: int
    leader_epoch: int
    metadata: str


class CommittedOffsets:
    """All committed offsets, in memory and in `path`."""

    def __init__(self, path: Path) -> None:
        """Read the file, or create it; an incomplete end is truncated."""
        self._path = path
        self._committed: dict[Place, Committed] = {}
        self._lines = 0
        self._size_bytes = 0
        self._is_unsynced = False
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._load()

    def get(self, place: Place) -> Committed | None:
        """The offset committed for a place; None if there is none."""
        return self._committed.get(place)

    def of_group(self, group: str) -> dict[Place, Committed]:
        """All offsets that a group has committed."""
        return {place: committed for place, committed in self._committed.items() if place.group == group}

    def groups(self) -> set[str]:
        """The groups that have committed offsets."""
        return {place.group for place in self._committed}

    def commit(self, commits: dict[Place, Committed]) -> None:
        """Store offsets; on OSError nothing changes."""
        self._write(_line(place, committed) for place, committed in commits.items())
        self._committed.update(commits)

    def forget(self, topic: str) -> None:
        """Delete the offsets of a topic; on OSError nothing changes."""
        gone = [place for place in self._committed if place.topic == topic]
        self._write(_line(place, None) for place in gone)
        for place in gone:
            del self._committed[place]

    def pop_unsynced(self) -> list[int]:
        """A descriptor for the caller to sync and close, if anything was written since the last call."""
        if not self._is_unsynced:
            return []
        self._is_unsynced = False
        return [os.dup(self._descriptor)]

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)

    def _write(self, lines: Iterable[bytes]) -> None:
        written = list(lines)
        content = b"".join(written)
        if not content:
            return
        write_at(self._descriptor, content, self._size_bytes)
        self._size_bytes += len(content)
        self._lines += len(written)
        self._is_unsynced = True
        if self._lines > _LINES_BEFORE_REWRITING + _LINES_KEPT_FOR_EACH_OFFSET * len(self._committed):
            self._rewrite()

    def _rewrite(self) -> None:
        content = b"".join(_line(place, committed) for place, committed in self._committed.items())
        try:
            replace_file(self._path, content)
        except OSError as error:  # the long file can still be used
            log.warning("Cannot rewrite %s: %s", self._path, error)
            return
        os.close(self._descriptor)
        self._descriptor = os.open(self._path, os.O_RDWR | os.O_CLOEXEC)
        self._size_bytes, self._lines = len(content), len(self._committed)

    def _load(self) -> None:
        content = self._path.read_bytes()
        for place, committed, end in _sound_lines(content):
            self._lines += 1
            self._size_bytes = end
            if committed is None:
                self._committed.pop(place, None)
            else:
                self._committed[place] = committed
        if self._size_bytes < len(content):
            log.warning(
                "Truncated an incomplete write of %d bytes at the end of %s",
                len(content) - self._size_bytes,
                self._path,
            )
            os.truncate(self._path, self._size_bytes)


def _line(place: Place, committed: Committed | None) -> bytes:
    return json.dumps([place, committed]).encode() + b"\n"


def _sound_lines(content: bytes) -> Iterator[tuple[Place, Committed | None, int]]:
    """Each valid line with the position of its end, up to the first that is not."""
    end = 0
    for line in content.splitlines(keepends=True):
        try:
            place, committed = json.loads(line)
            one = Place(*place), None if committed is None else Committed(*committed)
        except (ValueError, TypeError):
            return
        if not line.endswith(b"\n"):
            return
        end += len(line)
        yield *one, end
