"""A Redis Cluster is refused at the start, with what to do, and not in the middle of a batch."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import RedisError

from bluelamp.wiring.ports import free_ports
from facts.errors import IncompleteError
from streams.refusal import refusal_of
from streams.settings import PERSON_NEEDED
from streams.state_address import check_no_cluster
from tests.support.system import WorkerProcess, until


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[str]:
    """The address of a Redis Cluster of one node, which has every slot."""
    if not shutil.which("redis-server"):
        pytest.skip("redis-server is not installed")
    (port,) = free_ports(1)
    options = ["--cluster-enabled", "yes", "--port", str(port), "--dir", str(tmp_path), "--bind", "127.0.0.1"]
    running = subprocess.Popen(["redis-server", *options, "--save", ""], stdout=subprocess.DEVNULL)
    try:
        with Redis(port=port) as redis:
            until(lambda: _responds(redis), 60, "the cluster to respond")
            redis.execute_command("CLUSTER ADDSLOTSRANGE", 0, 16383)
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        running.terminate()
        running.wait()


def _responds(redis: Redis) -> bool:
    try:
        return bool(redis.ping())
    except RedisError:
        return False


def test_only_a_cluster_is_refused_and_every_refusal_says_what_to_do() -> None:
    for info in ({}, {"cluster_enabled": 0}, {"cluster_enabled": "0"}):
        check_no_cluster(info)
    with pytest.raises(IncompleteError, match="is a Redis Cluster"):
        check_no_cluster({"cluster_enabled": 1})
    for text in ("MOVED 3999 127.0.0.1:6381", "CROSSSLOT Keys in request don't hash to the same slot", "CLUSTERDOWN"):
        assert refusal_of(RedisError(text)).cause == "cluster"


@pytest.mark.real
@pytest.mark.faults
def test_a_worker_refuses_a_cluster_before_it_writes(cluster: str, tmp_path: Path) -> None:
    environment = {"BLUELAMP_REDIS": cluster, "BLUELAMP_KAFKA": "127.0.0.1:1", "PATH": "/usr/bin:/bin"}
    worker = WorkerProcess("one", environment, tmp_path)
    worker.start()
    assert worker.wait() == PERSON_NEEDED
    assert "a person must decide" in worker.said()
    assert "The state server is a Redis Cluster" in worker.said()
    assert "Set BLUELAMP_REDIS to a Redis that is not a cluster." in worker.said()
    with Redis.from_url(cluster, decode_responses=True) as redis:
        assert [key for key in redis.scan_iter() if "{" in str(key)] == []
