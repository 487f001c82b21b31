"""The log as other clients write it: any codec, unreadable batches, and transactions that commit, abort or stay open."""

import asyncio
import gzip
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import cramjam
import pytest
from aiokafka import AIOKafkaProducer
from confluent_kafka import Producer
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient
from msgspec.structs import replace

from bluelamp.recount.log import from_log
from facts.batch import UNPACKED_LIMIT_BYTES
from facts.fact import SubjectFact
from facts.partitioning import partition_of
from facts.union import AnyFact
from facts.wire import encode
from producers.publish import PublisherSettings
from streams.log import LogClient
from tests.contract.wire import GZIP, LZ4, Wire, produce
from tests.integration.conftest import EMBEDDED_IN_FAULTS, Parts
from tests.integration.refusals import entries, quarantine
from tests.integration.test_kills import keep_settling
from tests.integration.test_partitions import PARTITIONS, assert_figures_are_those_of, send_heartbeat, week
from tests.support.batches import batch_of, record_of, records_of
from tests.support.command_line import json_of
from tests.support.system import System

pytestmark = pytest.mark.usefixtures("dropped_sockets")
CODECS = ("none", "gzip", "snappy", "lz4", "zstd")
REAL = pytest.mark.parametrize("parts", [pytest.param("real", marks=pytest.mark.real)], indirect=True)
_small = PublisherSettings(batch_facts=20, linger_seconds=0.01)


def command(system: System, *arguments: str, statuses: Sequence[int] = (0,)) -> Any:
    """The JSON output of a command."""
    return json_of(system.environment(), *arguments, statuses=statuses)


def by_codec(system: System, facts: Sequence[SubjectFact], codec: str) -> None:
    """Send facts with librdkafka, in batches compressed with this codec."""
    settings = {"partitioner": "murmur2_random", "compression.type": codec, "linger.ms": 50}
    producer = Producer({"bootstrap.servers": system.settings.kafka, **settings})
    for fact in facts:
        producer.produce("incidents", encode([fact]), key=fact.subject_id)
    assert producer.flush(30) == 0


def send(system: System, facts: Sequence[SubjectFact]) -> None:
    """Send facts with the product's own publisher."""
    with system.publisher(_small) as publisher:
        for fact in facts:
            publisher.publish(cast(AnyFact, fact))


def compress_on_the_broker(system: System, codec: str) -> None:
    """Make the broker compress everything it receives with this codec."""
    admin = KafkaAdminClient(bootstrap_servers=system.settings.kafka)
    resource = ConfigResource(ConfigResourceType.TOPIC, "incidents", configs={"compression.type": codec})
    admin.alter_configs([resource])
    admin.close()


@EMBEDDED_IN_FAULTS
def test_worker_recount_rebuild_and_archive_read_every_codec(
    new_system: Callable[..., System], parts: Parts, tmp_path: Path
) -> None:
    system = new_system()
    facts = week(600)
    assert set(system.ends().values()) == {0}, "the topics must exist and be empty"
    for number, codec in enumerate(CODECS):
        by_codec(system, facts[100 * number : 100 * (number + 1)], codec)
    if parts.name == "real":
        compress_on_the_broker(system, "zstd")
    by_codec(system, facts[500:], "none")
    send_heartbeat(system, facts)
    system.start_workers(1)
    keep_settling(system)
    assert system.count("facts") == len(facts)
    assert_figures_are_those_of(system, facts)

    system.settings = replace(system.settings, archive=str(tmp_path / "archive"))
    command(system, "archive")
    assert command(system, "archive", "--verify")["faults"] == []
    rebuilt = command(system, "rebuild")
    assert (rebuilt["differing_figures"], rebuilt["differing_cells"]) == ([], [])
    assert rebuilt["figures"] > 500


def sacrifice(facts: Sequence[SubjectFact]) -> list[SubjectFact]:
    """Facts that will be lost with their batch: no figure may include them."""
    return [replace(fact, fact_id=f"torn-{number}", subject_id=f"lost-{number}") for number, fact in enumerate(facts)]


def damage(directory: Path, what: bytes) -> None:
    """Flip one byte of a stored, uncompressed batch, as a bad disk would; nothing else changes."""
    (file,) = (path for path in directory.rglob("*.log") if what in path.read_bytes())
    content = bytearray(file.read_bytes())
    assert content.count(what) == 1
    content[content.index(what)] ^= 0xFF
    file.write_bytes(bytes(content))


def unreadable_by(name: str) -> list[bytes]:
    """Batches that this broker accepts and nobody can read."""
    bomb = batch_of(gzip.compress(record_of(0, bytes(UNPACKED_LIMIT_BYTES)), 9), attributes=GZIP)
    payload = records_of(b"%d" % number for number in range(90))
    packing = cramjam.lz4.Compressor(level=1, content_checksum=True, block_linked=False)
    packing.compress(payload)
    packed = bytearray(packing.finish())
    packed[-1] ^= 0xFF
    wrong_checksum = batch_of(bytes(packed), 90, attributes=LZ4)
    # Apache Kafka validates what it receives; the embedded broker does not.
    others = [batch_of(b"no gzip at all", 3, attributes=GZIP), batch_of(b"", 5)] if name == "embedded" else []
    return [bomb, wrong_checksum, *others]


@pytest.mark.faults
def test_an_unreadable_batch_is_quarantined_by_its_offsets_and_the_rest_is_read(
    new_system: Callable[..., System], parts: Parts, tmp_path: Path
) -> None:
    system = new_system()
    facts = week(400)
    assert set(system.ends().values()) == {0}, "the topics must exist and be empty"
    due: dict[tuple[int, int], int] = {}
    send(system, facts[:100])
    for number, batch in enumerate(unreadable_by(parts.name)):
        with Wire(system.settings.kafka) as wire:
            answer = produce(wire, "incidents", batch, partition=number % PARTITIONS)
        assert answer.error_code == 0, answer
        due[number % PARTITIONS, answer.base_offset] = answer.base_offset + int.from_bytes(batch[23:27], "big")
        send(system, facts[100 + 20 * number : 120 + 20 * number])
    send(system, facts[100 + 20 * len(due) : 200])
    lost = sacrifice(facts[:2])
    before = system.ends()
    send(system, lost)
    for fact in lost:
        number = partition_of(fact.subject_id, PARTITIONS)
        due[number, before["incidents", number]] = system.ends()["incidents", number] - 1
    send(system, facts[200:])
    system.start_workers(1)
    parts.broker.stop()
    for fact in lost:
        damage(parts.directory, fact.fact_id.encode())
    parts.broker.start()
    send_heartbeat(system, facts)
    keep_settling(system)

    assert system.count("facts") == len(facts)
    assert system.count("quarantined") == system.count("quarantined_unreadable_batch") == len(due)
    assert_figures_are_those_of(system, facts)
    recorded = entries(quarantine(system)).values()
    assert {(each.partition, each.offset): each.last_offset for each in recorded} == due
    assert {(each.topic, each.reason, each.fact) for each in recorded} == {("incidents", "unreadable_batch", None)}
    left_out = {"unreadable_batch": len(due)}
    assert command(system, "audit", "--window", "24h")["left_out"] == left_out

    system.settings = replace(system.settings, archive=str(tmp_path / "archive"))
    command(system, "archive")
    assert command(system, "archive", "--verify")["faults"] == []
    rebuilt = command(system, "rebuild", "--switch")
    assert (rebuilt["differing_figures"], rebuilt["differing_cells"], rebuilt["current"]) == ([], [], 2)
    assert system.count("quarantined_unreadable_batch") == len(due)
    assert command(system, "audit", "--window", "24h")["left_out"] == left_out


async def in_transactions(system: System, facts: Sequence[SubjectFact], *, is_kept: bool, name: str) -> None:
    """Send facts in transactions of forty, and commit or abort each."""
    producer = AIOKafkaProducer(bootstrap_servers=system.settings.kafka, transactional_id=name)
    await producer.start()
    try:
        for start in range(0, len(facts), 40):
            await producer.begin_transaction()
            await put(producer, facts[start : start + 40])
            await (producer.commit_transaction() if is_kept else producer.abort_transaction())
    finally:
        await producer.stop()


async def put(producer: AIOKafkaProducer, facts: Sequence[SubjectFact]) -> None:
    """Send facts, each with its subject as the key, and wait until the log has them."""
    sent = [await producer.send("incidents", encode([fact]), key=fact.subject_id.encode()) for fact in facts]
    await asyncio.gather(*sent)


def state_of(system: System) -> Any:
    """The result of `bluelamp check` about the state."""
    (found,) = (each for each in command(system, "check", statuses=range(3)) if each["check"] == "state")
    return found


@REAL
@pytest.mark.faults
def test_committed_transactions_count_and_open_ones_are_reported(system: System) -> None:
    facts = week(400)
    assert set(system.ends().values()) == {0}, "the topics must exist and be empty"
    undone = [replace(fact, fact_id=f"undone-{number}") for number, fact in enumerate(facts[:200])]
    asyncio.run(in_transactions(system, facts[:200], is_kept=True, name="kept"))
    asyncio.run(in_transactions(system, undone, is_kept=False, name="undone"))
    send(system, facts[200:300])
    system.start_workers(1)
    send_heartbeat(system, facts[:300])
    keep_settling(system)
    assert system.count("facts") == 300
    assert_figures_are_those_of(system, facts[:300])
    assert state_of(system)["state"] == "good", "a transaction marker is not a backlog"

    asyncio.run(keep_open(system, facts))
    keep_settling(system)
    assert system.count("facts") == len(facts)
    assert_figures_are_those_of(system, facts)


async def keep_open(system: System, facts: Sequence[SubjectFact]) -> None:
    """Nobody reads past an open transaction, and `bluelamp check` reports it; reading continues after the abort."""
    producer = AIOKafkaProducer(bootstrap_servers=system.settings.kafka, transactional_id="open")
    await producer.start()
    try:
        await producer.begin_transaction()
        await put(producer, sacrifice(facts[:40]))
        await asyncio.to_thread(send, system, facts[300:])
        waiting = await asyncio.to_thread(held_back, system)
        assert waiting > 40, "everything from the open transaction on must wait"
        assert system.count("facts") == 300
        found = await asyncio.to_thread(state_of, system)
        assert f"{waiting:,} records cannot be read until an open transaction ends" in found["what"]
        with from_log(system.settings.kafka, [each.force for each in system.rules.values()]) as recount:
            assert (recount.loaded.facts, recount.loaded.held_back) == (300, waiting)
        await producer.abort_transaction()
    finally:
        await producer.stop()


def held_back(system: System) -> int:
    """The number of records of incidents that nobody may read yet."""
    with LogClient(system.settings.kafka) as log:
        ends = log.ends(("incidents", number) for number in range(PARTITIONS))
    return sum(each.held_back for each in ends.values())
