"""Creates topics and reads logs with the bare protocol, for tests of the embedded broker."""

from typing import Any

from aiokafka.record.memory_records import MemoryRecords
from kafka.errors import OffsetOutOfRangeError
from kafka.protocol.admin import CreateTopicsRequest
from kafka.protocol.consumer import ListOffsetsRequest

from tests.contract.wire import Wire, fetch

LATEST, EARLIEST = -1, -2


def create_topic(wire: Wire, name: str, partitions: int = 1, **configs: str) -> int:
    """Create a topic; names of configs have underscores instead of dots. Returns the error code."""
    entries = [
        CreateTopicsRequest.CreatableTopic.CreatableTopicConfig(name=key.replace("_", "."), value=value)
        for key, value in configs.items()
    ]
    topic = CreateTopicsRequest.CreatableTopic(
        name=name, num_partitions=partitions, replication_factor=1, assignments=[], configs=entries
    )
    request = CreateTopicsRequest(topics=[topic], timeout_ms=10_000, validate_only=False)
    return int(wire.ask(request, 4).topics[0].error_code)


def find_offset(wire: Wire, topic: str, at: int, partition: int = 0) -> int:
    """The LATEST or EARLIEST offset of a partition."""
    requested = ListOffsetsRequest.ListOffsetsTopic.ListOffsetsPartition(
        partition_index=partition, current_leader_epoch=-1, timestamp=at
    )
    topics = [ListOffsetsRequest.ListOffsetsTopic(name=topic, partitions=[requested])]
    answer = wire.ask(ListOffsetsRequest(replica_id=-1, isolation_level=0, topics=topics), 5)
    assert answer.topics[0].partitions[0].error_code == 0
    return int(answer.topics[0].partitions[0].offset)


def records_of(content: bytes) -> list[Any]:
    """The records in fetched bytes, as aiokafka reads them; an incomplete batch at the end is left out."""
    memory, records = MemoryRecords(content), list[Any]()
    while memory.has_next():
        batch = memory.next_batch()
        assert batch.validate_crc()
        records += list(batch)
    return records


def read_all(wire: Wire, topic: str, partition: int = 0) -> list[Any]:
    """Every record of a partition, in order and without gaps."""
    offset, end = find_offset(wire, topic, EARLIEST, partition), find_offset(wire, topic, LATEST, partition)
    records: list[Any] = []
    while offset < end:
        answer = fetch(wire, topic, offset, partition=partition)
        if answer.error_code == OffsetOutOfRangeError.errno and not records:
            offset = find_offset(wire, topic, EARLIEST, partition)  # retention has just moved the start
            continue
        found = [record for record in records_of(answer.records) if record.offset >= offset]
        assert found, f"no record at offset {offset} of {end}, error {answer.error_code}"
        assert [record.offset for record in found] == list(range(offset, offset + len(found)))
        records += found
        offset = found[-1].offset + 1
    return records
