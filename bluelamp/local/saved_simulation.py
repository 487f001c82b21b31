"""The simulation that a directory holds: kept beside its log, so that whoever starts again goes on with the same one."""

from datetime import date, datetime
from pathlib import Path

import msgspec
from msgspec import Struct

from bluelamp.local.directory import LOG, SIMULATION
from facts.errors import SettingError
from producers.adapters.position import write_atomically


class SavedSimulation(Struct, frozen=True, kw_only=True):
    """A simulation, and how far the log has it.

    Attributes:
        force: whose, by name.
        seed: of its randomness.
        scenario: by name.
        start: its first local day.
        told_to: what is told before it is in the log; None before the first.
    """

    force: str
    seed: int
    scenario: str
    start: date
    reported_to: datetime | None = None


class PlannedSimulation(Struct, frozen=True, kw_only=True):
    """A simulation that `bluelamp up` is to run.

    Attributes:
        kept: which; to be kept in the directory before it begins.
        arguments: of `bluelamp simulate`.
        words: what a person is told of it.
    """

    kept: SavedSimulation
    arguments: tuple[str, ...]
    words: str


def load_simulation(path: Path) -> SavedSimulation | None:
    """The simulation kept in a file; None when there is none yet.

    Raises:
        SettingError: it cannot be read.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=SavedSimulation)
    except (FileNotFoundError, NotADirectoryError):
        return None  # a place that is no directory is told of where it is first used
    except (OSError, msgspec.DecodeError) as error:
        hint = "Restore it, or begin another simulation in another directory: two in one log would add up."
        raise SettingError(f"What was simulated cannot be read: {error}.", where=str(path), hint=hint) from None


def save_simulation(path: Path, kept: SavedSimulation) -> None:
    """Keep a simulation; whenever the machine dies, the old file is there or the new one, whole."""
    write_atomically(path, msgspec.json.format(msgspec.json.encode(kept)))


def is_to_simulate(
    directory: Path, *, is_asked: bool | None, is_replayed: bool, is_fresh: bool, has_senders: bool
) -> bool:
    """Whether `bluelamp up` simulates a force: real facts and simulated ones never meet in one directory.

    Args:
        directory: of its data.
        is_asked: a person wants it, or wants only what feeds send; None when nothing was said.
        is_replayed: recorded facts are played.
        is_fresh: what is in the directory will be forgotten.
        has_senders: somebody may send facts by HTTP.

    Raises:
        SettingError: what is asked for would bring the two together.
    """
    holds_simulation = (directory / SIMULATION).exists() and not is_fresh
    holds_feeds = (directory / LOG).exists() and not holds_simulation and not is_fresh
    is_real = is_replayed or is_asked is False
    if is_asked and is_replayed:
        raise SettingError("Recorded facts and simulated ones would add up.", where="--replay", hint="Ask for one.")
    if holds_simulation and is_real:
        hint = "Name another directory with --data, or say --fresh to forget what is there."
        raise SettingError(
            "It holds a simulation, and real facts would add up with it.", where=str(directory), hint=hint
        )
    if holds_feeds and is_asked:
        hint = "Name another directory with --data."
        raise SettingError(
            "It holds facts that feeds have told: nothing is simulated there.", where=str(directory), hint=hint
        )
    is_simulated = not is_real and not holds_feeds
    if is_simulated and has_senders:
        hint = "Say --feeds-only for a force's own facts, or unset it for a simulated force."
        raise SettingError(
            "Real facts may come by HTTP, and simulated ones would add up.", where="BLUELAMP_GATEWAY_TOKENS", hint=hint
        )
    return is_simulated
