"""Finds out a worker that stands still while the log grows, from outside of its event loop."""

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct, field
from redis import Redis
from redis.exceptions import RedisError

from facts.errors import BlueLampError
from streams.log import Log
from streams.settings import WorkerSettings
from streams.store import Names

_logger = logging.getLogger("bluelamp.stall")
Place = tuple[str, int]


class Stalls(Struct):
    """The stall rule, pure: what stood where since when.

    Attributes:
        patience_seconds: how long no partition with work to do may move; one alone may stand ten times as long.
        stood: each partition's fence, and since when it has stood there (seconds of a steady clock).
    """

    patience_seconds: float
    stood: dict[Place, tuple[int, float]] = field(default_factory=dict)

    def is_stalled(self, fences: Mapping[Place, int], ends: Mapping[Place, int], now: float) -> bool:
        """Whether the worker stands still although the log is ahead of the state.

        Args:
            fences: where the state of each owned partition stands.
            ends: where the log of each ends.
            now: seconds of a steady clock.
        """
        waits = self.waits(fences, ends, now).values()
        return bool(waits) and (min(waits) > self.patience_seconds or max(waits) > 10 * self.patience_seconds)

    def waits(self, fences: Mapping[Place, int], ends: Mapping[Place, int], now: float) -> dict[Place, float]:
        """For how many seconds each partition with work to do has not moved; those without are left out."""
        waits: dict[Place, float] = {}
        for place in list(self.stood):
            if place not in fences:
                del self.stood[place]
        for place, fence in fences.items():
            is_waiting = fence < ends.get(place, fence)
            known = self.stood.get(place)
            if known is None or known[0] != fence or not is_waiting:
                self.stood[place] = (fence, now)
            if is_waiting:
                waits[place] = now - self.stood[place][1]
        return waits


class StallWatch:
    """Watches the partitions a worker owns from a thread with clients of its own.

    Args:
        settings: the worker's.
        owned: answers with the partitions it owns now.
        leave: ends the process.
    """

    def __init__(
        self, settings: WorkerSettings, owned: Callable[[], Sequence[Place]], leave: Callable[[], object]
    ) -> None:
        self._settings, self._owned, self._leave = settings, owned, leave
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="stall-watch", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def stop(self) -> None:
        """Stop watching."""
        self._stop.set()
        self._thread.join(timeout=5)

    def _watch(self) -> None:
        stalls = Stalls(self._settings.stall_seconds)
        with Redis.from_url(self._settings.redis, decode_responses=True, socket_timeout=5) as redis:
            while not self._stop.wait(self._settings.stall_seconds / 6):
                try:
                    fences, ends = self._look(redis)
                except (RedisError, OSError, BlueLampError) as error:
                    _logger.warning("cannot compare log and state: %r", error)
                    continue
                if stalls.is_stalled(fences, ends, time.monotonic()):
                    _logger.error("stalled: log at %s, state at %s", ends, fences)
                    self._leave()

    def _look(self, redis: "Redis") -> tuple[dict[Place, int], dict[Place, int]]:
        places = list(self._owned())
        fences = {}
        for topic, number in places:
            fence = redis.hget(Names(self._settings.state_name, topic, number).control, "fence")
            fences[topic, number] = int(str(fence or 0))
        with Log(self._settings.kafka) as log:
            return fences, {place: last for place, (_, last) in log.reach(places).items()}
