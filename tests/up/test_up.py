"""`bluelamp up` as a person runs it: live figures start soon, survive kills, leave no processes behind, and errors are plain."""

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from bluelamp.embedded.state import StateServer
from tests.support import aof as broken
from tests.support.command_line import command as run_command
from tests.support.command_line import json_of
from tests.support.processes import Process, descendants
from tests.support.system import until as until_every

ROOT = Path(__file__).parents[2]
FORCE = "san_francisco_fire"
DAYS = "2016-12-31/2017-01-04"
until = partial(until_every, every=0.5)  # reading the board or listing every process is costly
# The word among a process's arguments that identifies each part.
PARTS = {
    "broker": "bluelamp.embedded.broker",
    "state": "bluelamp.embedded.state",
    "state server": r"redis-server|valkey-server",
    "worker": "worker",
    "exporter": "exporter",
    "board": "board",
    "inbox": "inbox",
    "replay": "replay",
}


class Running:
    """One `bluelamp up` on free ports.

    Args:
        directory: its data directory. Its output goes to a file next to it.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.board_port, self.exporter_port = free_ports()
        self.output = directory.with_suffix(".out")
        self.starts = 0
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *options: str) -> None:
        """Start it."""
        self.starts += 1
        with self.output.open("ab") as output:
            self._process = subprocess.Popen(
                command(self.directory, self.board_port, *options),
                env=environment(self.exporter_port),
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def is_ready(self) -> bool:
        """Whether the latest run has printed the address of its board."""
        return self.output.read_text().count("Board: ") == self.starts

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """Its process."""
        assert self._process
        return self._process

    def parts(self) -> list[Process]:
        """Every process that it has started, and their child processes."""
        return descendants(self.process.pid)

    def part(self, name: str) -> Process | None:
        """The process of a part."""
        wanted = re.compile(PARTS[name])
        return next((each for each in self.parts() if any(map(wanted.fullmatch, names(each)))), None)

    def snapshot(self) -> dict[str, Any]:
        """The first snapshot that its board sends; empty if the board does not answer."""
        try:
            with urlopen(f"http://127.0.0.1:{self.board_port}/events/measures", timeout=60) as events:
                for line in events:
                    if line.startswith(b"data: {") and b"parts" in line:
                        snapshot: dict[str, Any] = json.loads(line.removeprefix(b"data: "))
                        return snapshot
                    if line.startswith(b"event: ") and not line.startswith((b"event: snapshot", b"event: waiting")):
                        return {}
        except (OSError, HTTPException):
            pass
        return {}

    def live_count(self) -> int:
        """The number of incidents in the last 24 hours on its board; 0 while that figure is not live."""
        tile = self.tile("incident_count", "24h")
        return int(tile["text"].replace(",", "")) if tile.get("state") == "live" else 0

    def tile(self, measure: str, window: str) -> dict[str, Any]:
        """The board's tile of a measure over a window; empty if the board does not answer."""
        tiles = self.snapshot().get("parts", {}).get(f"measure:{measure}", {}).get("tiles", {})
        tile: dict[str, Any] = tiles.get(window, {})
        return tile

    def frame(self) -> dict[str, Any]:
        """The frame around the board's figures; empty if the board does not answer."""
        frame: dict[str, Any] = self.snapshot().get("parts", {}).get("frame", {})
        return frame

    def metrics(self) -> str:
        """The metrics that its exporter serves."""
        with urlopen(f"http://127.0.0.1:{self.exporter_port}/metrics", timeout=60) as answer:
            return str(answer.read().decode())

    def ask(self, *arguments: str) -> Any:
        """The JSON that a command prints when it runs on this data."""
        return json_of({**os.environ, "BLUELAMP_DATA": str(self.directory)}, *arguments)

    def end(self, number: signal.Signals) -> int:
        """Stop it, check that no process is left, and return its exit status."""
        parts = self.parts()
        assert len(parts) >= 6
        self.process.send_signal(number)
        status = self.process.wait(40)
        until(lambda: not [each for each in parts if each.is_there()], 60, "the end of every process it started")
        assert self.are_ports_free()
        return status

    def are_ports_free(self) -> bool:
        """Whether nothing listens on its ports."""
        return all(is_free(port) for port in (self.board_port, self.exporter_port))

    def clear(self) -> None:
        """Stop every process that a failed test left running."""
        if self._process and self._process.poll() is None:
            parts = self.parts()
            self._process.kill()
            self._process.wait()
            for each in parts:
                if each.is_there():
                    os.kill(each.pid, signal.SIGKILL)


def names(process: Process) -> tuple[str, ...]:
    """The first few arguments of a process, without their folders: one of them names the part."""
    return tuple(Path(each.partition(" ")[0]).name for each in process.arguments[:4])


def free_ports() -> tuple[int, int]:
    """Two ports that nothing listens on."""
    with socket.socket() as one, socket.socket() as other:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        return one.getsockname()[1], other.getsockname()[1]


def is_free(port: int) -> bool:
    """Whether nothing listens on a port."""
    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", port)) != 0


def command(directory: Path, board_port: int, *options: str) -> list[str]:
    """The command line for a directory and a port."""
    return [sys.executable, "-m", "bluelamp", "up", "--data", str(directory), "--port", str(board_port), *options]


def environment(exporter_port: int) -> dict[str, str]:
    """The environment of a run."""
    return {**os.environ, "BLUELAMP_EXPORTER_PORT": str(exporter_port)}


def refusal(directory: Path, *options: str, ports: tuple[int, int] | None = None) -> str:
    """The error of a `bluelamp up` that cannot run."""
    board_port, exporter_port = ports or free_ports()
    _, _, _, *arguments = command(directory, board_port, *options)
    ran = run_command(environment(exporter_port), *arguments)
    assert ran.returncode == 2, ran.stderr
    assert "Traceback" not in ran.stderr
    assert re.fullmatch(r"bluelamp: .+\n  where: .+\n  try:   .+\n", ran.stderr, re.DOTALL)
    return ran.stderr


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    """A `bluelamp up` that has not started yet."""
    one = Running(tmp_path / "data")
    yield one
    one.clear()


def make_sample() -> list[str]:
    """The options of `make sample`, without its data directory: each test has its own."""
    (line,) = re.findall(r"^sample:.*\n\t\S+/bluelamp up (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    data, directory, *options = shlex.split(line)
    assert (data, directory) == ("--data", ".bluelamp/sample")
    return options


def see_live_figures(running: Running) -> None:
    """Start what `make sample` starts, and wait for live figures."""
    began = time.monotonic()
    running.start(*make_sample())
    until(lambda: running.live_count() > 300, 60, "the figures of the sample")
    print(f"live figures after {time.monotonic() - began:.1f} s")  # noqa: T201 - a figure for the report


@pytest.mark.parametrize(
    "killed",
    [
        ("worker", "state server"),
        pytest.param(("broker", "state", "board", "exporter", "inbox"), marks=pytest.mark.faults),
    ],
    ids=["data", "services"],
)
def test_make_sample_shows_live_figures_soon_and_survives_the_kill_of_any_part(
    running: Running, killed: tuple[str, ...]
) -> None:
    see_live_figures(running)
    until(lambda: running.frame().get("is_replay"), 60, "the mark of a replay")
    assert not running.frame()["is_simulated"]
    see_exporter(running)
    said = running.output.read_text()
    assert "Force: San Francisco Fire Department (sample extract)." in said
    assert "This is a replay of recorded facts" in said
    assert f"http://127.0.0.1:{running.board_port}/" in said
    for name in killed:
        kill_and_see_it_recover(running, name)
    cells = ("--window", DAYS, "--measure", "opened_to_arrived_median_seconds")
    assert running.ask("audit", *cells)["differences"] == []
    assert running.end(signal.SIGINT) == 0


def see_exporter(running: Running) -> None:
    """Wait for the exporter to read the state; it starts on its own time, not with the board."""
    until(
        lambda: not is_free(running.exporter_port) and "bluelamp_state_up 1.0" in running.metrics(), 30, "the exporter"
    )


def kill_and_see_it_recover(running: Running, name: str) -> None:
    """Kill a part with SIGKILL: it is restarted, and the figures move on to a later time."""
    # When the process that keeps the state server is killed, its successor ends the old state server.
    until(lambda: running.live_count() > 300, 60, f"figures before {name}")
    before, time_before = running.part(name), running.snapshot().get("now")
    assert before
    os.kill(before.pid, signal.SIGKILL)

    def is_back() -> bool:
        now = running.part(name)
        return now is not None and now.pid != before.pid

    until(is_back, 60, f"another {name}")
    until(
        lambda: running.live_count() > 300 and running.snapshot().get("now") != time_before, 60, f"figures after {name}"
    )
    see_exporter(running)


@pytest.mark.faults
def test_a_data_directory_serves_one_run_at_a_time_and_keeps_its_figures(running: Running, tmp_path: Path) -> None:
    running.start("--replay", "sample", "--speed", "max")
    until(lambda: "replay has finished" in running.output.read_text(), 60, "the end of the replay")
    until(lambda: count(running) == 1800, 60, "its figures")
    assert running.end(signal.SIGINT) == 0

    repair_broken_state(running)
    assert count(running) == 1800
    assert running.ask("audit", "--window", DAYS)["differences"] == []
    ports = (running.board_port, running.exporter_port)
    for options in ((), ("--fresh", "--feeds-only")):
        for other in (ports, None):
            said = refusal(running.directory, *options, ports=other)
            assert f"Another `bluelamp up` (process {running.process.pid}) is using this data directory" in said
    said = refusal(tmp_path / "other", ports=ports)
    assert f"Port {running.board_port} is already in use" in said
    assert "BLUELAMP_BOARD_PORT" in said
    assert count(running) == 1800, "a refused run must not disturb it"

    # A killed run leaves no process behind, and the next one starts without help.
    parts = running.parts()
    running.process.kill()
    running.process.wait()
    running.start("--force", FORCE)
    until(running.is_ready, 60, "the board")
    until(lambda: not [each for each in parts if each.is_there()], 60, "the end of the killed run's parts")
    assert count(running) == 1800
    assert running.end(signal.SIGKILL) == -signal.SIGKILL


def repair_broken_state(running: Running) -> None:
    """The state's files are broken: the command in the error restores the same figures and deletes nothing."""
    broken.in_the_middle(running.directory / "state" / broken.FOLDER)
    said = refusal(running.directory, "--force", FORCE)
    assert f"`bluelamp up --data {running.directory} --repair-state`" in said
    running.start("--force", FORCE, "--repair-state")
    until(running.is_ready, 60, "the board")
    said = running.output.read_text()
    assert "The state server's files were damaged. They were moved unchanged to " in said
    assert "The alert inbox's log was in the same files: its entries after" in said
    (aside,) = (running.directory / "state").glob("appendonlydir.broken-*")
    assert (aside / broken.MANIFEST).exists()
    until(lambda: count(running) == 1800, 60, "the figures again")


def count(running: Running) -> int:
    """The incidents of the sample's first days."""
    (reading,) = running.ask("read", "incident_count", "--window", DAYS)
    return int(reading["value"] or 0)


def test_a_simulated_force_has_a_history_then_a_present_and_resumes_when_restarted(running: Running) -> None:
    """The command of `make run`, with a shorter history."""
    recipe = re.findall(r"^run:.*\n\t\S+/bluelamp up (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert recipe == ["--data .bluelamp/simulated"]
    running.start("--history", "1d", "--seed", "1829")
    until(lambda: running.frame().get("is_simulated"), 60, "the mark of a simulation")
    until(lambda: running.live_count() > 300, 60, "live figures")
    assert "Starting a live simulation: seed 1829" in running.output.read_text()
    see_every_part_checked(running)
    kept = json.loads((running.directory / "simulation.json").read_text())
    assert running.end(signal.SIGINT) == 0
    for options, words in (
        (("--feeds-only",), "This directory holds a simulation: real facts would be added"),
        (("--replay", "sample", "--force", "staffordshire"), "This directory holds a simulation"),
        (("--seed", "7"), "This file holds another simulation (force staffordshire, scenario normal, seed 1829)"),
        (("--scenario", "surge"), "This file holds another simulation"),
    ):
        assert words in refusal(running.directory, *options)

    running.start()
    until(lambda: running.live_count() > 300, 60, "live figures again")
    assert "Resuming a live simulation: seed 1829" in running.output.read_text()
    position = running.directory / "simulation.json"
    until(
        lambda: json.loads(position.read_text())["published_until"] > kept["published_until"],
        30,
        "more of the simulation",
    )
    again = json.loads(position.read_text())
    assert {**again, "published_until": ""} == {**kept, "published_until": ""}
    compared = running.ask("audit", "--window", "24h")
    assert compared["cells"] > 600
    assert compared["differences"] == []
    said = command_refused(running.directory, "replay", "sample")
    assert "This log holds a simulation, so real facts cannot be added." in said
    assert running.end(signal.SIGTERM) == 0


def see_every_part_checked(running: Running) -> None:
    """`bluelamp check` on its directory finds every part that runs, on any port."""
    environment = {**os.environ, "BLUELAMP_DATA": str(running.directory)}
    answer = run_command(environment, "check", "--json")
    states = {each["check"]: each["state"] for each in json.loads(answer.stdout)}
    good = ("log", "state server", "workers", "exporter", "board", "inbox")
    assert {name: states[name] for name in good} == dict.fromkeys(good, "good"), answer.stdout
    assert [states[name] for name in ("gateway", "prometheus", "archive")] == ["not set up"] * 3
    assert (answer.returncode, states["force staffordshire"]) == (1, "warning"), "the force is simulated"


def command_refused(directory: Path, *arguments: str) -> str:
    """The error of a command that must not run on this data."""
    environment = {**os.environ, "BLUELAMP_DATA": str(directory)}
    ran = run_command(environment, *arguments)
    assert ran.returncode == 2
    return ran.stderr


Prepare = Callable[[Path], object]


def create_foreign_log(directory: Path) -> None:
    """Create a directory with another program's log."""
    (directory / "log").mkdir(parents=True)


def create_unreadable_state(directory: Path) -> None:
    """Create a state that the state server cannot read."""
    server = StateServer(directory / "state")
    port = server.start()
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(b"SET key value\r\n")
        assert connection.recv(100)
    server.stop()
    [growing] = (directory / "state" / "appendonlydir").glob("*.incr.aof")
    growing.write_bytes(b"not a command" * 100)


@pytest.mark.parametrize(
    ("prepare", "options", "words"),
    [
        (Path.touch, (), "The data directory cannot be used"),
        (create_foreign_log, ("--fresh",), "`bluelamp up` did not create this directory"),
        (
            create_unreadable_state,
            (),
            "The state did not start. Its last output:.*Bad file format.*bluelamp up --data .* --repair-state`",
        ),
        (Path.mkdir, ("--force", "nowhere"), "There is no force 'nowhere'.*san_francisco_fire, staffordshire"),
        (Path.mkdir, ("--replay", "sample", "--speed", "fast"), "'fast' is not a speed"),
        (Path.mkdir, ("--replay", "nowhere.csv"), "An extract needs a mapping"),
        (Path.mkdir, ("--replay", "sample", "--simulate"), "A replay and a simulation cannot share a log"),
        (Path.mkdir, ("--history", "9y"), "'9y' is not a valid length of history"),
        (Path.mkdir, ("--force", FORCE), "There are no parameters for san_francisco_fire.*--feeds-only"),
        (Path.mkdir, ("--replay", "sample", "--fast-until", "noon"), "noon"),
    ],
    ids=[
        "file",
        "foreign log",
        "unreadable state",
        "force",
        "speed",
        "mapping",
        "both",
        "history",
        "no parameters",
        "time",
    ],
)
def test_a_run_that_cannot_start_says_why(
    tmp_path: Path, prepare: Prepare, options: tuple[str, ...], words: str
) -> None:
    prepare(tmp_path / "data")
    before = sorted(tmp_path.rglob("*"))
    said = refusal(tmp_path / "data", *options)
    assert re.search(words, said, re.DOTALL), said
    if prepare is create_foreign_log:
        assert (tmp_path / "data" / "log").exists()
    elif options:
        assert sorted(tmp_path.rglob("*")) == before, "nothing was started"
