"""Keeps entries in a file while the state server cannot store them, so that its own outage can raise an alert."""

import os
from collections.abc import Iterable
from pathlib import Path

import msgspec

from alerts.inbox.log.entry import AnyEntry, decode, encode


class Spool:
    """A file of entries, each on the disk before anybody is notified of it.

    Args:
        path: the file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.entries: list[AnyEntry] = list(_read(path))

    def add(self, entries: Iterable[AnyEntry]) -> None:
        """Append entries; they are on the disk when this returns."""
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
        """Delete the entries: the log has them."""
        self._path.unlink(missing_ok=True)
        self.entries = []


def _read(path: Path) -> Iterable[AnyEntry]:
    """The entries that a killed process has left; nobody was notified of an incomplete last line."""
    for line in path.read_text().splitlines() if path.exists() else ():
        try:
            yield decode(line)
        except msgspec.DecodeError:
            return
