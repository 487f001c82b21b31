"""Reads a stretch of one partition of the log, entry by entry as it lies there; what is gone is named."""

from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Protocol, Self

from kafka import TopicPartition
from kafka.errors import KafkaError, OffsetOutOfRangeError

from facts.batch import Entry
from facts.errors import IncompleteError, PartMissingError
from streams.fetching import committed_consumer
from streams.log import LogClient
from streams.stall import Place
from streams.store import Identity

_POLL_MILLISECONDS = 1000
_EMPTY_POLLS_MAX = 30
_RECORDS_A_POLL = 2000


class RecordSource(Protocol):
    """Where records come from: `LogReader`, or what was kept of a log."""

    def read(self, place: Place, first: int, after: int) -> Iterator[list[Entry]]:
        """The entries of a partition from one offset up to, and without, another, some at a time."""
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
        self._log = LogClient(bootstrap)
        self._consumer = committed_consumer(bootstrap, max_poll_records=_RECORDS_A_POLL)

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

    def read(self, place: Place, first: int, after: int) -> Iterator[list[Entry]]:
        """The entries of a partition from one offset up to, and without, another, some at a time.

        Records that are not committed are not among them: where their transaction was aborted they are passed over.

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
                yield [each.value for each in polled if each.offset < after]
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
