"""How soon a fact is on every open page: published to the log, seen by fifty viewers, on an ordinary day at real speed."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from benchmarks.watching import watched
from bluelamp.clock import wall
from bluelamp.embedded.state import StateServer
from producers.publish import LIVE
from tests.board.conftest import BoardProcess
from tests.embedded.broker_process import BrokerProcess
from tests.support.system import System, until

FORCE = "staffordshire"
VIEWERS, PROBES = 50, 12
SOON_SECONDS = 1.0
"""What is promised of 99 in 100."""


@pytest.fixture
def board(tmp_path: Path) -> Iterator[tuple[System, BoardProcess]]:
    """A simulated force that has told two days and goes on with the clock; a worker; the board on it."""
    broker, state = BrokerProcess(tmp_path / "log"), StateServer(tmp_path / "state", binary="embedded")
    broker.start()
    state.start()
    system = System(broker.bootstrap, state.url, tmp_path, "watched", FORCE)
    start = (wall() - timedelta(days=2)).date().isoformat()
    simulate = [sys.executable, "-m", "bluelamp", "simulate", "--speed", "live", "--from", start]
    feed = None
    try:
        system.start_workers(1)
        feed = subprocess.Popen(
            simulate, env=system.environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        shown = BoardProcess(system)
        shown.start()
        reader = system.reader()
        until(lambda: reader.read("incident_open_count", force=FORCE)[0].state == "live", 90, "the present")
        yield system, shown
        shown.stop()
    finally:
        if feed:
            feed.send_signal(signal.SIGTERM)
            feed.wait(30)
        system.stop()
        state.stop()
        broker.stop()


def test_a_fact_is_on_fifty_open_pages_within_a_second(board: tuple[System, BoardProcess]) -> None:
    system, shown = board
    with system.publisher(LIVE) as publisher:
        found = asyncio.run(watched(shown.port, publisher, FORCE, wall, viewers=VIEWERS, probes=PROBES))
    assert len(found.seconds) == VIEWERS * PROBES
    assert found.quantile(0.99) <= SOON_SECONDS, str(found)
