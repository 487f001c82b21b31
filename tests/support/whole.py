"""All of Blue Lamp as separate processes, each of which can be killed or frozen, and feeds that send heartbeats."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import requests

from bluelamp.verify.check import examine
from bluelamp.verify.checks.parts import get, parts
from bluelamp.verify.checks.result import CheckResult, status
from bluelamp.wiring.clock import wall
from bluelamp.wiring.connections import reader
from bluelamp.wiring.ports import free_ports
from bluelamp.wiring.settings import ENGINE_TOKEN, GATEWAY_TOKENS
from tests.support.facts import heartbeat
from tests.support.system import System, until

_PAUSE_SECONDS = 0.3
"""Between two checks of what should progress: shorter than the default, so that a stall is found soon."""
COMMANDS = {"exporter": ("exporter",), "board": ("board",), "inbox": ("inbox", "serve"), "gateway": ("gateway",)}
SECRETS = {GATEWAY_TOKENS: f"sender:{'s' * 40}", ENGINE_TOKEN: "e" * 40}


def ports() -> dict[str, int]:
    """A free port for each part, as settings."""
    return {f"{name}_port": port for name, port in zip(COMMANDS, free_ports(len(COMMANDS)), strict=True)}


class PartProcess:
    """One part that serves HTTP, run by the test without a supervisor.

    Args:
        name: the name of the part.
        environment: its environment variables.
        directory: where its output is written.
        address: its address.
    """

    def __init__(self, name: str, environment: Mapping[str, str], directory: Path, address: str) -> None:
        self.name, self.address = name, address
        self._environment, self._output = dict(environment), directory / f"{name}.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it."""
        with self._output.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "bluelamp", *COMMANDS[self.name]],
                env=self._environment,
                stdout=output,
                stderr=output,
            )

    def responds(self) -> bool:
        """Whether it responds."""
        try:
            return get(f"{self.address}/health").ok
        except requests.RequestException:
            return False

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        if self._process:
            self._process.send_signal(number)

    def end(self, number: signal.Signals = signal.SIGTERM) -> None:
        """End it with a signal, and wait until it has ended."""
        if self._process:
            self.send(signal.SIGCONT)
            self.send(number)
            self._process.wait(20)
            self._process = None


class Whole:
    """A system with every part, and feeds.

    Args:
        system: the system, with its own port for every part.
        forces: the forces whose feeds send heartbeats.
    """

    def __init__(self, system: System, forces: tuple[str, ...]) -> None:
        self.system, self.forces = system, forces
        self.parts = {
            name: PartProcess(
                name,
                {**system.environment(), **SECRETS},
                system.directory,
                system.settings.address(name, has_senders=True),
            )
            for name in COMMANDS
        }
        self._seq = 0

    @contextmanager
    def running(self, workers: int = 1) -> Iterator["Whole"]:
        """Run every part."""
        with ExitStack() as stack:
            stack.callback(self.system.stop)
            self.system.start_workers(workers)
            self.system.supervise()
            for part in self.parts.values():
                part.start()
                stack.callback(part.end)
            for part in self.parts.values():
                until(part.responds, 60, f"the {part.name}")
            until(lambda: self.system.members() == workers, 60, "the workers")
            yield self

    def beat(self, behind: Mapping[tuple[str, str], timedelta] | None = None, silent: tuple[str, ...] = ()) -> None:
        """Send a heartbeat of every feed, complete up to now or up to this long ago; feeds of silent forces send nothing."""
        self._seq += 1
        with self.system.publisher() as publisher:
            for force in (each for each in self.forces if each not in silent):
                for feed in self.system.rules[force].force.feeds:
                    moment = wall() - (behind or {}).get((force, feed.name), timedelta())
                    publisher.heartbeat(heartbeat(feed.name, moment, force=force, seq=self._seq), feed.topic)

    def check(self, **settings: Any) -> tuple[int, dict[str, CheckResult]]:
        """Exit status and results of `bluelamp check`, by name of the check, with some settings changed."""
        changed = msgspec.structs.replace(self.system.settings, **settings)
        results = list(
            examine(changed, reader(changed), parts(changed, has_senders=True), lambda: time.sleep(_PAUSE_SECONDS))
        )
        return status(results), {each.check: each for each in results}
