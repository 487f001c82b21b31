"""Redis Cluster: each of its nodes is killed under load, slots are moved, and no cell is wrong."""

import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from functools import partial
from itertools import groupby
from pathlib import Path

import pytest
from redis.crc import key_slot
from redis.exceptions import RedisError

from bluelamp.embedded.state import find_binary
from streams.keys import Names
from tests.integration.conftest import FORCE, Parts
from tests.integration.test_faults import assert_every_cell_equals_the_recount, publish, week
from tests.real.parts import missing
from tests.support.command_line import command, json_of
from tests.support.redis_cluster import ClusterNodes, redis_cluster
from tests.support.system import System, until

pytestmark = [
    pytest.mark.faults,
    pytest.mark.real,
    pytest.mark.usefixtures("dropped_sockets"),
    pytest.mark.timeout(400),
    pytest.mark.parametrize("parts", ["embedded"], indirect=True),
]


@pytest.fixture(params=["redis", "valkey"])
def nodes(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ClusterNodes]:
    """Three primaries, each with a replica, of Redis or of Valkey."""
    if reason := missing("redis"):
        pytest.skip(reason)
    server = find_binary("debian" if request.param == "redis" else "embedded")
    with redis_cluster(tmp_path, server=server) as running:
        yield running


class Looking(threading.Thread):
    """A reader that reads during the fault: it may be refused, and must never fail otherwise."""

    def __init__(self, system: System) -> None:
        super().__init__(name="reader", daemon=True)
        self._reader, self._ended = system.reader(), threading.Event()
        self.read, self.refused, self.failures = 0, 0, list[Exception]()

    def run(self) -> None:
        """Read again and again."""
        while not self._ended.wait(0.05):
            try:
                self._reader.read("incident_count", force=FORCE)
                self.read += 1
            except (RedisError, OSError):
                self.refused += 1
            except Exception as error:  # noqa: BLE001 - reported by the test
                self.failures.append(error)

    def stop(self) -> None:
        """Stop reading."""
        self._ended.set()
        self.join()


def begun(new_system: Callable[..., System], nodes: ClusterNodes) -> System:
    """A system of two workers on the cluster, which has applied the first 300 facts."""
    system = new_system(nodes.url)
    system.start_workers(2)
    system.supervise()
    publish(system, week()[:300])
    system.settle(60)
    return system


def test_each_node_is_killed_under_load(new_system: Callable[..., System], nodes: ClusterNodes, parts: Parts) -> None:
    assert parts.name == "embedded"
    system, facts = begun(new_system, nodes), week()
    looking = Looking(system)
    looking.start()
    for number, primary in enumerate(nodes.primaries()):
        load = threading.Thread(target=publish, args=(system, facts[300 + 900 * number : 1200 + 900 * number]))
        load.start()
        wait_for_more(system)
        nodes.kill(primary)
        until(partial(has_replaced, nodes, primary), 30, "a new primary")
        nodes.start_node(primary)
        until(nodes.is_whole, 60, "the node to follow the new primary")
        load.join()
    system.settle(120)
    looking.stop()
    assert looking.failures == []
    assert looking.read > 10
    assert system.count("facts") == 3000
    assert_every_cell_equals_the_recount(system)


def test_writes_that_a_replica_did_not_have_are_folded_again(
    new_system: Callable[..., System], nodes: ClusterNodes, parts: Parts
) -> None:
    assert parts.name == "embedded"
    system, facts = begun(new_system, nodes), week()
    place, before = max(system.applied_offsets().items(), key=lambda each: each[1])
    control = Names(system.settings.state_name, *place).control
    primary = next(port for port in nodes.primaries() if nodes.serves(port, key_slot(control.encode())))
    replica = nodes.replica_of(primary)
    nodes.pause(replica)
    nodes.ask(primary, "CLIENT KILL TYPE", "replica")  # what is already sent would reach it when it resumes
    until(lambda: nodes.ask(primary, "INFO", "replication")["connected_slaves"] == 0, 60, "the replica to be cut off")
    publish(system, facts[300:1200])
    until(lambda: system.applied_offsets()[place] > before, 60, "facts that the replica does not have")
    # While the workers are stopped, nothing but the loss of the primary can change the state.
    for worker in system.workers:
        worker.send(signal.SIGSTOP)
    reached = system.applied_offsets()[place]
    nodes.kill(primary)
    nodes.resume(replica)
    until(partial(has_replaced, nodes, primary), 60, "a new primary")
    kept = int(nodes.ask(replica, "HGET", control, "applied_offset"))
    assert kept <= before < reached, "the state must have gone back"
    for worker in system.workers:
        worker.send(signal.SIGCONT)
    system.settle(120)
    assert system.count("facts") == 1200
    assert_every_cell_equals_the_recount(system)


def wait_for_more(system: System) -> None:
    """Wait until workers have applied more facts."""
    before = system.count("facts")
    until(lambda: system.count("facts") > before, 60, "facts of the load")


def has_replaced(nodes: ClusterNodes, gone: int) -> bool:
    """Whether another node serves what a killed one served."""
    primaries = nodes.primaries()
    return len(primaries) == 3 and gone not in primaries


def test_slots_are_moved_under_load(new_system: Callable[..., System], nodes: ClusterNodes, parts: Parts) -> None:
    assert parts.name == "embedded"
    system, facts = begun(new_system, nodes), week()
    load = threading.Thread(target=publish, args=(system, facts[300:3000]))
    load.start()
    one, other, _ = nodes.primaries()
    reshard(nodes, one, other, 4000)
    reshard(nodes, other, one, 6000)
    load.join()
    system.settle(120)
    assert system.count("facts") == 3000
    assert_every_cell_equals_the_recount(system)
    checked = {each["check"]: each["state"] for each in json_of(system.environment(), "check", statuses=(0, 1, 2))}
    assert checked["state server"] == checked["state"] == "good", checked
    switched = command(system.environment(), "rebuild", "--switch")
    assert switched.returncode == 0, switched.stdout + switched.stderr
    publish(system, facts[3000:3300])
    system.settle(120)
    assert_every_cell_equals_the_recount(system)
    removed = command(system.environment(), "rebuild", "--forget")
    assert removed.returncode == 0, removed.stdout + removed.stderr
    assert not list(system.redis.scan_iter(f"{system.settings.state_name}:{{*"))


def reshard(nodes: ClusterNodes, source: int, target: int, slots: int) -> None:
    """Move slots with their keys from one node to another, as an operator would; Valkey 9 has a command for it."""
    ids = [nodes.ask(each, "CLUSTER MYID") for each in (source, target)]
    until(partial(agree, nodes), 30, "the nodes to agree on who serves what")
    if "valkey_version" in nodes.ask(source, "INFO", "server"):
        chosen = nodes.slots_of(source)[:slots]
        runs = (list(run) for _, run in groupby(enumerate(chosen), lambda each: each[1] - each[0]))
        ranges = [slot for run in runs for slot in (run[0][1], run[-1][1])]
        nodes.ask(source, "CLUSTER MIGRATESLOTS", "SLOTSRANGE", *ranges, "NODE", ids[1])
        until(lambda: set(chosen) <= set(nodes.slots_of(target)), 120, "the slots to be moved")
        return
    which = ["--cluster-from", ids[0], "--cluster-to", ids[1], "--cluster-slots", str(slots), "--cluster-yes"]
    command = ["redis-cli", "--cluster", "reshard", f"127.0.0.1:{source}", *which, "--cluster-pipeline", "1"]
    subprocess.run(command, check=True, capture_output=True, timeout=120)


def agree(nodes: ClusterNodes) -> bool:
    """Whether redis-cli finds nothing wrong with the cluster."""
    command = ["redis-cli", "--cluster", "check", f"127.0.0.1:{nodes.ports[0]}"]
    return subprocess.run(command, check=False, capture_output=True, timeout=30).returncode == 0
