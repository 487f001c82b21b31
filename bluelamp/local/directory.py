"""The directory that `bluelamp up` keeps everything in: one run at a time, and emptied only of what is ours."""

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
"""The file that says which simulation a directory holds; with a log and without it, it holds what feeds have told."""
_LOCK = "lock"


@contextmanager
def held(directory: Path) -> Iterator[None]:
    """Keep every other run out of a directory, which is made if need be; a killed run's hold ends with it.

    Raises:
        SettingError: it cannot be used, or another run holds it.
    """
    try:
        (directory / OUTPUT).mkdir(parents=True, exist_ok=True)
        lock = (directory / _LOCK).open("ab")
    except OSError as error:
        hint = "Name one that can be written: --data, or BLUELAMP_DATA."
        what = f"The data directory cannot be used: {error.strerror}."
        raise SettingError(what, where=str(directory), hint=hint) from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            what = f"Another `bluelamp up`{_process(directory)} keeps its data there, and two would ruin them."
            hint = "End that one, or give this one a directory of its own: --data, or BLUELAMP_DATA."
            raise SettingError(what, where=str(directory), hint=hint) from None
        yield


def _process(directory: Path) -> str:
    try:
        return f" (process {json.loads((directory / RUNNING_FILE).read_text())['pid']})"
    except (OSError, ValueError, KeyError):
        return ""


def is_left(directory: Path) -> bool:
    """Whether the log and the state are free: the parts of a killed run take a moment to end."""
    return all(_is_free(directory / name / _LOCK) for name in (LOG, STATE))


def _is_free(lock: Path) -> bool:
    try:
        with lock.open("rb") as held_by_a_part:
            fcntl.flock(held_by_a_part, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def forget(directory: Path) -> None:
    """Remove the log, the state and the output that earlier runs kept in a directory.

    Raises:
        SettingError: what is there is not ours, or cannot be removed.
    """
    kept = [directory / name for name in (LOG, STATE) if (directory / name).exists()]
    for path in kept:
        if not (path / _LOCK).exists():
            hint = "Name a directory of its own with --data, or remove it yourself."
            raise SettingError("It was not made by `bluelamp up`, and is left alone.", where=str(path), hint=hint)
    try:
        for path in kept:
            shutil.rmtree(path)
        for path in (directory / OUTPUT).glob("*.log"):
            path.unlink()
        (directory / SIMULATION).unlink(missing_ok=True)
    except OSError as error:
        what = f"What an earlier run kept cannot be removed: {error.strerror}."
        raise SettingError(
            what, where=str(error.filename), hint="Remove it yourself, or name another --data."
        ) from None


def refuse_mixture(settings: Settings, *, is_simulated: bool) -> None:
    """Keep simulated facts and real ones apart in the log of a `bluelamp up` that runs here.

    Raises:
        SettingError: it holds the other kind.
    """
    directory = running_directory(settings)
    if directory is None or (directory / SIMULATION).exists() == is_simulated:
        return
    what = "facts that feeds have told" if is_simulated else "a simulation"
    hint = "Start another `bluelamp up` with a directory of its own: --data, or BLUELAMP_DATA."
    raise SettingError(
        f"Its log holds {what}: simulated facts and real ones would add up.", where=str(directory), hint=hint
    )
