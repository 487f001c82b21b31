"""The publisher: writes facts to Kafka in batches, and raises an error if Kafka does not acknowledge one."""

import logging
import threading
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from itertools import islice
from types import TracebackType
from typing import Any, Literal, Self, cast

from kafka import KafkaProducer
from kafka.errors import KafkaError
from msgspec import Struct, field

from facts import wire
from facts.errors import PartMissingError
from facts.fact import SubjectFact
from facts.feed import FeedHeartbeat
from facts.partitioning import partition_of
from facts.provenance import header_of
from facts.union import AnyFact, Topic, topic_of
from producers import tracing
from producers.errors import PublishError
from producers.kafka import KafkaAddress, kafka_at
from producers.kafka_probe import check_accepted, no_answer
from producers.tracing import BegunSpan

_logger = logging.getLogger("bluelamp.publisher")

BATCH_BYTES = 256 * 1024
"""The most bytes in a batch: a quarter of the largest record that workers accept."""
_PRODUCER_BATCH_BYTES = 256 * 1024
"""The most bytes that kafka-python collects for one partition while an earlier request is in flight."""
_WARN_AFTER_SECONDS = 2.0
"""If Kafka acknowledges nothing for this long while a caller waits, a warning is logged."""
_CLOSE_SECONDS = 1.0
"""How long closing may take if some facts did not arrive."""
_RECONNECT_SECONDS_MAX = 2.0
_REQUEST_SECONDS = 30.0


class PublisherSettings(Struct, frozen=True, kw_only=True):
    """How facts are published.

    Attributes:
        batch_facts: the most facts in a batch.
        linger_seconds: how long a fact waits for others to join its batch.
        compression: compression of the batches; gzip needs a sixth of the space and nearly twice the CPU time.
        buffer_bytes: how much may wait for Kafka's acknowledgement before `publish` blocks.
        delivery_timeout_seconds: a batch not acknowledged after this long has failed, and publishing ends.
        topic_timeout_seconds: how long to wait for a topic's metadata before the topic counts as missing.
        are_facts_checked: decode each fact as the workers will, and refuse a fact that they would refuse.
        mapping: name of the mapping by which the facts are read from a file; empty if they are not. Each record of facts carries it.
    """

    batch_facts: int = 100
    linger_seconds: float = 0.05
    compression: Literal["none", "gzip"] = "none"
    buffer_bytes: int = 64 * 1024 * 1024
    delivery_timeout_seconds: float = 300.0
    topic_timeout_seconds: float = 10.0
    are_facts_checked: bool = False
    mapping: str = ""


LIVE = PublisherSettings()
"""For a live feed: small batches, sent at once."""
REPLAY = PublisherSettings(are_facts_checked=True)
"""For an extract replayed at a given speed."""
BACKFILL = PublisherSettings(batch_facts=500, linger_seconds=1.0, are_facts_checked=True)
"""For an extract replayed at full speed: large batches."""


def connect(
    kafka: KafkaAddress,
    settings: PublisherSettings = LIVE,
    *,
    now: Callable[[], datetime],
    monotonic: Callable[[], float],
    options: Mapping[str, Any] | None = None,
) -> "Publisher":
    """Connect a publisher to Kafka.

    Args:
        kafka: Kafka's addresses, and how to connect.
        settings: how facts are published.
        now: the wall clock.
        monotonic: a monotonic clock, in seconds.
        options: more options of kafka-python's producer.

    Raises:
        PartMissingError: Kafka does not answer, or refuses this client.
        SettingError: a setting of the connection is wrong.
    """
    target = kafka_at(kafka)
    check_accepted(target)
    try:
        producer = KafkaProducer(
            **target.options(),
            client_id="bluelamp-publisher",
            enable_idempotence=True,
            acks="all",
            compression_type=None if settings.compression == "none" else settings.compression,
            batch_size=_PRODUCER_BATCH_BYTES,
            allow_auto_create_topics=False,
            delivery_timeout_ms=int(settings.delivery_timeout_seconds * 1000),
            request_timeout_ms=int(min(settings.delivery_timeout_seconds, _REQUEST_SECONDS) * 1000),
            max_block_ms=int(settings.topic_timeout_seconds * 1000),
            reconnect_backoff_max_ms=int(_RECONNECT_SECONDS_MAX * 1000),
            **(options or {}),
        )
    except KafkaError as error:
        raise no_answer(target) from error
    # kafka-python 3.0.12 does not pass the option on: without this line, a metadata request may create the topic.
    producer._metadata.config["allow_auto_create_topics"] = False  # noqa: SLF001
    return Publisher(producer, settings, where=str(target), now=now, monotonic=monotonic)


class _Batch(Struct):
    """Facts for one partition, not yet sent."""

    due: float
    facts: list[AnyFact] = field(default_factory=list)
    size_bytes: int = 0


class _InFlight(Struct):
    """A batch, or a heartbeat with one record for each partition, that is not yet acknowledged."""

    facts: int
    size_bytes: int
    records_left: int
    heartbeat: FeedHeartbeat | None = None
    """The heartbeat while it waits for what was published before it; None once sent, and for a batch."""


class Publisher:
    """Publishes facts. Any number of threads may use it.

    After a failure it sends nothing more and every call raises the error, so that later facts do not overtake missing ones.

    Args:
        producer: a kafka-python producer, which the publisher then owns.
        settings: how facts are published.
        where: Kafka's address, for errors.
        now: the wall clock.
        monotonic: a monotonic clock, in seconds.
    """

    def __init__(
        self,
        producer: Any,
        settings: PublisherSettings,
        *,
        where: str,
        now: Callable[[], datetime],
        monotonic: Callable[[], float],
    ) -> None:
        self._producer, self._settings, self._where = producer, settings, where
        self._headers = [header_of(settings.mapping)] if settings.mapping else []
        self._now, self._monotonic = now, monotonic
        self._changed = threading.Condition()
        self._partition_counts: dict[Topic, int] = {}
        self._batches: dict[tuple[Topic, int], _Batch] = {}
        self._in_flight: dict[Topic, dict[int, _InFlight]] = defaultdict(dict)
        self._last_number = 0
        self._waiting_bytes = 0
        self._acknowledged_at = monotonic()
        self._failure: PublishError | None = None
        self._is_closed = False
        self._sender = threading.Thread(target=self._send_due, name="bluelamp-publisher", daemon=True)
        self._sender.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.close()
            return
        # Another error is being raised, and must not be hidden by this one.
        try:
            self.close(within_seconds=_CLOSE_SECONDS)
        except PublishError as unsent:
            _logger.error("%s", unsent)  # noqa: TRY400 - a traceback would add nothing

    # Publishing.

    def publish(self, fact: AnyFact, topic: Topic | None = None) -> None:
        """Add a fact to the batch of its partition, and return before it is sent.

        Args:
            fact: a fact about a subject; use `heartbeat` for heartbeats.
            topic: needed only for a `FactWithdrawn` or an `EndedByHand`, which go to the topic of their subject.

        Raises:
            PublishError: the fact must not be published, or an earlier fact may not have arrived.
            PartMissingError: the topic does not exist.
        """
        self.publish_together((fact,), topic)

    def publish_together(self, facts: Sequence[AnyFact], topic: Topic | None = None) -> None:
        """Like `publish`, for facts about one subject that go into one record, so that they count at the same moment.

        Raises:
            PublishError: as `publish`.
            PartMissingError: as `publish`.
        """
        subject_id, own_topic = _subject_id(facts[0]), _topic(facts[0], topic)
        size_bytes = sum([self._checked_size(fact, own_topic) for fact in facts])
        partition = partition_of(subject_id, self._partition_count(own_topic))
        with self._changed:
            self._check()
            if self._waiting_bytes + size_bytes > self._settings.buffer_bytes:
                self._wait(lambda: self._waiting_bytes + size_bytes <= self._settings.buffer_bytes)
            self._add((own_topic, partition), facts, size_bytes)

    def heartbeat(self, heartbeat: FeedHeartbeat, topic: Topic) -> None:
        """Send a heartbeat to every partition of a topic, after everything published to the topic before it.

        It is sent only once all of that is acknowledged, because it promises that nothing earlier is missing. This call
        does not wait for it.

        Raises:
            PublishError: an earlier fact may not have arrived.
            PartMissingError: the topic does not exist.
        """
        partitions = self._partition_count(topic)
        with self._changed:
            self._check()
            for target in [target for target in self._batches if target[0] == topic]:
                self._send_batch(target)
            size_bytes = partitions * len(wire.encode([heartbeat]))
            self._number(topic, _InFlight(1, size_bytes, partitions, heartbeat))
            self._waiting_bytes += size_bytes
            self._send_heartbeats()

    def flush(self, within_seconds: float | None = None) -> None:
        """Send everything published so far, and wait until the log has it.

        Args:
            within_seconds: the longest to wait; by default until everything has arrived or failed.

        Raises:
            PublishError: some facts may not have arrived.
        """
        with self._changed:
            self._check()
            for target in list(self._batches):
                self._send_batch(target)
            last = self._last_number
            if not self._wait(lambda: self._oldest_number() > last, within_seconds):
                raise self._undelivered(f"Kafka did not acknowledge them within {within_seconds:g} s")

    def close(self, within_seconds: float | None = None) -> None:
        """Flush, then close. Closing twice does nothing.

        Raises:
            PublishError: some facts may not have arrived.
        """
        if self._is_closed:
            return
        try:
            self.flush(within_seconds)
        finally:
            with self._changed:
                self._is_closed = True
                self._changed.notify_all()
            self._sender.join()
            self._close_producer()

    def _close_producer(self) -> None:
        try:
            self._producer.close(timeout=_CLOSE_SECONDS)
        except KafkaError:
            # close() gives up while records are unsent and leaves its thread sending; only this ends the thread.
            self._producer._sender.force_close()  # noqa: SLF001

    # The methods below need the lock, unless their docstring says otherwise.

    def _checked_size(self, fact: AnyFact, topic: Topic) -> int:
        """The size of a fact on the wire, in bytes; called without the lock."""
        record = wire.encode([fact])
        if self._settings.are_facts_checked:
            for refusal in wire.decode(record, topic, self._now()).unreadable:
                what = f"Workers would refuse this {type(fact).__name__}: {refusal.what}"
                raise PublishError(what, where=f"fact {fact.fact_id}, {refusal.where}", hint=refusal.hint)
        return len(record)

    def _partition_count(self, topic: Topic) -> int:
        """The topic's number of partitions when first read, so that a subject keeps its partition; called without the lock."""
        count = self._partition_counts.get(topic)
        if count is None:
            try:
                count = self._partition_counts[topic] = len(self._producer.partitions_for(topic))
            except KafkaError as error:
                hint = (
                    "Start `bluelamp worker` or `bluelamp up`, which create the topics, and check that Kafka answers."
                )
                raise PartMissingError(f"There is no topic {topic}.", where=self._where, hint=hint) from error
        return count

    def _check(self) -> None:
        if self._failure:
            raise self._failure
        if self._is_closed:
            raise PublishError("The publisher is closed.", where=self._where, hint="Open a new one.")

    def _wait(self, is_over: Callable[[], bool], within_seconds: float | None = None) -> bool:
        """Wait for a condition, with one warning if Kafka acknowledges nothing for long; False if the time runs out.

        Raises:
            PublishError: some facts may not have arrived.
        """
        self._check()
        began, has_warned = self._monotonic(), False
        while not is_over():
            now = self._monotonic()
            if within_seconds is not None and now - began >= within_seconds:
                return False
            if not has_warned and now - max(began, self._acknowledged_at) >= _WARN_AFTER_SECONDS:
                has_warned = True
                _logger.warning("Kafka at %s acknowledges nothing; %d bytes wait", self._where, self._waiting_bytes)
            self._changed.wait(min(_WARN_AFTER_SECONDS, within_seconds or _WARN_AFTER_SECONDS))
            self._check()
        if has_warned:
            _logger.warning("Kafka at %s acknowledges again after %.0f s", self._where, self._monotonic() - began)
        return True

    def _add(self, target: tuple[Topic, int], facts: Sequence[AnyFact], size_bytes: int) -> None:
        batch, most = self._batches.get(target), self._settings.batch_facts
        if batch and (batch.size_bytes + size_bytes > BATCH_BYTES or len(batch.facts) + len(facts) > most):
            self._send_batch(target)
            batch = None
        if batch is None:
            batch = self._batches[target] = _Batch(self._monotonic() + self._settings.linger_seconds)
            self._changed.notify_all()
        batch.facts.extend(facts)
        batch.size_bytes += size_bytes
        self._waiting_bytes += size_bytes
        if len(batch.facts) >= self._settings.batch_facts:
            self._send_batch(target)

    def _send_batch(self, target: tuple[Topic, int]) -> None:
        batch, (topic, partition) = self._batches.pop(target), target
        number = self._number(topic, _InFlight(len(batch.facts), batch.size_bytes, 1))
        key = _subject_id(batch.facts[0]).encode() if len(batch.facts) == 1 else None
        traced = tracing.begin("publish", {"topic": topic, "partition": partition, "facts": len(batch.facts)})
        headers = [*self._headers, (tracing.HEADER, traced.header.encode())] if traced else self._headers
        self._send(topic, partition, number, key, wire.encode(batch.facts), headers, traced)

    def _send_heartbeats(self) -> None:
        """Send each heartbeat that no longer has anything before it.

        A heartbeat has no header, not even that of the mapping: readers take many such records in one step.
        """
        while ready := [topic for topic, in_flight in self._in_flight.items() if _is_heartbeat_next(in_flight)]:
            for topic in ready:
                number, oldest = next(iter(self._in_flight[topic].items()))
                heartbeat, oldest.heartbeat = oldest.heartbeat, None
                for partition in range(self._partition_counts[topic]):
                    self._send(topic, partition, number, None, wire.encode([cast(FeedHeartbeat, heartbeat)]), [])

    def _number(self, topic: Topic, in_flight: _InFlight) -> int:
        self._last_number += 1
        self._in_flight[topic][self._last_number] = in_flight
        return self._last_number

    def _oldest_number(self) -> float:
        numbers = (next(iter(in_flight)) for in_flight in self._in_flight.values() if in_flight)
        return min(numbers, default=float("inf"))

    def _send(
        self,
        topic: Topic,
        partition: int,
        number: int,
        key: bytes | None,
        value: bytes,
        headers: list[tuple[str, bytes]],
        traced: BegunSpan | None = None,
    ) -> None:
        if self._failure:
            return
        try:
            future = self._producer.send(topic, value, key, headers, partition=partition)
        except (KafkaError, ValueError) as error:
            self._fail(error)
            return
        if traced:
            future.add_callback(lambda _: traced.end())
        future.add_callback(partial(self._acknowledged, topic, number))
        future.add_errback(self._failed)

    def _send_due(self) -> None:
        """Run the sender thread, which sends batches that have waited long enough even if the caller does nothing more.

        It waits only if nothing is ready: an acknowledgement that arrives before it waits would not wake it.
        """
        with self._changed:
            while not self._is_closed:
                now = self._monotonic()
                for target in [target for target, batch in self._batches.items() if batch.due <= now]:
                    self._send_batch(target)
                self._send_heartbeats()
                due = min((batch.due for batch in self._batches.values()), default=None)
                self._changed.wait(None if due is None else max(0.0, due - now))

    # kafka-python calls these from its own thread, without the lock.

    def _acknowledged(self, topic: Topic, number: int, _metadata: object) -> None:
        with self._changed:
            in_flight = self._in_flight[topic][number]
            in_flight.records_left -= 1
            self._acknowledged_at = self._monotonic()
            if in_flight.records_left == 0:
                del self._in_flight[topic][number]
                self._waiting_bytes -= in_flight.size_bytes
                self._changed.notify_all()

    def _failed(self, error: Exception) -> None:
        with self._changed:
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        self._failure = self._failure or self._undelivered(f"{type(error).__name__}: {error}")
        self._changed.notify_all()

    def _undelivered(self, why: str) -> PublishError:
        sent = sum(each.facts for in_flight in self._in_flight.values() for each in in_flight.values())
        unsent = sum(len(batch.facts) for batch in self._batches.values())
        return PublishError(
            f"{sent + unsent:,} facts may not have reached the log ({why}).",
            where=f"Kafka at {self._where}",
            hint="Repair Kafka, then publish them again from the source: a fact published twice counts once.",
        )


def _is_heartbeat_next(in_flight: Mapping[int, _InFlight]) -> bool:
    """Whether the oldest entry of a topic is a heartbeat that still waits."""
    return any(each.heartbeat is not None for _, each in islice(in_flight.items(), 1))


def _subject_id(fact: AnyFact) -> str:
    if isinstance(fact, SubjectFact):
        return fact.subject_id
    raise PublishError(
        f"A {type(fact).__name__} has no subject.", where=f"fact {fact.fact_id}", hint="Use `heartbeat` to send it."
    )


def _topic(fact: AnyFact, topic: Topic | None) -> Topic:
    own = topic_of(type(fact))
    chosen = topic or own
    if chosen is None or (own and own != chosen):
        what = f"A {type(fact).__name__} belongs on the topic {own or 'of its subject'}."
        raise PublishError(what, where=f"fact {fact.fact_id}, topic {topic}", hint="Name that topic.")
    return chosen
