"""The one publisher: facts to Kafka in parcels, each acknowledged by the log or told as an error, none lost silently."""

import logging
import threading
from collections import defaultdict
from collections.abc import Callable, Mapping
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
from facts.union import AnyFact, Topic, topic_of
from producers.errors import PublishError

_logger = logging.getLogger("bluelamp.publisher")

BATCH_BYTES = 256 * 1024
"""The most bytes in a parcel: a quarter of what the log's readers take."""
_BATCH_BYTES = 256 * 1024
"""What kafka-python puts together for one partition while an earlier batch is under way."""
_SAID_AFTER_SECONDS = 2.0
"""A Kafka that acknowledges nothing for so long, while somebody waits for it, is told in the log."""
_CLOSE_SECONDS = 1.0
"""What is left to a publisher that closes although something did not arrive."""
_RECONNECT_SECONDS_MAX = 2.0
_REQUEST_SECONDS = 30.0


class PublisherSettings(Struct, frozen=True, kw_only=True):
    """How facts are published.

    Attributes:
        parcel_facts: the most facts in a parcel.
        linger_seconds: how long a fact waits for others to share its parcel.
        compression: of what is sent; gzip takes a sixth of the room and nearly twice the processor's time.
        buffer_bytes: how much may wait for Kafka's acknowledgement before the caller is held back.
        delivery_timeout_seconds: what is not acknowledged after so long did not arrive, and publishing ends.
        topic_timeout_seconds: how long Kafka is asked for a topic before it counts as missing.
        are_facts_checked: read each fact back as the log's readers will, and refuse what they would.
    """

    batch_facts: int = 100
    linger_seconds: float = 0.05
    compression: Literal["none", "gzip"] = "none"
    buffer_bytes: int = 64 * 1024 * 1024
    delivery_timeout_seconds: float = 300.0
    topic_timeout_seconds: float = 10.0
    are_facts_checked: bool = False


LIVE = PublisherSettings()
"""For a feed: small parcels, at once."""
REPLAY = PublisherSettings(are_facts_checked=True)
"""For an extract played at a speed."""
BACKFILL = PublisherSettings(batch_facts=500, linger_seconds=1.0, are_facts_checked=True)
"""For an extract played at once: large parcels."""


def connect(
    bootstrap: str,
    settings: PublisherSettings = LIVE,
    *,
    now: Callable[[], datetime],
    monotonic: Callable[[], float],
    options: Mapping[str, Any] | None = None,
) -> "Publisher":
    """A publisher to the Kafka at an address.

    Args:
        bootstrap: addresses, `host:port` separated by commas.
        settings: how facts are published.
        now: the wall clock.
        monotonic: a monotonic clock, in seconds.
        options: of the connection, in kafka-python's words: `security_protocol`, `ssl_cafile` and the like.

    Raises:
        PartMissingError: nothing answers there.
    """
    try:
        producer = KafkaProducer(
            bootstrap_servers=bootstrap.split(","),
            client_id="bluelamp-publisher",
            enable_idempotence=True,
            acks="all",
            compression_type=None if settings.compression == "none" else settings.compression,
            batch_size=_BATCH_BYTES,
            allow_auto_create_topics=False,
            delivery_timeout_ms=int(settings.delivery_timeout_seconds * 1000),
            request_timeout_ms=int(min(settings.delivery_timeout_seconds, _REQUEST_SECONDS) * 1000),
            max_block_ms=int(settings.topic_timeout_seconds * 1000),
            reconnect_backoff_max_ms=int(_RECONNECT_SECONDS_MAX * 1000),
            **(options or {}),
        )
    except KafkaError as error:
        hint = "Start Kafka, or set BLUELAMP_KAFKA to its address; `bluelamp up` starts everything itself."
        raise PartMissingError("Kafka does not answer.", where=bootstrap, hint=hint) from error
    # kafka-python 3.0.12 does not pass the option on: without this line, asking for a topic may create it.
    producer._metadata.config["allow_auto_create_topics"] = False  # noqa: SLF001
    return Publisher(producer, settings, where=bootstrap, now=now, monotonic=monotonic)


class _Parcel(Struct):
    """Facts for one partition, not yet sent."""

    due: float
    facts: list[AnyFact] = field(default_factory=list)
    size_bytes: int = 0


class _Sending(Struct):
    """A parcel, or a heartbeat in as many records as there are partitions, that is not yet acknowledged."""

    facts: int
    size_bytes: int
    records_left: int
    heartbeat: FeedHeartbeat | None = None
    """Not None while a heartbeat still waits for what was published before it."""


class Publisher:
    """Publishes facts; for use by any number of threads.

    After a failure nothing more is sent, and every call says so: what follows must not overtake what is missing.

    Args:
        producer: a kafka-python producer, which it then owns.
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
        self._now, self._monotonic = now, monotonic
        self._changed = threading.Condition()
        self._partition_counts: dict[Topic, int] = {}
        self._parcels: dict[tuple[Topic, int], _Parcel] = {}
        self._sendings: dict[Topic, dict[int, _Sending]] = defaultdict(dict)
        self._last_number = 0
        self._waiting_bytes = 0
        self._acknowledged_at = monotonic()
        self._failure: PublishError | None = None
        self._is_closed = False
        self._courier = threading.Thread(target=self._carry, name="bluelamp-publisher", daemon=True)
        self._courier.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.close()
            return
        # Another error is on its way to the person: this one may not hide it.
        try:
            self.close(within_seconds=_CLOSE_SECONDS)
        except PublishError as unsent:
            _logger.error("%s", unsent)  # noqa: TRY400 - the sentence says it all

    # Publishing.

    def publish(self, fact: AnyFact, topic: Topic | None = None) -> None:
        """Put a fact into the parcel of its partition; returns before it is sent.

        Args:
            fact: about a subject; a heartbeat goes by `heartbeat`.
            topic: only needed for a `FactWithdrawn`, which travels on the topic of its subject.

        Raises:
            PublishError: the fact may not be published, or something published before did not arrive.
            PartMissingError: the topic does not exist.
        """
        subject_id, place = _subject_id(fact), _topic(fact, topic)
        size_bytes = self._checked_size(fact, place)
        partition = partition_of(subject_id, self._partition_count(place))
        with self._changed:
            self._check()
            if self._waiting_bytes + size_bytes > self._settings.buffer_bytes:
                self._wait(lambda: self._waiting_bytes + size_bytes <= self._settings.buffer_bytes)
            self._gather(place, partition, fact, size_bytes)

    def heartbeat(self, heartbeat: FeedHeartbeat, topic: Topic) -> None:
        """Put a heartbeat on every partition of a topic, after everything that was published to the topic before.

        It is sent when all of that is acknowledged, not before: a heartbeat promises that nothing is still to come.
        This call does not wait for it.

        Raises:
            PublishError: something published before did not arrive.
            PartMissingError: the topic does not exist.
        """
        partitions = self._partition_count(topic)
        with self._changed:
            self._check()
            for place in [place for place in self._parcels if place[0] == topic]:
                self._send_parcel(place)
            size_bytes = partitions * len(wire.encode([heartbeat]))
            self._number(topic, _Sending(1, size_bytes, partitions, heartbeat))
            self._waiting_bytes += size_bytes
            self._send_heartbeats()

    def flush(self, within_seconds: float | None = None) -> None:
        """Send everything published so far, and wait until the log has it.

        Args:
            within_seconds: the longest to wait; by default until what is sent has arrived or failed.

        Raises:
            PublishError: something did not arrive.
        """
        with self._changed:
            self._check()
            for place in list(self._parcels):
                self._send_parcel(place)
            last = self._last_number
            if not self._wait(lambda: self._oldest_number() > last, within_seconds):
                raise self._undelivered(f"Kafka did not acknowledge it within {within_seconds:g} s")

    def close(self, within_seconds: float | None = None) -> None:
        """Flush, then end; closing twice does nothing.

        Raises:
            PublishError: something published did not arrive.
        """
        if self._is_closed:
            return
        try:
            self.flush(within_seconds)
        finally:
            with self._changed:
                self._is_closed = True
                self._changed.notify_all()
            self._courier.join()
            self._close_producer()

    def _close_producer(self) -> None:
        try:
            self._producer.close(timeout=_CLOSE_SECONDS)
        except KafkaError:
            # It gives up closing when something is still unsent, and would go on sending: only this ends its thread.
            self._producer._sender.force_close()  # noqa: SLF001

    # What follows is called with the lock held, unless it says otherwise.

    def _checked_size(self, fact: AnyFact, topic: Topic) -> int:
        """The size of a fact on the wire; called without the lock."""
        record = wire.encode([fact])
        if self._settings.are_facts_checked:
            for refusal in wire.decode(record, topic, self._now()).unreadable:
                what = f"The log's readers would refuse this {type(fact).__name__}: {refusal.what}"
                raise PublishError(what, where=f"fact {fact.fact_id}, {refusal.where}", hint=refusal.hint)
        return len(record)

    def _partition_count(self, topic: Topic) -> int:
        """As Kafka says at first, and then no other: a subject keeps its partition; called without the lock."""
        count = self._partition_counts.get(topic)
        if count is None:
            try:
                count = self._partition_counts[topic] = len(self._producer.partitions_for(topic))
            except KafkaError as error:
                hint = "Start `bluelamp worker` or `bluelamp up`: they create the topics. Or check that Kafka answers."
                raise PartMissingError(f"There is no topic {topic}.", where=self._where, hint=hint) from error
        return count

    def _check(self) -> None:
        if self._failure:
            raise self._failure
        if self._is_closed:
            raise PublishError("The publisher is closed.", where=self._where, hint="Open another one.")

    def _wait(self, is_over: Callable[[], bool], within_seconds: float | None = None) -> bool:
        """Wait for a condition, saying so once if Kafka acknowledges nothing for long; False when time is up.

        Raises:
            PublishError: something did not arrive.
        """
        self._check()
        began, is_said = self._monotonic(), False
        while not is_over():
            now = self._monotonic()
            if within_seconds is not None and now - began >= within_seconds:
                return False
            if not is_said and now - max(began, self._acknowledged_at) >= _SAID_AFTER_SECONDS:
                is_said = True
                _logger.warning("Kafka at %s acknowledges nothing; %d bytes wait", self._where, self._waiting_bytes)
            self._changed.wait(min(_SAID_AFTER_SECONDS, within_seconds or _SAID_AFTER_SECONDS))
            self._check()
        if is_said:
            _logger.warning("Kafka at %s goes on after %.0f s", self._where, self._monotonic() - began)
        return True

    def _gather(self, topic: Topic, partition: int, fact: AnyFact, size_bytes: int) -> None:
        place = (topic, partition)
        parcel = self._parcels.get(place)
        if parcel and parcel.size_bytes + size_bytes > BATCH_BYTES:
            self._send_parcel(place)
            parcel = None
        if parcel is None:
            parcel = self._parcels[place] = _Parcel(self._monotonic() + self._settings.linger_seconds)
            self._changed.notify_all()
        parcel.facts.append(fact)
        parcel.size_bytes += size_bytes
        self._waiting_bytes += size_bytes
        if len(parcel.facts) >= self._settings.batch_facts:
            self._send_parcel(place)

    def _send_parcel(self, place: tuple[Topic, int]) -> None:
        parcel, (topic, partition) = self._parcels.pop(place), place
        number = self._number(topic, _Sending(len(parcel.facts), parcel.size_bytes, 1))
        key = _subject_id(parcel.facts[0]).encode() if len(parcel.facts) == 1 else None
        self._send(topic, partition, number, key, wire.encode(parcel.facts))

    def _send_heartbeats(self) -> None:
        """Send each heartbeat that has nothing before it any longer."""
        while ready := [topic for topic, sendings in self._sendings.items() if _has_turn(sendings)]:
            for topic in ready:
                number, sending = next(iter(self._sendings[topic].items()))
                heartbeat, sending.heartbeat = sending.heartbeat, None
                for partition in range(self._partition_counts[topic]):
                    self._send(topic, partition, number, None, wire.encode([cast(FeedHeartbeat, heartbeat)]))

    def _number(self, topic: Topic, sending: _Sending) -> int:
        self._last_number += 1
        self._sendings[topic][self._last_number] = sending
        return self._last_number

    def _oldest_number(self) -> float:
        return min((next(iter(sendings)) for sendings in self._sendings.values() if sendings), default=float("inf"))

    def _send(self, topic: Topic, partition: int, number: int, key: bytes | None, value: bytes) -> None:
        if self._failure:
            return
        try:
            future = self._producer.send(topic, value, key, partition=partition)
        except (KafkaError, ValueError) as error:
            self._fail(error)
            return
        future.add_callback(partial(self._arrived, topic, number))
        future.add_errback(self._lost)

    def _carry(self) -> None:
        """What the courier does: send what has waited long enough. Its own thread, for callers that fall silent.

        It waits only when nothing is ready: what it sends may be acknowledged before it waits, and wakes nobody then.
        """
        with self._changed:
            while not self._is_closed:
                now = self._monotonic()
                for place in [place for place, parcel in self._parcels.items() if parcel.due <= now]:
                    self._send_parcel(place)
                self._send_heartbeats()
                due = min((parcel.due for parcel in self._parcels.values()), default=None)
                self._changed.wait(None if due is None else max(0.0, due - now))

    # What kafka-python calls, from a thread of its own, without the lock.

    def _arrived(self, topic: Topic, number: int, _metadata: object) -> None:
        with self._changed:
            sending = self._sendings[topic][number]
            sending.records_left -= 1
            self._acknowledged_at = self._monotonic()
            if sending.records_left == 0:
                del self._sendings[topic][number]
                self._waiting_bytes -= sending.size_bytes
                self._changed.notify_all()

    def _lost(self, error: Exception) -> None:
        with self._changed:
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        self._failure = self._failure or self._undelivered(f"{type(error).__name__}: {error}")
        self._changed.notify_all()

    def _undelivered(self, why: str) -> PublishError:
        sent = sum(sending.facts for sendings in self._sendings.values() for sending in sendings.values())
        unsent = sum(len(parcel.facts) for parcel in self._parcels.values())
        return PublishError(
            f"{sent + unsent:,} facts may not have reached the log ({why}).",
            where=f"Kafka at {self._where}",
            hint="Mend Kafka, then send them again from the source: a fact that is told twice counts once.",
        )


def _has_turn(sendings: Mapping[int, _Sending]) -> bool:
    """Whether the oldest sending of a topic is a heartbeat that still waits."""
    return any(sending.heartbeat is not None for _, sending in islice(sendings.items(), 1))


def _subject_id(fact: AnyFact) -> str:
    if isinstance(fact, SubjectFact):
        return fact.subject_id
    raise PublishError(
        f"A {type(fact).__name__} is about no subject.", where=f"fact {fact.fact_id}", hint="Send it as a heartbeat."
    )


def _topic(fact: AnyFact, topic: Topic | None) -> Topic:
    own = topic_of(type(fact))
    place = topic or own
    if place is None or (own and own != place):
        what = f"A {type(fact).__name__} travels on the topic {own or 'of its subject'}."
        raise PublishError(what, where=f"fact {fact.fact_id}, topic {topic}", hint="Name that topic.")
    return place
