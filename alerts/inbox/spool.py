"""Entries that the state server could not take: kept in a file until it can, so that its own outage is told of."""

import os
from collections.abc import Iterable
from pathlib import Path

import msgspec

from alerts.inbox.entry import AnyEntry, decode, encode


class Spool:
    """A file of entries, each on the disk before anybody is told of it.

    Args:
        path: of the file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.entries: list[AnyEntry] = list(_read(path))

    def add(self, entries: Iterable[AnyEntry]) -> None:
        """Keep entries; they are on the disk when this returns."""
        new = list(entries)
        if not new:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a") as file:
            file.writelines(f"{encode(each)}\n" for each in new)
            file.flush()
            os.fsync(file.fileno())
        self.entries += new

    def clear(self) -> None:
        """Forget them: the log has them."""
        self._path.unlink(missing_ok=True)
        self.entries = []


def _read(path: Path) -> Iterable[AnyEntry]:
    """What a killed process has left; a last line that is not whole was never told of."""
    for line in path.read_text().splitlines() if path.exists() else ():
        try:
            yield decode(line)
        except msgspec.DecodeError:
            return
