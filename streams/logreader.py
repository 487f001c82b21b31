"""Reads a stretch of one partition of the log, record by record as it lies there; what is gone is named."""

from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, NamedTuple, Protocol, Self

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError, OffsetOutOfRangeError

from facts.errors import IncompleteError, PartMissingError
from streams.log import Log
from streams.stall import Place
from streams.store import Identity

_POLL_MILLISECONDS = 1000
_EMPTY_POLLS_MAX = 30
_RECORDS_A_POLL = 2000


class LogRecord(NamedTuple):
    """One record exactly as the log holds it.

    Attributes:
        offset: its place in the partition.
        timestamp: in milliseconds since 1970.
        timestamp_type: 0 when the producer set it, 1 when the log did as it received the record.
        key: its bytes.
        value: its bytes.
        headers: names and bytes.
    """

    offset: int
    timestamp: int
    timestamp_type: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]


class Source(Protocol):
    """Where records come from: `LogReader`, or what was kept of a log."""

    def read(self, place: Place, first: int, after: int) -> Iterator[list[LogRecord]]:
        """The records of a partition from one offset up to, and without, another, some at a time."""
        ...


class LogReader:
    """Reads one partition at a time; a context manager.

    Args:
        bootstrap: addresses of Kafka, `host:port` separated by commas.

    Raises:
        PartMissingError: nothing answers there.
    """

    def __init__(self, bootstrap: str) -> None:
        self.bootstrap = bootstrap
        self._log = Log(bootstrap)
        self._consumer = KafkaConsumer(
            bootstrap_servers=bootstrap.split(","),
            group_id=None,
            enable_auto_commit=False,
            # A record that is gone must not be passed over in silence.
            auto_offset_reset="none",
            max_poll_records=_RECORDS_A_POLL,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._consumer.close()
        self._log.__exit__(kind, error, trace)

    def identities(self, topics: Sequence[str]) -> dict[str, Identity]:
        """Which cluster and topic each of the topics that are there is."""
        known = self._log.topics()
        return {topic: self._log.identity(topic) for topic in topics if topic in known}

    def reach(self, identities: Mapping[str, Identity]) -> dict[Place, tuple[int, int]]:
        """The first offset still held, and the one after the last, of each partition of topics."""
        return self._log.reach((name, number) for name, one in identities.items() for number in range(one.partitions))

    def read(self, place: Place, first: int, after: int) -> Iterator[list[LogRecord]]:
        """The records of a partition from one offset up to, and without, another, some at a time.

        Offsets that hold none (marks of transactions, what compaction has removed) are passed over: the log itself has
        none there.

        Raises:
            IncompleteError: the log has let go of some of them.
            PartMissingError: the log stopped giving records before that.
        """
        partition = TopicPartition(*place)
        self._consumer.assign([partition])
        self._consumer.seek(partition, first)
        empty_polls = 0
        while self._consumer.position(partition) < after:
            polled = self._poll(place, partition)
            empty_polls = 0 if polled else empty_polls + 1
            if polled:
                yield [_record(each) for each in polled if each.offset < after]
            elif empty_polls >= _EMPTY_POLLS_MAX:
                what = f"The log stopped giving records before offset {after}."
                hint = "See whether the broker is well; ask again."
                raise PartMissingError(what, where=f"partition {place[0]}:{place[1]}", hint=hint)

    def _poll(self, place: Place, partition: Any) -> list[Any]:
        position = self._consumer.position(partition)
        try:
            polled: list[Any] = self._consumer.poll(timeout_ms=_POLL_MILLISECONDS).get(partition, [])
        except OffsetOutOfRangeError as error:
            what = f"The log no longer holds offset {position}, which was to be read."
            hint = "It let go of it meanwhile: see how long it keeps records, and ask again."
            raise IncompleteError(what, where=f"partition {place[0]}:{place[1]}", hint=hint) from error
        except KafkaError as error:
            hint = "See whether the broker is well; ask again."
            raise PartMissingError(f"Kafka does not answer ({error!r}).", where=self.bootstrap, hint=hint) from error
        return polled


def _record(record: Any) -> LogRecord:
    headers = tuple((name, value) for name, value in record.headers)
    return LogRecord(record.offset, record.timestamp, record.timestamp_type, record.key, record.value, headers)
