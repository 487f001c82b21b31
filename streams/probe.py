"""Tries whether the state server takes what workers write, and knows what a worker was refused."""

from contextlib import suppress

from redis import Redis
from redis.exceptions import RedisError

from streams.refusal import Refusal, refusal_of
from streams.retrying import reported

_KEPT_MILLISECONDS = 60_000


class Probe:
    """Writes a small key that expires.

    Args:
        redis: a blocking client of the state server that decodes its answers to text.
        state_name: prefix of the state's keys.
    """

    def __init__(self, redis: Redis, state_name: str) -> None:
        self._redis, self._state_name = redis, state_name

    def __call__(self) -> Refusal | None:
        """What is refused now, to whoever writes or to a worker not long ago; None for nothing that is known of."""
        try:
            self._redis.set(f"{self._state_name}:probe", 1, px=_KEPT_MILLISECONDS)
        except (RedisError, OSError) as error:
            refusal = refusal_of(error)
            if refusal.cause == "read_only":
                # The name may lead to another server by now.
                self._redis.connection_pool.disconnect(inuse_connections=False)
            if refusal.cause != "access_denied":
                return refusal
            # Whoever only reads need not be allowed to write; what workers are allowed, they say themselves.
        with suppress(RedisError, OSError):
            return reported(self._redis, self._state_name)
        return None
