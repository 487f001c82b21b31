"""Rows 4 and 23 of the fault table: a Redis restored from an old copy is updated from the log, and alerts keep their ids."""

import random
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from alerts.inbox.log.entry import Raised
from bluelamp.embedded.state import StateServer
from tests.integration.live_system import LiveSystem, live_system, parts_of
from tests.support.fault_table import Fault
from tests.support.redis_files import cut_short, restore, snapshot
from tests.support.system import until
from tests.support.watched import FORCES, Watched

pytestmark = pytest.mark.usefixtures("dropped_sockets")
AGE_SECONDS = 20.0
"""The age of the copy. An older copy would only mean more records to replay."""
Parts = tuple[LiveSystem, StateServer]


@pytest.fixture
def real(tmp_path: Path) -> Iterator[Parts]:
    """A live system on Apache Kafka and Debian's Redis."""
    with ExitStack() as stack:
        broker, server = stack.enter_context(parts_of("real", tmp_path))
        yield stack.enter_context(live_system(broker, server, tmp_path)), server


def gone_back(living: LiveSystem, before: dict[tuple[str, int], int]) -> int:
    """The number of partitions whose applied offset went back; checked before a worker can replay them."""
    return sum(offset < before[place] for place, offset in living.system.applied_offsets().items())


@pytest.mark.faults
@pytest.mark.real
@pytest.mark.injects(23)
@pytest.mark.timeout(400)
def test_an_old_rdb_under_a_running_worker_is_updated_from_the_log(real: Parts, tmp_path: Path, fault: Fault) -> None:
    living, server = real
    copy = snapshot(server, tmp_path / "old.rdb")
    living.watch(AGE_SECONDS)
    offsets, facts = living.system.applied_offsets(), living.system.count("facts")
    (worker,) = living.system.workers
    restore(server, copy)
    fault.fired(gone_back(living, offsets))
    until(lambda: worker.restarts_wanted() > 0 or not worker.is_running(), 60, "a worker that notices")
    living.becomes_live()
    assert living.system.count("facts") > facts
    living.finish(fault)


@pytest.mark.faults
@pytest.mark.real
@pytest.mark.injects(4)
@pytest.mark.timeout(400)
def test_an_append_only_file_truncated_repeatedly_changes_no_cell(real: Parts, fault: Fault) -> None:
    living, server = real
    seed = random.SystemRandom().randrange(10**6)
    print(f"seed {seed}")  # noqa: T201 - needed to repeat a failure
    chance = random.Random(seed)
    for _ in range(6):
        living.watch(4)
        before = living.system.applied_offsets()
        assert cut_short(server, chance.uniform(0.01, 0.6)) > 0
        fault.fired(gone_back(living, before))
        living.becomes_live()
    living.finish(fault)


@pytest.mark.faults
@pytest.mark.injects(23)
def test_alerts_missing_from_a_restored_rdb_are_raised_again_with_their_ids(tmp_path: Path, fault: Fault) -> None:
    """The engine, which still runs, reports them again within twenty seconds, with the time at which they began."""
    server = StateServer(tmp_path / "state")
    with ExitStack() as stack:
        server.start()
        stack.callback(server.stop)
        watched = stack.enter_context(Watched(tmp_path, server.url, is_prometheus=False).running())
        for force in FORCES:
            watched.figures.set("queue", force, 0)
            watched.figures.set("jobs", force, 0)
        watched.figures.set("queue", FORCES[0], 3)
        until(lambda: raised(watched), 60, "an alert")
        copy = snapshot(server, tmp_path / "old.rdb")
        watched.figures.set("queue", FORCES[1], 3)
        until(lambda: len(raised(watched)) == 2, 60, "another alert")
        before = raised(watched)
        restore(server, copy)
        fault.fired(len(before) - len(raised(watched)))
        until(lambda: len(raised(watched)) >= 2, 60, "the missing alert")
        assert raised(watched) == before
        watched.figures.set("queue", FORCES[0], 0)
        watched.figures.set("queue", FORCES[1], 0)
        until(lambda: watched.listing() == [], 60, "both alerts to be resolved")
        assert raised(watched) == before
        assert max(Counter(each.id for each in watched.log()).values()) == 1


def raised(watched: Watched) -> set[str]:
    """The ids of the alerts that the inbox's log says were raised."""
    return {each.alert for each in watched.log() if isinstance(each, Raised)}
