"""The publisher with a stand-in for Kafka: batches, order, and errors when Kafka does not acknowledge."""

import logging
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from kafka.errors import KafkaTimeoutError
from kafka.future import Future

from facts import wire
from facts.contact import ContactAnswered
from facts.errors import PartMissingError
from facts.fact import FactWithdrawn
from facts.feed import FeedHeartbeat
from facts.incident import UnitDispatched
from facts.partitioning import partition_of
from facts.union import AnyFact
from producers.errors import PublishError
from producers.publish import LIVE, Publisher, PublisherSettings
from tests.contract.waiting import eventually
from tests.support.facts import heartbeat

AT = datetime(2024, 12, 1, 9, tzinfo=UTC)
NOW = datetime(2024, 12, 1, 10, tzinfo=UTC)
PATIENT = PublisherSettings(linger_seconds=3600)
PARTITIONS = 4


class _StandIn:
    """Answers like a kafka-python producer, once asked to."""

    def __init__(self, *, responds_at_once: bool = False) -> None:
        self.responds_at_once = responds_at_once
        self.records: list[tuple[str, int, bytes | None, bytes]] = []
        self.headers: list[list[Any]] = []
        self.unanswered: list[Future] = []
        self.is_closed = False

    def partitions_for(self, topic: str) -> set[int]:
        if topic == "custody":
            raise KafkaTimeoutError
        return set(range(PARTITIONS))

    def send(self, topic: str, value: bytes, key: bytes | None, headers: list[Any], *, partition: int) -> Future:
        self.records.append((topic, partition, key, value))
        self.headers.append(headers)
        future = Future()
        if self.responds_at_once:
            return future.success(None)
        self.unanswered.append(future)
        return future

    def answer(self, error: Exception | None = None) -> None:
        """Answer the oldest record."""
        future = self.unanswered.pop(0)
        _ = future.success(None) if error is None else future.failure(error)

    def close(self, timeout: float) -> None:
        assert timeout > 0
        self.is_closed = True

    def sent(self) -> list[tuple[int, AnyFact]]:
        """Each fact sent, with its partition."""
        return [
            (partition, fact)
            for topic, partition, _, value in self.records
            for _, fact in wire.decode(value, "incidents" if topic == "incidents" else "contacts", NOW).facts
        ]


def publisher(stand_in: _StandIn, settings: PublisherSettings = PATIENT) -> Publisher:
    return Publisher(stand_in, settings, where="127.0.0.1:9", now=lambda: NOW, monotonic=time.monotonic)


def dispatched(number: int, subject_id: str = "i-1") -> UnitDispatched:
    return UnitDispatched(fact_id=f"f-{number}", force="strict", at=AT, subject_id=subject_id, unit="E1")


def beat(seq: int = 0) -> FeedHeartbeat:
    return heartbeat("dispatch", AT, fact_id=f"b-{seq}", seq=seq)


def in_thread(work: Callable[[], Any]) -> threading.Thread:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def test_facts_of_a_partition_share_a_batch() -> None:
    kafka = _StandIn(responds_at_once=True)
    facts = [dispatched(number, f"i-{number}") for number in range(40)]
    with publisher(kafka) as log:
        for fact in facts:
            log.publish(fact)
        assert kafka.records == []
        log.flush()
        assert len(kafka.records) == PARTITIONS
    for partition, sent in kafka.sent():
        assert isinstance(sent, UnitDispatched)
        assert partition == partition_of(sent.subject_id, PARTITIONS)
    assert sorted(sent.fact_id for _, sent in kafka.sent()) == sorted(fact.fact_id for fact in facts)
    assert kafka.is_closed


def test_a_batch_of_one_fact_has_its_subject_as_key_and_a_larger_one_has_none() -> None:
    kafka = _StandIn(responds_at_once=True)
    with publisher(kafka) as log:
        log.publish(dispatched(1))
        log.flush()
        log.publish(dispatched(2))
        log.publish(dispatched(3))
    assert [key for _, _, key, _ in kafka.records] == [b"i-1", None]
    assert [value[:1] for _, _, _, value in kafka.records] == [b"{", b"["]


def test_a_batch_is_sent_when_it_is_full() -> None:
    kafka = _StandIn(responds_at_once=True)
    with publisher(kafka, msgspec.structs.replace(PATIENT, batch_facts=10)) as log:
        for number in range(25):
            log.publish(dispatched(number))
        assert len(kafka.records) == 2
    assert [len(msgspec.json.decode(value)) for _, _, _, value in kafka.records] == [10, 10, 5]


def test_the_facts_of_a_subject_go_into_one_record() -> None:
    """Half of a subject must not count: somebody would be in custody who left long ago."""
    kafka, subject = _StandIn(responds_at_once=True), [dispatched(number) for number in range(7)]
    with publisher(kafka, msgspec.structs.replace(PATIENT, batch_facts=10)) as log:
        log.publish_together(subject)
        log.publish_together([msgspec.structs.replace(fact, fact_id=f"{fact.fact_id}-2") for fact in subject])
        log.publish_together([dispatched(100 + number) for number in range(12)])
    assert [len(msgspec.json.decode(value)) for _, _, _, value in kafka.records] == [7, 7, 12]


def test_a_batch_stays_well_below_the_size_limit_of_a_record() -> None:
    kafka = _StandIn(responds_at_once=True)
    with publisher(kafka, msgspec.structs.replace(PATIENT, batch_facts=1_000_000)) as log:
        for number in range(6000):
            log.publish(dispatched(number))
    sizes = [len(value) for _, _, _, value in kafka.records]
    assert len(sizes) > 1
    assert max(sizes) < wire.RECORD_LIMIT_BYTES / 3
    assert len(kafka.sent()) == 6000


def test_a_fact_is_sent_without_another_call() -> None:
    kafka = _StandIn(responds_at_once=True)
    with publisher(kafka, LIVE) as log:
        log.publish(dispatched(1))
        eventually(lambda: kafka.records, "the batch was sent without another call")
        log.publish(dispatched(2))
        eventually(lambda: len(kafka.records) == 2, "the next one too")


def test_a_heartbeat_waits_until_the_facts_before_it_are_acknowledged() -> None:
    kafka = _StandIn()
    log = publisher(kafka)
    log.publish(dispatched(1))
    log.heartbeat(beat(), "incidents")
    assert [type(fact) for _, fact in kafka.sent()] == [UnitDispatched]
    kafka.answer()
    eventually(lambda: len(kafka.records) == 1 + PARTITIONS, "the heartbeat was sent to every partition")
    assert [partition for _, partition, _, _ in kafka.records[1:]] == list(range(PARTITIONS))
    for _ in range(PARTITIONS):
        kafka.answer()
    log.close()


def test_facts_carry_the_name_of_their_mapping_and_heartbeats_no_header() -> None:
    kafka = _StandIn(responds_at_once=True)
    with publisher(kafka, msgspec.structs.replace(PATIENT, mapping="calls", batch_facts=1)) as log:
        log.publish(dispatched(1))
        log.heartbeat(beat(), "incidents")
    assert kafka.headers == [[("bluelamp-mapping", b"calls")], *[[]] * PARTITIONS]


def test_a_heartbeat_does_not_wait_for_later_facts_or_other_topics() -> None:
    kafka = _StandIn()
    log = publisher(kafka, msgspec.structs.replace(PATIENT, batch_facts=1))
    log.publish(ContactAnswered(fact_id="c-1", force="strict", at=AT, subject_id="c-1", queue="triage"))
    log.heartbeat(beat(), "incidents")
    log.publish(dispatched(1))
    sent = [type(fact) for _, fact in kafka.sent()]
    assert sent == [ContactAnswered, *[FeedHeartbeat] * PARTITIONS, UnitDispatched]
    while kafka.unanswered:
        kafka.answer()
    log.close()


def test_queued_heartbeats_are_all_sent() -> None:
    """An acknowledgement that arrives during sending wakes nobody, but the next heartbeat must still be sent."""
    kafka = _StandIn()
    log = publisher(kafka)
    log.publish(dispatched(1))
    for seq in range(5):
        log.heartbeat(beat(seq), "incidents")
    kafka.responds_at_once = True
    kafka.answer()
    log.flush(within_seconds=10)
    beats = [fact.seq for _, fact in kafka.sent() if isinstance(fact, FeedHeartbeat)]
    assert beats == [seq for seq in range(5) for _ in range(PARTITIONS)]
    log.close()


def test_flush_returns_once_everything_before_it_is_acknowledged() -> None:
    kafka = _StandIn()
    log = publisher(kafka)
    log.publish(dispatched(1))
    flushing = in_thread(log.flush)
    eventually(lambda: kafka.unanswered, "the batch was sent")
    log.publish(dispatched(2, "i-2"))
    assert flushing.is_alive()
    kafka.answer()
    flushing.join(10)
    assert not flushing.is_alive()
    kafka.responds_at_once = True
    log.close()


def test_flush_may_have_a_time_limit() -> None:
    log = publisher(_StandIn())
    log.publish(dispatched(1))
    with pytest.raises(PublishError, match=r"1 facts may not have reached the log .*within 0.01 s"):
        log.flush(within_seconds=0.01)
    with pytest.raises(PublishError):
        log.close(within_seconds=0.01)


def test_a_late_failure_is_raised_by_the_next_call_and_by_close() -> None:
    kafka = _StandIn()
    log = publisher(kafka, msgspec.structs.replace(PATIENT, batch_facts=1))
    log.publish(dispatched(1))
    kafka.answer(KafkaTimeoutError("120 s have passed"))
    calls: tuple[Callable[[], None], ...] = (
        lambda: log.publish(dispatched(2)),
        lambda: log.heartbeat(beat(), "incidents"),
        log.flush,
        log.close,
    )
    for call in calls:
        with pytest.raises(PublishError, match="120 s have passed") as caught:
            call()
        assert "127.0.0.1:9" in caught.value.where
        assert "published twice counts once" in caught.value.hint
    assert len(kafka.records) == 1
    assert kafka.is_closed


def test_a_failure_ends_a_waiting_flush() -> None:
    kafka = _StandIn()
    log = publisher(kafka)
    log.publish(dispatched(1))
    raised: list[Exception] = []

    def flush() -> None:
        try:
            log.flush()
        except PublishError as error:
            raised.append(error)

    flushing = in_thread(flush)
    eventually(lambda: kafka.unanswered, "the batch was sent")
    kafka.answer(KafkaTimeoutError())
    flushing.join(10)
    assert len(raised) == 1


def test_a_full_buffer_blocks_the_caller_and_logs_one_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("producers.publish._WARN_AFTER_SECONDS", 0.05)
    caplog.set_level(logging.WARNING, "bluelamp.publisher")
    kafka = _StandIn()
    log = publisher(kafka, PublisherSettings(batch_facts=1, buffer_bytes=500))

    def publish() -> None:
        for number in range(10):
            log.publish(dispatched(number))

    publishing = in_thread(publish)
    eventually(lambda: "acknowledges nothing" in caplog.text, "a warning was logged")
    assert publishing.is_alive()
    assert 0 < len(kafka.records) < 10
    kafka.responds_at_once = True
    while kafka.unanswered:
        kafka.answer()
    publishing.join(10)
    assert not publishing.is_alive()
    log.close()
    warnings = [record.getMessage() for record in caplog.records]
    assert len(warnings) == 2
    assert "acknowledges again" in warnings[1]
    assert len(kafka.sent()) == 10


def test_a_closed_publisher_says_that_it_is_closed() -> None:
    kafka = _StandIn(responds_at_once=True)
    log = publisher(kafka)
    log.close()
    log.close()
    with pytest.raises(PublishError, match="closed"):
        log.publish(dispatched(1))


def test_undelivered_facts_do_not_hide_another_error(caplog: pytest.LogCaptureFixture) -> None:
    kafka = _StandIn()

    def fail() -> None:
        with publisher(kafka) as log:
            log.publish(dispatched(1))
            kafka.responds_at_once = False
            raise KeyError

    monkey = pytest.MonkeyPatch()
    monkey.setattr("producers.publish._CLOSE_SECONDS", 0.01)
    with pytest.raises(KeyError):
        fail()
    monkey.undo()
    assert "1 facts may not have reached the log" in caplog.text


def test_the_error_for_a_missing_topic_says_what_creates_topics() -> None:
    with publisher(_StandIn()) as log, pytest.raises(PartMissingError, match="no topic custody") as caught:
        log.heartbeat(beat(), "custody")
    assert "bluelamp worker" in caught.value.hint
    assert "bluelamp up" in caught.value.hint


def test_a_withdrawal_needs_a_topic() -> None:
    kafka = _StandIn(responds_at_once=True)
    withdrawn = FactWithdrawn(fact_id="w-1", force="strict", at=AT, subject_id="i-1", withdraws="f-1")
    with publisher(kafka) as log:
        with pytest.raises(PublishError, match="topic of its subject"):
            log.publish(withdrawn)
        log.publish(withdrawn, "incidents")
    assert kafka.sent() == [(partition_of("i-1", PARTITIONS), withdrawn)]


def test_a_fact_on_the_wrong_topic_is_refused() -> None:
    with publisher(_StandIn()) as log, pytest.raises(PublishError, match="belongs on the topic incidents"):
        log.publish(dispatched(1), "contacts")


def test_a_heartbeat_is_not_published_as_a_fact() -> None:
    with publisher(_StandIn()) as log, pytest.raises(PublishError, match="Use `heartbeat` to send it"):
        log.publish(beat(), "incidents")


@pytest.mark.parametrize(
    ("fact", "where"),
    [
        (msgspec.structs.replace(dispatched(1), unit="Mrs Miggins"), "$.unit"),
        (msgspec.structs.replace(dispatched(1), at=datetime(2034, 1, 1, tzinfo=UTC)), "$.at"),
        (msgspec.structs.replace(dispatched(1), subject_id="07700900123"), "$.subject_id"),
    ],
)
def test_a_fact_that_workers_would_refuse_is_not_sent(fact: AnyFact, where: str) -> None:
    kafka = _StandIn(responds_at_once=True)
    with publisher(kafka, msgspec.structs.replace(PATIENT, are_facts_checked=True)) as log:
        with pytest.raises(PublishError) as caught:
            log.publish(fact)
        log.publish(dispatched(2))
    assert where in caught.value.where
    assert "Miggins" not in str(caught.value)
    assert [fact.fact_id for _, fact in kafka.sent()] == ["f-2"]
