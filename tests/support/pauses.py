"""How long the state makes no progress while the log holds work for it, or does not answer: watched from a thread."""

import threading
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from msgspec import Struct, field
from redis import Redis
from redis.exceptions import RedisError

from streams.logwatch import LogWatch, looking_at
from streams.stall import Place
from streams.store import Names

_EVERY_SECONDS = 0.1


class Progress(Struct):
    """The rule, pure.

    Attributes:
        longest: pause so far, in seconds.
    """

    longest: float = 0.0
    _offsets: Mapping[Place, int] = field(default_factory=dict)
    _since: float | None = None

    def look(self, offsets: Mapping[Place, int] | None, ends: Mapping[Place, int] | None, now: float) -> None:
        """Take a look: the applied offsets and the ends of the log, None while the part does not answer; and the time."""
        if self._since is None or (offsets is not None and self._is_well(offsets, ends)):
            self._since = now
        self._offsets = self._offsets if offsets is None else offsets
        self.longest = max(self.longest, now - self._since)

    def _is_well(self, offsets: Mapping[Place, int], ends: Mapping[Place, int] | None) -> bool:
        """Whether something was applied since the last look, or there is nothing to apply; unknown ends are no excuse."""
        has_moved = any(at > self._offsets.get(place, -1) for place, at in offsets.items())
        return has_moved or (ends is not None and all(at >= ends.get(place, at) for place, at in offsets.items()))


class Pauses:
    """Watches while it is entered, with clients of its own.

    Args:
        kafka: address of the log.
        redis_url: of the state server.
        prefix: of the state's keys.
        partitions: of each topic.
    """

    def __init__(self, kafka: str, redis_url: str, prefix: str, partitions: Mapping[str, int]) -> None:
        self._progress = Progress()
        self._places = [(topic, number) for topic, count in partitions.items() for number in range(count)]
        self._names = [Names(prefix, topic, number) for topic, number in self._places]
        self._redis = Redis.from_url(redis_url, decode_responses=True, socket_timeout=1, socket_connect_timeout=1)
        self._watch = LogWatch(looking_at(kafka), every_seconds=0.5)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pauses", daemon=True)

    def __enter__(self) -> Self:
        self._watch.start()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()
        self._watch.stop()
        self._redis.close()

    @property
    def longest_seconds(self) -> float:
        """The longest pause so far."""
        return self._progress.longest

    def _run(self) -> None:
        while not self._ended.wait(_EVERY_SECONDS):
            offsets = self._offsets()
            ends = self._watch.ends(dict.fromkeys(self._places, 0) if offsets is None else offsets)
            self._progress.look(offsets, ends, time.monotonic())

    def _offsets(self) -> dict[Place, int] | None:
        pipe = self._redis.pipeline(transaction=False)
        for names in self._names:
            pipe.hget(names.control, "fence")
        try:
            answers = pipe.execute()
        except (RedisError, OSError):
            return None
        return {place: int(text or 0) for place, text in zip(self._places, answers, strict=True)}
