"""Ways to damage the files of a state server."""

from collections.abc import Callable
from pathlib import Path

FOLDER, MANIFEST = "appendonlydir", "appendonly.aof.manifest"


def _written(folder: Path) -> Path:
    return max(folder.glob("*.incr.aof"))


def _base(folder: Path) -> Path:
    return next(iter(folder.glob("*.base.rdb")))


def in_the_middle(folder: Path) -> None:
    """Other bytes replace the beginning of a command in the middle of the append-only file."""
    path = _written(folder)
    content = path.read_bytes()
    place = content.index(b"\r\n*", len(content) // 2) + 2
    path.write_bytes(content[:place] + b"\x00 no command \r\n" + content[place + 16 :])


def another_command(folder: Path) -> None:
    """A command in the middle has an unknown name; the file can still be parsed."""
    path = _written(folder)
    content = path.read_bytes()
    place = content.index(b"\r\nHSET\r\n", len(content) // 2)
    path.write_bytes(content[:place] + b"\r\nHXXX\r\n" + content[place + 8 :])


def cut_tail(folder: Path) -> None:
    """The last bytes are missing."""
    path = _written(folder)
    path.write_bytes(path.read_bytes()[:-9])


def base(folder: Path) -> None:
    """Other bytes replace the middle of the base."""
    _overwrite(_base(folder), b"no base" * 9)


def no_base(folder: Path) -> None:
    """The base is gone."""
    _base(folder).unlink()


def manifest(folder: Path) -> None:
    """The manifest contains something else."""
    (folder / MANIFEST).write_bytes(b"\x00\xffnothing of ours\n")


def empty_manifest(folder: Path) -> None:
    """The manifest is empty."""
    (folder / MANIFEST).write_bytes(b"")


def no_manifest(folder: Path) -> None:
    """The manifest is gone."""
    (folder / MANIFEST).unlink()


def nothing_written(folder: Path) -> None:
    """The file with everything written after the base is gone."""
    _written(folder).unlink()


def _overwrite(path: Path, other: bytes) -> None:
    content = path.read_bytes()
    middle = len(content) // 2
    path.write_bytes(content[:middle] + other + content[middle + len(other) :])


FAULTS: dict[str, Callable[[Path], None]] = {
    "in the middle": in_the_middle,
    "another command": another_command,
    "base": base,
    "no base": no_base,
    "manifest": manifest,
    "empty manifest": empty_manifest,
    "no manifest": no_manifest,
    "nothing written": nothing_written,
}
"""The faults with which a server does not start."""
