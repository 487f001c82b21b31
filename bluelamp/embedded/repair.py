"""Repairs a state server's damaged files by keeping everything up to the damage; nothing is deleted.

Workers fold the missing part of the state again from the log. The alert inbox keeps its log in the same files, so its entries
after the damage are lost.
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
    """The result of a repair.

    Attributes:
        aside: where the damaged files were moved to; None if nothing was damaged.
        kept_bytes: the bytes that were kept.
        all_bytes: the bytes before the repair.
        until: a time up to which all writes were kept; None if none were.
        is_whole: whether all writes were kept.
    """

    aside: Path | None
    kept_bytes: int = 0
    all_bytes: int = 0
    until: datetime | None = None
    is_whole: bool = False

    def lines(self) -> Iterator[str]:
        """The result as text for people."""
        if self.aside is None:
            yield "The state server's files are not damaged. Nothing was repaired."
            return
        yield f"The state server's files were damaged. They were moved unchanged to {self.aside}"
        yield f"Kept {self.kept_bytes:,} of {self.all_bytes:,} bytes."
        if self.is_whole:
            yield "Nothing is lost."
            return
        yield "The workers fold the rest again from the log. Figures are shown as stale until then."
        if self.until is None:
            yield "The alert inbox's log was in the same files and is lost. Alerts that are still active are raised again."
        else:
            at = f"{self.until:%Y-%m-%d %H:%M:%S}Z"
            yield f"The alert inbox's log was in the same files: its entries after {at} may be lost."


def repair(server: StateServer, now: datetime) -> Repaired:
    """Make a server's files readable again. The server must not be running, and is not running afterwards.

    The damaged files stay in place until a server has read their replacement.

    Args:
        server: whose files to repair.
        now: the time, which becomes part of the damaged files' new name.

    Raises:
        StateServerError: the directory cannot be used, or the server does not start for another reason.
    """
    folder = server.directory / aof.FOLDER
    if _starts(server):
        return Repaired(None)
    aside = folder.with_name(f"{folder.name}.broken-{now:%Y%m%dT%H%M%SZ}")
    all_bytes = sum((folder / each.name).stat().st_size for each in aof.existing_parts(folder))
    trial = StateServer(server.directory / _TRIAL, binary=server.binary)
    with server.locked(), _removed(trial.directory):
        for candidate in _candidates(folder, server):
            _lay_out(trial.directory / aof.FOLDER, folder, candidate)
            if _starts(trial):
                folder.rename(aside)
                (trial.directory / aof.FOLDER).rename(folder)
                return Repaired(aside, sum(candidate.ends), all_bytes, candidate.until, candidate.is_whole(aside))
        folder.rename(aside)
    return Repaired(aside, 0, all_bytes)


class _Candidate(NamedTuple):
    """A possible repair: the parts to keep.

    Attributes:
        parts: in order.
        ends: the byte up to which each part is kept.
        until: a time up to which all writes are in them.
    """

    parts: Sequence[aof.AofPart]
    ends: Sequence[int]
    until: datetime | None

    def is_whole(self, folder: Path) -> bool:
        """Whether that is all of every part in a folder and in its manifest."""
        sizes = [(folder / each.name).stat().st_size for each in self.parts]
        known = {*aof.existing_parts(folder), *aof.used_parts(folder)}
        return sizes == list(self.ends) and known == set(self.parts)


def _candidates(folder: Path, server: StateServer) -> Iterator[_Candidate]:
    """The possible repairs, the most complete first: everything up to the damage, then only the base."""
    parts = aof.used_parts(folder)
    bases, written = [each for each in parts if each.is_base], [each for each in parts if not each.is_base]
    if not all((folder / each.name).exists() for each in bases):
        return  # later writes make no sense without their base
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
    """The parts with later writes, up to the first that is damaged or missing."""
    for each in written:
        if not (folder / each.name).exists():
            return
        scanned = aof.scan(folder / each.name, commands)
        yield each, scanned
        if scanned.end < scanned.size:
            return


def _lay_out(folder: Path, damaged: Path, candidate: _Candidate) -> None:
    """Copy the parts of a candidate from the damaged folder to a new one."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for each, end in zip(candidate.parts, candidate.ends, strict=True):
        shutil.copy2(damaged / each.name, folder / each.name)
        with (folder / each.name).open("rb+") as file:
            file.truncate(end)
    aof.write_manifest(folder, candidate.parts)


def _starts(server: StateServer) -> bool:
    """Whether a server can read its data; it is stopped again.

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
    """The names of all commands, in capitals, from an empty server of the same program."""
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
    """Remove a directory afterwards."""
    try:
        yield
    finally:
        shutil.rmtree(directory, ignore_errors=True)
