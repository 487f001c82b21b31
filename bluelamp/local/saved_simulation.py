"""The simulation saved in a data directory, so that a restart resumes the same one."""

from datetime import date, datetime
from pathlib import Path

import msgspec
from msgspec import Struct

from bluelamp.local.directory import LOG, SIMULATION
from facts.errors import SettingError
from producers.files import replace_file


class SavedSimulation(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A simulation, and how much of it is in the log.

    Attributes:
        force: name of the simulated force.
        seed: the random seed.
        scenario: name of the scenario.
        start: first local day.
        published_until: the log has everything before this time; None until something is published.
        history_from: first local day of the older history that is filled in behind it; None if there is none.
    """

    force: str
    seed: int
    scenario: str
    start: date
    published_until: datetime | None = None
    history_from: date | None = None


class PlannedSimulation(Struct, frozen=True, kw_only=True):
    """A simulation that `bluelamp up` will run.

    Attributes:
        saved: the simulation, to be saved in the directory before it begins.
        arguments: arguments for `bluelamp simulate`.
        older_arguments: arguments for the `bluelamp simulate` that fills in older history; empty if there is none.
        words: a sentence that describes it to the person who starts it.
        roster: the roster of its contact centre, as the text of a roster file.
    """

    saved: SavedSimulation
    arguments: tuple[str, ...]
    older_arguments: tuple[str, ...] = ()
    words: str
    roster: str


def load_simulation(path: Path) -> SavedSimulation | None:
    """Load the simulation saved in a file; None if there is none yet.

    Raises:
        SettingError: the file cannot be read.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=SavedSimulation)
    except (FileNotFoundError, NotADirectoryError):
        return None  # a parent that is not a directory is reported where it is first used
    except (OSError, msgspec.DecodeError) as error:
        hint = (
            "If an earlier version saved it, rename `told_to` in it to `published_until`. Otherwise, restore the file, or start a new "
            "simulation in another directory: two in one log would be added together."
        )
        raise SettingError(f"The saved simulation cannot be read: {error}.", where=str(path), hint=hint) from None


def save_simulation(path: Path, saved: SavedSimulation) -> None:
    """Save a simulation. If the machine fails, the file holds the old simulation or the new one, never part of one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, msgspec.json.format(msgspec.json.encode(saved)))


def is_to_simulate(
    directory: Path, *, is_requested: bool | None, is_replayed: bool, is_fresh: bool, has_senders: bool
) -> bool:
    """Whether `bluelamp up` simulates a force. A directory never holds both real and simulated facts.

    Args:
        directory: the data directory.
        is_requested: True for a simulation, False for feeds only, None if the person did not choose.
        is_replayed: recorded facts will be replayed.
        is_fresh: the directory's data will be deleted first.
        has_senders: senders may publish facts over HTTP.

    Raises:
        SettingError: real and simulated facts would end up in one log.
    """
    holds_simulation = (directory / SIMULATION).exists() and not is_fresh
    holds_feeds = (directory / LOG).exists() and not holds_simulation and not is_fresh
    is_real = is_replayed or is_requested is False
    if is_requested and is_replayed:
        what = "A replay and a simulation cannot share a log: their facts would be added together."
        raise SettingError(what, where="--replay", hint="Choose one of the two.")
    if holds_simulation and is_real:
        hint = "Choose another directory with --data, or delete the simulation with --fresh."
        what = "This directory holds a simulation: real facts would be added to the simulated ones."
        raise SettingError(what, where=str(directory), hint=hint)
    if holds_feeds and is_requested:
        what = "This directory holds facts from real feeds: simulated facts would be added to them."
        raise SettingError(what, where=str(directory), hint="Choose another directory with --data.")
    is_simulated = not is_real and not holds_feeds
    if is_simulated and has_senders:
        hint = "Use --feeds-only for a force's own facts, or unset this variable to simulate a force."
        what = "Senders may publish real facts over HTTP: simulated facts would be added to them."
        raise SettingError(what, where="BLUELAMP_GATEWAY_TOKENS", hint=hint)
    return is_simulated
