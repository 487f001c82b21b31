"""`python -m benchmarks.tiles`: the time from publishing a fact until its tile has changed on every open page of the board.

Everything that runs in production runs here, on the embedded parts: a live simulated force, a log, one worker, a state server and the
board. They share this machine with the viewers.
"""

import asyncio
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import click
import msgspec

from benchmarks.watching import watched
from benchmarks.whole import await_that, parts, process
from bluelamp.wiring.clock import wall
from bluelamp.wiring.connections import reader
from bluelamp.wiring.settings import Settings
from producers.publish import LIVE, connect

_FORCE = "staffordshire"
_HISTORY = timedelta(days=2)


class RunningBoard(NamedTuple):
    """A board on a live simulated force.

    Attributes:
        settings: settings with the addresses of its log and its state.
        port: the port of the board on loopback.
    """

    settings: Settings
    port: int


@click.command()
@click.option("--viewers", default=50, show_default=True, help="Open pages.")
@click.option("--probes", default=60, show_default=True, help="Facts to publish, one by one.")
def main(viewers: int, probes: int) -> None:
    """Measure and print."""
    with (
        tempfile.TemporaryDirectory() as directory,
        running_board(Path(directory)) as board,
        connect(board.settings.log(), LIVE, now=wall, monotonic=time.monotonic) as publisher,
    ):
        found = asyncio.run(watched(board.port, publisher, _FORCE, wall, viewers=viewers, probes=probes))
    print(f"{probes} facts on {viewers} pages, from publication to display: {found}")


@contextmanager
def running_board(directory: Path, history: timedelta = _HISTORY) -> Iterator[RunningBoard]:
    """A simulated force with some history, now live, with a worker and a board.

    Args:
        directory: an empty directory for the log and the state.
        history: how much history it has.
    """
    with ExitStack() as ending:
        settings = msgspec.structs.replace(ending.enter_context(parts(directory)), force=_FORCE)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port: int = free.getsockname()[1]
        start = (wall() - history).date().isoformat()
        for command in (
            ("simulate", "--speed", "live", "--from", start),
            ("worker",),
            ("board", "--port", str(port)),
        ):
            ending.enter_context(process(settings, *command))
        source = reader(settings)
        await_that(lambda: source.read("incident_open_count", force=_FORCE)[0].state == "live")
        await_that(lambda: _is_listening(port))
        yield RunningBoard(settings, port)


def _is_listening(port: int) -> bool:
    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", port)) == 0


if __name__ == "__main__":
    main()
