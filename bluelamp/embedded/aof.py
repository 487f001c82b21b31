"""The append-only file (AOF) of a Redis or Valkey: its manifest, its parts, and how far a part can be read."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, NamedTuple

from producers.files import replace_file

FOLDER = "appendonlydir"
MANIFEST = "appendonly.aof.manifest"
_PART = re.compile(r"appendonly\.aof\.(\d+)\.(base\.rdb|base\.aof|incr\.aof)")
_LINE = re.compile(r"file (\S+) seq (\d+) type ([bih])(?: .*)?")
_LONGEST_LINE = 64
_LONGEST_ARGUMENT = 512 * 1024 * 1024
_TIME = b"#TS:"


class AofPart(NamedTuple):
    """One file of an append-only file.

    Attributes:
        number: its sequence number.
        is_base: whether it is a base, a copy of all data at one time; otherwise it holds the writes after one.
        name: its file name.
    """

    number: int
    is_base: bool
    name: str


class Scanned(NamedTuple):
    """How far a part with commands can be read.

    Attributes:
        end: the first byte after the last whole command, or after the last whole transaction.
        size: the size of the file, in bytes.
        until: the last timestamp before that byte; None if there is none.
    """

    end: int
    size: int
    until: datetime | None


def is_lost(directory: Path) -> bool:
    """Whether there are parts but no manifest; a server would then start empty without an error."""
    return bool(existing_parts(directory)) and not (directory / MANIFEST).exists()


def existing_parts(directory: Path) -> list[AofPart]:
    """All parts in a directory, bases first, whether or not the manifest lists them."""
    names = [path.name for path in directory.glob("appendonly.aof.*")] if directory.is_dir() else []
    parts = [
        AofPart(int(match[1]), match[2].startswith("base"), name) for name in names if (match := _PART.fullmatch(name))
    ]
    return sorted(parts, key=lambda each: (not each.is_base, each.number))


def used_parts(directory: Path) -> list[AofPart]:
    """The parts in use, in order: those that the manifest lists, or without a manifest those that are certain.

    Without a manifest, several files of later writes are not used: the base may already include some of them, and those would
    count twice.
    """
    listed = _read_manifest(directory)
    if listed:
        return listed
    found = existing_parts(directory)
    bases, written = [each for each in found if each.is_base], [each for each in found if not each.is_base]
    is_certain = len(written) == 1 and (not bases or written[0].number >= bases[-1].number)
    return [*bases[-1:], *(written if is_certain else [])]


def _read_manifest(directory: Path) -> list[AofPart]:
    """The parts that the manifest lists; none if any line of it cannot be read."""
    try:
        lines = (directory / MANIFEST).read_text().splitlines()
    except (OSError, UnicodeDecodeError):
        return []
    matches = [_LINE.fullmatch(line) for line in lines if line and not line.startswith("#")]
    found = [AofPart(int(each[2]), each[3] == "b", each[1]) for each in matches if each and each[3] != "h"]
    return found if all(matches) else []


def write_manifest(directory: Path, parts: Iterable[AofPart]) -> None:
    """Write a manifest that lists the parts for a server to read, in order."""
    lines = (f"file {each.name} seq {each.number} type {'b' if each.is_base else 'i'}\n" for each in parts)
    replace_file(directory / MANIFEST, "".join(lines).encode())


def scan(path: Path, commands: frozenset[bytes]) -> Scanned:
    """Find out how far a part can be read.

    Args:
        path: a part with commands.
        commands: the names of all commands, in capitals; any other name is damage.
    """
    until: datetime | None = None
    seen: datetime | None = None
    in_transaction, end = False, 0
    with path.open("rb") as file:
        while line := file.readline(_LONGEST_LINE):
            if line.startswith(_TIME) and line.endswith(b"\r\n"):
                seen = _timestamp(line)
                if seen is None:
                    break
                continue
            name = _command(file, line, commands)
            if name is None:
                break
            in_transaction = name == b"MULTI" or (in_transaction and name != b"EXEC")
            if not in_transaction:
                end, until = file.tell(), seen
    return Scanned(end, path.stat().st_size, until)


def _timestamp(line: bytes) -> datetime | None:
    digits = line.removeprefix(_TIME).strip()
    return datetime.fromtimestamp(int(digits), UTC) if digits.isdigit() and len(digits) <= 11 else None  # noqa: PLR2004


def _command(file: IO[bytes], line: bytes, commands: frozenset[bytes]) -> bytes | None:
    """Read the command that begins with a line; returns its name, or None if it is not a whole command."""
    count = _number(line, b"*")
    if not count:
        return None
    first = b""
    for place in range(count):
        length = _number(file.readline(_LONGEST_LINE), b"$")
        if length is None or length > _LONGEST_ARGUMENT:
            return None
        argument = file.read(length + 2)
        if len(argument) != length + 2 or not argument.endswith(b"\r\n"):
            return None
        first = argument[:-2].upper() if place == 0 else first
    return first if first in commands else None


def _number(line: bytes, mark: bytes) -> int | None:
    digits = line[1:-2]
    return int(digits) if line[:1] == mark and line.endswith(b"\r\n") and digits.isdigit() else None
