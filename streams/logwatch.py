"""Polls from a thread how far the log reaches, so that others can see whether facts wait in it."""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from facts.errors import BlueLampError, PartMissingError
from producers.kafka import KafkaAddress
from producers.kafka_probe import check_reachable
from streams.log import LogClient
from streams.record import Place
from streams.repeated_errors import RepeatedErrors

EVERY_SECONDS = 3.0
"""A poll takes a hundredth of a second, and people must soon learn that Kafka does not answer."""
_CONNECT_SECONDS = 2.0
_logger = logging.getLogger("bluelamp.logwatch")


class LogSnapshot(NamedTuple):
    """The log at one poll.

    Attributes:
        ends: the offset up to which each partition can be read.
        workers: the number of workers that share the partitions; None if unknown.
        held_back: the number of records of each partition behind a transaction that is still open.
    """

    ends: Mapping[Place, int]
    workers: int | None
    held_back: Mapping[Place, int] = MappingProxyType({})


Look = Callable[[Mapping[Place, int]], LogSnapshot]
"""Queries the log, given the applied offset of each partition; raises BlueLampError or OSError if that fails."""


class LogWatch:
    """Keeps the last snapshot of the log.

    Args:
        look: queries the log.
        every_seconds: how often.
    """

    def __init__(self, look: Look, every_seconds: float = EVERY_SECONDS) -> None:
        self._look, self._every_seconds = look, every_seconds
        self._snapshot: LogSnapshot | None = None
        self._applied_offsets: Mapping[Place, int] = {}
        self._errors = RepeatedErrors(_logger.warning, time.monotonic)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="log-watch", daemon=True)

    def start(self) -> None:
        """Start polling."""
        self._thread.start()

    def stop(self) -> None:
        """Stop polling."""
        self._stop.set()
        self._thread.join(timeout=_CONNECT_SECONDS)

    def snapshot(self, applied_offsets: Mapping[Place, int]) -> LogSnapshot | None:
        """The last snapshot; None if Kafka did not answer, or has not been queried yet.

        Args:
            applied_offsets: the applied offsets of the partitions to query from now on.
        """
        self._applied_offsets = applied_offsets
        return self._snapshot

    def look(self) -> None:
        """Query the log once."""
        try:
            self._snapshot = self._look(self._applied_offsets)
            self._errors.end()
        except (BlueLampError, OSError) as error:
            self._errors.add_error(error)
            self._snapshot = None
        except Exception:
            self._snapshot = None
            _logger.exception("cannot query the log")

    def _watch(self) -> None:
        while not self._stop.is_set():
            self.look()
            self._stop.wait(self._every_seconds)


def looking_at(kafka: KafkaAddress, group: str) -> Look:
    """A function that queries a log.

    Args:
        kafka: Kafka's addresses, and how to connect.
        group: the workers' consumer group.
    """

    def look(applied_offsets: Mapping[Place, int]) -> LogSnapshot:
        check_reachable(kafka)
        with LogClient(kafka) as log:
            ends = log.ends(applied_offsets)
            readable = {place: end.readable for place, end in ends.items()}
            return LogSnapshot(readable, _workers(log, group), {place: end.held_back for place, end in ends.items()})

    return look


def _workers(log: LogClient, group: str) -> int | None:
    try:
        return len(log.group(group).members)
    except PartMissingError:
        return None  # this client may not have the right to describe the group
