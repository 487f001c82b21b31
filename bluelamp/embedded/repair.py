"""Brings a state server whose file is broken back to the last place up to which it can be read; nothing is deleted.

What the state then lacks is folded again from the log. The alert inbox keeps its log in the same file: what was written to it
after that place is lost.
"""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from msgspec import Struct
from redis import Redis

from bluelamp.embedded import aof
from bluelamp.embedded.state import StateDamagedError, StateServer

_TRIAL = "repairing"


class Repaired(Struct, frozen=True):
    """What came of a repair.

    Attributes:
        aside: where the files lie as they were; None where nothing was broken.
        kept_bytes: how much of them is in use again.
        all_bytes: how much there was.
        until: a time up to which everything that was written is kept; None where nothing is.
        is_whole: everything that was written is in use again.
    """

    aside: Path | None
    kept_bytes: int = 0
    all_bytes: int = 0
    until: datetime | None = None
    is_whole: bool = False

    def lines(self) -> Iterator[str]:
        """What a person reads."""
        if self.aside is None:
            yield "The state's files can be read: nothing was repaired."
            return
        yield f"The state's files were broken. They lie, as they were, in {self.aside}"
        yield f"{self.kept_bytes:,} of their {self.all_bytes:,} bytes are in use again."
        if self.is_whole:
            yield "Nothing is lost."
            return
        yield "The workers fold what is missing again from the log: until then figures are stale, and say so."
        if self.until is None:
            yield "The alert inbox kept its log in the same files: all of it is lost. Alerts that go on are raised again."
        else:
            at = f"{self.until:%Y-%m-%d %H:%M:%S}Z"
            yield f"The alert inbox kept its log in the same files: what was written to it after {at} may be lost."


def repair(server: StateServer, now: datetime) -> Repaired:
    """Make a server's directory readable again; the server is not running before, nor after.

    The broken files stay where they are until others in their place have been read by a server.

    Args:
        server: of the directory.
        now: names where the broken files are set aside.

    Raises:
        StateServerError: the directory cannot be used, or the server does not start for another reason.
    """
    folder = server.directory / aof.FOLDER
    if _starts(server):
        return Repaired(None)
    aside = folder.with_name(f"{folder.name}.broken-{now:%Y%m%dT%H%M%SZ}")
    all_bytes = sum((folder / each.name).stat().st_size for each in aof.parts_there(folder))
    trial = StateServer(server.directory / _TRIAL, binary=server.binary)
    with server.taken(), _removed(trial.directory):
        for candidate in _candidates(folder, server):
            _lay_out(trial.directory / aof.FOLDER, folder, candidate)
            if _starts(trial):
                folder.rename(aside)
                (trial.directory / aof.FOLDER).rename(folder)
                return Repaired(aside, sum(candidate.ends), all_bytes, candidate.until, candidate.is_whole(aside))
        folder.rename(aside)
    return Repaired(aside, 0, all_bytes)


class _Candidate(NamedTuple):
    """Files that may be kept.

    Attributes:
        parts: in their order.
        ends: up to which byte each is kept.
        until: a time up to which everything that was written is in them.
    """

    parts: Sequence[aof.AofPart]
    ends: Sequence[int]
    until: datetime | None

    def is_whole(self, folder: Path) -> bool:
        """Whether that is everything that lies in a folder, and that its manifest names."""
        sizes = [(folder / each.name).stat().st_size for each in self.parts]
        known = {*aof.parts_there(folder), *aof.parts_named(folder)}
        return sizes == list(self.ends) and known == set(self.parts)


def _candidates(folder: Path, server: StateServer) -> Iterator[_Candidate]:
    """What may be kept, the most first: everything up to the first break, then only what a base holds."""
    parts = aof.parts_named(folder)
    bases, written = [each for each in parts if each.is_base], [each for each in parts if not each.is_base]
    if not all((folder / each.name).exists() for each in bases):
        return  # what was written after a base makes no sense without it
    sizes = [(folder / each.name).stat().st_size for each in bases]
    based = datetime.fromtimestamp((folder / bases[-1].name).stat().st_mtime, UTC) if bases else None
    readable = list(_readable(folder, written, _commands(server)))
    if readable:
        last = next((each.until for _, each in reversed(readable) if each.until), based)
        ends = [*sizes, *(each.end for _, each in readable)]
        yield _Candidate([*bases, *(part for part, _ in readable)], ends, last)
    if bases:
        yield _Candidate(bases, sizes, based)


def _readable(
    folder: Path, written: Sequence[aof.AofPart], commands: frozenset[bytes]
) -> Iterator[tuple[aof.AofPart, aof.Scanned]]:
    """The parts that were written after a base, up to the first break, which may be a part that is not there."""
    for each in written:
        if not (folder / each.name).exists():
            return
        scanned = aof.scan(folder / each.name, commands)
        yield each, scanned
        if scanned.end < scanned.size:
            return


def _lay_out(folder: Path, broken: Path, candidate: _Candidate) -> None:
    """A new folder with the parts of a candidate, copied from where the broken ones lie."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for each, end in zip(candidate.parts, candidate.ends, strict=True):
        shutil.copy2(broken / each.name, folder / each.name)
        with (folder / each.name).open("rb+") as file:
            file.truncate(end)
    aof.write_manifest(folder, candidate.parts)


def _starts(server: StateServer) -> bool:
    """Whether it can read its data; it is ended again.

    Raises:
        StateServerError: it does not start for another reason.
    """
    try:
        server.start()
    except StateDamagedError:
        return False
    server.stop()
    return True


def _commands(server: StateServer) -> frozenset[bytes]:
    """The names of all commands, in capitals, from a server of the same program that holds nothing."""
    with TemporaryDirectory(prefix="state-") as directory:
        empty = StateServer(Path(directory), binary=server.binary)
        empty.start()
        try:
            with Redis.from_url(empty.url) as client:
                return frozenset(bytes(each).upper() for each in client.command_list())
        finally:
            empty.stop()


@contextmanager
def _removed(directory: Path) -> Iterator[None]:
    """Whatever an attempt makes there is gone afterwards."""
    try:
        yield
    finally:
        shutil.rmtree(directory, ignore_errors=True)
