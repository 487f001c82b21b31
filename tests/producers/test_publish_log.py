"""The publisher with a real log: every fact is there once, in order, on the partition of its subject."""

import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import cast

import msgspec
import pytest
from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition

from facts import wire
from facts.errors import PartMissingError
from facts.fact import FactWithdrawn
from facts.feed import FeedHeartbeat
from facts.partitioning import partition_of
from facts.union import AnyFact, Topic
from producers.errors import PublishError
from producers.extract import read_extract
from producers.packaged import packaged_mapping, packaged_sample
from producers.publish import BACKFILL, LIVE, Publisher, PublisherSettings, connect
from producers.replay import play
from tests.conftest import LogBackend
from tests.contract.waiting import eventually
from tests.embedded.broker_process import BrokerProcess
from tests.producers.extracts import NOW
from tests.real.kafka_server import KafkaServer
from tests.real.parts import missing
from tests.support.facts import heartbeat

PARTITIONS = 4
AT = datetime(2024, 12, 1, 9, tzinfo=UTC)


def opened(bootstrap: str, settings: PublisherSettings = LIVE) -> Publisher:
    return connect(bootstrap, settings, now=lambda: NOW, monotonic=time.monotonic)


def make_topic(bootstrap: str, name: str) -> Topic:
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        topics = {name: {"num_partitions": PARTITIONS, "replication_factor": 1}}
        admin.create_topics(topics, wait_for_metadata=True)
    finally:
        admin.close()
    return cast(Topic, name)


def read_back(bootstrap: str, topic: str) -> dict[int, list[tuple[bytes | None, list[AnyFact]]]]:
    """The records of each partition: key and facts."""
    consumer = KafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest", enable_auto_commit=False)
    places = [TopicPartition(topic, number) for number in range(PARTITIONS)]
    try:
        consumer.assign(places)
        ends = consumer.end_offsets(places)
        records: dict[int, list[tuple[bytes | None, list[AnyFact]]]] = {number: [] for number in range(PARTITIONS)}
        while any(consumer.position(place) < ends[place] for place in places):
            for place, batch in consumer.poll(timeout_ms=1000).items():
                records[place.partition] += [(record.key, facts_of(record.value)) for record in batch]
    finally:
        consumer.close()
    return records


def facts_of(value: bytes) -> list[AnyFact]:
    batch = wire.decode(value, "incidents", NOW)
    assert batch.unreadable == []
    return [fact for _, fact in batch.facts]


def flat(records: dict[int, list[tuple[bytes | None, list[AnyFact]]]]) -> list[AnyFact]:
    return [fact for partition in records.values() for _, facts in partition for fact in facts]


def withdrawn(number: int, subject_id: str) -> FactWithdrawn:
    """A withdrawal: any topic may carry it, so each test can have its own topic."""
    return FactWithdrawn(fact_id=f"w-{number}", force="strict", at=AT, subject_id=subject_id, withdraws=f"f-{number}")


def beat(seq: int) -> FeedHeartbeat:
    return heartbeat("dispatch", AT + timedelta(seconds=seq), fact_id=f"b-{seq}", at=AT, seq=seq)


@pytest.fixture
def topic(log_backend: LogBackend) -> Topic:
    return make_topic(log_backend.bootstrap, f"incidents-{uuid.uuid4().hex}")


Broker = BrokerProcess | KafkaServer


@pytest.fixture
def own_broker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Broker]:
    """A broker for one test, which may kill it: the embedded broker, or Kafka if the parameter says "kafka"."""
    is_kafka = getattr(request, "param", "embedded") == "kafka"
    reason = missing("kafka") if is_kafka else None
    if reason:
        pytest.skip(reason)
    broker = KafkaServer(tmp_path / "log") if is_kafka else BrokerProcess(tmp_path / "log")
    broker.start()
    try:
        yield broker
    finally:
        broker.stop()


@pytest.mark.parametrize("compression", ["none", "gzip"])
def test_every_fact_is_in_the_log_once_and_in_order_for_its_subject(
    log_backend: LogBackend, topic: Topic, compression: str
) -> None:
    settings = msgspec.convert({"compression": compression, "batch_facts": 7}, PublisherSettings)
    facts = [withdrawn(number, f"i-{number % 50}") for number in range(2000)]
    with opened(log_backend.bootstrap, settings) as log:
        for fact in facts:
            log.publish(fact, topic)
    records = read_back(log_backend.bootstrap, topic)
    for partition, batches in records.items():
        stored = [each for _, batch in batches for each in batch]
        assert stored == [fact for fact in facts if partition_of(fact.subject_id, PARTITIONS) == partition]
        for key, batch in batches:
            assert key == (batch[0].subject_id.encode() if len(batch) == 1 else None)  # type: ignore[union-attr]
    assert len(flat(records)) == len(facts)


def test_each_heartbeat_follows_the_earlier_facts_on_every_partition(log_backend: LogBackend, topic: Topic) -> None:
    facts = [withdrawn(number, f"i-{number}") for number in range(400)]
    with opened(log_backend.bootstrap, BACKFILL) as log:
        for number, fact in enumerate(facts):
            log.publish(fact, topic)
            if number % 40 == 39:
                log.heartbeat(beat(number), topic)
    for batches in read_back(log_backend.bootstrap, topic).values():
        stored = [fact for _, batch in batches for fact in batch]
        assert [fact.seq for fact in stored if isinstance(fact, FeedHeartbeat)] == list(range(39, 400, 40))
        reached = -1
        for each in stored:
            if isinstance(each, FeedHeartbeat):
                reached = each.seq
            else:
                assert int(each.fact_id.removeprefix("w-")) > reached


def test_a_live_fact_arrives_without_another_call(log_backend: LogBackend, topic: Topic) -> None:
    with opened(log_backend.bootstrap) as log:
        log.publish(withdrawn(1, "i-1"), topic)
        eventually(lambda: flat(read_back(log_backend.bootstrap, topic)), "the fact is in the log")


def test_a_missing_topic_is_an_error_and_is_not_created(log_backend: LogBackend) -> None:
    name = cast(Topic, f"incidents-{uuid.uuid4().hex}")
    settings = PublisherSettings(topic_timeout_seconds=0.5)
    with (
        opened(log_backend.bootstrap, settings) as log,
        pytest.raises(PartMissingError, match="There is no topic") as caught,
    ):
        log.publish(withdrawn(1, "i-1"), name)
    assert caught.value.where == log_backend.bootstrap
    admin = KafkaAdminClient(bootstrap_servers=log_backend.bootstrap)
    try:
        assert name not in admin.list_topics()
    finally:
        admin.close()


def test_a_topic_is_not_created_even_if_the_broker_creates_topics_on_request(tmp_path: Path) -> None:
    """A topic created by accident would keep the wrong number of partitions."""
    broker = BrokerProcess(tmp_path / "log", "--auto-create-topics")
    broker.start()
    try:
        with (
            opened(broker.bootstrap, PublisherSettings(topic_timeout_seconds=0.5)) as log,
            pytest.raises(PartMissingError, match="There is no topic"),
        ):
            log.heartbeat(beat(1), "incidents")
    finally:
        broker.stop()


@pytest.mark.usefixtures("dropped_sockets")
def test_an_unreachable_kafka_is_an_error(unused_port: int) -> None:
    with pytest.raises(PartMissingError, match="Kafka does not answer") as caught:
        connect(
            f"127.0.0.1:{unused_port}",
            now=lambda: NOW,
            monotonic=time.monotonic,
            options={"bootstrap_timeout_ms": 500},
        )
    assert str(unused_port) in caught.value.where


@pytest.fixture
def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_the_whole_sample_is_published(own_broker: Broker) -> None:
    make_topic(own_broker.bootstrap, "incidents")
    name = "san_francisco_fire"
    extract = read_extract(packaged_sample(name), packaged_mapping(name), now=NOW)
    with opened(own_broker.bootstrap, BACKFILL) as log:
        played = play(extract, log, speed="max", monotonic=time.monotonic, wait=threading.Event().wait)
    stored = flat(read_back(own_broker.bootstrap, "incidents"))
    facts = [fact for fact in stored if not isinstance(fact, FeedHeartbeat)]
    assert played.is_whole
    assert (len(facts), len(stored) - len(facts)) == (len(extract.facts), PARTITIONS * played.heartbeats)
    assert {fact.fact_id: fact for fact in facts} == {fact.fact_id: fact for fact in extract.facts}


def kill_between(broker: Broker, publish_next: Callable[[], None], times: int) -> None:
    """Publish while the broker is killed and restarted."""
    stopped = threading.Event()

    def publish() -> None:
        while not stopped.is_set():
            publish_next()

    publishing = threading.Thread(target=publish)
    publishing.start()
    try:
        for _ in range(times):
            broker.kill()
            broker.start()
            size_bytes = log_bytes(broker)
            eventually(partial(is_larger, broker, size_bytes), "the broker accepts records again")
    finally:
        stopped.set()
        publishing.join()


def log_bytes(broker: Broker) -> int:
    """The size of the topic's files."""
    return sum(path.stat().st_size for path in broker.directory.rglob("*.log") if "incidents" in str(path))


def is_larger(broker: Broker, size_bytes: int) -> bool:
    return log_bytes(broker) > size_bytes


@pytest.mark.usefixtures("dropped_sockets")
@pytest.mark.parametrize(
    "own_broker", ["embedded", pytest.param("kafka", marks=[pytest.mark.real, pytest.mark.faults])], indirect=True
)
def test_killing_the_broker_loses_and_duplicates_no_fact(own_broker: Broker) -> None:
    topic = make_topic(own_broker.bootstrap, "incidents")
    published: list[FactWithdrawn] = []
    with opened(own_broker.bootstrap, PublisherSettings(batch_facts=10, buffer_bytes=200_000)) as log:

        def publish_next() -> None:
            fact = withdrawn(len(published), f"i-{len(published) % 97}")
            log.publish(fact, topic)
            published.append(fact)
            if len(published) % 1000 == 0:
                log.heartbeat(beat(len(published)), topic)

        kill_between(own_broker, publish_next, 3)
    stored = flat(read_back(own_broker.bootstrap, topic))
    facts = [fact for fact in stored if isinstance(fact, FactWithdrawn)]
    assert len(facts) == len(published) > 1000
    assert {fact.fact_id for fact in facts} == {fact.fact_id for fact in published}


@pytest.mark.usefixtures("dropped_sockets")
def test_a_lasting_broker_failure_is_an_error_and_ends_the_publisher(own_broker: Broker) -> None:
    topic = make_topic(own_broker.bootstrap, "incidents")
    threads_before = threading.active_count()
    log = opened(own_broker.bootstrap, PublisherSettings(delivery_timeout_seconds=1.0))
    log.publish(withdrawn(1, "i-1"), topic)
    log.flush()
    own_broker.kill()
    log.publish(withdrawn(2, "i-2"), topic)
    log.heartbeat(beat(1), topic)
    with pytest.raises(PublishError, match="2 facts may not have reached the log"):
        log.flush()
    with pytest.raises(PublishError):
        log.publish(withdrawn(3, "i-3"), topic)
    with pytest.raises(PublishError):
        log.close()
    eventually(lambda: threading.active_count() <= threads_before, "the publisher's threads ended")


@pytest.mark.usefixtures("dropped_sockets")
def test_closing_without_a_broker_ends_the_publisher_and_reports_the_missing_facts(own_broker: Broker) -> None:
    topic = make_topic(own_broker.bootstrap, "incidents")
    threads_before = threading.active_count()
    log = opened(own_broker.bootstrap)
    log.publish(withdrawn(1, "i-1"), topic)
    log.flush()
    own_broker.kill()
    log.publish(withdrawn(2, "i-2"), topic)
    with pytest.raises(PublishError, match="1 facts may not have reached the log"):
        log.close(within_seconds=0.1)
    eventually(lambda: threading.active_count() <= threads_before, "the publisher's threads ended")
