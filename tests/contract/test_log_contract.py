"""What Blue Lamp needs from its log, tested on the embedded broker and on Apache Kafka: topics and records."""

import asyncio
import threading
import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from confluent_kafka import Producer
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import (
    InvalidTopicError,
    MessageSizeTooLargeError,
    OffsetOutOfRangeError,
    TopicAlreadyExistsError,
    UnknownTopicOrPartitionError,
)
from kafka.protocol.consumer import OffsetForLeaderEpochRequest, OffsetSpec

from facts.batch import BatchRecord, read, read_header
from tests.conftest import LogBackend
from tests.contract.waiting import eventually
from tests.contract.wire import GZIP, Wire, fetch, fetch_request, new_producer_id, produce, record_batch

PARTITIONS = 4
TWELVE_MEGABYTES = 12_000_000

# Records from 1970 would be older than any retention.
PRODUCER_TIME = {"message.timestamp.type": "CreateTime", "retention.ms": "-1"}

OUT_OF_RANGE, CORRUPT, UNKNOWN_TOPIC = 1, 2, 3
OUT_OF_ORDER_SEQUENCE, PAST_EPOCH = 45, 47


@pytest.fixture
def admin(log_backend: LogBackend) -> Iterator[KafkaAdminClient]:
    client = KafkaAdminClient(bootstrap_servers=log_backend.bootstrap)
    yield client
    client.close()


@pytest.fixture
def wire(log_backend: LogBackend) -> Iterator[Wire]:
    with Wire(log_backend.bootstrap) as connection:
        yield connection


@pytest.fixture
def topic(admin: KafkaAdminClient) -> str:
    """Four partitions with the broker's time, as the product creates its topics."""
    return create(admin, {"message.timestamp.type": "LogAppendTime"})


def create(admin: KafkaAdminClient, configs: dict[str, str], name: str | None = None, partitions: int = 4) -> str:
    name = name or f"topic-{uuid.uuid4().hex}"
    wanted = {name: {"num_partitions": partitions, "replication_factor": 1, "configs": configs}}
    admin.create_topics(wanted, wait_for_metadata=True)
    # Apache Kafka names a leader before that leader is ready: this waits until it is.
    admin.list_partition_offsets({TopicPartition(name, index): OffsetSpec.LATEST for index in range(partitions)})
    return name


def publish(bootstrap: str, topic: str, values: list[bytes], partitions: int = 1, **options: Any) -> list[Any]:
    """Send values to the partitions in turn, as the product does; returns the acknowledgements."""
    producer = KafkaProducer(bootstrap_servers=bootstrap, enable_idempotence=True, acks="all", **options)
    try:
        sent = [producer.send(topic, value, partition=index % partitions) for index, value in enumerate(values)]
        return [future.get(30) for future in sent]
    finally:
        producer.close()


def consume(bootstrap: str, topic: str, count: int, partition: int = 0, offset: int = 0) -> list[Any]:
    """Read `count` records of one partition from `offset`."""
    consumer = reader(bootstrap)
    try:
        place = TopicPartition(topic, partition)
        consumer.assign([place])
        consumer.seek(place, offset)
        records: list[Any] = []

        def read_on() -> bool:
            records.extend(poll(consumer))
            return len(records) >= count

        eventually(read_on, f"{count} records of {topic} are read")
        return records
    finally:
        consumer.close()


def reader(bootstrap: str) -> KafkaConsumer:
    return KafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False, auto_offset_reset="none")


def poll(consumer: KafkaConsumer) -> list[Any]:
    return [record for records in consumer.poll(timeout_ms=200).values() for record in records]


def topic_id(admin: KafkaAdminClient, topic: str) -> str:
    return str(admin.describe_topics([topic])[0]["topic_id"])


def has(admin: KafkaAdminClient, topic: str) -> bool:
    return topic in admin.list_topics()


# Topics


def test_topic_has_the_partitions_and_configs_it_was_created_with(admin: KafkaAdminClient) -> None:
    topic = create(admin, {"message.timestamp.type": "LogAppendTime", "retention.ms": "123456789"})
    resource = ConfigResource(ConfigResourceType.TOPIC, topic)
    configs = admin.describe_configs([resource])["topic"][topic]
    partitions = admin.describe_topics([topic])[0]["partitions"]
    assert [one["partition_index"] for one in sorted(partitions, key=lambda one: one["partition_index"])] == [
        0,
        1,
        2,
        3,
    ]
    assert configs["message.timestamp.type"]["value"] == "LogAppendTime"
    assert configs["retention.ms"]["value"] == "123456789"


def test_config_of_a_topic_can_be_changed_and_reset(admin: KafkaAdminClient, topic: str) -> None:
    def retention() -> tuple[str, str]:
        resource = ConfigResource(ConfigResourceType.TOPIC, topic, ["retention.ms"])
        config = admin.describe_configs([resource], config_filter="all")["topic"][topic]["retention.ms"]
        return config["value"], config["config_source"]

    admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, {"retention.ms": "-1"})])
    eventually(lambda: retention() == ("-1", "DYNAMIC_TOPIC_CONFIG"), "retention.ms is set")
    admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, {"retention.ms": ("DELETE", None)})])
    eventually(lambda: retention() == ("604800000", "DEFAULT_CONFIG"), "retention.ms is reset")


def test_existing_topic_is_not_created_again(admin: KafkaAdminClient, topic: str) -> None:
    with pytest.raises(TopicAlreadyExistsError):
        create(admin, {}, name=topic)


def test_bad_topic_name_is_refused(admin: KafkaAdminClient) -> None:
    with pytest.raises(InvalidTopicError):
        create(admin, {}, name="no spaces/please")


def test_validating_a_topic_creates_none(admin: KafkaAdminClient) -> None:
    name = f"topic-{uuid.uuid4().hex}"
    admin.create_topics({name: {"num_partitions": 1, "replication_factor": 1}}, validate_only=True)
    assert not has(admin, name)


def test_unknown_topic_is_neither_found_nor_created(admin: KafkaAdminClient, wire: Wire) -> None:
    name = f"topic-{uuid.uuid4().hex}"
    assert produce(wire, name, record_batch(b"lost")).error_code == UNKNOWN_TOPIC
    assert fetch(wire, name, 0).error_code == UNKNOWN_TOPIC
    assert not has(admin, name)


def test_recreated_topic_is_another_topic(log_backend: LogBackend, admin: KafkaAdminClient, topic: str) -> None:
    """Offsets start again at 0, so only the id shows that this is not the topic that was read before."""
    publish(log_backend.bootstrap, topic, [b"before"])
    before = topic_id(admin, topic)
    admin.delete_topics([topic])
    eventually(lambda: not has(admin, topic), "it is deleted")
    create(admin, {}, name=topic)
    assert topic_id(admin, topic) != before
    publish(log_backend.bootstrap, topic, [b"after"])
    assert [record.value for record in consume(log_backend.bootstrap, topic, 1)] == [b"after"]


def test_cluster_id_is_the_same_for_everyone(log_backend: LogBackend, admin: KafkaAdminClient) -> None:
    other = KafkaAdminClient(bootstrap_servers=log_backend.bootstrap)
    assert admin.describe_cluster()["cluster_id"] == other.describe_cluster()["cluster_id"] != ""
    other.close()


# Producing


def test_records_keep_their_partition_and_order(log_backend: LogBackend, topic: str) -> None:
    values = [b"%d" % index for index in range(400)]
    answers = publish(log_backend.bootstrap, topic, values, PARTITIONS)
    assert [answer.offset for answer in answers[1::PARTITIONS]] == list(range(100))
    for partition in range(PARTITIONS):
        records = consume(log_backend.bootstrap, topic, 100, partition)
        assert [record.value for record in records] == values[partition::PARTITIONS]
        assert [record.offset for record in records] == list(range(100))


def test_compressed_records_are_read_unchanged(log_backend: LogBackend, topic: str) -> None:
    values = [b"%d" % index * 50 for index in range(100)]
    publish(log_backend.bootstrap, topic, values, compression_type="gzip", linger_ms=20)
    assert [record.value for record in consume(log_backend.bootstrap, topic, 100)] == values


def test_key_and_headers_are_kept(log_backend: LogBackend, topic: str) -> None:
    producer = KafkaProducer(bootstrap_servers=log_backend.bootstrap)
    producer.send(topic, b"value", key=b"key", headers=[("name", b"content")], partition=0).get(30)
    producer.close()
    [record] = consume(log_backend.bootstrap, topic, 1)
    assert (record.key, record.value, list(record.headers)) == (b"key", b"value", [("name", b"content")])


def test_large_message_if_the_topic_allows_it(log_backend: LogBackend, admin: KafkaAdminClient) -> None:
    topic = create(admin, {"max.message.bytes": str(TWELVE_MEGABYTES + 1_000)}, partitions=1)
    large, limit = bytes(range(256)) * (TWELVE_MEGABYTES // 256), 2 * TWELVE_MEGABYTES

    async def there_and_back() -> list[int]:
        async with AIOKafkaProducer(bootstrap_servers=log_backend.bootstrap, max_request_size=limit) as producer:
            for value in (b"small", large, b"small"):
                await producer.send_and_wait(topic, value)
        async with AIOKafkaConsumer(
            topic, bootstrap_servers=log_backend.bootstrap, auto_offset_reset="earliest"
        ) as consumer:
            return [len((await consumer.getone()).value) for _ in range(3)]

    assert asyncio.run(there_and_back()) == [5, len(large), 5]


def test_too_large_message_is_refused(log_backend: LogBackend, admin: KafkaAdminClient) -> None:
    topic = create(admin, {"max.message.bytes": "10000"}, partitions=1)
    with pytest.raises(MessageSizeTooLargeError):
        publish(log_backend.bootstrap, topic, [b"x" * 20_000])
    assert [answer.offset for answer in publish(log_backend.bootstrap, topic, [b"x"])] == [0]


def test_repeated_batch_is_stored_once(wire: Wire, topic: str) -> None:
    """A producer that did not receive the response sends the same batch again."""
    identity = {"producer_id": new_producer_id(wire), "producer_epoch": 0}
    batches = [record_batch(b"a", b"b", base_sequence=sequence, **identity) for sequence in range(0, 6, 2)]
    first = [produce(wire, topic, batch).base_offset for batch in batches]
    again = [produce(wire, topic, batch) for batch in batches]
    assert first == [0, 2, 4]
    assert [(answer.error_code, answer.base_offset) for answer in again] == [(0, 0), (0, 2), (0, 4)]
    assert produce(wire, topic, record_batch(b"next", base_sequence=6, **identity)).base_offset == 6


def test_missing_batch_is_detected(wire: Wire, topic: str) -> None:
    identity = {"producer_id": new_producer_id(wire), "producer_epoch": 0}
    produce(wire, topic, record_batch(b"first", base_sequence=0, **identity))
    gap = produce(wire, topic, record_batch(b"third", base_sequence=2, **identity))
    assert gap.error_code == OUT_OF_ORDER_SEQUENCE
    assert produce(wire, topic, record_batch(b"second", base_sequence=1, **identity)).base_offset == 1


def test_earlier_instance_of_a_producer_is_refused(wire: Wire, topic: str) -> None:
    producer_id = new_producer_id(wire)
    for epoch in (0, 1):
        batch = record_batch(b"x", producer_id=producer_id, producer_epoch=epoch, base_sequence=0)
        assert produce(wire, topic, batch).error_code == 0
    zombie = record_batch(b"x", producer_id=producer_id, producer_epoch=0, base_sequence=1)
    assert produce(wire, topic, zombie).error_code == PAST_EPOCH


def test_batch_damaged_in_transit_is_refused(wire: Wire, topic: str) -> None:
    damaged = bytearray(record_batch(b"valuable"))
    damaged[-3] ^= 1
    assert produce(wire, topic, bytes(damaged)).error_code == CORRUPT
    assert produce(wire, topic, record_batch(b"valuable")).base_offset == 0


# Time


def test_record_has_the_time_of_the_broker(log_backend: LogBackend, wire: Wire, topic: str) -> None:
    before = int(time.time() * 1000)  # noqa: TID251 - the broker's clock is the machine's
    answer = produce(wire, topic, record_batch(b"x", b"y", at_milliseconds=1_000, codec=GZIP))
    records = consume(log_backend.bootstrap, topic, 2)
    after = int(time.time() * 1000)  # noqa: TID251
    assert before <= answer.log_append_time_ms <= after
    assert {(record.timestamp, record.timestamp_type) for record in records} == {(answer.log_append_time_ms, 1)}


def test_record_has_the_time_of_the_producer_if_the_topic_says_so(
    log_backend: LogBackend, admin: KafkaAdminClient, wire: Wire
) -> None:
    topic = create(admin, PRODUCER_TIME, partitions=1)
    assert produce(wire, topic, record_batch(b"x", b"y", at_milliseconds=1_000)).log_append_time_ms == -1
    records = consume(log_backend.bootstrap, topic, 2)
    assert [(record.timestamp, record.timestamp_type) for record in records] == [(1_000, 0), (1_001, 0)]


def offsets_at(bootstrap: str, topic: str, *times_milliseconds: int) -> list[tuple[int, int] | None]:
    consumer, place = reader(bootstrap), TopicPartition(topic, 0)
    found = [consumer.offsets_for_times({place: at})[place] for at in times_milliseconds]
    consumer.close()
    return [one and (one.offset, one.timestamp) for one in found]


def test_offset_is_found_by_time(log_backend: LogBackend, admin: KafkaAdminClient, wire: Wire) -> None:
    topic = create(admin, PRODUCER_TIME, partitions=1)
    for start in (1_000, 2_000, 3_000):
        produce(wire, topic, record_batch(b"a", b"b", b"c", at_milliseconds=start))
    assert offsets_at(log_backend.bootstrap, topic, 0, 1_001, 1_500, 2_002, 3_002, 3_003) == [
        (0, 1_000),
        (1, 1_001),
        (3, 2_000),
        (5, 2_002),
        (8, 3_002),
        None,
    ]


def test_offset_found_by_time_misses_no_compressed_record(
    log_backend: LogBackend, admin: KafkaAdminClient, wire: Wire
) -> None:
    """The offset may be early by less than a batch, but never late."""
    topic = create(admin, PRODUCER_TIME, partitions=1)
    for start in (1_000, 2_000, 3_000):
        produce(wire, topic, record_batch(b"a", b"b", b"c", at_milliseconds=start, codec=GZIP))
    found = offsets_at(log_backend.bootstrap, topic, 0, 1_001, 1_500, 2_002, 3_002)
    for one, exact in zip(found, (0, 1, 3, 5, 8), strict=True):
        assert one is not None
        assert exact // 3 * 3 <= one[0] <= exact
    assert offsets_at(log_backend.bootstrap, topic, 3_003) == [None]


# Codecs


@pytest.mark.parametrize("codec", ["none", "gzip", "snappy", "lz4", "zstd"])
def test_records_of_any_codec_are_returned_as_sent(log_backend: LogBackend, topic: str, codec: str) -> None:
    """Librdkafka compresses them, and the product decompresses them."""
    sent = [b"%d" % number * 500 for number in range(200)]
    producer = Producer({"bootstrap.servers": log_backend.bootstrap, "compression.type": codec, "linger.ms": 100})
    for value in sent:
        producer.produce(topic, value, partition=1, key=b"k", headers=[("h", b"v")])
    assert producer.flush(30) == 0
    with Wire(log_backend.bootstrap) as wire:
        fetched = bytes(fetch(wire, topic, 0, partition=1).records)
    rows = [each for each in read(fetched, 0) if isinstance(each, BatchRecord)]
    assert [row.value for row in rows] == sent
    assert {(row.key, row.headers, row.timestamp_type) for row in rows} == {(b"k", (("h", b"v"),), 1)}
    assert {read_header(fetched).codec for _ in rows} == {["none", "gzip", "snappy", "lz4", "zstd"].index(codec)}


# Reading


def test_reading_starts_at_the_given_offset(log_backend: LogBackend, topic: str) -> None:
    publish(log_backend.bootstrap, topic, [b"%d" % index for index in range(50)], linger_ms=20)
    records = consume(log_backend.bootstrap, topic, 7, offset=43)
    assert [record.offset for record in records] == list(range(43, 50))


def test_beginning_and_end_are_known(log_backend: LogBackend, topic: str) -> None:
    publish(log_backend.bootstrap, topic, [b"x"] * 10, 2)
    consumer = reader(log_backend.bootstrap)
    places = [TopicPartition(topic, partition) for partition in range(3)]
    ends, beginnings = consumer.end_offsets(places), consumer.beginning_offsets(places)
    consumer.close()
    assert [ends[place] for place in places] == [5, 5, 0]
    assert [beginnings[place] for place in places] == [0, 0, 0]


def test_deleted_records_are_gone(log_backend: LogBackend, admin: KafkaAdminClient, topic: str) -> None:
    publish(log_backend.bootstrap, topic, [b"%d" % index for index in range(20)])
    place = TopicPartition(topic, 0)
    assert admin.delete_records({place: 15})[place]["low_watermark"] == 15
    consumer = reader(log_backend.bootstrap)
    assert (consumer.beginning_offsets([place])[place], consumer.end_offsets([place])[place]) == (15, 20)
    consumer.close()
    assert [record.offset for record in consume(log_backend.bootstrap, topic, 5, offset=15)] == [15, 16, 17, 18, 19]


@pytest.mark.parametrize("offset", [3, 11])
def test_offset_outside_the_log_is_an_error(
    log_backend: LogBackend, admin: KafkaAdminClient, topic: str, offset: int
) -> None:
    """Never a silent reset, neither before the start nor after the end."""
    publish(log_backend.bootstrap, topic, [b"x"] * 10)
    admin.delete_records({TopicPartition(topic, 0): 4})
    with pytest.raises(OffsetOutOfRangeError):
        consume(log_backend.bootstrap, topic, 1, offset=offset)


def test_records_beyond_the_end_cannot_be_deleted(admin: KafkaAdminClient, topic: str) -> None:
    with pytest.raises(OffsetOutOfRangeError):
        admin.delete_records({TopicPartition(topic, 0): 1})


def test_records_of_an_unknown_topic_cannot_be_deleted(admin: KafkaAdminClient) -> None:
    with pytest.raises(UnknownTopicOrPartitionError):
        admin.delete_records({TopicPartition(f"topic-{uuid.uuid4().hex}", 0): 1}, timeout_ms=1_000)


def test_fetch_returns_a_whole_batch_however_small_its_limits(wire: Wire, topic: str) -> None:
    batch = record_batch(b"x" * 10_000)
    produce(wire, topic, batch)
    assert len(fetch(wire, topic, 0, partition_max_bytes=100, max_bytes=100).records) == len(batch)


def test_fetch_keeps_to_its_limit(wire: Wire, topic: str) -> None:
    for _ in range(20):
        produce(wire, topic, record_batch(b"x" * 1_000))
    assert 1_000 < len(fetch(wire, topic, 0, partition_max_bytes=5_000).records) <= 5_000


def test_fetch_waits_for_records(log_backend: LogBackend, wire: Wire, topic: str) -> None:
    request = fetch_request(topic, 0, max_wait_ms=20_000)
    wire.send(request, 11)
    began = time.monotonic()
    with Wire(log_backend.bootstrap) as other:
        produce(other, topic, record_batch(b"news"))
    answer = wire.receive(request, 11).responses[0].partitions[0]
    assert len(answer.records) > 0
    assert time.monotonic() - began < 10


def test_fetch_waits_no_longer_than_max_wait(wire: Wire, topic: str) -> None:
    began = time.monotonic()
    assert not fetch(wire, topic, 0, max_wait_ms=300).records
    assert 0.25 < time.monotonic() - began < 10


def test_fetch_waits_for_min_bytes(wire: Wire, log_backend: LogBackend, topic: str) -> None:
    batch = record_batch(b"x" * 1_000)
    produce(wire, topic, batch)
    request = fetch_request(topic, 0, max_wait_ms=20_000, min_bytes=2 * len(batch))
    wire.send(request, 11)
    with Wire(log_backend.bootstrap) as other:
        produce(other, topic, batch)
    assert len(wire.receive(request, 11).responses[0].partitions[0].records) == 2 * len(batch)


def test_end_of_the_only_epoch_is_the_end_of_the_log(wire: Wire, topic: str) -> None:
    """A consumer requests this after a change of leader, to find out whether the log was truncated."""
    produce(wire, topic, record_batch(b"x", b"y"))
    requested = OffsetForLeaderEpochRequest.OffsetForLeaderTopic.OffsetForLeaderPartition(
        partition=0, current_leader_epoch=-1, leader_epoch=0
    )
    topics = [OffsetForLeaderEpochRequest.OffsetForLeaderTopic(topic=topic, partitions=[requested])]
    answer = wire.ask(OffsetForLeaderEpochRequest(replica_id=-1, topics=topics), 3).topics[0].partitions[0]
    assert (answer.error_code, answer.leader_epoch, answer.end_offset) == (0, 0, 2)


def test_many_producers_at_once_lose_nothing(log_backend: LogBackend, topic: str) -> None:
    def send(name: int) -> None:
        publish(log_backend.bootstrap, topic, [b"%d-%d" % (name, index) for index in range(200)])

    threads = [threading.Thread(target=send, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    values = [record.value for record in consume(log_backend.bootstrap, topic, 800)]
    for name in range(4):
        assert [value for value in values if value.startswith(b"%d-" % name)] == [
            b"%d-%d" % (name, index) for index in range(200)
        ]
