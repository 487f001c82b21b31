"""The recount of a log reads every partition up to its end at the time of opening."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import NewTopic

from bluelamp.recount.log import OpenedLog, from_log
from bluelamp.recount.partitioning import recounted_partition
from facts.errors import IncompleteError, PartMissingError
from facts.union import TOPICS, AnyFact
from facts.wire import encode
from measures.catalogue import find
from tests.embedded.broker_process import BrokerProcess
from tests.real.kafka_server import KafkaServer
from tests.real.parts import missing
from tests.support.facts import at, heartbeat, offered, opened
from tests.support.forces import FORCES

PARTITIONS = 3


@pytest.fixture(scope="module", params=["embedded", pytest.param("kafka", marks=pytest.mark.real)])
def bootstrap(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Kafka of this file's own, because the recount reads every topic of Blue Lamp. The first test finds it empty."""
    reason = missing("kafka") if request.param == "kafka" else None
    if reason:
        pytest.skip(reason)
    directory = tmp_path_factory.mktemp(request.param) / "log"
    broker = KafkaServer(directory) if request.param == "kafka" else BrokerProcess(directory)
    broker.start()
    try:
        yield broker.bootstrap
    finally:
        broker.stop()


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[str]:
    """The embedded broker alone, for tests that do not depend on the broker."""
    broker = BrokerProcess(tmp_path / "log")
    broker.start()
    try:
        yield broker.bootstrap
    finally:
        broker.stop()


def create_topics(bootstrap: str, *names: str) -> None:
    """Create those of the topics that do not exist yet."""
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        if new := {*names} - {*admin.list_topics()}:
            admin.create_topics([NewTopic(name, PARTITIONS, 1) for name in new])
    finally:
        admin.close()


def delete_before(bootstrap: str, topic: str, partition: int, offset: int) -> None:
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        admin.delete_records({TopicPartition(topic, partition): offset})
    finally:
        admin.close()


def publish(bootstrap: str, topic: str, partition: int, *batches: list[AnyFact]) -> None:
    producer = KafkaProducer(bootstrap_servers=bootstrap, acks="all")
    try:
        for batch in batches:
            producer.send(topic, encode(batch), partition=partition).get(30)
    finally:
        producer.close()


def test_every_partition_of_every_topic_is_read_to_its_end(bootstrap: str) -> None:
    create_topics(bootstrap, *TOPICS)
    for partition in range(PARTITIONS):
        subjects = (f"c{number}" for number in range(400) if recounted_partition(f"c{number}", PARTITIONS) == partition)
        contacts = [offered("09:00", subject_id=subject_id) for subject_id in islice(subjects, 40)]
        publish(bootstrap, "contacts", partition, contacts[:1], contacts[1:30], contacts[30:])
    publish(bootstrap, "incidents", recounted_partition("s", PARTITIONS), [opened("09:00", subject_id="s")])
    publish(bootstrap, "incidents", 2, [heartbeat("dispatch", "09:05")])
    with from_log(bootstrap, FORCES) as recount:
        assert (recount.loaded.records, recount.loaded.facts, recount.loaded.heartbeats) == (11, 121, 1)
        assert recount.loaded.missing_before == {}
        for name, count in (("contact_999_offered_count", 120), ("incident_count", 1)):
            (cell,) = recount.answer(find(name), "strict", "2024-12-02/2024-12-03", at("23:00"))
            assert cell.value == count
    with from_log(bootstrap, FORCES, topics=["incidents"]) as recount:
        assert (recount.loaded.records, recount.loaded.facts, recount.loaded.left_beyond) == (2, 1, 0)
        (cell,) = recount.answer(find("incident_count"), "strict", "2024-12-02/2024-12-03", at("23:00"))
        assert cell.value == 1


def test_a_fact_cannot_have_happened_after_the_log_received_it(embedded: str) -> None:
    create_topics(embedded, *TOPICS)
    publish(embedded, "contacts", 0, [offered("2199-01-01 09:00"), offered("09:00")])
    with from_log(embedded, FORCES) as recount:
        assert (recount.loaded.facts, recount.loaded.left_out) == (1, {"implausible_time": 1})


def test_records_written_after_opening_are_not_read(embedded: str) -> None:
    """The recount covers the log up to one moment, so that it can be compared with readings of that moment."""
    create_topics(embedded, *TOPICS)
    publish(embedded, "contacts", 0, [offered("09:00")])
    consumer = KafkaConsumer(bootstrap_servers=embedded, group_id=None, enable_auto_commit=False)
    try:
        log = OpenedLog(consumer)
        publish(embedded, "contacts", 0, [offered("09:01")])
        publish(embedded, "contacts", 1, [offered("09:02")])
        assert [record[:3] for record in log.records()] == [("contacts", 0, 0)]
    finally:
        consumer.close()


def test_missing_topics_are_empty(embedded: str) -> None:
    create_topics(embedded, "contacts")
    publish(embedded, "contacts", 0, [offered("09:00")])
    with from_log(embedded, FORCES) as recount:
        assert recount.loaded.facts == 1


@pytest.mark.parametrize("address", ["127.0.0.1:1", "127.0.0.1:1,127.0.0.1:2", "nowhere", "127.0.0.1:log"])
def test_a_kafka_that_does_not_answer_is_an_error(address: str) -> None:
    with pytest.raises(PartMissingError, match="does not answer"):
        from_log(address, FORCES)


def test_a_log_without_its_beginning_is_reported(embedded: str) -> None:
    """The recount covers the rest, and says where it begins."""
    create_topics(embedded, *TOPICS)
    publish(embedded, "contacts", 1, [offered("09:00", subject_id="c1")], [offered("09:01", subject_id="c2")])
    delete_before(embedded, "contacts", 1, 1)
    with from_log(embedded, FORCES) as recount:
        assert recount.loaded.missing_before == {("contacts", 1): 1}
        assert recount.loaded.facts == 1
    with from_log(embedded, FORCES, topics=["incidents"]) as recount:
        assert recount.loaded.missing_before == {}


def test_deleting_records_while_they_are_read_is_an_error(bootstrap: str) -> None:
    create_topics(bootstrap, *TOPICS)
    publish(bootstrap, "contacts", 1, [offered("09:00", subject_id="c1")], [offered("09:01", subject_id="c2")])
    consumer = KafkaConsumer(
        bootstrap_servers=bootstrap, group_id=None, enable_auto_commit=False, auto_offset_reset="none"
    )
    try:
        log = OpenedLog(consumer)
        delete_before(bootstrap, "contacts", 1, 2)
        with pytest.raises(IncompleteError, match="deleted records"):
            list(log.records())
    finally:
        consumer.close()


def test_a_log_that_ends_too_early_names_the_missing_offsets(embedded: str) -> None:
    create_topics(embedded, "contacts")
    producer = KafkaProducer(bootstrap_servers=embedded)
    producer.send("contacts", encode([offered("09:00")]), partition=0).get(30)
    producer.close()
    until = {("contacts", 0): 3, ("contacts", 1): 0, ("incidents", 0): 2}
    with from_log(embedded, FORCES, until=until) as recount:
        assert recount.loaded.records == 1
        assert recount.loaded.missing_after == {("contacts", 0): (1, 3), ("incidents", 0): (0, 2)}
        assert recount.loaded.left_beyond == 0
