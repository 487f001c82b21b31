"""The processes that a process has started, read from /proc."""

from pathlib import Path
from typing import NamedTuple


class Process(NamedTuple):
    """A process at this moment."""

    pid: int
    parent: int
    arguments: tuple[str, ...]

    def is_there(self) -> bool:
        """Whether it is still running; a zombie is not."""
        now = _process(self.pid)
        return now is not None and now.arguments == self.arguments


def descendants(pid: int) -> list[Process]:
    """Every process that a process has started, directly or through others."""
    running = [each for path in Path("/proc").glob("[0-9]*") if (each := _process(int(path.name)))]
    found: list[Process] = []
    parents = {pid}
    while parents:
        started = [each for each in running if each.parent in parents]
        found += started
        parents = {each.pid for each in started}
    return found


def _process(pid: int) -> Process | None:
    """A running process; a zombie has no arguments left."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
        arguments = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return None
    # The name before the last parenthesis may contain anything.
    parent = int(stat.rpartition(")")[2].split()[1])
    return Process(pid, parent, tuple(arguments.decode(errors="replace").split("\0"))) if arguments else None
