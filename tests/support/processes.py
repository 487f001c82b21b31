"""Which processes have come from one, read from /proc."""

from pathlib import Path
from typing import NamedTuple


class Process(NamedTuple):
    """A process as it is now."""

    pid: int
    parent: int
    arguments: tuple[str, ...]

    def is_there(self) -> bool:
        """Whether it still runs; one that has ended and waits to be noticed does not."""
        now = _process(self.pid)
        return now is not None and now.arguments == self.arguments


def descendants(pid: int) -> list[Process]:
    """Every process that came from one, however many steps down."""
    running = [each for path in Path("/proc").glob("[0-9]*") if (each := _process(int(path.name)))]
    found: list[Process] = []
    parents = {pid}
    while parents:
        children = [each for each in running if each.parent in parents]
        found += children
        parents = {each.pid for each in children}
    return found


def _process(pid: int) -> Process | None:
    """One that runs; a zombie has no arguments left."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
        told = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return None
    # The name before the last parenthesis may itself hold anything.
    parent = int(stat.rpartition(")")[2].split()[1])
    return Process(pid, parent, tuple(told.decode(errors="replace").split("\0"))) if told else None
