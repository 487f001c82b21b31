"""The embedded broker after kill -9: no acknowledged record is lost, repeated or reordered."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import CommitFailedError
from aiokafka.structs import OffsetAndMetadata

from tests.contract.waiting import eventually
from tests.contract.wire import Wire, produce, record_batch
from tests.embedded.broker_process import BrokerProcess
from tests.embedded.broker_requests import EARLIEST, create_topic, find_offset, read_all

PARTITIONS = 4
KILLS = 4
BROKER_TIME = {"message_timestamp_type": "LogAppendTime"}


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[BrokerProcess]:
    """A broker with small segments, so that every kill leaves several."""
    process = BrokerProcess(tmp_path / "log", "--segment-bytes", "20000", "--retention-check-seconds", "0.05")
    process.start()
    yield process
    process.stop()


def lines(path: Path) -> list[tuple[int, ...]]:
    """The complete lines of numbers in a file that is being written."""
    written = path.read_text() if path.exists() else ""
    return [tuple(int(part) for part in line.split()) for line in written.splitlines(keepends=True) if line[-1] == "\n"]


def test_every_acknowledged_record_survives_kills(broker: BrokerProcess, tmp_path: Path) -> None:
    with Wire(broker.bootstrap) as wire:
        create_topic(wire, "kept", PARTITIONS, **BROKER_TIME)
    output = tmp_path / "acknowledged"
    script = Path(__file__).with_name("steady_producer.py")
    command = [sys.executable, str(script), broker.bootstrap, "kept", str(PARTITIONS), str(output)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as producer:
        try:
            for kill in range(1, KILLS + 1):
                eventually(lambda kill=kill: len(lines(output)) > 300 * kill, "records are acknowledged")  # type: ignore[misc]
                broker.kill()
                broker.start()
        finally:
            producer.terminate()
        assert producer.wait(60) == 0
    acknowledged = sorted(lines(output))
    assert [number for number, _, _ in acknowledged] == list(range(len(acknowledged)))
    with Wire(broker.bootstrap) as wire:
        for partition in range(PARTITIONS):
            stored = {record.offset: int(record.value) for record in read_all(wire, "kept", partition)}
            assert stored == {offset: number for number, where, offset in acknowledged if where == partition}
            assert list(stored.values()) == sorted(stored.values())


def test_ids_configs_and_committed_offsets_survive_a_kill(broker: BrokerProcess) -> None:
    place = TopicPartition("kept", 1)
    with Wire(broker.bootstrap) as wire:
        create_topic(wire, "kept", 2, retention_ms="-1", **BROKER_TIME)
        produce(wire, "kept", record_batch(b"x"))
    before = (broker.directory / "catalog.json").read_bytes()

    async def commit() -> None:
        async with consumer_of(broker) as consumer:
            consumer.assign([place])
            for offset in (3, 4, 5):
                await consumer.commit({place: OffsetAndMetadata(offset, "why")})

    async def committed() -> int | None:
        async with consumer_of(broker) as consumer:
            offset: int | None = await consumer.committed(place)
            return offset

    asyncio.run(commit())
    broker.kill()
    with (broker.directory / "committed-offsets").open("ab") as file:
        file.write(b'[["readers", "kept", 1], [9')  # a commit that was never finished
    broker.start()
    assert not (broker.directory / "committed-offsets").read_bytes().endswith(b"[9")
    assert asyncio.run(committed()) == 5
    with Wire(broker.bootstrap) as wire:
        assert [record.value for record in read_all(wire, "kept")] == [b"x"]
    assert (broker.directory / "catalog.json").read_bytes() == before
    assert "Truncated an incomplete write of 27 bytes" in broker.logged()


def test_retention_is_applied_while_running_and_kept_after_a_kill(broker: BrokerProcess) -> None:
    with Wire(broker.bootstrap) as wire:
        create_topic(wire, "short", 1, retention_bytes="50000", **BROKER_TIME)
        for index in range(200):
            produce(wire, "short", record_batch(b"%04d" % index * 200))
        start = eventually(lambda: find_offset(wire, "short", EARLIEST), "the start has moved")
        assert start < 200
    broker.kill()
    broker.start()
    with Wire(broker.bootstrap) as wire:
        records = read_all(wire, "short")
        assert records[0].offset >= start
        assert [record.value for record in records] == [b"%04d" % one.offset * 200 for one in records]
        assert records[-1].offset == 199


def test_group_continues_after_the_broker_was_killed(broker: BrokerProcess) -> None:
    """The broker keeps members only in memory: a commit fails until the member has joined again."""
    with Wire(broker.bootstrap) as wire:
        create_topic(wire, "kept", 1, **BROKER_TIME)
        produce(wire, "kept", record_batch(b"before"))

    async def read_over_a_kill() -> list[bytes]:
        async with consumer_of(broker, "kept") as consumer:
            seen = [(await consumer.getone()).value]
            await consumer.commit()
            broker.kill()
            broker.start()
            with Wire(broker.bootstrap) as wire:
                produce(wire, "kept", record_batch(b"after"))
            seen.append((await consumer.getone()).value)
            while await consumer.committed(TopicPartition("kept", 0)) != 2:
                try:
                    await consumer.commit()
                except CommitFailedError:
                    await asyncio.sleep(0.05)
            return seen

    assert asyncio.run(asyncio.wait_for(read_over_a_kill(), 60)) == [b"before", b"after"]


def consumer_of(broker: BrokerProcess, *topics: str) -> AIOKafkaConsumer:
    return AIOKafkaConsumer(
        *topics,
        bootstrap_servers=broker.bootstrap,
        group_id="readers",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        session_timeout_ms=2_000,
        heartbeat_interval_ms=200,
    )
