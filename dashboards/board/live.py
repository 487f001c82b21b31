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
_RETRY = "retry: 1000\n\n"
_ALIVE = "event: alive\ndata: {}\n\n"


class Live:
    """One task that takes snapshots, however many watch.

    Whoever watches hears at every turn of that task, and at no other time: were it to stop, silence would say so.

    Args:
        take: takes a snapshot; blocking.
        wait: waits for a change, at most so many seconds; blocking.
    """

    def __init__(self, take: Callable[[], Snapshot], wait: Callable[[float], None]) -> None:
        self._take, self._wait = take, wait
        self._event = "event: waiting\ndata: {}\n\n"
        self._turned = asyncio.Condition()
        self._turn = self._event_turn = 0

    async def follow(self) -> None:
        """Look at every change, and now and then without one, because time alone makes figures stale."""
        while True:
            await self.turn()
            await asyncio.sleep(EVENT_LIMIT_SECONDS)
            with contextlib.suppress(RedisError, OSError):
                await asyncio.to_thread(self._wait, EVENT_LIMIT_SECONDS)

    async def turn(self) -> None:
        """Take a snapshot, and tell everyone who watches of it."""
        event = await self._next()
        async with self._turned:
            self._turn += 1
            if event != self._event:
                self._event, self._event_turn = event, self._turn
            self._turned.notify_all()

    async def _next(self) -> str:
        try:
            snapshot = await asyncio.to_thread(self._take)
        except (RedisError, OSError) as error:
            _logger.warning("the state server does not answer: %r", error)
            return "event: unreachable\ndata: {}\n\n"
        except Exception:
            # Whatever it is, the page must not go on showing what was true before it.
            _logger.exception("the state cannot be read")
            return "event: unreadable\ndata: {}\n\n"
        return f"event: snapshot\ndata: {msgspec.json.encode(snapshot).decode()}\n\n"

    async def watch(self) -> AsyncIterator[str]:
        """Server-sent events: the present snapshot, then each new one; at a turn without one, a sign of life."""
        yield _RETRY
        seen = -1
        while True:
            async with self._turned:
                await self._turned.wait_for(lambda: self._turn > seen)  # noqa: B023 - awaited at once
            is_new, seen = self._event_turn > seen, self._turn
            yield self._event if is_new else _ALIVE
