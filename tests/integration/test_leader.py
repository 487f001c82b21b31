"""Row 22 of the fault table: of three brokers, the leader of a partition is killed again and again."""

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from kafka.admin import KafkaAdminClient

from bluelamp.embedded.state import StateServer
from tests.integration.live_system import live_system
from tests.real.kafka_server import KafkaCluster, KafkaServer
from tests.real.parts import missing
from tests.support.fault_table import Fault
from tests.support.system import until

pytestmark = [pytest.mark.faults, pytest.mark.real, pytest.mark.usefixtures("dropped_sockets")]
AWAY_SECONDS = 8.0
"""Longer than a broker's session (2 s) and a worker's session (6 s)."""


def partitions(cluster: KafkaCluster) -> list[dict[str, Any]]:
    """The partitions of incidents, as a running broker describes them."""
    running = next(each.bootstrap for each in cluster.brokers if each.is_running())
    admin = KafkaAdminClient(bootstrap_servers=running)
    try:
        (topic,) = admin.describe_topics(["incidents"])
    finally:
        admin.close()
    return sorted(topic["partitions"], key=lambda each: each["partition_index"])


def leader(cluster: KafkaCluster) -> KafkaServer:
    """The broker that leads the first partition; waits until there is one."""
    until(lambda: partitions(cluster)[0]["leader_id"] >= 0, 60, "a leader")
    number: int = partitions(cluster)[0]["leader_id"]
    return cluster.brokers[number]


def are_in_sync(cluster: KafkaCluster) -> bool:
    """Whether every broker has every record."""
    return all(len(each["isr_nodes"]) == len(cluster.brokers) for each in partitions(cluster))


@pytest.mark.injects(5, 22)
@pytest.mark.timeout(600)
def test_no_acknowledged_fact_is_lost_with_a_leader(tmp_path: Path, fault: Fault) -> None:
    if reason := missing("kafka") or missing("redis"):
        pytest.skip(reason)
    cluster, server = KafkaCluster(tmp_path / "log"), StateServer(tmp_path / "state", binary="debian")
    with ExitStack() as stack:
        for part in (cluster, server):
            stack.callback(part.stop)
            part.start()
        living = stack.enter_context(live_system(cluster, server, tmp_path))
        killed = []
        for _ in range(4):
            lost = leader(cluster)
            lost.kill()
            killed.append(lost)
            living.watch(AWAY_SECONDS)
            assert leader(cluster) is not lost
            living.becomes_live()
            lost.start()
            until(lambda: are_in_sync(cluster), 90, "three brokers in sync")
        fault.fired(len(killed), 5)
        fault.fired(len(killed), 22)
        assert len(set(map(id, killed))) > 1
        living.finish(fault)
