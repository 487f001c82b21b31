"""What is asked of Kafka beside reading it: topics, identities, and how far the log reaches."""

from collections.abc import Iterable
from datetime import timedelta
from types import TracebackType
from typing import Any, Self
from uuid import UUID

from kafka import KafkaConsumer, TopicPartition
from kafka.admin import KafkaAdminClient, OffsetSpec
from kafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from facts.errors import PartMissingError
from facts.union import TOPICS
from measures.window import DAYS_KEPT
from streams.settings import PARTITIONS
from streams.store import Identity

QUARANTINE_TOPIC = "quarantine"
_FOREVER = -1
_QUARANTINED_MILLISECONDS = DAYS_KEPT // timedelta(milliseconds=1)
"""Kafka itself sweeps what nobody can put right any more; the refused record stays in the log it came by."""
_START = "Start Kafka, or set BLUELAMP_KAFKA to its address; `bluelamp up` starts everything itself."
_POLLS = 10


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
        """The first offset still held, and the one after the last, of each partition."""
        wanted = [TopicPartition(topic, number) for topic, number in partitions]
        if not wanted:
            return {}
        first = self._admin.list_partition_offsets(dict.fromkeys(wanted, OffsetSpec.EARLIEST))
        last = self._admin.list_partition_offsets(dict.fromkeys(wanted, OffsetSpec.LATEST))
        return {(each.topic, each.partition): (first[each].offset, last[each].offset) for each in wanted}

    def members(self, group: str) -> int | None:
        """How many members a consumer group has; None while the cluster cannot say."""
        try:
            described = self._admin.describe_groups([group])[group]
        except KafkaError:
            return None  # a new cluster makes its coordinator when it is first asked for one
        return len(described["members"])

    def next_offset(self, topic: str, partition: int, offset: int) -> int | None:
        """The first offset at or after one that holds a record; transactions and compaction leave gaps."""
        consumer = KafkaConsumer(
            bootstrap_servers=self.bootstrap.split(","), enable_auto_commit=False, auto_offset_reset="none"
        )
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
