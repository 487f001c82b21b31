"""Fixtures that several test folders share: the log and the state server, embedded and real."""

import gc
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from bluelamp.embedded.state import Choice, StateServer
from tests.embedded.broker_process import BrokerProcess
from tests.real.kafka_server import KafkaServer
from tests.real.parts import missing
from tests.support.examples import THOROUGH
from tests.support.scheduling import APART, GROUPS, FilesTogether

# On a busy machine, any example may take long to make or to check.
settings.register_profile("bluelamp", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile(THOROUGH, settings.get_profile("bluelamp"))
settings.load_profile("bluelamp")
pytest_plugins = ("tests.support.fault_table",)
_LONGEST_FIRST = ("integration", "up", "board", "simulate", "laws", "grafana")
"""Folders whose files take minutes. They begin first, so that the run does not end by waiting for one of them."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> FilesTogether:
    """Files that share what takes long to make run in one process, whatever `--dist` says."""
    return FilesTogether(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest folders first, and otherwise as collected."""
    items.sort(key=_rank)


def pytest_collection_finish() -> None:
    """Exclude what pytest has collected from later garbage collections, which would take a tenth of the processor time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 100)


def _rank(item: pytest.Item) -> int:
    path = item.nodeid.split("::")[0]
    if path in APART and item.get_closest_marker("faults"):
        return -1
    if path in GROUPS:
        return 0
    folder = item.path.parent.name
    return _LONGEST_FIRST.index(folder) if folder in _LONGEST_FIRST else len(_LONGEST_FIRST)


@dataclass(frozen=True)
class LogBackend:
    """A running broker: "embedded" or "kafka", and the address for clients."""

    name: str
    bootstrap: str


@pytest.fixture(scope="session", params=["embedded", pytest.param("kafka", marks=pytest.mark.real)])
def log_backend(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LogBackend]:
    """The embedded broker, then Apache Kafka; each test takes topics and groups of its own."""
    directory = tmp_path_factory.mktemp(request.param) / "log"
    reason = missing("kafka") if request.param == "kafka" else None
    if reason:
        pytest.skip(reason)
    broker = KafkaServer(directory) if request.param == "kafka" else BrokerProcess(directory)
    broker.start()
    try:
        yield LogBackend(request.param, broker.bootstrap)
    finally:
        broker.stop()


@pytest.fixture
def dropped_sockets(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Collect the sockets that kafka-python leaves open after failed attempts, so that no other test is blamed for them.

    Its log is switched off, because pytest would keep the log records, and with them the connections.
    """
    caplog.set_level(logging.CRITICAL + 1, "kafka")
    warnings.filterwarnings("ignore", "unclosed <socket", ResourceWarning)  # pytest takes it back after each test
    yield
    gc.collect()


@pytest.fixture(scope="session", params=["embedded", pytest.param("debian", marks=pytest.mark.real)])
def state_backend(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StateServer]:
    """The server installed with Blue Lamp, then Debian's Redis; tests clear what they write."""
    with _started(request.param, tmp_path_factory) as server:
        yield server


@pytest.fixture(
    scope="session", params=["embedded", pytest.param("debian", marks=[pytest.mark.real, pytest.mark.faults])]
)
def any_state(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StateServer]:
    """The same, for tests that do not depend on how the state is stored: on Debian's Redis only with `make faults`."""
    with _started(request.param, tmp_path_factory) as server:
        yield server


@contextmanager
def _started(binary: Choice, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StateServer]:
    reason = missing("redis") if binary == "debian" else None
    if reason:
        pytest.skip(reason)
    server = StateServer(tmp_path_factory.mktemp(binary), binary=binary)
    server.start()
    try:
        yield server
    finally:
        server.stop()
