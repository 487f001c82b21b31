"""Follows the state and tells everyone who watches a page what has changed of its parts."""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from typing import NamedTuple

import msgspec
from redis.exceptions import RedisError

from dashboards.board.page import Parts
from facts.errors import BlueLampError
from streams.refusal import refusal_of
from streams.repeated_errors import RepeatedErrors

_logger = logging.getLogger("bluelamp.board")
CHANGE_SECONDS = 0.25
"""Between two looks at least: faster than an eye needs, slow enough for a small machine."""
ALIVE_SECONDS = 1.0
"""Between two signs of life at most, when nothing changes; and between two looks, because time alone makes figures stale."""
_RETRY = "retry: 1000\n\n"
_WAITING = "event: waiting\ndata: {}\n\n"


class Look(NamedTuple):
    """What was seen at one moment.

    Attributes:
        now: the force's present in milliseconds since 1970.
        parts: of each stream that was asked for.
    """

    now: int
    parts: Mapping[str, Parts]


class Failure(NamedTuple):
    """Why nothing was seen.

    Attributes:
        name: of the event that says so.
        what: the cause in a sentence; empty where the page has words of its own.
    """

    name: str
    what: str = ""


class Stream:
    """What the watchers of one page are told: everything at first, then what changed."""

    def __init__(self) -> None:
        self.watchers = 0
        self.version = self.turn = 0
        self._parts: dict[str, bytes] | None = None
        self._whole, self._change, self._alive = _WAITING, "", ""

    def take_up(self, now: int, parts: Parts) -> None:
        """Go on to new parts."""
        encoded = {name: msgspec.json.encode(part) for name, part in parts.items()}
        before, self._parts = self._parts, encoded
        self._alive = _event("alive", now)
        self.turn += 1
        if encoded == before:
            return
        self.version += 1
        changed = {name: each for name, each in encoded.items() if before is None or before.get(name) != each}
        gone = [] if before is None else [name for name in before if name not in encoded]
        self._change = _event("change", now, changed, gone) if before is not None else ""
        self._whole = ""

    def fail(self, failure: "Failure") -> None:
        """Nothing may be shown any more."""
        told = f"event: {failure.name}\ndata: {msgspec.json.encode({'what': failure.what}).decode()}\n\n"
        self._alive, self._parts, self._change = told, None, ""
        self.turn += 1
        if self._whole != told:
            self.version += 1
            self._whole = told

    def forget(self) -> None:
        """Nobody watches, so nothing is looked at: what is known grows old, and may not be told to who comes next."""
        self.version += 1
        self._parts, self._whole, self._change = None, _WAITING, ""

    def since(self, version: int, now: int) -> str:
        """What brings a watcher up to date who has been told a version."""
        if version == self.version:
            return self._alive
        if version == self.version - 1 and self._change:
            return self._change
        if not self._whole and self._parts is not None:
            self._whole = _event("snapshot", now, self._parts)
        return self._whole


def _event(name: str, now: int, parts: Mapping[str, bytes] | None = None, gone: Iterable[str] = ()) -> str:
    body: dict[str, object] = {"now": now}
    if parts is not None:
        body |= {"parts": {key: msgspec.Raw(each) for key, each in parts.items()}, "gone": list(gone)}
    return f"event: {name}\ndata: {msgspec.json.encode(body).decode()}\n\n"


class LiveUpdates:
    """One task that looks at the state, however many watch, and only while somebody does.

    Whoever watches hears at every look, or once a second, and at no other time: were the task to stop, silence would say so.

    Args:
        names: of the streams.
        look: looks at the state for the streams that are watched; blocking.
        wait: waits for a change, at most so many seconds; blocking.
    """

    def __init__(self, names: Iterable[str], look: Callable[[set[str]], Look], wait: Callable[[float], None]) -> None:
        self.streams = {name: Stream() for name in names}
        self._look, self._wait = look, wait
        self._now = 0
        self.alive_seconds = ALIVE_SECONDS - CHANGE_SECONDS
        self._complaints = RepeatedErrors(_logger.warning, time.monotonic)
        self._turned = asyncio.Condition()
        self._watched, self._arrived = asyncio.Event(), asyncio.Event()

    async def follow(self) -> None:
        """Look at every change, when somebody comes, and now and then without either."""
        clock = asyncio.get_running_loop().time
        waiting: asyncio.Task[None] | None = None
        while True:
            await self._watched.wait()
            self._arrived.clear()
            began = clock()
            await self.turn()
            await asyncio.sleep(max(0.0, began + CHANGE_SECONDS - clock()))
            waiting = asyncio.create_task(self._wait_for_change()) if waiting is None or waiting.done() else waiting
            arriving = asyncio.create_task(self._arrived.wait())
            await asyncio.wait({waiting, arriving}, return_when=asyncio.FIRST_COMPLETED)
            arriving.cancel()

    async def _wait_for_change(self) -> None:
        with contextlib.suppress(RedisError, OSError):
            await asyncio.to_thread(self._wait, ALIVE_SECONDS - CHANGE_SECONDS)

    async def turn(self) -> None:
        """Look once, and tell everyone who watches."""
        watched = {name for name, stream in self.streams.items() if stream.watchers}
        try:
            seen: Look | Failure = await asyncio.to_thread(self._look, watched)
            self._complaints.end()
        except (RedisError, OSError, BlueLampError) as error:
            self._complaints.add_error(error)
            seen = Failure("unreachable", _sentence(error))
        except Exception:
            # Whatever it is, the page must not go on showing what was true before it.
            _logger.exception("the state cannot be read")
            seen = Failure("unreadable")
        async with self._turned:
            for name in watched:
                if isinstance(seen, Failure):
                    self.streams[name].fail(seen)
                else:
                    self._now = seen.now
                    self.streams[name].take_up(seen.now, seen.parts[name])
            self._turned.notify_all()

    async def watch(self, name: str) -> AsyncGenerator[str]:
        """Server-sent events: all parts, then those that change; at a look without a change, a sign of life."""
        stream = self.streams[name]
        stream.watchers += 1
        self._watched.set()
        self._arrived.set()
        clock = asyncio.get_running_loop().time
        try:
            yield _RETRY
            version, turn, told_at = -1, -1, clock()
            while True:
                async with self._turned:
                    await self._turned.wait_for(lambda: stream.turn > turn)  # noqa: B023 - awaited at once
                turn = stream.turn
                if version != stream.version or clock() - told_at >= self.alive_seconds:
                    event, version, told_at = stream.since(version, self._now), stream.version, clock()
                    yield event
        finally:
            self._leave(stream)

    def _leave(self, stream: Stream) -> None:
        stream.watchers -= 1
        if not stream.watchers:
            stream.forget()
        if not any(each.watchers for each in self.streams.values()):
            self._watched.clear()


def _sentence(error: Exception) -> str:
    return error.what if isinstance(error, BlueLampError) else refusal_of(error).sentence()
