"""Speaks Kafka's protocol directly, for requests that no client library sends."""

import socket
import struct
from types import TracebackType
from typing import Any, Self

from aiokafka.record.default_records import DefaultRecordBatchBuilder
from kafka.protocol.consumer import FetchRequest, JoinGroupRequest
from kafka.protocol.metadata import ApiVersionsRequest
from kafka.protocol.producer import InitProducerIdRequest, ProduceRequest

NONE, GZIP, SNAPPY, LZ4, ZSTD = CODECS = range(5)


class Wire:
    """One connection; `ask` sends a request in a version that every broker supports, and waits for the response."""

    def __init__(self, bootstrap: str, timeout_seconds: float = 20.0) -> None:
        host, _, port = bootstrap.rpartition(":")
        self._socket = socket.create_connection((host, int(port)), timeout=timeout_seconds)
        self._correlation_id = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

    def ask(self, request: Any, version: int) -> Any:
        """The response to one request."""
        self.send(request, version)
        return self.receive(request, version)

    def send(self, request: Any, version: int) -> None:
        """Send a request without waiting."""
        self._correlation_id += 1
        request.API_VERSION = version
        request.with_header(self._correlation_id, "wire")
        self._socket.sendall(request.encode(header=True, framed=True))

    def receive(self, request: Any, version: int) -> Any:
        """Wait for the response to the last request."""
        frame = self.receive_frame()
        assert frame is not None, "the broker closed the connection"
        request.with_header(self._correlation_id, "wire")
        response = request.header.get_response_class().decode(frame, version=version, header=True)
        assert response.header.correlation_id == self._correlation_id
        return response

    def send_bytes(self, content: bytes) -> None:
        """Send any bytes."""
        self._socket.sendall(content)

    def receive_frame(self) -> bytes | None:
        """The bytes of one response; None if the connection was closed instead."""
        size = self._receive_exactly(4)
        return None if size is None else self._receive_exactly(struct.unpack(">i", size)[0])

    def _receive_exactly(self, size: int) -> bytes | None:
        received = b""
        while len(received) < size:
            try:
                more = self._socket.recv(size - len(received))
            except ConnectionResetError:
                return None
            if not more:
                return None
            received += more
        return received


def record_batch(
    *values: bytes,
    at_milliseconds: int = 1_000,
    codec: int = NONE,
    producer_id: int = -1,
    producer_epoch: int = -1,
    base_sequence: int = -1,
) -> bytes:
    """One batch as a producer would send it; each record is 1 ms later than the one before."""
    builder = DefaultRecordBatchBuilder(
        magic=2,
        compression_type=codec,
        is_transactional=0,
        producer_id=producer_id,
        producer_epoch=producer_epoch,
        base_sequence=base_sequence,
        batch_size=2**30,
    )
    for index, value in enumerate(values):
        builder.append(index, at_milliseconds + index, None, value, [])
    return bytes(builder.build())


def produce(wire: Wire, topic: str, batch: bytes, partition: int = 0, acks: int = -1) -> Any:
    """Send one batch to one partition; returns the response for that partition."""
    one = ProduceRequest.TopicProduceData.PartitionProduceData(index=partition, records=batch)
    topics = [ProduceRequest.TopicProduceData(name=topic, partition_data=[one])]
    request = ProduceRequest(transactional_id=None, acks=acks, timeout_ms=10_000, topic_data=topics)
    return wire.ask(request, 7).responses[0].partition_responses[0]


def fetch_request(topic: str, offset: int, **limits: int) -> Any:
    """A request for partition 0 from `offset`; limits: max_wait_ms, min_bytes, max_bytes, partition_max_bytes."""
    requested = FetchRequest.FetchTopic.FetchPartition(
        partition=limits.get("partition", 0),
        current_leader_epoch=-1,
        fetch_offset=offset,
        partition_max_bytes=limits.get("partition_max_bytes", 2**20),
    )
    return FetchRequest(
        replica_id=-1,
        max_wait_ms=limits.get("max_wait_ms", 0),
        min_bytes=limits.get("min_bytes", 1),
        max_bytes=limits.get("max_bytes", 2**20),
        session_id=0,
        session_epoch=-1,
        topics=[FetchRequest.FetchTopic(topic=topic, partitions=[requested])],
        forgotten_topics_data=[],
        rack_id="",
    )


def fetch(wire: Wire, topic: str, offset: int, **limits: int) -> Any:
    """The response for the partition."""
    return wire.ask(fetch_request(topic, offset, **limits), 11).responses[0].partitions[0]


def new_producer_id(wire: Wire) -> int:
    """An id for an idempotent producer."""
    answer = wire.ask(InitProducerIdRequest(transactional_id=None, transaction_timeout_ms=60_000), 1)
    assert answer.error_code == 0
    return int(answer.producer_id)


def join_request(group: str, member_id: str = "", instance_id: str | None = None, metadata: bytes = b"m") -> Any:
    """A request to join a group with one made-up assignor."""
    protocol = JoinGroupRequest.JoinGroupRequestProtocol(name="by-hand", metadata=metadata)
    return JoinGroupRequest(
        group_id=group,
        session_timeout_ms=10_000,
        rebalance_timeout_ms=10_000,
        member_id=member_id,
        group_instance_id=instance_id,
        protocol_type="consumer",
        protocols=[protocol],
    )


def api_versions_request() -> Any:
    """The request with which every client begins."""
    return ApiVersionsRequest(client_software_name="wire", client_software_version="1")
