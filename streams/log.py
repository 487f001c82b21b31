"""What is asked of Kafka beside reading it: topics, identities, and how far the log reaches."""

from collections.abc import Iterable
from datetime import timedelta
from types import TracebackType
from typing import Any, NamedTuple, Self
from uuid import UUID

from kafka import TopicPartition
from kafka.admin import KafkaAdminClient, OffsetSpec
from kafka.errors import KafkaError, TopicAlreadyExistsError, for_code
from kafka.protocol.consumer import IsolationLevel

from facts.errors import PartMissingError
from facts.union import TOPICS
from measures.window import DAYS_KEPT
from streams.fetching import committed_consumer
from streams.settings import PARTITIONS
from streams.store import Identity

QUARANTINE_TOPIC = "quarantine"
_FOREVER = -1
_QUARANTINED_MILLISECONDS = DAYS_KEPT // timedelta(milliseconds=1)
"""Kafka itself sweeps what nobody can put right any more; the refused record stays in the log it came by."""
_START = "Start Kafka, or set BLUELAMP_KAFKA to its address; `bluelamp up` starts everything itself."
_POLLS = 10


class End(NamedTuple):
    """Where a partition ends.

    Attributes:
        readable: the offset up to which it may be read: up to the first record of a transaction that is still open.
        written: the offset after its last record.
    """

    readable: int
    written: int

    @property
    def held_back(self) -> int:
        """How many records nobody may read yet, because a transaction among or before them is still open."""
        return self.written - self.readable


class Log:
    """The log, asked from outside the stream of it; blocking, for a thread of its own.

    Args:
        bootstrap: addresses of Kafka, `host:port` separated by commas.

    Raises:
        PartMissingError: nothing answers there, or, at the end of its `with`, something asked of it was not answered.
    """

    def __init__(self, bootstrap: str) -> None:
        self.bootstrap = bootstrap
        try:
            self._admin = KafkaAdminClient(bootstrap_servers=bootstrap.split(","), client_id="bluelamp-log")
        except KafkaError as error:
            raise PartMissingError("Kafka does not answer.", where=bootstrap, hint=_START) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
        if isinstance(error, KafkaError):
            raise PartMissingError(f"Kafka does not answer ({error!r}).", where=self.bootstrap, hint=_START) from error

    def close(self) -> None:
        """Close its connections."""
        self._admin.close()

    def topics(self) -> set[str]:
        """The topics there are."""
        return set(self._admin.list_topics())

    def ensure_topics(self, partitions: int = PARTITIONS) -> dict[str, int]:
        """Create the topics that are missing; answer with the number of partitions of each.

        The broker stamps records with its own clock, so that no producer's clock decides what is in the future.
        """
        missing = {*TOPICS, QUARANTINE_TOPIC} - self.topics()
        for topic in missing:
            if topic == QUARANTINE_TOPIC:
                self._create(topic, 1, _QUARANTINED_MILLISECONDS)
            else:
                self._create(topic, partitions, _FOREVER)
        return {topic: len(self._described(topic)["partitions"]) for topic in TOPICS}

    def _create(self, topic: str, partitions: int, retention_milliseconds: int) -> None:
        configs = {"message.timestamp.type": "LogAppendTime", "retention.ms": str(retention_milliseconds)}
        wanted = {topic: {"num_partitions": partitions, "replication_factor": -1, "configs": configs}}
        try:
            self._admin.create_topics(wanted, wait_for_metadata=True)
        except TopicAlreadyExistsError:
            self._admin.wait_for_topics([topic])

    def _described(self, topic: str) -> dict[str, Any]:
        described: dict[str, Any] = self._admin.describe_topics([topic])[0]
        if described["error_code"]:
            raise for_code(described["error_code"])(topic)
        return described

    def identity(self, topic: str) -> Identity:
        """Which cluster and topic this is; a topic made anew has another id."""
        described = self._described(topic)
        cluster = str(self._admin.describe_cluster()["cluster_id"])
        return Identity(cluster, str(UUID(str(described["topic_id"]))), len(described["partitions"]))

    def reach(self, partitions: Iterable[tuple[str, int]]) -> dict[tuple[str, int], tuple[int, int]]:
        """The first offset still held, and the one after the last that may be read, of each partition.

        What lies behind a transaction that is still open may not be read: see `ends`.
        """
        wanted = list(partitions)
        first, ends = self._offsets(wanted, OffsetSpec.EARLIEST), self.ends(wanted)
        return {place: (first[place], ends[place].readable) for place in wanted}

    def ends(self, partitions: Iterable[tuple[str, int]]) -> dict[tuple[str, int], End]:
        """Where each partition ends."""
        wanted = list(partitions)
        # In this order: what is written between the two looks is not held back.
        written = self._offsets(wanted, OffsetSpec.LATEST)
        readable = self._offsets(wanted, OffsetSpec.LATEST, IsolationLevel.READ_COMMITTED)
        return {place: End(readable[place], max(readable[place], written[place])) for place in wanted}

    def _offsets(
        self,
        partitions: list[tuple[str, int]],
        spec: OffsetSpec,
        isolation: IsolationLevel = IsolationLevel.READ_UNCOMMITTED,
    ) -> dict[tuple[str, int], int]:
        if not partitions:
            return {}
        wanted = {TopicPartition(*place): spec for place in partitions}
        found = self._admin.list_partition_offsets(wanted, isolation)
        return {(each.topic, each.partition): found[each].offset for each in wanted}

    def next_offset(self, topic: str, partition: int, offset: int) -> int | None:
        """The first offset at or after one at which there is anything; compaction leaves gaps."""
        consumer = committed_consumer(self.bootstrap)
        try:
            place = TopicPartition(topic, partition)
            consumer.assign([place])
            consumer.seek(place, offset)
            end = consumer.end_offsets([place])[place]
            for _ in range(_POLLS):
                records = consumer.poll(timeout_ms=1000, max_records=1).get(place)
                if records or consumer.position(place) >= end:
                    break
            return int(records[0].offset) if records else None
        finally:
            consumer.close()
