"""Follows the log and hands the list of alerts to everyone who watches."""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable

import msgspec
from msgspec.structs import replace
from redis.exceptions import RedisError

from alerts.inbox.view import Listing
from streams.refusal import refusal_of
from streams.repeated_errors import RepeatedErrors

_logger = logging.getLogger("bluelamp.inbox")
PAUSE_SECONDS = 0.5
"""Between two looks at least: a burst of entries is one change to the eye."""
LOOK_SECONDS = 2.0
"""Without an entry the figures move all the same, and planned work runs out."""
_RETRY = "retry: 1000\n\n"
_ALIVE = "event: alive\ndata: {}\n\n"


class Changes:
    """One task that looks, however many watch; they hear at each of its turns, so that silence says that it stands.

    Args:
        take: the list as it is now; blocking.
        wait: for an entry, at most so many seconds; blocking.
    """

    def __init__(self, take: Callable[[], Listing], wait: Callable[[float], None]) -> None:
        self._take, self._wait = take, wait
        self._event, self._seen = "event: waiting\ndata: {}\n\n", b""
        self._turned = asyncio.Condition()
        self._turn = self._event_turn = 0
        self._task: asyncio.Task[None] | None = None
        self._complaints = RepeatedErrors(_logger.warning, time.monotonic)

    async def follow(self) -> None:
        """Look at every change."""
        while True:
            await self.turn()
            await asyncio.sleep(PAUSE_SECONDS)
            with contextlib.suppress(RedisError, OSError):
                await asyncio.to_thread(self._wait, LOOK_SECONDS - PAUSE_SECONDS)

    async def turn(self) -> None:
        """Look once, and tell everyone who watches."""
        seen, event = await self._next()
        async with self._turned:
            self._turn += 1
            if seen != self._seen:
                self._seen, self._event, self._event_turn = seen, event, self._turn
            self._turned.notify_all()

    async def _next(self) -> tuple[bytes, str]:
        try:
            found = await asyncio.to_thread(self._take)
        except (RedisError, OSError) as error:
            self._complaints.add_error(error)
            told = msgspec.json.encode({"what": refusal_of(error).sentence()})
            return told, f"event: unreachable\ndata: {told.decode()}\n\n"
        except Exception:
            # Whatever it is, the page must not go on showing what was true before it.
            _logger.exception("the inbox cannot be read")
            return b"unreadable", "event: unreadable\ndata: {}\n\n"
        self._complaints.end()
        return _content(found), f"event: alerts\ndata: {msgspec.json.encode(found).decode()}\n\n"

    async def watch(self) -> AsyncIterator[str]:
        """Server-sent events: the list, then each new one; at a turn without one, a sign of life."""
        self._task = self._task or asyncio.create_task(self.follow())
        yield _RETRY
        seen = -1
        while True:
            async with self._turned:
                await self._turned.wait_for(lambda: self._turn > seen)  # noqa: B023 - awaited at once
            is_new, seen = self._event_turn > seen, self._turn
            yield self._event if is_new else _ALIVE


def _content(found: Listing) -> bytes:
    """What of a list is news: that time goes by is not."""
    still = tuple(replace(each, age_seconds=0) for each in found.alerts)
    watched = tuple(replace(each, heard_at=None) for each in found.watched)
    return msgspec.json.encode((still, watched, found.suppressions, found.refused))
