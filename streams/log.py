"""Queries and changes of Kafka other than reading records: topics, identities, offsets and the consumer group."""

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, NamedTuple, Self
from uuid import UUID

from kafka import TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient, OffsetSpec
from kafka.errors import CoordinatorNotAvailableError, KafkaError, TopicAlreadyExistsError, for_code
from kafka.protocol.consumer import IsolationLevel

from facts.errors import PartMissingError, SettingError
from facts.union import TOPICS
from measures.outcome import microseconds
from measures.window import DAYS_KEPT
from producers.kafka import KafkaAddress, kafka_at
from producers.kafka_probe import check_accepted, no_answer
from streams.fetching import committed_consumer
from streams.settings import PARTITIONS
from streams.store import Identity

QUARANTINE_TOPIC = "quarantine"
_FOREVER = -1
_QUARANTINED_MILLISECONDS = DAYS_KEPT // timedelta(milliseconds=1)
"""Kafka deletes older entries: nobody can correct them any more, and the refused record stays in its own topic."""
STAMPING, BY_LOG = "message.timestamp.type", "LogAppendTime"
"""Who stamps the records of a topic. If producers do (CreateTime), no record says when the log received it."""
STAMP_HINT = f"kafka-configs.sh --alter --entity-type topics --entity-name {{}} --add-config {STAMPING}={BY_LOG}"
_START = "Start Kafka, or set BLUELAMP_KAFKA to its address; `bluelamp up` starts everything itself."
_POLLS_MAX = 10
_logger = logging.getLogger("bluelamp.log")


_NO_GROUP = "GroupIdNotFoundError"
"""Kafka's error for a group that nobody has ever joined."""


class ConsumerGroup(NamedTuple):
    """The consumers that share the log's partitions, as Kafka describes them.

    Attributes:
        name: the name of the consumer group.
        state: `Stable` when every member has its partitions; `Empty` or `Dead` when there are no members.
        members: the partitions of each member, by its id.
    """

    name: str
    state: str
    members: dict[str, list[tuple[str, int]]]


class End(NamedTuple):
    """Where a partition ends.

    Attributes:
        readable: the offset up to which it can be read: the first record of the earliest open transaction, or its end.
        written: the offset after its last record.
    """

    readable: int
    written: int

    @property
    def held_back(self) -> int:
        """The number of records that cannot be read yet, because of a transaction that is still open."""
        return self.written - self.readable


class LogClient:
    """A blocking client of Kafka for everything but reading records; use it in a thread of its own.

    Args:
        kafka: Kafka's addresses, and how to connect.

    Raises:
        PartMissingError: Kafka does not answer or refuses this client at the start, or did not answer a query inside the `with`.
    """

    def __init__(self, kafka: KafkaAddress) -> None:
        self.kafka = kafka_at(kafka)
        check_accepted(self.kafka)
        try:
            self._admin = KafkaAdminClient(**self.kafka.options(), client_id="bluelamp-log")
        except KafkaError as error:
            raise no_answer(self.kafka) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
        if isinstance(error, KafkaError):
            raise PartMissingError(f"Kafka does not answer ({error!r}).", where=str(self.kafka), hint=_START) from error

    def close(self) -> None:
        """Close the connections."""
        self._admin.close()

    def topics(self) -> set[str]:
        """The names of all topics."""
        return set(self._admin.list_topics())

    def ensure_topics(self, partitions: int = PARTITIONS) -> dict[str, int]:
        """Create the topics that are missing; returns the number of partitions of each.

        The broker stamps records with its own clock, so that no producer's clock decides what is in the future. A topic
        with another setting is corrected (decision 20).

        Raises:
            SettingError: producers stamp the records of a topic, and Kafka refuses to change that.
        """
        missing = {*TOPICS, QUARANTINE_TOPIC} - self.topics()
        for topic in missing:
            if topic == QUARANTINE_TOPIC:
                self._create(topic, 1, _QUARANTINED_MILLISECONDS)
            else:
                self._create(topic, partitions, _FOREVER)
        self._stamp_by_log()
        return {topic: len(self._described(topic)["partitions"]) for topic in TOPICS}

    def _create(self, topic: str, partitions: int, retention_milliseconds: int) -> None:
        configs = {"message.timestamp.type": "LogAppendTime", "retention.ms": str(retention_milliseconds)}
        wanted = {topic: {"num_partitions": partitions, "replication_factor": -1, "configs": configs}}
        try:
            self._admin.create_topics(wanted, wait_for_metadata=True)
        except TopicAlreadyExistsError:
            self._admin.wait_for_topics([topic])

    def stamping(self, topics: Iterable[str]) -> dict[str, str]:
        """Who stamps the records of topics: `LogAppendTime` or `CreateTime`. Topics whose setting is unknown are left out."""
        resources = [ConfigResource(ConfigResourceType.TOPIC, topic, [STAMPING]) for topic in topics]
        found = self._admin.describe_configs(resources, config_filter="all")["topic"] if resources else {}
        return {topic: str(configs[STAMPING]["value"]) for topic, configs in found.items() if STAMPING in configs}

    def _stamp_by_log(self) -> None:
        stamping = self.stamping((*TOPICS, QUARANTINE_TOPIC))
        for topic, by in stamping.items():
            if by != BY_LOG:
                self._set_stamping(topic, by)

    def _set_stamping(self, topic: str, before: str) -> None:
        wanted = ConfigResource(ConfigResourceType.TOPIC, topic, {STAMPING: BY_LOG})
        answer = self._admin.alter_configs([wanted], raise_on_unknown=False)["topic"][topic]
        if answer != "OK":
            what = (
                f"{STAMPING} is {before}, so producers' clocks stamp the records. Kafka refuses to change it: {answer}."
            )
            raise SettingError(
                what, where=f"topic {topic}", hint=f"Ask an administrator of Kafka to run {STAMP_HINT.format(topic)}"
            )
        _logger.warning("topic %s: changed %s from %s to %s", topic, STAMPING, before, BY_LOG)

    def _described(self, topic: str) -> dict[str, Any]:
        described: dict[str, Any] = self._admin.describe_topics([topic])[0]
        if described["error_code"]:
            raise for_code(described["error_code"])(topic)
        return described

    def identity(self, topic: str) -> Identity:
        """The identity of a topic and its cluster; a topic that is deleted and created again has another id."""
        described = self._described(topic)
        cluster = str(self._admin.describe_cluster()["cluster_id"])
        return Identity(cluster, str(UUID(str(described["topic_id"]))), len(described["partitions"]))

    def reach(self, partitions: Iterable[tuple[str, int]]) -> dict[tuple[str, int], tuple[int, int]]:
        """The first offset that each partition holds, and the offset after the last that can be read.

        Records behind a transaction that is still open cannot be read: see `ends`.
        """
        wanted = list(partitions)
        first, ends = self._offsets(wanted, OffsetSpec.EARLIEST), self.ends(wanted)
        return {place: (first[place], ends[place].readable) for place in wanted}

    def ends(self, partitions: Iterable[tuple[str, int]]) -> dict[tuple[str, int], End]:
        """Where each partition ends."""
        wanted = list(partitions)
        # In this order: a record written between the two calls must not look blocked.
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

    def first_since(self, topic: str, partition: int, since: datetime) -> int | None:
        """The offset of the first record that was received at or after a time; None if there is none."""
        place = TopicPartition(topic, partition)
        milliseconds = microseconds(since) // 1000
        found = int(self._admin.list_partition_offsets({place: milliseconds})[place].offset)
        return found if found >= 0 else None

    def group(self, name: str) -> ConsumerGroup:
        """A consumer group and its present members. A member that was killed leaves when its session times out.

        Raises:
            PartMissingError: Kafka refuses to describe the group.
        """
        try:
            described = self._admin.describe_groups([name])[name]
        except CoordinatorNotAvailableError:
            return ConsumerGroup(name, "Dead", {})  # a new Kafka creates the coordinator's topic for its first group
        if described["error"] and _NO_GROUP not in described["error"]:
            what = f"Kafka refuses to describe the consumer group: {described['error']}"
            hint = "Check that this client may describe it, and try again."
            raise PartMissingError(what, where=f"consumer group {name}", hint=hint)
        members = {each["member_id"]: _assigned(each["member_assignment"]) for each in described["members"]}
        return ConsumerGroup(name, described["group_state"], members)

    def next_offset(self, topic: str, partition: int, offset: int) -> int | None:
        """The first offset, at or after the given one, that holds a record; None if none does. Compaction leaves gaps."""
        consumer = committed_consumer(self.kafka)
        try:
            place = TopicPartition(topic, partition)
            consumer.assign([place])
            consumer.seek(place, offset)
            end = consumer.end_offsets([place])[place]
            for _ in range(_POLLS_MAX):
                records = consumer.poll(timeout_ms=1000, max_records=1).get(place)
                if records or consumer.position(place) >= end:
                    break
            return int(records[0].offset) if records else None
        finally:
            consumer.close()


def _assigned(assignment: Any) -> list[tuple[str, int]]:
    """A member's partitions; none if it has none yet, or if Kafka's own clients cannot decode its assignment."""
    topics = assignment.get("assigned_partitions", ()) if isinstance(assignment, dict) else ()
    return [(each["topic"], number) for each in topics for number in each["partitions"]]
