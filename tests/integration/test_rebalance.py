"""Rows 2 and 24 of the fault table: workers join and leave in the middle of batches, and the work pauses only briefly."""

from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.integration.live_system import LiveSystem, live_system, parts_of
from tests.integration.test_kills import DELAYED
from tests.support.fault_table import Fault
from tests.support.system import until

pytestmark = [pytest.mark.faults, pytest.mark.usefixtures("dropped_sockets")]
SESSION_SECONDS = 6.0
PAUSE_SECONDS = SESSION_SECONDS + 10.0
"""The partitions of a worker that left are assigned after its session; the new owner then claims and reads them."""


@pytest.mark.injects(2, 24)
@pytest.mark.timeout(400)
@pytest.mark.parametrize("name", ["embedded", pytest.param("real", marks=pytest.mark.real)])
def test_from_one_worker_to_three_and_back_costs_no_fact_and_little_time(
    tmp_path: Path, fault: Fault, name: str
) -> None:
    with ExitStack() as stack:
        broker, server = stack.enter_context(parts_of(name, tmp_path))
        living = stack.enter_context(
            live_system(broker, server, tmp_path, rate=100, session_timeout_seconds=SESSION_SECONDS)
        )
        for _ in range(2):
            join(living)
            leave(living)
            fault.fired(4, 2)
            fault.fired(1, 24)
        assert living.pauses.longest_seconds < PAUSE_SECONDS
        living.finish(fault)


def join(living: LiveSystem) -> None:
    """Start two more workers, one that always holds a batch."""
    living.system.start_workers(1)
    living.system.start_workers(1, DELAYED)
    until(lambda: (living.supervise(), living.system.members() == 3)[1], 60, "three workers")
    living.watch(5)


def leave(living: LiveSystem) -> None:
    """Remove two workers: one stops properly, the other is killed while it holds a batch."""
    *stay, ended, killed = living.system.workers
    ended.stop()
    killed.kill()
    living.system.workers[:] = stay
    until(lambda: (living.supervise(), living.system.members() == 1)[1], 60, "one worker")
    living.becomes_live()
