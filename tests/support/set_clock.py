"""A wall clock that a test sets: for itself, for Python programs, and for Apache Kafka (tests/real/SystemTime.java).

`python -m tests.support.set_clock FILE MODULE ARGUMENTS...` runs a module whose wall clock reads the file each time. The file
says by how many seconds the clock is ahead, or the time at which it has stopped. The monotonic clock does not change.
"""

import runpy
import sys
from datetime import datetime, timedelta
from pathlib import Path

import bluelamp.wiring.clock

_wall = bluelamp.wiring.clock.wall


class SetClock:
    """The wall clock of every program that reads a file.

    Args:
        path: the path of the file, which is created; at first the clock is right.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.set(0)

    def set(self, seconds: int) -> None:
        """Set the clock ahead by a number of seconds; behind if negative."""
        self._write(f"{seconds:+d}")

    def stop_at(self, moment: datetime) -> None:
        """Stop the clock at a time; this works only for Python programs."""
        self._write(moment.isoformat())

    def _write(self, text: str) -> None:
        new = self.path.with_suffix(".new")
        new.write_text(f"{text}\n")
        new.replace(self.path)

    def __call__(self) -> datetime:
        """The time that the clock shows."""
        text = self.path.read_text().strip()
        return _wall() + timedelta(seconds=int(text)) if text[0] in "+-" else datetime.fromisoformat(text)

    def program(self, module: str) -> tuple[str, ...]:
        """The arguments with which Python runs a module with this clock."""
        return ("-m", "tests.support.set_clock", str(self.path), module)


if __name__ == "__main__":
    clock = SetClock.__new__(SetClock)
    clock.path = Path(sys.argv[1])
    bluelamp.wiring.clock.wall = clock.__call__
    del sys.argv[:2]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
