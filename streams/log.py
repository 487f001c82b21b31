"""What is asked of Kafka beside reading it: topics, identities, and how far the log reaches."""

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
from streams.fetching import committed_consumer
from streams.settings import PARTITIONS
from streams.store import Identity

QUARANTINE_TOPIC = "quarantine"
_FOREVER = -1
_QUARANTINED_MILLISECONDS = DAYS_KEPT // timedelta(milliseconds=1)
"""Kafka itself sweeps what nobody can put right any more; the refused record stays in the log it came by."""
STAMPING, BY_LOG = "message.timestamp.type", "LogAppendTime"
"""Who stamps the records of a topic. If the producers do (CreateTime), no record says when the log received it."""
STAMP_HINT = f"kafka-configs.sh --alter --entity-type topics --entity-name {{}} --add-config {STAMPING}={BY_LOG}"
_START = "Start Kafka, or set BLUELAMP_KAFKA to its address; `bluelamp up` starts everything itself."
_POLLS = 10
_logger = logging.getLogger("bluelamp.log")


_NO_GROUP = "GroupIdNotFoundError"
"""What Kafka says of a group that nobody has ever joined."""


class ConsumerGroup(NamedTuple):
    """Those who share the partitions of the log, as Kafka knows them.

    Attributes:
        name: of the consumer group.
        state: `Stable` once they have agreed; `Empty` or `Dead` where there is nobody.
        members: each with the partitions that it was given.
    """

    name: str
    state: str
    members: dict[str, list[tuple[str, int]]]


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


class LogClient:
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

        The broker stamps records with its own clock, so that no producer's clock decides what is in the future. A topic that
        was created otherwise is corrected (decision 20).

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
        """Who stamps the records of topics, `LogAppendTime` or `CreateTime`; topics for which Kafka does not say are left out."""
        asked = [ConfigResource(ConfigResourceType.TOPIC, topic, [STAMPING]) for topic in topics]
        found = self._admin.describe_configs(asked, config_filter="all")["topic"] if asked else {}
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
                f"{STAMPING} is {before}: producers' clocks stamp the records. Kafka refuses to change that: {answer}."
            )
            raise SettingError(
                what, where=f"topic {topic}", hint=f"Ask somebody with the rights to run {STAMP_HINT.format(topic)}"
            )
        _logger.warning("topic %s: %s was %s, and is %s now", topic, STAMPING, before, BY_LOG)

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

    def first_since(self, topic: str, partition: int, since: datetime) -> int | None:
        """The offset of the first record that was received at or after an instant; None where there is none."""
        place = TopicPartition(topic, partition)
        milliseconds = microseconds(since) // 1000
        found = int(self._admin.list_partition_offsets({place: milliseconds})[place].offset)
        return found if found >= 0 else None

    def group(self, name: str) -> ConsumerGroup:
        """Who is in a consumer group now. One that was killed is in it until its session times out.

        Raises:
            PartMissingError: Kafka does not say.
        """
        try:
            described = self._admin.describe_groups([name])[name]
        except CoordinatorNotAvailableError:
            return ConsumerGroup(name, "Dead", {})  # a new Kafka makes its coordinator when the first group asks for it
        if described["error"] and _NO_GROUP not in described["error"]:
            what = f"Kafka does not say who is in the consumer group: {described['error']}"
            raise PartMissingError(what, where=f"consumer group {name}", hint="May this client describe it? Ask again.")
        members = {each["member_id"]: _assigned(each["member_assignment"]) for each in described["members"]}
        return ConsumerGroup(name, described["group_state"], members)

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


def _assigned(assignment: Any) -> list[tuple[str, int]]:
    """The partitions of a member; none while it has been given none, or in words that Kafka's own clients cannot read."""
    some = assignment.get("assigned_partitions", ()) if isinstance(assignment, dict) else ()
    return [(each["topic"], number) for each in some for number in each["partitions"]]
