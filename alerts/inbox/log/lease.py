"""The lease that decides which of several inboxes works; the others wait until the lease has expired."""

from redis import Redis

SECONDS = 10.0
"""How long a lease lasts after it was last renewed. An inbox renews it once a second."""
_CLAIM = """
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""
_RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end return 1"


class Lease:
    """A lease in the state server, whose clock alone decides when it expires.

    Args:
        redis: a blocking client that decodes responses to text.
        name: its key.
        holder: the name of this inbox. It is the same after a restart, so that the inbox does not wait for its own old lease.
        seconds: how long it lasts.
    """

    def __init__(self, redis: Redis, name: str, holder: str, seconds: float = SECONDS) -> None:
        self._name, self._holder, self._milliseconds = name, holder, int(seconds * 1000)
        self._claim, self._release = redis.register_script(_CLAIM), redis.register_script(_RELEASE)

    def claim(self) -> bool:
        """Take or renew the lease; returns whether this inbox has it.

        Raises:
            RedisError: the state server refuses it, or does not answer.
        """
        return bool(self._claim(keys=[self._name], args=[self._holder, self._milliseconds]))

    def release(self) -> None:
        """Give up the lease, so that another inbox need not wait.

        Raises:
            RedisError: the state server refuses it, or does not answer.
        """
        self._release(keys=[self._name], args=[self._holder])
