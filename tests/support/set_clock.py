"""A wall clock that a test sets: for itself, for programs of ours, and for an Apache Kafka (tests/real/SystemTime.java).

`python -m tests.support.set_clock FILE MODULE ARGUMENTS...` runs a module of ours whose wall clock reads the file each time: by how many
seconds it is ahead, or the time at which it has stopped. Its monotonic clock is not touched.
"""

import runpy
import sys
from datetime import datetime, timedelta
from pathlib import Path

import bluelamp.wiring.clock

_wall = bluelamp.wiring.clock.wall


class SetClock:
    """The wall clock of everything that reads a file.

    Args:
        path: of the file, which is created; the clock is right at first.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.set(0)

    def set(self, seconds: int) -> None:
        """Set it ahead by a number of seconds; behind if negative."""
        self._write(f"{seconds:+d}")

    def stop_at(self, moment: datetime) -> None:
        """Stop it at a moment; only for programs of ours."""
        self._write(moment.isoformat())

    def _write(self, text: str) -> None:
        new = self.path.with_suffix(".new")
        new.write_text(f"{text}\n")
        new.replace(self.path)

    def __call__(self) -> datetime:
        """What it shows."""
        text = self.path.read_text().strip()
        return _wall() + timedelta(seconds=int(text)) if text[0] in "+-" else datetime.fromisoformat(text)

    def program(self, module: str) -> tuple[str, ...]:
        """What Python runs so that one of our modules uses this clock."""
        return ("-m", "tests.support.set_clock", str(self.path), module)


if __name__ == "__main__":
    clock = SetClock.__new__(SetClock)
    clock.path = Path(sys.argv[1])
    bluelamp.wiring.clock.wall = clock.__call__
    del sys.argv[:2]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
