"""The embedded broker with hostile clients: their connection is closed, and everything else continues."""

import random
import socket
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiokafka.record.util import calc_crc32c
from kafka.protocol.consumer import FetchRequest, ListOffsetsRequest
from kafka.protocol.metadata import MetadataRequest
from kafka.protocol.producer import ProduceRequest

from tests.contract.waiting import eventually
from tests.contract.wire import (
    Wire,
    api_versions_request,
    fetch,
    fetch_request,
    join_request,
    produce,
    record_batch,
)
from tests.embedded.broker_process import BrokerProcess
from tests.embedded.broker_requests import LATEST, create_topic, find_offset, read_all, records_of

POLICY_VIOLATION, MESSAGE_TOO_LARGE, GROUP_FULL, INVALID_SESSION = 44, 10, 81, 26
MEMBER_ID_REQUIRED, INVALID_GROUP = 79, 24
LIMITS = {
    "--connections": "40",
    "--request-bytes": "600000",
    "--other-request-bytes": "500000",
    "--message-bytes": "100000",
    "--partitions": "10",
    "--group-members": "3",
    "--fetch-bytes": "3000",
}

Start = Callable[..., BrokerProcess]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a broker with options, and stops it after the test."""
    started: list[BrokerProcess] = []

    def begin(*options: str) -> BrokerProcess:
        started.append(BrokerProcess(tmp_path / f"log-{len(started)}", *options))
        started[-1].start()
        return started[-1]

    yield begin
    for broker in started:
        broker.stop()


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrokerProcess]:
    """One broker for all tests, with small limits and a topic that must stay readable whatever any test did."""
    options = (part for option in LIMITS.items() for part in option)
    process = BrokerProcess(tmp_path_factory.mktemp("hostile") / "log", *options)
    process.start()
    with Wire(process.bootstrap) as wire:
        create_topic(wire, "good", 2)
        produce(wire, "good", record_batch(b"valuable"))
    yield process
    process.stop()


@pytest.fixture(autouse=True)
def _unharmed(broker: BrokerProcess) -> Iterator[None]:
    yield
    with Wire(broker.bootstrap) as wire:
        assert [record.value for record in read_all(wire, "good")] == [b"valuable"]
    assert "Traceback" not in broker.logged()


def framed(content: bytes) -> bytes:
    return struct.pack(">i", len(content)) + content


def encoded(request: Any, version: int) -> bytes:
    request.API_VERSION = version
    request.with_header(1, "hostile")
    return bytes(request.encode(header=True, framed=True))


def is_closed_after(broker: BrokerProcess, content: bytes) -> bool:
    """Whether the broker closes the connection without a response to these bytes."""
    with Wire(broker.bootstrap, timeout_seconds=5.0) as wire:
        wire.send_bytes(content)
        return wire.receive_frame() is None


def complaints(broker: BrokerProcess) -> int:
    return broker.logged().count("WARNING Closed the connection from 127.0.0.1")


NO_REQUESTS = {
    "a web browser": b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a TLS client": bytes.fromhex("16030100f5010000f1030300") + b"\0" * 60,
    "a negative size": struct.pack(">i", -1),
    "a size of nothing": struct.pack(">i", 0) + b"\0" * 8,
    "more than the limit": struct.pack(">i", 600_001) + b"\0" * 8,
    "more than a request that produces nothing may have": struct.pack(">ihhi", 500_001, 3, 12, 1),
    "zeros": framed(b"\0" * 40),
    "an unknown request": framed(struct.pack(">hhi", 999, 0, 1) + b"\0" * 20),
    "a request between brokers": framed(struct.pack(">hhi", 4, 0, 1) + b"\0" * 20),
    "a version of the future": framed(struct.pack(">hhi", 3, 99, 1) + b"\0" * 20),
    "a negative version": framed(struct.pack(">hhi", 3, -1, 1) + b"\0" * 20),
    "a request cut short": framed(encoded(MetadataRequest(topics=[]), 1)[4:-2]),
    "two thousand million topics": framed(struct.pack(">hhih", 3, 1, 1, -1) + struct.pack(">i", 2**31 - 1)),
    "a length that does not end": framed(struct.pack(">hhih", 18, 3, 1, -1) + b"\0" + b"\xff" * 450_000),
    "a topic that is not text": framed(struct.pack(">hhihih", 3, 1, 1, -1, 1, 4) + b"\xff\xfe\xfd\xfc"),
}


@pytest.mark.parametrize("name", NO_REQUESTS)
def test_bytes_that_are_not_a_request_close_the_connection_with_one_log_line(broker: BrokerProcess, name: str) -> None:
    before = complaints(broker)
    with Wire(broker.bootstrap) as other:
        assert is_closed_after(broker, NO_REQUESTS[name])
        assert other.ask(MetadataRequest(topics=[]), 1).brokers
    eventually(lambda: complaints(broker) == before + 1, "one line is logged")


def test_client_that_disconnects_during_a_request_is_not_logged(broker: BrokerProcess) -> None:
    whole, before = encoded(MetadataRequest(topics=[]), 1), complaints(broker)
    for length in range(1, len(whole)):
        with Wire(broker.bootstrap) as wire:
            wire.send_bytes(whole[:length])
    with Wire(broker.bootstrap) as wire:
        assert wire.ask(MetadataRequest(topics=[]), 1).brokers
    assert complaints(broker) == before


def test_refusal_without_a_response_closes_the_connection(broker: BrokerProcess) -> None:
    """A producer with acks=0 cannot learn of it in any other way."""
    one = ProduceRequest.TopicProduceData.PartitionProduceData(index=0, records=b"no batch")
    topics = [ProduceRequest.TopicProduceData(name="good", partition_data=[one])]
    request = ProduceRequest(transactional_id=None, acks=0, timeout_ms=1_000, topic_data=topics)
    assert is_closed_after(broker, encoded(request, 7))


def genuine_requests() -> list[bytes]:
    return [
        encoded(api_versions_request(), 3),
        encoded(MetadataRequest(topics=None), 12),
        encoded(fetch_request("good", 0), 11),
        encoded(join_request("group", "", "instance"), 5),
        encoded(
            ListOffsetsRequest(
                replica_id=-1,
                topics=[
                    ListOffsetsRequest.ListOffsetsTopic(
                        name="good",
                        partitions=[
                            ListOffsetsRequest.ListOffsetsTopic.ListOffsetsPartition(partition_index=0, timestamp=-1)
                        ],
                    )
                ],
            ),
            5,
        ),
        encoded(FetchRequest(max_wait_ms=0, min_bytes=0, topics=[]), 4),
    ]


def damaged(chance: random.Random) -> bytes:
    """A genuine request with some bytes changed, or a genuine start with random bytes after it, or only random bytes."""
    kind = chance.randrange(3)
    if kind == 0:
        changed = bytearray(chance.choice(genuine_requests()))
        for _ in range(chance.randrange(1, 6)):
            changed[chance.randrange(4, len(changed))] = chance.randrange(256)
        return bytes(changed)
    if kind == 1:
        head = struct.pack(">hhih", chance.randrange(64), chance.randrange(13), 1, -1)
        return framed(head + chance.randbytes(chance.randrange(200)))
    return chance.randbytes(chance.randrange(1, 300))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_broker_survives_any_bytes(broker: BrokerProcess, seed: int) -> None:
    chance, before = random.Random(seed), complaints(broker)
    for _ in range(250):
        with socket.create_connection(("127.0.0.1", broker.port), timeout=5) as connection:
            connection.sendall(damaged(chance))
            connection.shutdown(socket.SHUT_WR)
    eventually(lambda: complaints(broker) > before + 60, "much of it is refused")
    assert resident_bytes(broker.pid) < 200_000_000


@pytest.mark.parametrize("seed", [4, 5])
def test_the_log_can_be_opened_again_after_any_batch(broker: BrokerProcess, seed: int) -> None:
    """Even if the checksum was recomputed for the changed batch."""
    chance, accepted = random.Random(seed), 0
    with Wire(broker.bootstrap) as wire:
        begin = find_offset(wire, "good", LATEST, partition=1)
        for _ in range(300):
            batch = bytearray(record_batch(b"a", b"b"))
            for _ in range(chance.randrange(1, 3)):
                batch[chance.randrange(len(batch))] = chance.randrange(256)
            if chance.random() < 0.8:
                struct.pack_into(">I", batch, 17, calc_crc32c(bytes(batch[21:])))
            accepted += produce(wire, "good", bytes(batch), partition=1).error_code == 0
        end = find_offset(wire, "good", LATEST, partition=1)
    assert 50 < accepted < 250
    assert end - begin == 2 * accepted
    broker.kill()
    broker.start()
    with Wire(broker.bootstrap) as wire:
        assert find_offset(wire, "good", LATEST, partition=1) == end
    assert "Truncated an incomplete write" not in broker.logged()


def test_group_that_nobody_joins_is_forgotten(start: Start) -> None:
    """A member id that was requested but never used must not occupy a place for ever."""
    broker = start("--groups", "2")
    with Wire(broker.bootstrap) as wire:
        for group in ("one", "two"):
            request = join_request(group)
            request.session_timeout_ms = 500
            assert wire.ask(request, 5).error_code == MEMBER_ID_REQUIRED
        assert wire.ask(join_request("three"), 5).error_code == INVALID_GROUP
        eventually(lambda: wire.ask(join_request("three"), 5).error_code == MEMBER_ID_REQUIRED, "a place is free")


def resident_bytes(pid: int) -> int:
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) * 1024


# Limits


def test_connections_are_limited(start: Start) -> None:
    broker = start("--connections", "3")
    wires = [Wire(broker.bootstrap) for _ in range(3)]
    for wire in wires:
        assert wire.ask(MetadataRequest(topics=[]), 1).brokers
    with Wire(broker.bootstrap) as one_too_many:
        assert one_too_many.receive_frame() is None
    wires.pop().close()

    def is_served() -> bool:
        with Wire(broker.bootstrap) as wire:
            wire.send_bytes(encoded(MetadataRequest(topics=[]), 1))
            return wire.receive_frame() is not None

    eventually(is_served, "a place is free again")
    for wire in wires:
        wire.close()


def test_idle_connection_is_closed(start: Start) -> None:
    broker = start("--idle-seconds", "0.2")
    with Wire(broker.bootstrap) as wire:
        assert wire.receive_frame() is None


def test_batch_larger_than_the_topic_allows_is_refused(broker: BrokerProcess) -> None:
    with Wire(broker.bootstrap) as wire:
        assert produce(wire, "good", record_batch(b"x" * 100_000)).error_code == MESSAGE_TOO_LARGE


def test_partitions_are_limited(broker: BrokerProcess) -> None:
    with Wire(broker.bootstrap) as wire:
        assert create_topic(wire, "large", 9) == POLICY_VIOLATION
        assert create_topic(wire, "fits", 8) == 0
        assert create_topic(wire, "small", 1) == POLICY_VIOLATION


def test_members_of_a_group_are_limited(broker: BrokerProcess) -> None:
    with Wire(broker.bootstrap) as wire:
        codes = [wire.ask(join_request("crowd"), 5).error_code for _ in range(4)]
    assert codes == [MEMBER_ID_REQUIRED] * 3 + [GROUP_FULL]


def test_session_timeout_is_limited(broker: BrokerProcess) -> None:
    with Wire(broker.bootstrap) as wire:
        request = join_request("group")
        request.session_timeout_ms = 100
        assert wire.ask(request, 5).error_code == INVALID_SESSION


def test_fetch_is_limited(broker: BrokerProcess) -> None:
    with Wire(broker.bootstrap) as wire:
        begin = find_offset(wire, "good", LATEST, partition=1)
        for _ in range(10):
            produce(wire, "good", record_batch(b"x" * 1_000), partition=1)
        answer = fetch(wire, "good", begin, max_bytes=2**30, partition_max_bytes=2**30, partition=1)
    assert 1_000 < len(answer.records) <= 3_000
    assert len(records_of(answer.records)) > 0
