"""The sessions that people have ended by signing out: until they would have expired, their cookies are refused."""

import logging
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import cast

from redis import Redis
from redis.exceptions import RedisError

from streams.repeated_errors import RepeatedErrors

_logger = logging.getLogger("bluelamp.inbox")
SESSION = timedelta(hours=12)
_EVERY_SECONDS = 1.0


class EndedSessions:
    """The ended sessions of one process."""

    def __init__(self) -> None:
        self._ended: set[str] = set()

    def end(self, session: str) -> None:
        """End a session."""
        self._ended.add(session)

    def has_ended(self, session: str) -> bool:
        """Whether a session has ended."""
        return session in self._ended


class SharedEndedSessions(EndedSessions):
    """The ended sessions of every process, in the state server: a session that ends at the board ends at the inbox too.

    Args:
        redis: a blocking client that decodes replies to text.
        key: where they are.
        now: the wall clock.
    """

    def __init__(self, redis: Redis, key: str, now: Callable[[], datetime]) -> None:
        super().__init__()
        self._redis, self._key, self._now = redis, key, now
        self._is_loaded = threading.Event()
        self._errors = RepeatedErrors(_logger.warning, time.monotonic)

    def start(self) -> None:
        """Load them every second, in a thread."""
        threading.Thread(target=self._follow, name="ended-sessions", daemon=True).start()

    def end(self, session: str) -> None:
        """End a session.

        Raises:
            RedisError: the state server does not have it; the session has ended in this process alone.
        """
        super().end(session)
        now = self._now().timestamp()
        self._redis.zadd(self._key, {session: now})
        self._redis.zremrangebyscore(self._key, 0, now - SESSION.total_seconds())

    def has_ended(self, session: str) -> bool:
        """Whether a session has ended; all have while it is not known which."""
        return not self._is_loaded.is_set() or super().has_ended(session)

    def load(self) -> None:
        """Load them once."""
        try:
            self._ended |= set(cast(list[str], self._redis.zrange(self._key, 0, -1)))
        except (RedisError, OSError) as error:
            self._errors.add_error(error)
        else:
            self._errors.end()
            self._is_loaded.set()

    def _follow(self) -> None:
        while True:
            self.load()
            time.sleep(_EVERY_SECONDS)
