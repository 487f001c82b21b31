"""Fixtures of the board's tests: the sample week through a worker, a feed's heartbeats, the board and a browser."""

import re
import signal
import socket
import threading
from collections.abc import Iterator
from datetime import datetime
from importlib.resources import files
from pathlib import Path

import pytest
from msgspec.structs import replace
from selenium import webdriver

from bluelamp.recount.recount import Recount
from bluelamp.wiring.settings import load_forces
from facts.feed import FeedHeartbeat
from producers.publish import LIVE, Publisher
from tests.board.day import Day
from tests.board.history import History, recount
from tests.integration.conftest import FORCE, Parts
from tests.integration.test_week import run
from tests.real.parts import missing
from tests.support.browser import chromium
from tests.support.facts import heartbeat
from tests.support.stores import state_server
from tests.support.system import System, WorkerProcess, until

STALE_AFTER_SECONDS = 4


class Heartbeats(threading.Thread):
    """Heartbeats of a feed without new facts, until it is stopped.

    Args:
        publisher: sends them; closed at the end.
        present: the time that the feed is complete to.
    """

    def __init__(self, publisher: Publisher, present: datetime) -> None:
        super().__init__(name="heartbeats")
        self.publisher, self.present = publisher, present
        self._ended = threading.Event()
        self._seq = 1_000_000

    def run(self) -> None:
        """Send a heartbeat twice a second."""
        with self.publisher as publisher:
            while not self._ended.wait(0.5):
                publisher.heartbeat(self._heartbeat(), "incidents")

    def _heartbeat(self) -> FeedHeartbeat:
        self._seq += 1
        return heartbeat("dispatch", self.present, fact_id=f"beat-{self._seq}", force=FORCE, seq=self._seq, replay=True)

    def stop(self) -> None:
        """Stop."""
        self._ended.set()
        self.join()


class BoardProcess(WorkerProcess):
    """One `bluelamp board`, always on the same port.

    Args:
        system: the state to display.
    """

    def __init__(self, system: System) -> None:
        super().__init__("board", system.environment(), system.directory)
        with socket.socket() as listening:
            listening.bind(("127.0.0.1", 0))
            self.port: int = listening.getsockname()[1]
        self.program = (*self.program[:-1], "board", "--port", str(self.port))
        self.url = f"http://127.0.0.1:{self.port}/"

    def start(self) -> None:
        """Start it and wait until it answers."""
        super().start()
        until(self.is_listening, 60, "an answer of the board")

    def is_listening(self) -> bool:
        """Whether it listens."""
        with socket.socket() as tried:
            return tried.connect_ex(("127.0.0.1", self.port)) == 0


class RunningBoard:
    """A state filled by a worker, a feed, and the board.

    Args:
        parts: log and state server.
        system: with a worker, and the sample week in its state.
    """

    def __init__(self, parts: Parts, system: System) -> None:
        self.parts, self.system = parts, system
        self.reader = system.reader()
        self.reader.refresh()
        self.present = self.reader.present(FORCE)
        self.board = BoardProcess(system)
        self._heartbeats: Heartbeats | None = None

    def recover(self) -> None:
        """Repair what an earlier test has left broken."""
        self.parts.state.start()
        self.board.send(signal.SIGCONT)
        self.board.start()
        if self._heartbeats is None:
            self.start_heartbeats()

    def start_heartbeats(self) -> None:
        """Start the feed's heartbeats."""
        self._heartbeats = Heartbeats(self.system.publisher(LIVE), self.present)
        self._heartbeats.start()

    def stop_heartbeats(self) -> None:
        """Stop the feed's heartbeats."""
        if self._heartbeats:
            self._heartbeats.stop()
        self._heartbeats = None


def _forces(directory: Path) -> Path:
    """The sample's profile, with a feed that is soon stale."""
    directory.mkdir()
    text = files("facts").joinpath("forces", f"{FORCE}.toml").read_text("utf-8")
    changed, times = re.subn(r"stale_after_seconds = \d+", f"stale_after_seconds = {STALE_AFTER_SECONDS}", text)
    assert times == 1
    (directory / f"{FORCE}.toml").write_text(changed)
    return directory


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningBoard]:
    """The board on the sample week, at its end."""
    directory = tmp_path_factory.mktemp("board")
    parts = Parts("embedded", directory)
    parts.start()
    system = System(parts.broker.bootstrap, parts.state.url, directory, "board", FORCE)
    system.settings = replace(system.settings, forces=str(_forces(directory / "forces")))
    system.rules = load_forces(system.settings)
    try:
        system.start_workers(1)
        system.supervise()
        run(system, "replay", "sample", "--speed", "max")
        system.settle()
        made = RunningBoard(parts, system)
        made.start_heartbeats()
        made.board.start()
        yield made
        made.stop_heartbeats()
        made.board.stop()
    finally:
        system.stop()
        parts.stop()


@pytest.fixture(scope="module")
def browser(request: pytest.FixtureRequest) -> Iterator[webdriver.Chrome]:
    """A browser for all tests of a module; it records requests if the module says so with `RECORDS_REQUESTS`."""
    reason = missing("chromium")
    if reason:
        pytest.skip(reason)
    driver = chromium(records_requests=getattr(request.module, "RECORDS_REQUESTS", False))
    yield driver
    driver.quit()


@pytest.fixture(scope="session")
def day(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Day]:
    """A simulated day of a force in a state server of its own."""
    with state_server(tmp_path_factory.mktemp("day")) as state:
        made = Day(state)
        yield made
        made.client.close()


@pytest.fixture(scope="session")
def history(tmp_path_factory: pytest.TempPathFactory) -> Iterator[History]:
    """A small simulated history in a state server of its own."""
    with state_server(tmp_path_factory.mktemp("history")) as state:
        made = History(state)
        yield made
        made.client.close()


@pytest.fixture(scope="session")
def counted() -> Iterator[Recount]:
    """The recount of that history."""
    with recount() as made:
        yield made
