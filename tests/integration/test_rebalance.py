"""Rows 2 and 24 of the fault table: workers that join and leave in the middle of batches, and how long that stops the work."""

from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.integration.live_system import LiveSystem, live_system, parts_of
from tests.integration.test_kills import SLOW
from tests.support.fault_table import Fault
from tests.support.system import until

pytestmark = [pytest.mark.faults, pytest.mark.usefixtures("dropped_sockets")]
SESSION_SECONDS = 6.0
PAUSE_SECONDS = SESSION_SECONDS + 10.0
"""A partition of a worker that left is given to another after its session; then that one claims and reads it."""


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
    """Two more workers; one always holds a batch."""
    living.system.start_workers(1)
    living.system.start_workers(1, SLOW)
    until(lambda: (living.supervise(), living.system.members() == 3)[1], 60, "three workers")
    living.watch(5)


def leave(living: LiveSystem) -> None:
    """Two fewer: one ends properly, the other is killed with a batch in its hands."""
    *stay, ended, killed = living.system.workers
    ended.stop()
    killed.kill()
    living.system.workers[:] = stay
    until(lambda: (living.supervise(), living.system.members() == 1)[1], 60, "one worker")
    living.becomes_live()
