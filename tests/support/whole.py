"""The whole of Blue Lamp as separate processes, each of which can be killed or frozen, and feeds that send heartbeats."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
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
from facts.feed import FeedHeartbeat
from tests.support.system import System, until

_PAUSE_SECONDS = 0.3
"""Between two looks at what should move: shorter than usual, so that what does not is found soon."""
COMMANDS = {"exporter": ("exporter",), "board": ("board",), "inbox": ("inbox", "serve"), "gateway": ("gateway",)}
SECRETS = {GATEWAY_TOKENS: f"sender:{'s' * 40}", ENGINE_TOKEN: "e" * 40}


def ports() -> dict[str, int]:
    """A free port for each part, as settings."""
    return {f"{name}_port": port for name, port in zip(COMMANDS, free_ports(len(COMMANDS)), strict=True)}


class PartProcess:
    """One part that serves HTTP, kept by the test alone.

    Args:
        name: of the part.
        environment: its variables.
        directory: of its output.
        address: where it answers.
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

    def answers(self) -> bool:
        """Whether it answers."""
        try:
            return get(f"{self.address}/health").ok
        except requests.RequestException:
            return False

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        if self._process:
            self._process.send_signal(number)

    def end(self, number: signal.Signals = signal.SIGTERM) -> None:
        """End it, and wait until it is gone."""
        if self._process:
            self.send(signal.SIGCONT)
            self.send(number)
            self._process.wait(20)
            self._process = None


class Whole:
    """A system with every part and feeds.

    Args:
        system: with ports of its own for every part.
        forces: those whose feeds send heartbeats.
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
        """All of it at work."""
        with ExitStack() as stack:
            stack.callback(self.system.stop)
            self.system.start_workers(workers)
            self.system.supervise()
            for part in self.parts.values():
                part.start()
                stack.callback(part.end)
            for part in self.parts.values():
                until(part.answers, 60, f"the {part.name}")
            until(lambda: self.system.members() == workers, 60, "the workers")
            yield self

    def beat(self, behind: Mapping[tuple[str, str], timedelta] | None = None, silent: tuple[str, ...] = ()) -> None:
        """Every feed says that it is complete up to now, or up to so long ago; those of silent forces say nothing."""
        self._seq += 1
        with self.system.publisher() as publisher:
            for force in (each for each in self.forces if each not in silent):
                for feed in self.system.rules[force].force.feeds:
                    moment = wall() - (behind or {}).get((force, feed.name), timedelta())
                    publisher.heartbeat(heartbeat(force, feed.name, moment, self._seq), feed.topic)

    def check(self, **settings: Any) -> tuple[int, dict[str, CheckResult]]:
        """Exit status and findings of a check, by what was looked at; with some settings changed."""
        asked = msgspec.structs.replace(self.system.settings, **settings)
        findings = list(
            examine(asked, reader(asked), parts(asked, has_senders=True), lambda: time.sleep(_PAUSE_SECONDS))
        )
        return status(findings), {each.check: each for each in findings}


def heartbeat(force: str, feed: str, complete_to: datetime, seq: int, **more: Any) -> FeedHeartbeat:
    """A heartbeat of a live feed."""
    return FeedHeartbeat(
        fact_id=f"beat-{force}-{feed}-{seq}",
        force=force,
        at=complete_to,
        feed=feed,
        seq=seq,
        complete_to=complete_to,
        **more,
    )
