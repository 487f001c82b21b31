"""Redis Cluster: its address, its refusals, and a slot that is being moved while a batch is applied."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis.crc import key_slot
from redis.exceptions import ClusterError, RedisError, ResponseError

from facts.errors import IncompleteError, SettingError
from facts.union import TOPICS
from streams.cluster_client import ClusterHosts
from streams.fold import Change
from streams.partition_cache import PartitionCache
from streams.refusal import refusal_of
from streams.settings import PERSON_NEEDED
from streams.state_address import async_client, blocking_client, check_address, cluster_of, servers_of
from streams.store import StateStore
from tests.real.parts import missing
from tests.support.redis_cluster import ClusterNodes, redis_cluster
from tests.support.stores import FINGERPRINTS, IDENTITY, apply_all
from tests.support.stories import FORCE
from tests.support.system import WorkerProcess


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[ClusterNodes]:
    """Three primaries without replicas."""
    if reason := missing("redis"):
        pytest.skip(reason)
    with redis_cluster(tmp_path, replicas=False) as running:
        yield running


def test_the_address_of_a_cluster_is_read_or_refused_with_what_to_write() -> None:
    two = ClusterHosts([("one", 6379), ("two", 6380)])
    assert cluster_of("redis+cluster://one:6379, two:6380") == two
    assert cluster_of("rediss+cluster://one:6379,two:6380/0") == two
    assert cluster_of("redis://one:6379/0") is None
    for wrong in (
        "redis+cluster://one",
        "redis+cluster://one:6379/1",
        "redis+cluster://u:p@one:6379",
        "redis+cluster://",
    ):
        with pytest.raises(SettingError, match="cannot be used") as caught:
            blocking_client(wrong)
        assert "redis+cluster://HOST:6379" in str(caught.value)


def test_a_cluster_under_the_address_of_a_single_server_is_refused() -> None:
    for info in ({}, {"cluster_enabled": 0}, {"cluster_enabled": "0"}):
        check_address("redis://one:6379", info)
    check_address("redis+cluster://one:6379", {"cluster_enabled": 1})
    with pytest.raises(IncompleteError, match="is a Redis Cluster"):
        check_address("redis://one:6379", {"cluster_enabled": 1})


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (RedisError("MOVED 3999 127.0.0.1:6381"), "Write redis+cluster://"),
        (RedisError("CROSSSLOT Keys in request don't hash to the same slot"), "Write redis+cluster://"),
        (ResponseError("This instance has cluster support disabled"), "Write redis:// instead"),
        (ResponseError("CLUSTERDOWN The cluster is down"), "redis-cli --cluster check"),
        (ResponseError("TRYAGAIN Multiple keys request during rehashing of slot"), "redis-cli --cluster check"),
        (ClusterError("TTL exhausted."), "redis-cli --cluster check"),
        (ResponseError("Script attempted to access a non local key in a cluster node"), "redis-cli --cluster check"),
    ],
)
def test_what_a_cluster_refuses_heals_and_says_what_to_do(error: RedisError, says: str) -> None:
    found = refusal_of(error)
    assert found.cause == "cluster"
    assert found.heals()
    assert says in found.advice()


CHANGE = Change(
    panes={FORCE: {"incident_opened": {"minute": {}, "half_hour": {}, "hour": {1: {"1": 1}}, "day": {1: {"1": 1}}}}},
    counts={"facts": 1},
    timelines={f"{FORCE}|1": {}},
)


@pytest.mark.real
def test_a_batch_waits_while_its_slot_is_moved_and_every_partition_is_read(nodes: ClusterNodes) -> None:
    asyncio.run(_move_while_applying(nodes))


async def _move_while_applying(nodes: ClusterNodes) -> None:
    redis, client = blocking_client(nodes.url), async_client(nodes.url)
    store = StateStore(client, "test")
    for topic in TOPICS:
        await apply_all(store, [CHANGE] * 2, topic)
    names = [store.names(topic, 0) for topic in TOPICS]
    assert len({key_slot(each.control.encode()) * 3 // 16384 for each in names}) > 1, "all partitions are on one node"
    pipe = redis.pipeline(transaction=True)
    for each in names:
        pipe.hgetall(each.panes_of(FORCE, "hour", 0, "incident_opened"))
    assert pipe.execute() == [{"1|1": "2"}] * len(names)
    assert len(servers_of(redis)) == 3

    moved = store.names("incidents", 0)
    epoch = (await store.claim(moved, IDENTITY, FINGERPRINTS)).epoch
    for key in (moved.open, moved.feeds):
        redis.hset(key, "any", "thing")  # only if every key that a batch names exists could a node run half of it
    move = Move(nodes, key_slot(moved.control.encode()))
    move.begin()
    for key in redis.scan_iter(f"{moved.base}*"):
        if ":pane:" not in key:
            move.key(key)
    # Every key that a batch names is on the new node, and the panes are still on the old one.
    with pytest.raises(RedisError) as caught:
        await store.apply(moved, epoch, 2, 3, CHANGE)
    assert refusal_of(caught.value).cause == "cluster"
    with pytest.raises(RedisError):
        PartitionCache(redis, moved).load([(FORCE, "hour", "incident_opened", 0)])
    move.end()
    assert (await store.apply(moved, epoch, 2, 3, CHANGE)).outcome == "applied"
    panes = [moved.panes_of(FORCE, grain, block, "incident_opened") for grain, block in (("day", 1), ("hour", 0))]
    assert [redis.hgetall(each) for each in panes] == [{"1": "3"}, {"1|1": "3"}]
    assert sorted(redis.scan_iter("test:{incidents:0}:pane:*")) == panes
    redis.close()
    await client.aclose()


class Move:
    """A slot on its way from its node to another one."""

    def __init__(self, nodes: ClusterNodes, slot: int) -> None:
        self._nodes, self._slot = nodes, slot
        self._source = nodes.ports[slot * 3 // 16384]
        self._target = next(port for port in nodes.ports if port != self._source)

    def begin(self) -> None:
        """Announce the move to both nodes."""
        source, target = (self._nodes.ask(port, "CLUSTER MYID") for port in (self._source, self._target))
        self._nodes.ask(self._target, "CLUSTER SETSLOT", self._slot, "IMPORTING", source)
        self._nodes.ask(self._source, "CLUSTER SETSLOT", self._slot, "MIGRATING", target)

    def key(self, name: str) -> None:
        """Move one key."""
        self._nodes.ask(self._source, "MIGRATE", "127.0.0.1", self._target, name, 0, 5000)

    def end(self) -> None:
        """Move the other keys, and make the new node the owner."""
        for name in self._nodes.ask(self._source, "CLUSTER GETKEYSINSLOT", self._slot, 1000):
            self.key(name)
        target = self._nodes.ask(self._target, "CLUSTER MYID")
        for port in (self._target, self._source):
            self._nodes.ask(port, "CLUSTER SETSLOT", self._slot, "NODE", target)


@pytest.mark.real
@pytest.mark.faults
def test_a_worker_refuses_a_cluster_before_it_writes_if_the_address_is_wrong(
    nodes: ClusterNodes, tmp_path: Path
) -> None:
    environment = {
        "BLUELAMP_REDIS": f"redis://127.0.0.1:{nodes.ports[0]}/0",
        "BLUELAMP_KAFKA": "127.0.0.1:1",
        "PATH": "/usr/bin:/bin",
    }
    worker = WorkerProcess("one", environment, tmp_path)
    worker.start()
    assert worker.wait() == PERSON_NEEDED
    assert "a person must decide" in worker.said()
    assert "The state server is a Redis Cluster" in worker.said()
    assert "Write redis+cluster://" in worker.said()
    with blocking_client(nodes.url) as redis:
        assert [key for key in redis.scan_iter() if "{" in str(key)] == []
