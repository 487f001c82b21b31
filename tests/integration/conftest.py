"""Fixtures for tests of the whole product: workers as processes, on the embedded servers and on Kafka and Redis."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from kafka.admin import KafkaAdminClient

from bluelamp.embedded.state import StateServer
from facts.union import TOPICS
from streams.log import QUARANTINE_TOPIC
from tests.embedded.broker_process import BrokerProcess
from tests.real.kafka_server import KafkaServer
from tests.real.parts import missing
from tests.support.system import System, until

FORCE = "san_francisco_fire"
REAL_IN_FAULTS = pytest.mark.parametrize(
    "parts", ["embedded", pytest.param("real", marks=[pytest.mark.real, pytest.mark.faults])], indirect=True
)
"""For tests that `make test` runs on the embedded servers, and `make faults` on Kafka and Redis as well."""
EMBEDDED = pytest.mark.parametrize("parts", ["embedded"], indirect=True)
"""For tests that run on the embedded servers only."""
EMBEDDED_IN_FAULTS = pytest.mark.parametrize(
    "parts",
    [pytest.param("embedded", marks=pytest.mark.faults), pytest.param("real", marks=pytest.mark.real)],
    indirect=True,
)
"""For tests that `make test` runs on Kafka and Redis, and `make faults` on the embedded servers as well."""
_numbers = count(1)


class Parts:
    """A running log and a running state server.

    Args:
        name: `embedded`, or `real`: Apache Kafka and Debian's Redis.
        directory: where they keep their data.
    """

    def __init__(self, name: str, directory: Path) -> None:
        self.name, self.directory = name, directory
        self.broker = KafkaServer(directory / "log") if name == "real" else BrokerProcess(directory / "log")
        self.state = StateServer(directory / "state", binary="debian" if name == "real" else "embedded")

    def start(self) -> None:
        """Start the log and the state server."""
        self.broker.start()
        self.state.start()

    def stop(self) -> None:
        """Stop both."""
        self.broker.stop()
        self.state.stop()

    def kill_state(self, seconds_gone: float = 0.0) -> None:
        """Kill the state server with -9 and start it again after this many seconds."""
        os.kill(self.state.pid, signal.SIGKILL)
        until(lambda: not self.state.is_running(), 60, "the state server to end")
        time.sleep(seconds_gone)  # the time without a server is part of the fault
        self.state.start()

    def forget_topics(self) -> None:
        """Delete the topics that earlier tests have written."""
        admin = KafkaAdminClient(bootstrap_servers=self.broker.bootstrap)
        known = {*TOPICS, QUARANTINE_TOPIC} & set(admin.list_topics())
        if known:
            admin.delete_topics(sorted(known))
            # Kafka lists them for a moment longer, and who then takes them for existing ones fails.
            until(lambda: not known & set(admin.list_topics()), 60, "the topics to be deleted")
        admin.close()


@pytest.fixture(scope="module", params=["embedded", pytest.param("real", marks=pytest.mark.real)])
def parts(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parts]:
    """The embedded log and state server, then Apache Kafka and Debian's Redis."""
    name: str = request.param
    reason = (missing("kafka") or missing("redis")) if name == "real" else None
    if reason:
        pytest.skip(reason)
    found = Parts(name, tmp_path_factory.mktemp(name))
    found.start()
    yield found
    found.stop()


@pytest.fixture
def new_system(parts: Parts, tmp_path: Path) -> Iterator[Callable[..., System]]:
    """Makes systems on an empty log, each with its own state."""
    made: list[System] = []
    parts.forget_topics()

    def make(redis_url: str = "", **settings: Any) -> System:
        state_name = f"test-{next(_numbers)}"
        url = redis_url or parts.state.url
        made.append(System(parts.broker.bootstrap, url, tmp_path, state_name, FORCE, **settings))
        return made[-1]

    yield make
    for system in made:
        system.stop()


@pytest.fixture
def system(new_system: Callable[..., System]) -> System:
    """A system on an empty log."""
    return new_system()
