"""The saved position in a growing file, which is never ahead of what the log has."""

from pathlib import Path

import msgspec
from msgspec import Struct

from producers.adapters.growing import FileIdentity
from producers.errors import SourceError
from producers.files import replace_file
from producers.sessions import OpenSessions


class Position(Struct, frozen=True, kw_only=True):
    """A position in a file.

    Attributes:
        file: the file.
        line: the line on which the last row begins whose facts are in the log; 0 before the first.
        sessions: the sessions that were open where the file begins.
    """

    file: FileIdentity
    line: int
    sessions: OpenSessions = {}


def load_position(path: Path) -> Position | None:
    """Load a saved position; None if there is none yet.

    Raises:
        SourceError: it cannot be read.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=Position)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError) as error:
        hint = "Restore the file, or delete it: every row is then published again, and still counts once."
        raise SourceError(f"The position cannot be read: {error}.", where=str(path), hint=hint) from error


def save_position(path: Path, position: Position) -> None:
    """Save a position. If the machine fails, the file holds the old position or the new one, never part of one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, msgspec.json.encode(position))
