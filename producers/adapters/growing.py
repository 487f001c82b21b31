"""Reads a growing file until it has been rotated and read to its end."""

import hashlib
import io
import os
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import IO

from msgspec import Struct

from producers.errors import SourceError

HEAD_BYTES = 4096
PAUSE_SECONDS = 2.0
"""Programs write a whole row at once. If a file has not grown for this long in the middle of a row, the row is incomplete."""
_COMPRESSED = (".gz", ".bz2", ".xz", ".zst")


class FileIdentity(Struct, frozen=True, kw_only=True):
    """What identifies a file, whatever its name.

    Attributes:
        device: device number of its file system.
        inode: inode number.
        head_bytes: number of bytes at its beginning that the digest covers.
        head: digest of those bytes.
    """

    device: int
    inode: int
    head_bytes: int
    head: str


def identity_of(file: IO[bytes], head_bytes: int = HEAD_BYTES) -> FileIdentity:
    """The identity of a file.

    Args:
        file: the open file; its position does not change.
        head_bytes: the most bytes at its beginning to digest.
    """
    status, head = os.fstat(file.fileno()), os.pread(file.fileno(), head_bytes, 0)
    return FileIdentity(
        device=status.st_dev, inode=status.st_ino, head_bytes=len(head), head=hashlib.sha256(head).hexdigest()
    )


def has_identity(path: Path, identity: FileIdentity) -> bool:
    """Whether a path leads to an identified file; another file that reuses its inode does not match."""
    try:
        with path.open("rb") as file:
            return identity_of(file, identity.head_bytes) == identity
    except OSError:
        return False


def find_file(path: Path, identity: FileIdentity) -> Path:
    """Find an identified file: at its path, or in the same directory under a longer name, where rotation moves it.

    Raises:
        SourceError: the file is gone, and its last rows may not have been read.
    """
    match = next((each for each in (path, *_rotated(path)) if has_identity(each, identity)), None)
    if match is None:
        hint = (
            "Put it back in the same directory, under a name that begins with this one. If it was read to its end, or is "
            "lost, delete the position file: reading then begins with the current file."
        )
        raise SourceError("The file that was being read is gone.", where=str(path), hint=hint)
    return match


def next_after(path: Path, done: os.stat_result) -> Path:
    """The file to read next: the oldest one rotated since, or else the growing file.

    Raises:
        SourceError: the next file is compressed.
    """
    rotated = {each: each.stat() for each in _rotated(path)}
    newer = [
        each
        for each, status in rotated.items()
        if status.st_ino != done.st_ino and status.st_mtime_ns >= done.st_mtime_ns
    ]
    following = min(newer, key=lambda each: rotated[each].st_mtime_ns, default=path)
    if following.suffix in _COMPRESSED:
        hint = "Unpack it in the same directory, and delay compression by a day in the rotation's settings."
        raise SourceError("A file that has not been read yet is compressed.", where=str(following), hint=hint)
    return following


def _rotated(path: Path) -> list[Path]:
    return [each for each in path.parent.glob(f"{path.name}?*") if each.is_file()]


class GrowingFile:
    """The bytes of a growing file, which end once the file is rotated and read to its end.

    Args:
        file: the open file.
        path: its path; if that leads to another file, this one has been rotated.
        still: how long a rotated file must stay the same size before nothing more is expected of it.
        idle: called while there is nothing to read; it waits, or raises an exception to stop reading.
        monotonic: a monotonic clock, in seconds.
    """

    def __init__(
        self, file: IO[bytes], path: Path, still: timedelta, idle: Callable[[], None], monotonic: Callable[[], float]
    ) -> None:
        self._file, self._path, self._idle, self._monotonic = file, path, idle, monotonic
        self._still_seconds = still.total_seconds()

    def chunks(self) -> Iterator[bytes]:
        """The bytes as they are added, and an empty part whenever the file has not grown for a while."""
        grown_at: float | None = self._monotonic()
        rotated_at: float | None = None
        while True:
            added = self._file.read(io.DEFAULT_BUFFER_SIZE)
            now = self._monotonic()
            if added:
                grown_at, rotated_at = now, None
                yield added
                continue
            rotated_at = None if self._is_in_place() else now if rotated_at is None else rotated_at
            if rotated_at is not None and now - rotated_at >= self._still_seconds:
                return
            if grown_at is not None and now - grown_at >= PAUSE_SECONDS:
                grown_at = None
                yield b""
            self._idle()

    def _is_in_place(self) -> bool:
        """Whether the path leads to this file, or to none yet."""
        own = os.fstat(self._file.fileno())
        if own.st_size < self._file.tell():
            # The file was emptied in place. What was added just before that is lost to any reader.
            return False
        try:
            current = self._path.stat()
        except FileNotFoundError:
            return True
        return (current.st_dev, current.st_ino) == (own.st_dev, own.st_ino)
