"""The catalogue of topics: their names, ids, partitions and configs, stored on disk with the cluster's id."""

import contextlib
import json
import logging
import re
import shutil
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bluelamp.embedded.broker.errors import BrokerError, ErrorCode, StartError
from bluelamp.embedded.broker.partition import Partition
from bluelamp.embedded.broker.settings import BrokerSettings
from bluelamp.embedded.broker.topicconfig import TopicConfig, check_overrides, topic_config
from producers.files import replace_file, sync_directory

log = logging.getLogger(__name__)

_FORMAT = 1
_TOPIC_NAME = re.compile(r"[a-zA-Z0-9._-]{1,249}")
_DELETED = ".deleted"
_PRODUCER_IDS_RESERVED = 1000  # at once, to avoid a write of the catalogue for each


@dataclass(slots=True)
class Topic:
    """One topic; a topic that is deleted and created again gets another `topic_id`."""

    name: str
    topic_id: uuid.UUID
    overrides: dict[str, str]
    config: TopicConfig
    partitions: list[Partition]


class Catalog:
    """All topics of the broker; each change is written to disk first."""

    def __init__(self, directory: Path, settings: BrokerSettings, clock: Callable[[], int]) -> None:
        """Read the catalogue in `directory`, or create one; StartError if it cannot be read."""
        self._path = directory / "catalog.json"
        self._logs = directory / "logs"
        self._settings = settings
        self._clock = clock
        self.topics: dict[str, Topic] = {}
        stored = self._read()
        self.cluster_id: str = stored.get("cluster_id") or urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        self._next_producer_id: int = stored.get("producer_ids_from", 1)
        self._reserved_producer_ids = self._next_producer_id
        for name, entry in stored.get("topics", {}).items():
            self.topics[name] = self._reopen(name, uuid.UUID(entry["id"]), entry["partitions"], entry["config"])
        self._remove_deleted()
        self._name_orphans()
        if not stored:
            self._write(self.topics)

    def partition(self, topic: str | None, index: int) -> Partition:
        """One partition; BrokerError with UNKNOWN_TOPIC_OR_PARTITION if there is none."""
        known = self.topics.get(topic or "")
        if known is None or not 0 <= index < len(known.partitions):
            raise BrokerError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, f"{topic} has no partition {index}")
        return known.partitions[index]

    def topic(self, name: str | None) -> Topic:
        """One topic; BrokerError with UNKNOWN_TOPIC_OR_PARTITION if there is none."""
        known = self.topics.get(name or "")
        if known is None:
            raise BrokerError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, f"there is no topic {name}")
        return known

    def partitions(self) -> Iterator[Partition]:
        """Every partition of every topic."""
        for topic in self.topics.values():
            yield from topic.partitions

    def check_new(self, name: str | None, partitions: int, overrides: Mapping[str, str | None]) -> dict[str, str]:
        """Check that a topic may be created; returns the checked overrides, or BrokerError says why not."""
        if name is None or not _TOPIC_NAME.fullmatch(name) or name in {".", ".."}:
            raise BrokerError(ErrorCode.INVALID_TOPIC, "a topic's name is 1 to 249 of a-z, A-Z, 0-9, '.', '_' and '-'")
        if name in self.topics:
            raise BrokerError(ErrorCode.TOPIC_ALREADY_EXISTS, f"the topic {name} exists already")
        self._check_room(partitions)
        return check_overrides(overrides)

    def create(self, name: str, partitions: int, overrides: Mapping[str, str | None]) -> Topic:
        """Create a topic with a new id; BrokerError says why not."""
        checked = self.check_new(name, partitions, overrides)
        topic_id = uuid.uuid4()
        try:
            topic = self._open(name, topic_id, partitions, checked)
            self._write({**self.topics, name: topic})
        except OSError as error:
            shutil.rmtree(self._directory(name, topic_id), ignore_errors=True)
            raise BrokerError(ErrorCode.KAFKA_STORAGE_ERROR, str(error)) from error
        self.topics[name] = topic
        return topic

    def delete(self, name: str | None) -> None:
        """Delete a topic and its log; BrokerError if there is none."""
        topic = self.topic(name)
        self._write_or_refuse({key: one for key, one in self.topics.items() if key != topic.name})
        del self.topics[topic.name]
        directory = self._directory(topic.name, topic.topic_id)
        with contextlib.suppress(OSError):  # it counts as deleted; the next start logs what is left
            directory.rename(directory.with_name(directory.name + _DELETED))
        for partition in topic.partitions:
            partition.remove()
        self._remove_deleted()

    def configure(self, name: str | None, overrides: Mapping[str, str | None]) -> None:
        """Replace a topic's overrides; BrokerError says why not."""
        topic = self.topic(name)
        checked = check_overrides(overrides)
        config = topic_config(checked, self._settings)
        changed = Topic(topic.name, topic.topic_id, checked, config, topic.partitions)
        self._write_or_refuse({**self.topics, topic.name: changed})
        self.topics[topic.name] = changed

    def new_producer_id(self) -> int:
        """An id that no producer had before; BrokerError if it cannot be stored."""
        if self._next_producer_id >= self._reserved_producer_ids:
            self._reserved_producer_ids = self._next_producer_id + _PRODUCER_IDS_RESERVED
            try:
                self._write_or_refuse(self.topics)
            except BrokerError:
                self._reserved_producer_ids = self._next_producer_id
                raise
        self._next_producer_id += 1
        return self._next_producer_id - 1

    def retain(self) -> None:
        """Delete records past their retention, and forget producers that were idle for too long."""
        now_milliseconds = self._clock()
        for topic in self.topics.values():
            for partition in topic.partitions:
                dropped = partition.retain(topic.config, now_milliseconds)
                if dropped:
                    log.info("Retention: %s now starts at offset %d", partition.directory, partition.start_offset)
                partition.producers.forget_before(now_milliseconds - int(self._settings.producer_idle_seconds * 1000))

    def close(self) -> None:
        """Close every log."""
        for partition in self.partitions():
            partition.close()

    def _reopen(self, name: str, topic_id: uuid.UUID, count: int, overrides: dict[str, str]) -> Topic:
        directory = self._directory(name, topic_id)
        missing = [str(index) for index in range(count) if not (directory / str(index)).is_dir()]
        if missing:
            reason = f"{directory} has lost its partitions {', '.join(missing)}: restore them from a backup"
            raise StartError(f"{reason}, or remove topic {name} from {self._path} to give it up")
        return self._open(name, topic_id, count, check_overrides(overrides))

    def _open(
        self,
        name: str,
        topic_id: uuid.UUID,
        count: int,
        overrides: dict[str, str],
    ) -> Topic:
        directory, partitions = self._directory(name, topic_id), list[Partition]()
        try:
            for index in range(count):
                partition = Partition(directory / str(index), self._settings.index_interval_bytes, self._clock())
                partitions.append(partition)
                sync_directory(partition.directory)
            sync_directory(directory)
            sync_directory(self._logs)
        except OSError:
            for partition in partitions:
                partition.remove()
            raise
        return Topic(name, topic_id, overrides, topic_config(overrides, self._settings), partitions)

    def _check_room(self, wanted: int) -> None:
        if wanted < 1:
            raise BrokerError(ErrorCode.INVALID_PARTITIONS, f"a topic has at least one partition, not {wanted}")
        if wanted + sum(1 for _ in self.partitions()) > self._settings.partitions:
            limit = f"this would exceed the limit of {self._settings.partitions} partitions; raise it in the settings"
            raise BrokerError(ErrorCode.POLICY_VIOLATION, limit)

    def _directory(self, name: str, topic_id: uuid.UUID) -> Path:
        return self._logs / f"{name[:100]}-{topic_id.hex}"  # the name is for people; the id makes it unique

    def _read(self) -> dict[str, Any]:
        self._logs.mkdir(parents=True, exist_ok=True)
        if not self._path.exists():
            if any(self._logs.iterdir()):
                raise StartError(f"{self._logs} holds logs but {self._path} is missing: restore it from a backup")
            return {}
        try:
            stored: dict[str, Any] = json.loads(self._path.read_bytes())
        except ValueError as error:
            raise StartError(f"{self._path} cannot be read ({error}): restore it from a backup") from error
        if stored.get("format") != _FORMAT:
            raise StartError(f"{self._path} has format {stored.get('format')}; this broker reads {_FORMAT}")
        return stored

    def _write_or_refuse(self, topics: Mapping[str, Topic]) -> None:
        try:
            self._write(topics)
        except OSError as error:
            raise BrokerError(ErrorCode.KAFKA_STORAGE_ERROR, str(error)) from error

    def _write(self, topics: Mapping[str, Topic]) -> None:
        stored = {
            "format": _FORMAT,
            "cluster_id": self.cluster_id,
            "producer_ids_from": self._reserved_producer_ids,
            "topics": {
                topic.name: {"id": str(topic.topic_id), "partitions": len(topic.partitions), "config": topic.overrides}
                for topic in topics.values()
            },
        }
        replace_file(self._path, json.dumps(stored, indent=1).encode())

    def _remove_deleted(self) -> None:
        for directory in self._logs.glob(f"*{_DELETED}"):
            shutil.rmtree(directory, ignore_errors=True)

    def _name_orphans(self) -> None:
        """Warn about logs of unknown topics; they are never deleted, because the catalogue may be an old backup."""
        known = {self._directory(topic.name, topic.topic_id) for topic in self.topics.values()}
        for directory in sorted(set(self._logs.iterdir()) - known):
            log.warning("%s belongs to no topic in %s: delete it if you do not need it", directory, self._path)
