"""Asks the state server again until it does what it is asked, and meanwhile lets it be known why it does not."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Protocol, TypeVar

import msgspec
from redis import Redis as Blocking
from redis.asyncio import Redis
from redis.exceptions import RedisError

from streams.refusal import Refusal, refusal_of
from streams.repeated_errors import RepeatedErrors

AGAIN_SECONDS = 0.5
REPORTED_SECONDS = 150
"""How long a reported refusal counts: longer than whatever starts a worker again waits before it does."""
_Answer = TypeVar("_Answer")


class Retry(Protocol):
    """Does some work on the state server."""

    async def __call__(self, work: Callable[[], Awaitable[_Answer]]) -> _Answer: ...  # noqa: D102


async def once(work: Callable[[], Awaitable[_Answer]]) -> _Answer:
    """Do it once; whatever goes wrong is the caller's."""
    return await work()


class Retrying:
    """Does work on the state server again and again, for as long as what refuses it may end by itself.

    Args:
        redis: a client of the state server.
        say: takes a line that says what is refused.
        monotonic: a clock that never jumps, in seconds.
        state_name: whose workers' refusals are reported; of nobody's where it is empty.

    Attributes:
        refusal: why the state server refuses the work under way; None while it does not.
    """

    def __init__(
        self, redis: Redis, say: Callable[[str], object], monotonic: Callable[[], float], state_name: str = ""
    ) -> None:
        self._redis, self._state_name = redis, state_name
        self._errors = RepeatedErrors(say, monotonic)
        self._waiting = 0
        self.refusal: Refusal | None = None
        self._is_reported = bool(state_name)  # by a worker before this one, for all we know

    async def __call__(self, work: Callable[[], Awaitable[_Answer]]) -> _Answer:
        """Do some work, which must be harmless to do twice, until it is done.

        Raises:
            RedisError: a person must decide.
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
                    # The client can lose a cancellation that comes as a command has just been sent.
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
                # What a demoted primary refuses, another server behind the same name may do.
                await self._redis.connection_pool.disconnect(inuse_connections=False)
            if refusal.cause == "out_of_memory":
                refusal = refusal.with_memory(await self._redis.info("memory"))
        self.refusal = refusal
        is_said = self._errors.add(refusal.cause, refusal.words())
        if is_said and self._state_name and refusal.cause != "unreachable":
            with suppress(RedisError, OSError):
                await self._redis.set(report_key(self._state_name), encode_report(refusal), ex=REPORTED_SECONDS)
                self._is_reported = True

    async def _done(self) -> None:
        """Whatever was refused is over, unless other work still waits."""
        if self._waiting:
            return
        self.refusal = None
        self._errors.end()
        if self._is_reported:
            with suppress(RedisError, OSError):
                await self._redis.delete(report_key(self._state_name))
                self._is_reported = False


def _cancellations() -> int:
    """How often the task at work was asked to end."""
    task = asyncio.current_task()
    return task.cancelling() if task else 0


def report_key(state_name: str) -> str:
    """The key that says for a while what a worker was refused."""
    return f"{state_name}:refusal"


def encode_report(refusal: Refusal) -> str:
    """A refusal as it is kept."""
    return msgspec.json.encode(refusal).decode()


def report(redis: Blocking, state_name: str, refusal: Refusal) -> None:
    """Report a refusal, where that can be done.

    Args:
        redis: a blocking client of the state server.
        state_name: whose workers.
        refusal: why a worker stops.
    """
    with suppress(RedisError, OSError):
        redis.set(report_key(state_name), encode_report(refusal), ex=REPORTED_SECONDS)


def reported(redis: Blocking, state_name: str) -> Refusal | None:
    """What a worker was refused not long ago; None for nothing.

    Raises:
        RedisError: that cannot be asked.
    """
    stored = redis.get(report_key(state_name))
    return msgspec.json.decode(str(stored), type=Refusal) if stored else None
