"""Follows the state and sends everyone who watches a page the parts that have changed."""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from typing import NamedTuple

import msgspec
from redis.exceptions import RedisError

from dashboards.board.shared.page import Parts
from facts.errors import BlueLampError
from streams.complaints import Complaints
from streams.refusal import refusal_of

_logger = logging.getLogger("bluelamp.board")
CHANGE_SECONDS = 0.25
"""The least time between two reads: faster than a person needs, slow enough for a small machine."""
ALIVE_SECONDS = 1.0
"""The most time between two reads, because figures become stale by time alone; and between two events to a watcher."""
_RETRY = "retry: 1000\n\n"
_WAITING = "event: waiting\ndata: {}\n\n"


class Snapshot(NamedTuple):
    """The parts of every watched page at one moment.

    Attributes:
        now: the force's present in milliseconds since 1970.
        parts: by the stream's name.
    """

    now: int
    parts: Mapping[str, Parts]


class Failure(NamedTuple):
    """Why the pages could not be read.

    Attributes:
        name: of the event that reports it.
        what: the cause in a sentence; empty where the page has its own words.
    """

    name: str
    what: str = ""


class Stream:
    """The events for the watchers of one page: everything at first, then the changes."""

    def __init__(self) -> None:
        self.watchers = 0
        self.version = self.reads = 0
        self._parts: dict[str, bytes] | None = None
        self._whole, self._change, self._alive = _WAITING, "", ""

    def update(self, now: int, parts: Parts) -> None:
        """Replace the parts after a read."""
        encoded = {name: msgspec.json.encode(part) for name, part in parts.items()}
        before, self._parts = self._parts, encoded
        self._alive = _event("alive", now)
        self.reads += 1
        if encoded == before:
            return
        self.version += 1
        changed = {name: each for name, each in encoded.items() if before is None or before.get(name) != each}
        gone = [] if before is None else [name for name in before if name not in encoded]
        self._change = _event("change", now, changed, gone) if before is not None else ""
        self._whole = ""

    def fail(self, failure: "Failure") -> None:
        """Drop the parts after a failed read: the page must hide its figures."""
        event = f"event: {failure.name}\ndata: {msgspec.json.encode({'what': failure.what}).decode()}\n\n"
        self._alive, self._parts, self._change = event, None, ""
        self.reads += 1
        if self._whole != event:
            self.version += 1
            self._whole = event

    def reset(self) -> None:
        """Drop the parts when the last watcher leaves: they grow old, and the next watcher must not get them."""
        self.version += 1
        self._parts, self._whole, self._change = None, _WAITING, ""

    def since(self, version: int, now: int) -> str:
        """The event that brings a watcher up to date from a version."""
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
    """One task that reads the state for all watchers, and only while there are any.

    A watcher gets an event only after a read, at least once a second. If the task stopped, the page would notice the silence.

    Args:
        names: of the streams.
        read: reads the watched pages; blocking.
        wait: waits for a change, at most the given number of seconds; blocking.
    """

    def __init__(
        self, names: Iterable[str], read: Callable[[set[str]], Snapshot], wait: Callable[[float], None]
    ) -> None:
        self.streams = {name: Stream() for name in names}
        self._read, self._wait = read, wait
        self._now = 0
        self.alive_seconds = ALIVE_SECONDS - CHANGE_SECONDS
        self._complaints = Complaints(_logger.warning, time.monotonic)
        self._has_read = asyncio.Condition()
        self._watched, self._arrived = asyncio.Event(), asyncio.Event()

    async def follow(self) -> None:
        """Read at every change, at every new watcher, and at least once a second."""
        clock = asyncio.get_running_loop().time
        waiting: asyncio.Task[None] | None = None
        while True:
            await self._watched.wait()
            self._arrived.clear()
            began = clock()
            await self.read_once()
            await asyncio.sleep(max(0.0, began + CHANGE_SECONDS - clock()))
            waiting = asyncio.create_task(self._wait_for_change()) if waiting is None or waiting.done() else waiting
            arriving = asyncio.create_task(self._arrived.wait())
            await asyncio.wait({waiting, arriving}, return_when=asyncio.FIRST_COMPLETED)
            arriving.cancel()

    async def _wait_for_change(self) -> None:
        with contextlib.suppress(RedisError, OSError):
            await asyncio.to_thread(self._wait, ALIVE_SECONDS - CHANGE_SECONDS)

    async def read_once(self) -> None:
        """Read the watched pages once and wake their watchers."""
        watched = {name for name, stream in self.streams.items() if stream.watchers}
        try:
            result: Snapshot | Failure = await asyncio.to_thread(self._read, watched)
            self._complaints.end()
        except (RedisError, OSError, BlueLampError) as error:
            self._complaints.add_error(error)
            result = Failure("unreachable", _sentence(error))
        except Exception:
            # Whatever the error is, the page must not keep displaying the figures from before it.
            _logger.exception("the state cannot be read")
            result = Failure("unreadable")
        async with self._has_read:
            for name in watched:
                if isinstance(result, Failure):
                    self.streams[name].fail(result)
                else:
                    self._now = result.now
                    self.streams[name].update(result.now, result.parts[name])
            self._has_read.notify_all()

    async def watch(self, name: str) -> AsyncGenerator[str]:
        """Server-sent events: all parts, then those that change; `alive` after a read without a change."""
        stream = self.streams[name]
        stream.watchers += 1
        self._watched.set()
        self._arrived.set()
        clock = asyncio.get_running_loop().time
        try:
            yield _RETRY
            version, reads, sent_at = -1, -1, clock()
            while True:
                async with self._has_read:
                    await self._has_read.wait_for(lambda: stream.reads > reads)  # noqa: B023 - awaited at once
                reads = stream.reads
                if version != stream.version or clock() - sent_at >= self.alive_seconds:
                    event, version, sent_at = stream.since(version, self._now), stream.version, clock()
                    yield event
        finally:
            self._leave(stream)

    def _leave(self, stream: Stream) -> None:
        stream.watchers -= 1
        if not stream.watchers:
            stream.reset()
        if not any(each.watchers for each in self.streams.values()):
            self._watched.clear()


def _sentence(error: Exception) -> str:
    return error.what if isinstance(error, BlueLampError) else refusal_of(error).sentence()
