"""Ways in which the files of a state server get broken."""

from collections.abc import Callable
from pathlib import Path

FOLDER, MANIFEST = "appendonlydir", "appendonly.aof.manifest"


def _written(folder: Path) -> Path:
    return max(folder.glob("*.incr.aof"))


def _base(folder: Path) -> Path:
    return next(iter(folder.glob("*.base.rdb")))


def in_the_middle(folder: Path) -> None:
    """Where a command should begin in the middle of what was written there are other bytes."""
    path = _written(folder)
    content = path.read_bytes()
    place = content.index(b"\r\n*", len(content) // 2) + 2
    path.write_bytes(content[:place] + b"\x00 no command \r\n" + content[place + 16 :])


def another_command(folder: Path) -> None:
    """In the middle a command has a name that there is none of; it can be read as ever."""
    path = _written(folder)
    content = path.read_bytes()
    place = content.index(b"\r\nHSET\r\n", len(content) // 2)
    path.write_bytes(content[:place] + b"\r\nHXXX\r\n" + content[place + 8 :])


def cut_tail(folder: Path) -> None:
    """The last bytes were never written."""
    path = _written(folder)
    path.write_bytes(path.read_bytes()[:-9])


def base(folder: Path) -> None:
    """Other bytes stand in the middle of the base."""
    _overwrite(_base(folder), b"no base" * 9)


def no_base(folder: Path) -> None:
    """The base is gone."""
    _base(folder).unlink()


def manifest(folder: Path) -> None:
    """The manifest holds something else."""
    (folder / MANIFEST).write_bytes(b"\x00\xffnothing of ours\n")


def empty_manifest(folder: Path) -> None:
    """The manifest is empty."""
    (folder / MANIFEST).write_bytes(b"")


def no_manifest(folder: Path) -> None:
    """The manifest is gone."""
    (folder / MANIFEST).unlink()


def nothing_written(folder: Path) -> None:
    """What was written after the base is gone."""
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
"""Those that a server does not start with."""
