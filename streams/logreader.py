"""Reads a range of offsets of one partition of the log; missing offsets are an error that names them."""

from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Protocol, Self

from kafka import TopicPartition
from kafka.errors import KafkaError, OffsetOutOfRangeError

from facts.batch import Entry
from facts.errors import IncompleteError, PartMissingError
from facts.heartbeat_run import HeartbeatRun, before, one_by_one
from producers.kafka import KafkaAddress
from producers.kafka_probe import check_reachable
from streams.fetching import committed_consumer
from streams.log import LogClient
from streams.record import Place
from streams.store import Identity

_POLL_MILLISECONDS = 1000
_EMPTY_POLLS_MAX = 30
_RECORDS_A_POLL = 2000


class RecordSource(Protocol):
    """Where records come from: `LogReader`, or an archive."""

    def read(self, place: Place, first: int, after: int) -> Iterator[list[Entry]]:
        """The entries of a partition from offset `first` up to but excluding `after`, in batches."""
        ...


class RunSource(RecordSource, Protocol):
    """Where records come from, with runs of heartbeats as one entry each."""

    def read_in_runs(self, place: Place, first: int, after: int) -> Iterator[list[Entry | HeartbeatRun]]:
        """As `read`, with runs of heartbeats."""
        ...


class LogReader:
    """Reads one partition at a time; a context manager.

    Args:
        kafka: Kafka's addresses, and how to connect.

    Raises:
        PartMissingError: nothing answers there.
    """

    def __init__(self, kafka: KafkaAddress) -> None:
        check_reachable(kafka)
        self._log = LogClient(kafka)
        self._consumer = committed_consumer(self._log.kafka, max_poll_records=_RECORDS_A_POLL)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._consumer.close()
        self._log.__exit__(kind, error, trace)

    def identities(self, topics: Sequence[str]) -> dict[str, Identity]:
        """The identity of each of the topics that exists."""
        existing = self._log.topics()
        return {topic: self._log.identity(topic) for topic in topics if topic in existing}

    def reach(self, identities: Mapping[str, Identity]) -> dict[Place, tuple[int, int]]:
        """The first offset that each partition holds, and the offset after the last that can be read."""
        return self._log.reach((name, number) for name, one in identities.items() for number in range(one.partitions))

    def read(self, place: Place, first: int, after: int) -> Iterator[list[Entry]]:
        """The entries of a partition from offset `first` up to but excluding `after`, in batches. Raises as `read_in_runs`."""
        for entries in self.read_in_runs(place, first, after):
            yield list(one_by_one(entries))

    def read_in_runs(self, place: Place, first: int, after: int) -> Iterator[list[Entry | HeartbeatRun]]:
        """The entries of a partition from offset `first` up to but excluding `after`, in batches, with runs of heartbeats.

        Only committed records are returned; those of aborted transactions are skipped.

        Raises:
            IncompleteError: the log has deleted some of the records.
            PartMissingError: Kafka stopped delivering records.
        """
        partition = TopicPartition(*place)
        self._consumer.assign([partition])
        self._consumer.seek(partition, first)
        empty_polls = 0
        while self._consumer.position(partition) < after:
            polled = self._poll(place, partition)
            empty_polls = 0 if polled else empty_polls + 1
            if polled:
                yield [kept for each in polled if (kept := before(each.value, after))]
            elif empty_polls >= _EMPTY_POLLS_MAX:
                what = f"Kafka stopped delivering records before offset {after}."
                hint = "Check the broker, then try again."
                raise PartMissingError(what, where=f"partition {place[0]}:{place[1]}", hint=hint)

    def _poll(self, place: Place, partition: Any) -> list[Any]:
        position = self._consumer.position(partition)
        try:
            polled: list[Any] = self._consumer.poll(timeout_ms=_POLL_MILLISECONDS).get(partition, [])
        except OffsetOutOfRangeError as error:
            what = f"The log no longer holds offset {position}: it was deleted before it could be read."
            hint = "Check the topic's retention settings, then try again."
            raise IncompleteError(what, where=f"partition {place[0]}:{place[1]}", hint=hint) from error
        except KafkaError as error:
            hint = "Check the broker, then try again."
            raise PartMissingError(
                f"Kafka does not answer ({error!r}).", where=str(self._log.kafka), hint=hint
            ) from error
        return polled
