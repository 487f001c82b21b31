"""Detects, from outside the event loop, a worker that makes no progress while the log grows."""

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import cast

from msgspec import Struct, field
from redis import Redis
from redis.exceptions import RedisError

from facts.errors import BlueLampError
from producers.kafka_probe import check_reachable
from streams.keys import Names
from streams.log import LogClient
from streams.record import Place
from streams.repeated_errors import RepeatedErrors
from streams.settings import WorkerSettings
from streams.state_address import blocking_client
from streams.store import Identity
from streams.version import number_of, pointer, prefix_of

_logger = logging.getLogger("bluelamp.stall")


class Stalls(Struct):
    """The stall rule, pure: which partitions have made no progress, and since when.

    Attributes:
        limit_seconds: how long all partitions with work to do may make no progress; one alone has ten times as long.
        unmoved: the applied offset of each partition with work to do, and since when it is unchanged (steady clock).
    """

    limit_seconds: float
    unmoved: dict[Place, tuple[int, float]] = field(default_factory=dict)

    def is_stalled(self, applied_offsets: Mapping[Place, int], ends: Mapping[Place, int], now: float) -> bool:
        """Whether the worker makes no progress although the log is ahead of the state.

        Args:
            applied_offsets: the applied offsets of each owned partition.
            ends: the end of the log of each partition.
            now: seconds of a steady clock.
        """
        stalled_seconds = self.stalled_seconds(applied_offsets, ends, now).values()
        return bool(stalled_seconds) and (
            min(stalled_seconds) > self.limit_seconds or max(stalled_seconds) > 10 * self.limit_seconds
        )

    def stalled_seconds(
        self, applied_offsets: Mapping[Place, int], ends: Mapping[Place, int], now: float
    ) -> dict[Place, float]:
        """The seconds for which each partition with work to do has made no progress; those without work are left out."""
        unmoved: dict[Place, tuple[int, float]] = {}
        for place, applied_offset in applied_offsets.items():
            if applied_offset < ends.get(place, applied_offset):
                known = self.unmoved.get(place)
                unmoved[place] = known if known and known[0] == applied_offset else (applied_offset, now)
        self.unmoved = unmoved
        return {place: now - since for place, (_, since) in unmoved.items()}


class StallWatch:
    """Watches the partitions a worker owns, and the topics, from a thread with clients of its own.

    Args:
        settings: the worker's.
        version: the version of the state that it works on.
        identities: the identities of the topics when it started; Kafka clients do not notice a topic that is deleted and created again.
        owned: returns the partitions that it owns now.
        leave: ends the process.
    """

    def __init__(
        self,
        settings: WorkerSettings,
        version: int,
        identities: Mapping[str, Identity],
        owned: Callable[[], Sequence[Place]],
        leave: Callable[[], object],
    ) -> None:
        self._settings, self._version, self._identities = settings, version, identities
        self._owned, self._leave = owned, leave
        self._stalls = Stalls(settings.stall_seconds)
        self._errors = RepeatedErrors(
            lambda words: _logger.warning("cannot compare log and state: %s", words), time.monotonic
        )
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="stall-watch", daemon=True)

    def start(self) -> None:
        """Start watching."""
        self._thread.start()

    def stop(self) -> None:
        """Stop watching."""
        self._stop.set()
        self._thread.join(timeout=5)

    def _watch(self) -> None:
        with blocking_client(self._settings.redis, socket_timeout=5) as redis:
            while not self._stop.wait(self._settings.stall_seconds / 6):
                try:
                    trouble = self._trouble(redis)
                except (RedisError, OSError, BlueLampError) as error:
                    self._errors.add_error(error)
                    self._stalls.unmoved.clear()  # it is unknown whether there was work meanwhile
                    continue
                self._errors.end()
                if trouble:
                    _logger.error("%s", trouble)
                    self._leave()

    def _trouble(self, redis: "Redis") -> str:
        """What is wrong, in words; empty if nothing is."""
        shown = number_of(cast("str | None", redis.get(pointer(self._settings.state_name))))
        if shown != self._version:
            return f"the current state version is {shown}, and this worker works on version {self._version}"
        check_reachable(self._settings.kafka)
        with LogClient(self._settings.kafka) as log:
            if not self._is_same(log):
                return "a topic was deleted, or deleted and created again, since this worker started"
            applied_offsets = self._applied_offsets(redis)
            ends = {place: last for place, (_, last) in log.reach(applied_offsets).items()}
        is_stalled = self._stalls.is_stalled(applied_offsets, ends, time.monotonic())
        return f"stalled: log at {ends}, state at {applied_offsets}" if is_stalled else ""

    def _is_same(self, log: LogClient) -> bool:
        is_there = log.topics().issuperset(self._identities)
        return is_there and all(log.identity(topic) == known for topic, known in self._identities.items())

    def _applied_offsets(self, redis: "Redis") -> dict[Place, int]:
        applied_offsets, prefix = {}, prefix_of(self._settings.state_name, self._version)
        for topic, number in self._owned():
            applied_offset = redis.hget(Names(prefix, topic, number).control, "applied_offset")
            applied_offsets[topic, number] = int(str(applied_offset or 0))
        return applied_offsets
