"""Another client's partitioner: librdkafka follows the contract with the documented setting, and not without it."""

from typing import Any

from confluent_kafka import Producer
from kafka import KafkaAdminClient

from facts.partitioning import EXAMPLE_COUNTS, EXAMPLES, partition_of
from tests.conftest import LogBackend


def delivered(bootstrap: str, partitioner: str) -> dict[tuple[int, str], int]:
    """The partition to which librdkafka sends each example, by the number of partitions and the key."""
    found: dict[tuple[int, str], int] = {}

    def keep(error: Any, message: Any) -> None:
        assert error is None, error
        found[int(message.topic().rpartition("-")[2]), message.key().decode()] = message.partition()

    producer = Producer({"bootstrap.servers": bootstrap, "partitioner": partitioner, "linger.ms": 5})
    for count in EXAMPLE_COUNTS:
        for key in EXAMPLES:
            producer.produce(f"partitioned-{count}", b"{}", key=key, on_delivery=keep)
    assert producer.flush(30) == 0
    return found


def test_librdkafka_agrees_once_its_partitioner_is_set(log_backend: LogBackend) -> None:
    admin = KafkaAdminClient(bootstrap_servers=log_backend.bootstrap)
    wanted = {f"partitioned-{count}": {"num_partitions": count, "replication_factor": 1} for count in EXAMPLE_COUNTS}
    admin.create_topics(wanted, wait_for_metadata=True)
    admin.close()
    expected = {(count, key): partition_of(key, count) for count in EXAMPLE_COUNTS for key in EXAMPLES}
    assert delivered(log_backend.bootstrap, "murmur2_random") == expected
    assert delivered(log_backend.bootstrap, "consistent_random") != expected
