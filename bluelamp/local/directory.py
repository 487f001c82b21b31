"""The data directory of `bluelamp up`: locked to one run at a time, and cleared only of Blue Lamp's own files."""

import fcntl
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bluelamp.wiring.settings import RUNNING_FILE, Settings, running_directory
from facts.errors import SettingError

LOG, STATE, OUTPUT = "log", "state", "output"
SIMULATION = "simulation.json"
"""The file that describes a simulated log. A log without this file holds facts from real feeds."""
HISTORY, UPCOMING = "history.json", "history-upcoming.jsonl"
"""How far a simulation's older history is in the log, and the reports about it that are due later."""
ROSTERS = "rosters"
"""The directory of the simulated force's roster."""
_LOCK = "lock"
_PRIVATE = (LOG, STATE, OUTPUT, "inbox", "prometheus")


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Lock a directory against other runs, creating it if need be. The lock ends with the process.

    Raises:
        SettingError: the directory cannot be used, or another run has locked it.
    """
    try:
        (directory / OUTPUT).mkdir(parents=True, exist_ok=True)
        _make_private(directory)
        lock = (directory / _LOCK).open("ab")
    except OSError as error:
        hint = "Choose a directory that you can write to, with --data or BLUELAMP_DATA."
        what = f"The data directory cannot be used: {error.strerror}."
        raise SettingError(what, where=str(directory), hint=hint) from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            what = f"Another `bluelamp up`{_process(directory)} is using this data directory."
            hint = "Stop it, or choose another directory with --data or BLUELAMP_DATA."
            raise SettingError(what, where=str(directory), hint=hint) from None
        yield


def _make_private(directory: Path) -> None:
    """Make files of earlier versions, which everybody could read, readable only to their owner."""
    for folder in (directory / name for name in _PRIVATE if (directory / name).is_dir()):
        folder.chmod(0o700)


def _process(directory: Path) -> str:
    try:
        return f" (process {json.loads((directory / RUNNING_FILE).read_text())['pid']})"
    except (OSError, ValueError, KeyError):
        return ""


def is_free(directory: Path) -> bool:
    """Whether no broker or state server uses the directory: those of a killed run take a moment to end."""
    return all(_is_unlocked(directory / name / _LOCK) for name in (LOG, STATE))


def _is_unlocked(path: Path) -> bool:
    try:
        with path.open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def clear(directory: Path) -> None:
    """Delete the log, the state and the output of earlier runs.

    Raises:
        SettingError: `bluelamp up` did not create them, or they cannot be deleted.
    """
    kept = [directory / name for name in (LOG, STATE) if (directory / name).exists()]
    for path in kept:
        if not (path / _LOCK).exists():
            hint = "Choose another directory with --data, or delete this one yourself."
            raise SettingError("`bluelamp up` did not create this directory.", where=str(path), hint=hint)
    try:
        for path in kept:
            shutil.rmtree(path)
        for path in (directory / OUTPUT).glob("*.log"):
            path.unlink()
        for name in (HISTORY, UPCOMING, SIMULATION):
            (directory / name).unlink(missing_ok=True)
    except OSError as error:
        what = f"The data of an earlier run cannot be deleted: {error.strerror}."
        hint = "Delete it yourself, or choose another directory with --data."
        raise SettingError(what, where=str(error.filename), hint=hint) from None


def refuse_mixture(settings: Settings, *, is_simulated: bool) -> None:
    """Refuse to mix simulated and real facts in the log of a running `bluelamp up`.

    Args:
        settings: these name the log.
        is_simulated: whether the facts to publish are simulated.

    Raises:
        SettingError: the log holds facts of the other kind.
    """
    directory = running_directory(settings)
    if directory is None or (directory / SIMULATION).exists() == is_simulated:
        return
    what = (
        "This log holds facts from real feeds, so simulated facts cannot be added."
        if is_simulated
        else "This log holds a simulation, so real facts cannot be added."
    )
    hint = "Start another `bluelamp up` with its own directory, using --data or BLUELAMP_DATA."
    raise SettingError(what, where=str(directory), hint=hint)
