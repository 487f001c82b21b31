"""Starting and stopping the embedded broker: its output, its errors, and its cost when idle."""

import asyncio
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import KafkaException, Producer
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import KafkaError
from kafka.protocol.admin import DeleteTopicsRequest

from bluelamp.embedded.broker import LIMITS, Broker, BrokerSettings, StartError
from tests.contract.wire import Wire, produce, record_batch
from tests.embedded.broker_process import BrokerProcess
from tests.embedded.broker_requests import create_topic, read_all
from tests.embedded.in_process import running_broker


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[BrokerProcess]:
    process = BrokerProcess(tmp_path / "log")
    process.start()
    yield process
    process.stop()


def refusal(broker: Broker) -> str:
    async def start() -> None:
        try:
            await broker.start()
        finally:
            await broker.stop()

    with pytest.raises(StartError) as refused:
        asyncio.run(start())
    return str(refused.value)


def test_it_prints_its_limits(broker: BrokerProcess) -> None:
    assert LIMITS in broker.logged()


def test_it_stops_cleanly_and_starts_again(broker: BrokerProcess) -> None:
    with Wire(broker.bootstrap) as wire:
        create_topic(wire, "kept")
        produce(wire, "kept", record_batch(b"x"))
        assert broker.stop() == 0
        assert wire.receive_frame() is None
    broker.start()
    with Wire(broker.bootstrap) as wire:
        assert [record.value for record in read_all(wire, "kept")] == [b"x"]
    assert "ERROR" not in broker.logged()


def test_it_does_not_outlive_its_parent(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "bluelamp.embedded.broker", "--directory", str(tmp_path / "log")]
    with subprocess.Popen(
        [*command, "--until-input-ends"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline().startswith(b"ready 127.0.0.1:")
        process.stdin.close()
        assert process.wait(20) == 0


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::"])  # noqa: S104 - refused, which is the point
def test_it_listens_only_on_loopback(tmp_path: Path, host: str) -> None:
    assert "will not listen on" in refusal(Broker(tmp_path / "log", host=host))


def test_directory_is_used_by_one_broker_only(tmp_path: Path) -> None:
    with running_broker(tmp_path / "log"):
        assert "Another broker is using" in refusal(Broker(tmp_path / "log"))


def test_port_in_use_is_named(tmp_path: Path) -> None:
    with running_broker(tmp_path / "one") as broker:
        port = int(broker.bootstrap.rpartition(":")[2])
        assert f"port {port}" in refusal(Broker(tmp_path / "other", port=port))


def test_unusable_directory_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert "Give the broker a directory" in refusal(Broker(tmp_path / "file" / "log"))


@pytest.mark.parametrize("content", [b"{", b'{"format": 99}'])
def test_unreadable_catalogue_is_never_replaced(tmp_path: Path, content: bytes) -> None:
    with running_broker(tmp_path):
        pass
    (tmp_path / "catalog.json").write_bytes(content)
    assert "catalog.json" in refusal(Broker(tmp_path))


def test_lost_files_are_named(tmp_path: Path) -> None:
    with running_broker(tmp_path) as broker, Wire(broker.bootstrap) as wire:
        create_topic(wire, "kept", 2)
    [logs] = (tmp_path / "logs").iterdir()
    for path in (logs / "1").iterdir():
        path.unlink()
    (logs / "1").rmdir()
    assert f"{logs} has lost its partitions 1" in refusal(Broker(tmp_path))
    (tmp_path / "catalog.json").unlink()
    assert "catalog.json is missing" in refusal(Broker(tmp_path))


def test_logs_of_unknown_topics_are_named_and_kept(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The catalogue may be an old backup, and the logs are worth more."""
    with running_broker(tmp_path) as broker, Wire(broker.bootstrap) as wire:
        before = (tmp_path / "catalog.json").read_bytes()
        create_topic(wire, "later")
    [logs] = (tmp_path / "logs").iterdir()
    (tmp_path / "catalog.json").write_bytes(before)
    with running_broker(tmp_path):
        assert f"{logs} belongs to no topic" in caplog.text
    assert logs.exists()


def test_deleted_topic_leaves_no_files(tmp_path: Path) -> None:
    with running_broker(tmp_path) as broker, Wire(broker.bootstrap) as wire:
        create_topic(wire, "gone")
        produce(wire, "gone", record_batch(b"x"))
        answer = wire.ask(DeleteTopicsRequest(topic_names=["gone"], timeout_ms=1_000), 3)
        assert answer.responses[0].error_code == 0
        assert list((tmp_path / "logs").iterdir()) == []


def test_clock_is_an_argument(tmp_path: Path) -> None:
    with running_broker(tmp_path, clock=lambda: 915_148_800_000) as broker, Wire(broker.bootstrap) as wire:
        create_topic(wire, "old", message_timestamp_type="LogAppendTime")
        assert produce(wire, "old", record_batch(b"x")).log_append_time_ms == 915_148_800_000
        assert read_all(wire, "old")[0].timestamp == 915_148_800_000


def test_unknown_topic_is_created_if_the_settings_say_so(tmp_path: Path) -> None:
    settings = BrokerSettings(auto_create_topics=True, default_partitions=3)
    with running_broker(tmp_path, settings) as broker:
        consumer = KafkaConsumer("wanted", bootstrap_servers=broker.bootstrap, allow_auto_create_topics=True)
        consumer.poll(timeout_ms=200)
        assert consumer.partitions_for_topic("wanted") == {0, 1, 2}
        consumer.close()


def test_transactions_are_refused_at_once_and_the_reason_is_logged(broker: BrokerProcess) -> None:
    began = time.monotonic()
    with (
        KafkaProducer(bootstrap_servers=broker.bootstrap, transactional_id="python") as one,
        pytest.raises(KafkaError, match="TransactionalIdAuthorizationFailed"),
    ):
        one.init_transactions()
    other = Producer({"bootstrap.servers": broker.bootstrap, "transactional.id": "librdkafka"})
    with pytest.raises(KafkaException) as caught:
        other.init_transactions(30)
    assert caught.value.args[0].fatal()
    del other, caught  # it would keep calling a broker that is gone
    assert time.monotonic() - began < 10
    for name in ("python", "librdkafka"):
        assert re.search(f"Refused the producer {name} of .*: transactions are not supported", broker.logged())


def test_a_topic_that_requires_the_broker_to_compress_is_refused(broker: BrokerProcess) -> None:
    invalid_config = 40
    with Wire(broker.bootstrap) as wire:
        assert create_topic(wire, "as-sent", compression_type="producer") == 0
        assert create_topic(wire, "packed", compression_type="zstd") == invalid_config


def test_waiting_consumers_cost_almost_nothing(broker: BrokerProcess) -> None:
    with Wire(broker.bootstrap) as wire:
        create_topic(wire, "quiet", 4)
    consumer = KafkaConsumer(bootstrap_servers=broker.bootstrap, fetch_max_wait_ms=500)
    consumer.assign([TopicPartition("quiet", index) for index in range(4)])
    consumer.poll(timeout_ms=200)
    before = cpu_seconds(broker.pid)
    consumer.poll(timeout_ms=2_000)
    spent = cpu_seconds(broker.pid) - before
    consumer.close()
    assert spent < 0.1


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
