"""A system with a live feed, for faults that must show in the freshness of its figures and must heal without help."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from bluelamp.embedded.state import StateServer
from producers.publish import LIVE
from streams.readings import Reader
from streams.settings import RESTART_ME
from tests.embedded.broker_process import BrokerProcess
from tests.integration.conftest import FORCE
from tests.integration.test_faults import profiles, week
from tests.integration.test_kills import keep_running, keep_settling
from tests.real.kafka_server import KafkaCluster, KafkaServer
from tests.real.parts import missing
from tests.support.fault_table import Fault
from tests.support.live import LiveFeed, compare_now, until_now
from tests.support.pauses import Pauses
from tests.support.system import System, connected, until

STALE_SECONDS = 4
BOUND_SECONDS = 6.0
"""Added to the limit: time for a heartbeat on its way, for a reader's next check, and for a busy machine."""
HEAL_SECONDS = 90.0
_STALE = ("stale_after_seconds = 60", f"stale_after_seconds = {STALE_SECONDS}")
_LOOK_SECONDS = 0.1


def figure(reader: Reader) -> str:
    """The state of one figure, as a reader reports it."""
    return reader.read("incident_count", "60m", force=FORCE)[0].state


class LiveSystem:
    """Workers under a supervisor, a feed that publishes, and a reader that watches.

    Args:
        system: the system, with its workers.
        feed: a feed that has started.

    Attributes:
        supervise: restarts every process that has ended; called at each check.
        pauses: the pauses of the work, measured meanwhile.
    """

    def __init__(self, system: System, feed: LiveFeed, pauses: Pauses) -> None:
        self.system, self.feed, self.pauses = system, feed, pauses
        self.supervise: Callable[[], object] = lambda: keep_running(system)
        self._reader = system.reader()

    def state(self) -> str:
        """The state of a figure, as the reader reports it."""
        self.supervise()
        return figure(self._reader)

    def watch(self, seconds: float) -> set[str]:
        """Every state that the figure has during this many seconds."""
        deadline, found = time.monotonic() + seconds, set[str]()
        while time.monotonic() < deadline:
            found.add(self.state())
            time.sleep(_LOOK_SECONDS)
        return found

    def becomes_stale(self) -> None:
        """Wait until the figure is stale: within the time the profile allows, and shortly after."""
        within = STALE_SECONDS + BOUND_SECONDS
        until(lambda: self.state() == "stale", within, "a stale figure")

    def becomes_live(self) -> None:
        """Wait until the figure is live again, without help."""
        until(lambda: self.state() == "live", HEAL_SECONDS, "a live figure")

    def catches_up(self, seconds: float = 180.0) -> None:
        """Wait until everything that the log holds now is applied, while the feed publishes more."""
        ends = self.system.ends()

        def has_caught_up() -> bool:
            self.supervise()
            return all(offset >= ends[place] for place, offset in self.system.applied_offsets().items())

        until(has_caught_up, seconds, f"the state at {ends}")

    def finish(self, fault: Fault, *, others: int = 0, quarantined: int = 0) -> None:
        """Stop the feed and check: no fact is lost, every cell equals the recount, and nobody had to step in.

        Args:
            fault: records what was compared.
            others: facts that the test itself published.
            quarantined: facts that had to go to quarantine.
        """
        self.feed.stop()
        self.supervise()
        keep_settling(self.system)
        found = compare_now(self.system, FORCE)
        fault.compared(found.cells, len(found.differences))
        fault.paused(self.pauses.longest_seconds)
        assert self.system.count("facts") == self.feed.published + others > 100
        assert self.system.count("quarantined") == quarantined
        assert {status for worker in self.system.workers for status in worker.statuses} <= {RESTART_ME}
        assert found.differences == []


@contextmanager
def parts_of(name: str, directory: Path) -> Iterator[tuple[BrokerProcess | KafkaServer, StateServer]]:
    """A running log and state server: `embedded`, or `real` (Apache Kafka and Debian's Redis), skipped where they are missing."""
    if name == "real" and (reason := missing("kafka") or missing("redis")):
        pytest.skip(reason)
    broker = KafkaServer(directory / "log") if name == "real" else BrokerProcess(directory / "log")
    server = StateServer(directory / "state", binary="debian" if name == "real" else "embedded")
    with ExitStack() as stack:
        for part in (broker, server):
            stack.callback(part.stop)
            part.start()
        yield broker, server


@contextmanager
def live_system(
    broker: BrokerProcess | KafkaServer | KafkaCluster,
    server: StateServer,
    directory: Path,
    for_workers: Mapping[str, str] = {},
    *,
    rate: float = 40,
    **settings: Any,
) -> Iterator[LiveSystem]:
    """A worker on running servers, and a feed whose figures are live.

    Args:
        broker: the log.
        server: the state server.
        directory: of profiles and output.
        for_workers: additional environment variables of the worker; the feed uses its address of Kafka too.
        rate: facts a second.
        settings: settings of the system that differ from the default.
    """
    forces = str(profiles(directory / "forces", _STALE))
    with ExitStack() as stack:
        system = System(broker.bootstrap, server.url, directory, "live", FORCE, forces=forces, **settings)
        stack.callback(system.stop)
        system.for_workers.update(for_workers)
        system.start_workers(1)
        system.supervise()
        until(lambda: system.members() == 1, 60, "the worker", every=0.2)
        address = system.for_workers.get("BLUELAMP_KAFKA", broker.bootstrap)
        feed = LiveFeed(connected(address, LIVE), FORCE, "dispatch", until_now(week()), rate)
        feed.start()
        stack.callback(feed.stop)
        living = LiveSystem(system, feed, stack.enter_context(system.pauses()))
        living.becomes_live()
        yield living
