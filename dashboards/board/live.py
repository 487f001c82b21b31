"""Follows the state and hands each new snapshot to everyone who watches."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable

import msgspec
from redis.exceptions import RedisError

from dashboards.board.snapshot import Snapshot

_logger = logging.getLogger("bluelamp.board")
EVENT_LIMIT_SECONDS = 1.0
"""Between two snapshots at least: faster than an eye needs, slow enough for a small machine."""


class Live:
    """One task that takes snapshots, however many watch.

    Args:
        take: takes a snapshot; blocking.
        wait: waits for a change, at most so many seconds; blocking.
    """

    def __init__(self, take: Callable[[], Snapshot], wait: Callable[[float], None]) -> None:
        self._take, self._wait = take, wait
        self._event = "event: waiting\ndata: {}\n\n"
        self._changed = asyncio.Condition()
        self._number = 0

    async def follow(self) -> None:
        """Take a snapshot at every change, and now and then without one, because time alone makes figures stale."""
        while True:
            event = await self._next()
            if event != self._event:
                async with self._changed:
                    self._event = event
                    self._number += 1
                    self._changed.notify_all()
            await asyncio.sleep(EVENT_LIMIT_SECONDS)
            with contextlib.suppress(RedisError, OSError):
                await asyncio.to_thread(self._wait, EVENT_LIMIT_SECONDS)

    async def _next(self) -> str:
        try:
            snapshot = await asyncio.to_thread(self._take)
        except (RedisError, OSError) as error:
            _logger.warning("the state server does not answer: %r", error)
            return "event: unreachable\ndata: {}\n\n"
        return f"event: snapshot\ndata: {msgspec.json.encode(snapshot).decode()}\n\n"

    async def watch(self) -> AsyncIterator[str]:
        """Server-sent events: the present snapshot, then each new one; after 10 s without any, a sign of life."""
        seen = -1
        while True:
            if self._number != seen:
                seen = self._number
                yield self._event
            try:
                async with asyncio.timeout(10), self._changed:
                    await self._changed.wait_for(lambda: self._number != seen)  # noqa: B023 - awaited at once
            except TimeoutError:
                yield "event: alive\ndata: {}\n\n"
