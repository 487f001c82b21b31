"""How far a growing file was told: kept on the disk, and never ahead of what the log has."""

import os
from pathlib import Path

import msgspec
from msgspec import Struct

from producers.adapters.growing import FileIdentity
from producers.errors import SourceError


class Position(Struct, frozen=True, kw_only=True):
    """A place in a file.

    Attributes:
        file: which file.
        rows: how many of its rows the log has.
    """

    file: FileIdentity
    rows: int


def load_position(path: Path) -> Position | None:
    """The position kept; None when there is none yet.

    Raises:
        SourceError: it cannot be read.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=Position)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError) as error:
        hint = "Restore it, or remove it: everything is then told again, and counts once all the same."
        raise SourceError(f"The position cannot be read: {error}.", where=str(path), hint=hint) from error


def save_position(path: Path, position: Position) -> None:
    """Keep a position; whenever the machine dies, the old one is there or the new one, whole."""
    write_atomically(path, msgspec.json.encode(position))


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file that is there whole, as it was or as it is to be, whenever the machine dies."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.new")
    with draft.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
