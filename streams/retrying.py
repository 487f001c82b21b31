"""Retries work on the state server until it succeeds, and meanwhile reports why it is refused."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Protocol, TypeVar

import msgspec
from redis import Redis as Blocking
from redis.asyncio import Redis
from redis.exceptions import RedisError

from streams.cluster_client import AsyncClusterRedis
from streams.refusal import Refusal, refusal_of
from streams.repeated_errors import RepeatedErrors

AGAIN_SECONDS = 0.5
REPORTED_SECONDS = 150
"""How long a reported refusal counts: longer than a supervisor waits before it restarts a worker."""
_Answer = TypeVar("_Answer")


class Retry(Protocol):
    """Runs work on the state server."""

    async def __call__(self, work: Callable[[], Awaitable[_Answer]]) -> _Answer: ...  # noqa: D102


async def once(work: Callable[[], Awaitable[_Answer]]) -> _Answer:
    """Run it once; the caller handles errors."""
    return await work()


class Retrying:
    """Retries work on the state server for as long as the refusal may end by itself.

    Args:
        redis: a client of the state server.
        say: writes a line that says why the work is refused.
        monotonic: a clock that never jumps, in seconds.
        state_name: the state under which refusals are reported; empty to report none.

    Attributes:
        refusal: why the state server refuses the present work; None while it does not.
    """

    def __init__(
        self, redis: Redis, say: Callable[[str], object], monotonic: Callable[[], float], state_name: str = ""
    ) -> None:
        self._redis, self._state_name = redis, state_name
        self._errors = RepeatedErrors(say, monotonic)
        self._waiting = 0
        self.refusal: Refusal | None = None
        self._is_reported = bool(state_name)  # an earlier worker may have reported one

    async def __call__(self, work: Callable[[], Awaitable[_Answer]]) -> _Answer:
        """Run idempotent work until it succeeds.

        Raises:
            RedisError: it is refused for a reason that only a person can resolve.
        """
        is_refused, cancelled = False, _cancellations()
        try:
            while True:
                try:
                    answer = await work()
                    break
                except (RedisError, OSError) as error:
                    self._waiting += not is_refused
                    is_refused = True
                    await self._handle(error)
                    # The client can lose a cancellation that arrives just after a command was sent.
                    if _cancellations() > cancelled:
                        raise asyncio.CancelledError from error
                    await asyncio.sleep(AGAIN_SECONDS)
        finally:
            self._waiting -= is_refused
        await self._done()
        return answer

    async def _handle(self, error: Exception) -> None:
        refusal = refusal_of(error)
        if not refusal.heals():
            raise error
        with suppress(RedisError, OSError):
            if refusal.cause in ("read_only", "no_primary"):
                # The same host name may lead to another server after a failover.
                await self._redis.connection_pool.disconnect(inuse_connections=False)
            # In a cluster, the answer could come from another node than the one that refused.
            if refusal.cause == "out_of_memory" and not isinstance(self._redis, AsyncClusterRedis):
                refusal = refusal.with_memory(await self._redis.info("memory"))
        self.refusal = refusal
        is_logged = self._errors.add(refusal.cause, refusal.words())
        if is_logged and self._state_name and refusal.cause != "unreachable":
            with suppress(RedisError, OSError):
                await self._redis.set(report_key(self._state_name), encode_report(refusal), ex=REPORTED_SECONDS)
                self._is_reported = True

    async def _done(self) -> None:
        """Record that the refusal is over, unless other work still waits."""
        if self._waiting:
            return
        self.refusal = None
        self._errors.end()
        if self._is_reported:
            with suppress(RedisError, OSError):
                await self._redis.delete(report_key(self._state_name))
                self._is_reported = False


def _cancellations() -> int:
    """How often the current task was cancelled."""
    task = asyncio.current_task()
    return task.cancelling() if task else 0


def report_key(state_name: str) -> str:
    """The key that holds, for a while, why a worker was refused."""
    return f"{state_name}:refusal"


def encode_report(refusal: Refusal) -> str:
    """A refusal as it is stored."""
    return msgspec.json.encode(refusal).decode()


def report(redis: Blocking, state_name: str, refusal: Refusal) -> None:
    """Report a refusal; if the state server refuses that too, nothing is reported.

    Args:
        redis: a blocking client of the state server.
        state_name: the state that the worker works on.
        refusal: why a worker stops.
    """
    with suppress(RedisError, OSError):
        redis.set(report_key(state_name), encode_report(refusal), ex=REPORTED_SECONDS)


def reported(redis: Blocking, state_name: str) -> Refusal | None:
    """Why a worker was recently refused; None if it was not.

    Raises:
        RedisError: the state server cannot be read.
    """
    stored = redis.get(report_key(state_name))
    return msgspec.json.decode(str(stored), type=Refusal) if stored else None
