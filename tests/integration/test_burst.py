"""Row 15 of the fault table: a burst while the worker is stopped is shown, and a longer burst needs no more memory."""

import random
import signal
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from bluelamp.wiring.clock import wall
from producers.publish import PublisherSettings
from streams.exporter import ReadingsCollector
from streams.log import LogClient
from streams.logwatch import LogWatch, looking_at
from streams.readings import Reader
from streams.record import Place
from tests.integration.conftest import FORCE
from tests.integration.live_system import BOUND_SECONDS, STALE_SECONDS, LiveSystem, figure, live_system, parts_of
from tests.integration.test_kills import keep_settling
from tests.integration.test_soak import incident, megabytes
from tests.support.fault_table import Fault
from tests.support.live import compare_now
from tests.support.system import System

pytestmark = pytest.mark.usefixtures("dropped_sockets")
USUAL, BURST = 20, 50
"""The usual rate in facts per second, and the lowest multiple of it in a burst."""
FACTS, RATIO = 16_000, 1.4
"""The number of facts in the shorter burst, and how many times as much memory a burst five times as long may use: Faust's buffers fill further, up to a limit."""
_FACTS = 4
_batches = PublisherSettings(batch_facts=20, linger_seconds=0.05)


class Peak(threading.Thread):
    """The highest memory use of a process while this thread runs."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.megabytes, self._pid, self._over = 0.0, pid, threading.Event()

    def run(self) -> None:
        """Measure repeatedly."""
        while not self._over.wait(0.05):
            self.megabytes = max(self.megabytes, megabytes(self._pid))

    def stop(self) -> float:
        """Stop, and return the highest value in megabytes."""
        self._over.set()
        self.join()
        return self.megabytes


class FreshnessWatch(threading.Thread):
    """Checks, while it runs, whether a figure is live although records have waited in the log for longer than is allowed."""

    def __init__(self, system: System) -> None:
        super().__init__(daemon=True)
        self.violations: list[str] = []
        self.states: set[str] = set()
        self._system, self._over = system, threading.Event()
        self._ends: list[tuple[float, dict[Place, int]]] = []

    def run(self) -> None:
        """Check repeatedly."""
        reader, places = self._system.reader(), list(self._system.ends())
        with LogClient(self._system.settings.kafka) as log:
            while not self._over.wait(0.2):
                self._look(reader, log.reach(places), time.monotonic())

    def _look(self, reader: Reader, reach: Mapping[Place, tuple[int, int]], now: float) -> None:
        self._ends.append((now, {place: last for place, (_, last) in reach.items()}))
        reader.refresh()
        offsets, state = reader.applied_offsets(), figure(reader)
        self.states.add(state)
        due = [ends for at, ends in self._ends if at <= now - STALE_SECONDS - BOUND_SECONDS]
        if state == "live" and due and any(offsets[place] < end for place, end in due[-1].items()):
            self.violations.append(f"live at {offsets} with the log at {due[-1]}")

    def stop(self) -> None:
        """Stop checking."""
        self._over.set()
        self.join()


@contextmanager
def stopped_worker(living: LiveSystem) -> Iterator[None]:
    """The worker is stopped within this context."""
    (worker,) = living.system.workers
    worker.send(signal.SIGSTOP)
    try:
        yield
    finally:
        worker.send(signal.SIGCONT)


def burst(living: LiveSystem, numbers: range) -> tuple[float, float]:
    """Publish incidents at full speed while the worker is stopped; returns facts per second and the worker's highest memory use."""
    chance, now = random.Random(numbers.start), wall()
    facts = [fact for number in numbers for fact in incident(number, now - timedelta(hours=2 + chance.uniform(0, 40)))]
    (worker,) = living.system.workers
    peak = Peak(worker.pid)
    with stopped_worker(living):
        began = time.monotonic()
        with living.system.publisher(_batches) as publisher:
            for fact in facts:
                publisher.publish(fact)
        seconds = time.monotonic() - began
        living.becomes_stale()
        assert lag(living) > 0, "the exporter reports no backlog"
        peak.start()
    living.catches_up()
    living.becomes_live()
    return len(facts) / seconds, peak.stop()


def lag(living: LiveSystem) -> float:
    """The number of records that wait in the log, according to the exporter."""
    watch = LogWatch(looking_at(living.system.settings.kafka, living.system.settings.state_name))
    collector = ReadingsCollector(living.system.reader(), watch, is_wanted=lambda *_: False)
    list(collector.collect())  # this registers the partitions to watch
    watch.look()
    named = {family.name: family.samples for family in collector.collect()}
    sums = {
        name: sum(each.value for each in named[f"bluelamp_partition_{name}"]) for name in ("log_end", "applied_offset")
    }
    return sums["log_end"] - sums["applied_offset"]


@pytest.mark.faults
@pytest.mark.injects(15)
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", ["embedded", pytest.param("real", marks=pytest.mark.real)])
def test_a_burst_is_shown_and_a_longer_one_needs_no_more_memory(tmp_path: Path, fault: Fault, name: str) -> None:
    """The backlog stays in the log, not in memory."""
    subjects = FACTS // _FACTS
    with ExitStack() as stack:
        broker, server = stack.enter_context(parts_of(name, tmp_path))
        living = stack.enter_context(
            live_system(broker, server, tmp_path, rate=USUAL, session_timeout_seconds=60.0, stall_seconds=300.0)
        )
        freshness = FreshnessWatch(living.system)
        freshness.start()
        burst(living, range(subjects * 3))  # the worker's cache is full from here on
        slower, small = burst(living, range(subjects * 3, subjects * 4))
        rate, large = burst(living, range(subjects * 4, subjects * 9))
        freshness.stop()
        print(f"{slower:.0f} and {rate:.0f} facts/s, {small:.0f} and {large:.0f} MB")  # noqa: T201 - for the record
        living.feed.stop()
        keep_settling(living.system)
        found = compare_now(living.system, FORCE)
        fault.fired(FACTS * 9 if rate >= USUAL * BURST else 0)
        fault.compared(found.cells, len(found.differences))
        fault.paused(living.pauses.longest_seconds)
        assert living.system.count("facts") == living.feed.published + subjects * _FACTS * 9
    assert freshness.states >= {"live", "stale"}
    assert freshness.violations == []
    assert large <= small * RATIO
    assert found.differences == []
