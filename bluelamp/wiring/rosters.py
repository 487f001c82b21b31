"""Reads the roster files of the setting `BLUELAMP_ROSTERS`, again whenever they change."""

from collections.abc import Callable
from pathlib import Path

from bluelamp.wiring.settings import Settings, variable
from facts.errors import SettingError
from facts.force import Force
from facts.roster import Roster, parse_roster


class RosterFile:
    """The roster file of a force, read at each call if it has changed.

    Args:
        path: the file.
        force: the force's profile.
    """

    def __init__(self, path: Path, force: Force) -> None:
        self._path, self._force = path, force
        self._read: tuple[object, Roster | str] = None, ""

    def __call__(self) -> Roster | str:
        """The roster, or why it cannot be read. While the file is wrong, what it said before is not used."""
        try:
            found = self._path.stat()
            version = found.st_ino, found.st_mtime_ns, found.st_size
            if self._read[0] != version:
                self._read = version, self._parsed(self._path.read_text("utf-8"))
        except OSError as error:
            return f"The roster {self._path.name} in {variable('rosters')} cannot be read: {error.strerror}."
        except UnicodeDecodeError:
            return f"The roster {self._path.name} is not UTF-8 text."
        return self._read[1]

    def _parsed(self, text: str) -> Roster | str:
        try:
            return parse_roster(text, self._path.name, self._force)
        except SettingError as error:
            return f"The roster is not valid: {error.where}: {error.what}"


def roster_of(settings: Settings, force: Force) -> Callable[[], Roster | str | None]:
    """Reads the roster of a force; None if the settings name no rosters."""
    return RosterFile(Path(settings.rosters) / f"{force.name}.csv", force) if settings.rosters else lambda: None
