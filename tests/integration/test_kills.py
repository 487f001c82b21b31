"""Kill -9 of workers and of the state server, zombies, duplicate and shuffled facts: no cell may differ."""

import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import partial
from itertools import pairwise
from typing import Any, cast

import pytest

from facts.feed import FeedHeartbeat
from facts.union import AnyFact
from producers.publish import Publisher, PublisherSettings
from streams.keys import Names
from tests.integration.changed_worker import HOLDING, OFFERING
from tests.integration.conftest import EMBEDDED, FORCE, Parts
from tests.integration.test_week import compare_with_recount, facts, first_days
from tests.support.facts import heartbeat
from tests.support.fault_table import Fault
from tests.support.system import System, WorkerProcess, restart, until

pytestmark = pytest.mark.usefixtures("dropped_sockets")
DELAYED = ("-m", "tests.integration.changed_worker", "delayed")
OFFSET_FIRST = ("-m", "tests.integration.changed_worker", "offset_first")
NO_OFFSET_CHECK = ("-m", "tests.integration.changed_worker", "delayed", "no_applied_offset")
_small = PublisherSettings(batch_facts=20, linger_seconds=0.02)


def disorder(chance: random.Random, facts: list[AnyFact]) -> list[AnyFact]:
    """Facts, a fifth of them twice, all shuffled within four hours."""
    published = list(facts)
    published += chance.sample(published, k=len(published) // 5)
    return sorted(published, key=lambda fact: fact.at + timedelta(minutes=chance.uniform(0, 240)))


class Feeding(threading.Thread):
    """Publishes facts steadily in the background until all are published.

    Args:
        publisher: closed at the end.
        published: the facts.
        seconds: how long publishing lasts.
    """

    def __init__(self, publisher: Publisher, published: list[AnyFact], seconds: float) -> None:
        super().__init__(name="feeding", daemon=True)
        self.publisher, self.published, self.pause = publisher, published, seconds / len(published) * 50
        self.done = 0
        self.hurry = threading.Event()

    def run(self) -> None:
        """Publish every fact, then a heartbeat."""
        with self.publisher as publisher:
            for index, fact in enumerate(self.published):
                publisher.publish(fact)
                self.done = index
                if index % 50 == 0:
                    self.hurry.wait(self.pause)
            end = max(fact.at for fact in self.published) + timedelta(seconds=1)
            publisher.heartbeat(beat(end), "incidents")


def beat(at: datetime) -> FeedHeartbeat:
    """A heartbeat of the week's feed."""
    return heartbeat("dispatch", at, force=FORCE, replay=True)


def keep_running(system: System) -> None:
    """Restart every worker that has ended, as a supervisor does."""
    for worker in system.workers:
        worker.start()


def kill_loop(system: System, parts: Parts, chance: random.Random, kills: int, state_kills: int) -> None:
    """Kill two of three workers with -9 again and again, and the state server in between."""
    for index in range(kills // 2):
        for worker in chance.sample(system.workers, k=2):
            worker.kill()
        if index % max(1, kills // 2 // max(1, state_kills)) == 0 and state_kills > 0:
            parts.kill_state(seconds_gone=chance.uniform(0.0, 0.3))
            state_kills -= 1
        keep_running(system)
        # Let them work for a moment, or kill them while they start: both cases matter.
        time.sleep(chance.uniform(0.3, 3.0))
        keep_running(system)
    while state_kills > 0:
        parts.kill_state()
        state_kills -= 1


def make_zombie(system: System, *, is_stale: bool) -> None:
    """Stop a worker that holds a batch until others continue in its partitions, then let it try to write that batch."""
    worker, *others = system.workers
    before = epochs(system)

    def supervised(is_so: Callable[[], bool]) -> bool:
        restart(others)  # the takeover may find one of them stale, too
        return is_so()

    until(lambda: is_caught(worker), 180, "a stopped worker that holds a batch")
    at_takeover = system.applied_offsets()
    until(lambda: supervised(lambda: have_new_owners(system, before)), 180, "a takeover from the stopped worker")
    # Until then its write would not be stale: nobody else would have applied these facts yet.
    progressed = partial(has_progressed, system, at_takeover)
    until(lambda: supervised(progressed), 180, "others to apply batches in its partitions")
    worker.send(signal.SIGCONT)
    if is_stale:
        worker.wait()
    else:
        until(lambda: went_back(system), 60, "a stale write")


def has_progressed(system: System, since: dict[tuple[str, int], int]) -> bool:
    """Whether every partition has been applied further than before, or to its end."""
    ends = system.ends()
    return all(
        applied_offset > since[place] or applied_offset == ends[place]
        for place, applied_offset in system.applied_offsets().items()
    )


def is_caught(worker: WorkerProcess) -> bool:
    """Stop a worker, and let it continue if it holds no batch."""
    worker.send(signal.SIGSTOP)
    _, word, after = worker.said().rpartition(HOLDING)
    if word and OFFERING not in after:
        return True
    worker.send(signal.SIGCONT)
    return False


def went_back(system: System) -> bool:
    """Whether a batch was applied that begins before the end of the batch applied before it."""
    names = (Names(system.settings.state_name, "incidents", number) for number in range(4))
    applied: Iterator[list[Any]] = (cast("list[Any]", system.redis.xrange(each.changes)) for each in names)
    return any(
        int(later["from"]) < int(earlier["to"]) for each in applied for (_, earlier), (_, later) in pairwise(each)
    )


def epochs(system: System) -> dict[str, int]:
    """The number of owners that each partition of incidents has had."""
    names = (f"{system.settings.state_name}:{{incidents:{number}}}:control" for number in range(4))
    return {name: int(str(system.redis.hget(name, "epoch") or 0)) for name in names}


def have_new_owners(system: System, before: dict[str, int]) -> bool:
    """Whether every partition of incidents has a new owner."""
    return all(epoch > before[name] for name, epoch in epochs(system).items())


def run_kills(
    system: System,
    parts: Parts,
    kills: int,
    state_kills: int,
    seed: int,
    program: tuple[str, ...] = DELAYED,
    published: Callable[[], list[AnyFact]] = facts,
) -> float:
    """Publish facts in disorder under kills, to the end; workers are delayed so that one holds a batch at any moment.

    Returns:
        the longest pause in seconds.
    """
    print(f"seed {seed}")  # noqa: T201 - needed to repeat a failure
    chance = random.Random(seed)
    feeding = Feeding(system.publisher(_small), disorder(chance, published()), seconds=kills * 1.6)
    system.start_workers(3, program)
    until(lambda: system.members() == 3, 60, "three workers in the group", every=0.2)
    feeding.start()
    until(lambda: system.count("facts") > 0, 60, "the first facts")
    with system.pauses() as pauses:
        make_zombie(system, is_stale=program == DELAYED)
        kill_loop(system, parts, chance, kills, state_kills)
        feeding.hurry.set()
        feeding.join()
        keep_settling(system)
    return pauses.longest_seconds


def keep_settling(system: System) -> None:
    """Wait until everything is applied, restarting workers that exit for a restart."""
    system.settle(180, lambda _: keep_running(system))


@pytest.fixture
def seed() -> int:
    """A new seed for every run, printed if the test fails."""
    return random.SystemRandom().randrange(10**6)


@EMBEDDED
@pytest.mark.injects(1, 3, 4, 8, 9)
@pytest.mark.timeout(600)
def test_kills_of_workers_and_of_the_state_server_change_no_cell(
    system: System, parts: Parts, seed: int, fault: Fault
) -> None:
    fault.paused(run_kills(system, parts, kills=8, state_kills=2, seed=seed, published=first_days))
    assert_nothing_was_lost(system, kills=8, state_kills=2, fault=fault, published=first_days)


def assert_nothing_was_lost(
    system: System,
    kills: int,
    state_kills: int,
    fault: Fault,
    published: Callable[[], list[AnyFact]] = facts,
) -> None:
    """No cell differs, and the faults really happened."""
    found = compare_with_recount(system)
    fault.compared(found.cells, len(found.differences))
    killed = sum(worker.statuses.count(-signal.SIGKILL) for worker in system.workers)
    assert killed >= kills - max(3, kills // 10), "too many workers had just ended and could not be killed"
    assert system.count("stale_writes") > 0, "no stale write was ever refused"
    assert system.count("duplicates") > len(published()) / 10
    assert system.count("facts") == len(published())
    assert sum(worker.restarts_wanted() for worker in system.workers) > 0, "no worker ever exited for a restart"
    for number, times in ((1, killed), (3, system.count("stale_writes")), (4, state_kills), (9, 1)):
        fault.fired(times, number)
    fault.fired(system.count("duplicates"), 8)
    assert found.differences == []


@pytest.mark.faults
@pytest.mark.injects(1, 3, 4, 8, 9)
@pytest.mark.timeout(1800)
def test_the_long_loop_on_every_backend(system: System, parts: Parts, seed: int, fault: Fault) -> None:
    fault.paused(run_kills(system, parts, kills=100, state_kills=20, seed=seed))
    assert_nothing_was_lost(system, kills=100, state_kills=20, fault=fault)


@pytest.mark.faults
@pytest.mark.timeout(300)
@EMBEDDED
def test_an_offset_saved_before_its_state_is_caught(system: System, seed: int) -> None:
    """A worker killed between the two loses a batch."""
    chance = random.Random(seed)
    feeding = Feeding(system.publisher(_small), disorder(chance, facts()), seconds=20)
    system.start_workers(1, OFFSET_FIRST)
    until(lambda: system.members() == 1, 60, "the worker", every=0.2)
    feeding.start()
    for _ in range(5):
        before = sum(system.applied_offsets().values())
        until(lambda done=before: sum(system.applied_offsets().values()) > done, 60, "some work")  # type: ignore[misc]
        system.workers[0].kill()
        keep_running(system)
    feeding.hurry.set()
    feeding.join()
    keep_settling(system)
    assert compare_with_recount(system).differences != []


@pytest.mark.faults
@pytest.mark.timeout(1800)
def test_without_the_applied_offset_the_kills_change_cells(system: System, parts: Parts, seed: int) -> None:
    run_kills(system, parts, kills=20, state_kills=4, seed=seed, program=NO_OFFSET_CHECK)
    assert compare_with_recount(system).differences != []
