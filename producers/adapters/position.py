"""How far a growing file was told: kept on the disk, and never ahead of what the log has."""

from pathlib import Path

import msgspec
from msgspec import Struct

from producers.adapters.growing import FileMark
from producers.errors import SourceError
from producers.files import replace_file


class Position(Struct, frozen=True, kw_only=True):
    """A place in a file.

    Attributes:
        file: which file.
        rows: how many of its rows the log has.
    """

    file: FileMark
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
    """Save a position; a crash leaves the old one or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, msgspec.json.encode(position))
