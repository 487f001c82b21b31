"""Row 20 of the fault table: a worker's memory stops growing, however many subjects and facts it has seen.

Measured with one worker on Apache Kafka and Redis (resident memory in MB):

- When it remembered 20,000 subjects in each of four partitions, memory rose from 89 to 438 until it remembered 80,000,
  and stayed at 438 to 439 for the next 50,000. The rise over ten minutes at 150 facts a second was this memory filling:
  4.4 kB for a subject of four facts. With all four topics, the same worker would have reached 1.5 GB.
- When it remembered 4,000 subjects in all, memory stayed between 98 and 108 for 2,000,000 facts in 330 s, and between
  84 and 85 for ten minutes at 150 facts a second. So nothing else grows with facts or with time. Faust's
  acknowledgements (some hundreds, until the next commit) and its monitor (30 latencies) stay as they are, malloc's
  arenas stay between 24 and 33, and `malloc_trim` would give back 4 at most.
- It now remembers 10,000 facts in each partition (streams/subject_cache.py): 124 to 131 for 1,200,000 facts.
"""

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bluelamp.wiring.clock import wall
from facts.incident import IncidentClosed, IncidentOpened, UnitArrived, UnitDispatched
from facts.union import AnyFact
from producers.publish import PublisherSettings
from streams.settings import PARTITIONS
from streams.subject_cache import FACTS_REMEMBERED
from tests.integration.conftest import FORCE
from tests.support.fault_table import Fault
from tests.support.live import beat, compare_now
from tests.support.system import System, until

pytestmark = pytest.mark.usefixtures("dropped_sockets")
_batches = PublisherSettings(batch_facts=20, linger_seconds=0.05)
SUBJECT_FACTS = 4
FULL = FACTS_REMEMBERED * PARTITIONS // SUBJECT_FACTS
"""The number of subjects of one topic that a worker remembers."""
FLAT_MEGABYTES = 40
"""How much resident memory may still rise. It rose by 27 MB, ever more slowly, while ten times FULL further subjects came and went. If
none were removed, each FULL of them would need 40."""


def incident(number: int, at: datetime) -> Iterator[AnyFact]:
    """The facts of one incident."""
    named: dict[str, Any] = {"force": FORCE, "subject_id": f"incident-{number}"}
    yield IncidentOpened(
        fact_id=f"{number}-opened", at=at, grade="23E"[number % 3], area=f"B0{number % 9 + 1}", **named
    )
    yield UnitDispatched(fact_id=f"{number}-sent", at=at + timedelta(seconds=30 + number % 90), unit="E1", **named)
    yield UnitArrived(fact_id=f"{number}-there", at=at + timedelta(seconds=200 + number % 600), unit="E1", **named)
    yield IncidentClosed(fact_id=f"{number}-closed", at=at + timedelta(hours=1), result="attended", **named)


def megabytes(pid: int) -> float:
    """The resident memory of a process."""
    status = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmRSS"))


def open_files(pid: int) -> int:
    """The number of files and sockets a process has open."""
    return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())


def publish(system: System, first: int, last: int) -> None:
    """Publish incidents of the last two days, all closed by now."""
    chance, now = random.Random(first), wall()
    with system.publisher(_batches) as publisher:
        for number in range(first, last):
            for fact in incident(number, now - timedelta(hours=2 + chance.uniform(0, 40))):
                publisher.publish(fact)
        publisher.heartbeat(beat(FORCE, "dispatch", last), "incidents")
    system.settle(300)


@pytest.mark.faults
@pytest.mark.injects(20)
@pytest.mark.timeout(900)
def test_memory_is_flat_once_a_workers_cache_is_full(system: System, fault: Fault) -> None:
    system.start_workers(1)
    (worker,) = system.workers
    until(lambda: system.members() == 1, 60, "the worker", every=0.2)
    with system.pauses() as pauses:
        publish(system, 0, FULL * 2)
        full, files = megabytes(worker.pid), open_files(worker.pid)
        publish(system, FULL * 2, FULL * 5)
    found = compare_now(system, FORCE)
    print(f"{full:.0f} MB when full, {megabytes(worker.pid):.0f} MB after")  # noqa: T201 - for the record
    fault.fired(FULL * 5)
    fault.compared(found.cells, len(found.differences))
    fault.paused(pauses.longest_seconds)
    assert worker.statuses == []
    assert system.count("facts") == FULL * 5 * SUBJECT_FACTS
    assert megabytes(worker.pid) <= full + FLAT_MEGABYTES
    assert open_files(worker.pid) <= files + 5
    assert found.differences == []
