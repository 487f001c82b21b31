"""Reads the files in which people plan, rosters and events, again whenever they change."""

from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from bluelamp.wiring.settings import Settings, variable
from facts.errors import SettingError
from facts.force import Force
from facts.planned_event import NO_EVENTS, PlannedEvents, parse_events
from facts.roster import Roster, parse_roster

Plan = TypeVar("Plan")


class PlanFile(Generic[Plan]):
    """One of a force's files of plans, read at each call if it has changed.

    Args:
        path: the file.
        force: the force's profile.
        words: what it is, and its setting, for errors.
        parse: reads its text.
    """

    def __init__(
        self, path: Path, force: Force, words: tuple[str, str], parse: Callable[[str, str, Force], Plan]
    ) -> None:
        self._path, self._force, self._parse = path, force, parse
        self._title, self._setting = words
        self._read: tuple[object, Plan | str] = None, ""

    def __call__(self) -> Plan | str:
        """The plan, or why it cannot be read. While the file is wrong, what it said before is not used."""
        try:
            found = self._path.stat()
            version = found.st_ino, found.st_mtime_ns, found.st_size
            if self._read[0] != version:
                self._read = version, self._parsed(self._path.read_text("utf-8"))
        except OSError as error:
            return f"The {self._title} {self._path.name} in {self._setting} cannot be read: {error.strerror}."
        except UnicodeDecodeError:
            return f"The {self._title} {self._path.name} is not UTF-8 text."
        return self._read[1]

    def _parsed(self, text: str) -> Plan | str:
        try:
            return self._parse(text, self._path.name, self._force)
        except SettingError as error:
            return f"The {self._title} is not valid: {error.where}: {error.what}"


def roster_of(settings: Settings, force: Force) -> Callable[[], Roster | str | None]:
    """Reads the roster of a force; None if the settings name no rosters."""
    if not settings.rosters:
        return lambda: None
    return PlanFile(Path(settings.rosters) / f"{force.name}.csv", force, ("roster", variable("rosters")), parse_roster)


def events_of(settings: Settings, force: Force) -> Callable[[], PlannedEvents]:
    """Reads the planned events of a force; none if the settings name no events."""
    if not settings.events:
        return lambda: NO_EVENTS
    words = "file of events", variable("events")
    file = PlanFile(Path(settings.events) / f"{force.name}.csv", force, words, parse_events)

    def read() -> PlannedEvents:
        found = file()
        return PlannedEvents(error=found) if isinstance(found, str) else found

    return read


def usable_events(settings: Settings, force: Force) -> PlannedEvents:
    """The planned events of a force, for a command.

    Raises:
        SettingError: the file cannot be used.
    """
    events = events_of(settings, force)()
    if events.error:
        hint = "Correct the file; docs/feed/events.md describes it."
        raise SettingError(events.error, where=f"{settings.events}/{force.name}.csv", hint=hint)
    return events
