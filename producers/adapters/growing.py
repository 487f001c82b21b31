"""A file that still grows, read like one that never ends: whole lines as they come, until it was put aside."""

import hashlib
import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from msgspec import Struct

from producers.errors import SourceError

HEAD_BYTES = 4096
LINE_BYTES_MAX = 1024 * 1024
SETTLED_SECONDS = 2.0
"""A file that was put aside may still be written to by a program that has it open: for so long it is read on."""
_COMPRESSED = (".gz", ".bz2", ".xz", ".zst")


class FileIdentity(Struct, frozen=True, kw_only=True):
    """What a file is known by, whatever it is called.

    Attributes:
        device: of its file system.
        inode: in it.
        head_bytes: how much of its beginning is summed up.
        head: the digest of that.
    """

    device: int
    inode: int
    head_bytes: int
    head: str


def identity_of(file: IO[bytes], head_bytes: int = HEAD_BYTES) -> FileIdentity:
    """The mark of a file.

    Args:
        file: the file, open; where it stands does not matter and stays.
        head_bytes: how much of its beginning to sum up, if there is so much.
    """
    status, head = os.fstat(file.fileno()), os.pread(file.fileno(), head_bytes, 0)
    return FileIdentity(
        device=status.st_dev, inode=status.st_ino, head_bytes=len(head), head=hashlib.sha256(head).hexdigest()
    )


def has_identity(path: Path, mark: FileIdentity) -> bool:
    """Whether a file bears a mark; an inode that was given to another file does not."""
    try:
        with path.open("rb") as file:
            return identity_of(file, mark.head_bytes) == mark
    except OSError:
        return False


def find_file(path: Path, mark: FileIdentity) -> Path:
    """The file that bears a mark: at its path, or beside it under a longer name, as rotation leaves it.

    Raises:
        SourceError: it is gone, and what was added to it last may be missed.
    """
    found = next((each for each in (path, *_beside(path)) if has_identity(each, mark)), None)
    if found is None:
        hint = (
            "Put it back beside the new one, under a name that begins with the same. If everything of it was told, or it "
            "is lost, remove the file of the position: reading then begins with the file that is there."
        )
        raise SourceError("The file that was being read is gone.", where=str(path), hint=hint)
    return found


def next_after(path: Path, done: os.stat_result) -> Path:
    """The file to be read after one that is done: the oldest that was put aside since, or the one that grows.

    Raises:
        SourceError: it is compressed.
    """
    put_aside = {each: each.stat() for each in _beside(path)}
    newer = [
        each
        for each, status in put_aside.items()
        if status.st_ino != done.st_ino and status.st_mtime_ns >= done.st_mtime_ns
    ]
    found = min(newer, key=lambda each: put_aside[each].st_mtime_ns, default=path)
    if found.suffix in _COMPRESSED:
        hint = "Unpack it in its place; let rotation wait a day before it compresses."
        raise SourceError("A file that was not read yet is compressed.", where=str(found), hint=hint)
    return found


def _beside(path: Path) -> list[Path]:
    return [each for each in path.parent.glob(f"{path.name}?*") if each.is_file()]


class GrowingFile(io.RawIOBase):
    """The bytes of a growing file, in whole lines; it ends when the file was put aside and read to its end.

    Args:
        file: the file, open.
        path: under which it grows; when that leads to another file, this one was put aside.
        idle: called when there is nothing more for now; it waits, and raises what is to end the reading.
        monotonic: a monotonic clock, in seconds.
    """

    def __init__(self, file: IO[bytes], path: Path, idle: Callable[[], None], monotonic: Callable[[], float]) -> None:
        super().__init__()
        self._file, self._path, self._idle, self._monotonic = file, path, idle, monotonic
        self._ready = self._held = b""
        self._aside_since: float | None = None

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any, /) -> int:
        """Fill a buffer with what there is of whole lines; wait when there is nothing."""
        while not self._ready and not self._is_ended():
            continue
        view = memoryview(buffer)
        given, self._ready = self._ready[: len(view)], self._ready[len(view) :]
        view[: len(given)] = given
        return len(given)

    def _is_ended(self) -> bool:
        """Take up what was added; True when nothing was and nothing will be."""
        added = self._file.read(io.DEFAULT_BUFFER_SIZE)
        self._held += added
        cut = self._held.rfind(b"\n") + 1 if len(self._held) < LINE_BYTES_MAX else len(self._held)
        if not added and self._is_settled():
            cut = len(self._held)
            if not cut:
                return True
        self._ready, self._held = self._held[:cut], self._held[cut:]
        if added:
            self._aside_since = None
        elif not self._ready:
            self._idle()
        return False

    def _is_settled(self) -> bool:
        """Whether the file was put aside so long ago that nobody writes to it."""
        if self._is_in_place():
            self._aside_since = None
            return False
        now = self._monotonic()
        self._aside_since = now if self._aside_since is None else self._aside_since
        return now - self._aside_since >= SETTLED_SECONDS

    def _is_in_place(self) -> bool:
        """Whether the path leads here, or nowhere yet."""
        own = os.fstat(self._file.fileno())
        if own.st_size < self._file.tell():
            # Emptied in its place: what was added between the last look and that is lost, whoever reads it.
            return False
        try:
            there = self._path.stat()
        except FileNotFoundError:
            return True
        return (there.st_dev, there.st_ino) == (own.st_dev, own.st_ino)
