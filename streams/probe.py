"""Checks whether the state server accepts writes, and whether it recently refused a worker."""

from contextlib import suppress

from redis import Redis
from redis.exceptions import RedisError

from streams.refusal import Refusal, refusal_of
from streams.retrying import reported

_KEPT_MILLISECONDS = 60_000


class Probe:
    """Writes a small key that expires.

    Args:
        redis: a blocking client of the state server that decodes replies to text.
        state_name: prefix of the state's keys.
    """

    def __init__(self, redis: Redis, state_name: str) -> None:
        self._redis, self._state_name = redis, state_name

    def __call__(self) -> Refusal | None:
        """The refusal of a write now, or of a worker recently; None if there is none."""
        try:
            self._redis.set(f"{self._state_name}:probe", 1, px=_KEPT_MILLISECONDS)
        except (RedisError, OSError) as error:
            refusal = refusal_of(error)
            if refusal.cause == "read_only":
                # The host name may lead to another server by now.
                self._redis.connection_pool.disconnect(inuse_connections=False)
            if refusal.cause != "access_denied":
                return refusal
            # A process that only reads need not be allowed to write. Workers report when they are denied access.
        with suppress(RedisError, OSError):
            return reported(self._redis, self._state_name)
        return None
