"""Queries of Kafka other than reading records: the next record where offsets have none, settings, and errors."""

import uuid
from collections.abc import Callable, Iterator

import pytest
from kafka import KafkaProducer
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient

from facts.errors import PartMissingError, SettingError
from facts.union import TOPICS
from streams.log import BY_LOG, QUARANTINE_TOPIC, STAMPING, End, LogClient
from tests.conftest import LogBackend
from tests.support.system import until


@pytest.fixture
def topic(log_backend: LogBackend) -> Iterator[str]:
    """A topic of one partition."""
    name = f"log-{uuid.uuid4().hex}"
    admin = KafkaAdminClient(bootstrap_servers=log_backend.bootstrap)
    admin.create_topics({name: {"num_partitions": 1, "replication_factor": 1}}, wait_for_metadata=True)
    yield name
    admin.delete_topics([name])
    admin.close()


def fill(log_backend: LogBackend, topic: str, **options: str) -> None:
    """Publish two records, in one transaction if a transactional id is given."""
    with KafkaProducer(bootstrap_servers=log_backend.bootstrap, **options) as producer:
        if options:
            producer.init_transactions()
            producer.begin_transaction()
        for _ in range(2):
            producer.send(topic, b"{}").get(30)
        if options:
            producer.commit_transaction()


def test_the_next_record_is_found_and_at_the_end_there_is_none(log_backend: LogBackend, topic: str) -> None:
    fill(log_backend, topic)
    with LogClient(log_backend.bootstrap) as log:
        assert log.reach([(topic, 0)]) == {(topic, 0): (0, 2)}
        assert [log.next_offset(topic, 0, offset) for offset in (0, 1, 2)] == [0, 1, None]


def test_the_log_is_kept_for_good_and_the_quarantine_for_as_long_as_figures_are(
    log_backend: LogBackend,
) -> None:
    """Kafka deletes old entries of the quarantine: after 792 days, as long as figures are kept."""
    with LogClient(log_backend.bootstrap) as log:
        log.ensure_topics()
    admin = KafkaAdminClient(bootstrap_servers=log_backend.bootstrap)
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in (*TOPICS, QUARANTINE_TOPIC)]
    described = admin.describe_configs(resources)["topic"]
    admin.close()
    kept = {name: int(configs["retention.ms"]["value"]) for name, configs in described.items()}
    assert kept.pop(QUARANTINE_TOPIC) == 792 * 24 * 3600 * 1000
    assert set(kept.values()) == {-1}


@pytest.fixture
def producer_stamped(log_backend: LogBackend) -> Iterator[str]:
    """One of our topics as Kafka creates it if a producer starts before the first worker."""
    with LogClient(log_backend.bootstrap) as log:
        log.ensure_topics()
        admin = KafkaAdminClient(bootstrap_servers=log_backend.bootstrap)
        admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, "custody", {STAMPING: "CreateTime"})])
        admin.close()
        until(lambda: log.stamping(["custody"]) == {"custody": "CreateTime"}, 60, "the setting")
        yield "custody"
        log.ensure_topics()


def test_a_topic_stamped_by_producers_is_corrected(
    log_backend: LogBackend, producer_stamped: str, caplog: pytest.LogCaptureFixture
) -> None:
    with LogClient(log_backend.bootstrap) as log:
        log.ensure_topics()
        until(lambda: log.stamping(TOPICS) == dict.fromkeys(TOPICS, BY_LOG), 60, "the setting")
    assert f"topic {producer_stamped}: changed {STAMPING} from CreateTime to LogAppendTime" in caplog.text


def test_a_topic_that_kafka_refuses_to_correct_is_an_error_with_the_remedy(
    log_backend: LogBackend, producer_stamped: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only Kafka's refusal is made up: test brokers allow everybody to change everything."""
    refused = {"topic": {producer_stamped: "[Error 29] TopicAuthorizationFailedError"}}
    with LogClient(log_backend.bootstrap) as log, monkeypatch.context() as forbidden:
        forbidden.setattr(KafkaAdminClient, "alter_configs", lambda *_, **__: refused)
        with pytest.raises(SettingError) as caught:
            log.ensure_topics()
    assert "producers' clocks stamp the records" in caught.value.what
    assert "TopicAuthorizationFailed" in caught.value.what
    assert "--entity-name custody --add-config message.timestamp.type=LogAppendTime" in caught.value.hint


@pytest.mark.parametrize("log_backend", [pytest.param("kafka", marks=pytest.mark.real)], indirect=True)
def test_a_transaction_marker_is_not_a_record_and_nothing_waits_for_it(log_backend: LogBackend, topic: str) -> None:
    """Offsets 0 and 1 hold records and 2 the marker; once it is read, nothing is left to read."""
    fill(log_backend, topic, transactional_id=topic)
    with LogClient(log_backend.bootstrap) as log:
        # The broker writes the marker after it has replied to the commit.
        until(lambda: log.reach([(topic, 0)]) == {(topic, 0): (0, 3)}, 60, "the mark")
        assert [log.next_offset(topic, 0, offset) for offset in (1, 2, 3)] == [1, 2, None]
        assert log.ends([(topic, 0)]) == {(topic, 0): End(3, 3)}


@pytest.mark.parametrize("ask", [lambda log: log.identity("nothing"), lambda log: log.reach([("nothing", 0)])])
def test_a_query_that_kafka_refuses_is_an_error_at_the_end(
    log_backend: LogBackend, ask: Callable[[LogClient], object]
) -> None:
    """Nothing is made up about a topic that does not exist."""
    with pytest.raises(PartMissingError, match="UnknownTopic") as caught, LogClient(log_backend.bootstrap) as log:
        ask(log)
    assert caught.value.where == log_backend.bootstrap
