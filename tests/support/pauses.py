"""Measures, in a thread, how long the state makes no progress while the log has work for it, or does not answer."""

import threading
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from msgspec import Struct, field
from redis import Redis
from redis.exceptions import RedisError

from producers.kafka import KafkaAddress
from streams.keys import Names
from streams.logwatch import LogWatch, looking_at
from streams.record import Place

_EVERY_SECONDS = 0.1


class Progress(Struct):
    """How long any partition that had work, or may have had, made no progress. Pure.

    Attributes:
        longest: the longest pause of any partition so far, in seconds.
    """

    longest: float = 0.0
    _offsets: dict[Place, int] = field(default_factory=dict)
    _since: dict[Place, float] = field(default_factory=dict)

    def look(self, offsets: Mapping[Place, int] | None, ends: Mapping[Place, int] | None, now: float) -> None:
        """Update from the applied offsets and the ends of the log, each None while its server does not answer, and the time."""
        for place, at in (offsets or {}).items():
            has_moved = at > self._offsets.get(place, -1)
            has_no_work = ends is not None and at >= ends.get(place, at)
            if has_moved or has_no_work:
                self._since[place] = now
        self._offsets.update(offsets or {})
        self.longest = max(self.longest, *(now - since for since in self._since.values()), 0.0)


class Pauses:
    """Measures pauses while its context is entered, with its own clients.

    Args:
        kafka: the address of the log.
        redis_url: the address of the state server.
        prefix: the prefix of the state's keys.
        partitions: the number of partitions of each topic.
    """

    def __init__(self, kafka: KafkaAddress, redis_url: str, prefix: str, partitions: Mapping[str, int]) -> None:
        self._progress = Progress()
        self._places = [(topic, number) for topic, count in partitions.items() for number in range(count)]
        self._names = [Names(prefix, topic, number) for topic, number in self._places]
        self._redis = Redis.from_url(redis_url, decode_responses=True, socket_timeout=1, socket_connect_timeout=1)
        self._watch = LogWatch(looking_at(kafka, prefix), every_seconds=0.5)
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
            seen = self._watch.snapshot(dict.fromkeys(self._places, 0) if offsets is None else offsets)
            self._progress.look(offsets, seen.ends if seen else None, time.monotonic())

    def _offsets(self) -> dict[Place, int] | None:
        pipe = self._redis.pipeline(transaction=False)
        for names in self._names:
            pipe.hget(names.control, "applied_offset")
        try:
            answers = pipe.execute()
        except (RedisError, OSError):
            return None
        return {place: int(text or 0) for place, text in zip(self._places, answers, strict=True)}
