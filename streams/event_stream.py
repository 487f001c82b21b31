"""Server-sent events about the state: one task reads it and sends every viewer what changed, or that it cannot be read."""

import asyncio
import contextlib
import logging
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Generic, NamedTuple, TypeVar

import msgspec
from redis.exceptions import RedisError

from facts.errors import BlueLampError
from streams.refusal import refusal_of
from streams.repeated_errors import RepeatedErrors

_RETRY = "retry: 1000\n\n"
_WAITING = "event: waiting\ndata: {}\n\n"
_Content = TypeVar("_Content")


def event(name: str, data: object) -> str:
    """One server-sent event.

    Args:
        name: its type.
        data: anything that msgspec encodes.
    """
    return f"event: {name}\ndata: {msgspec.json.encode(data).decode()}\n\n"


class Failure(NamedTuple):
    """Why nothing could be read.

    Attributes:
        name: the event's type: `unreachable` or `unreadable`.
        what: the cause, as a sentence; empty if the log has the details.
    """

    name: str
    what: str = ""


class EventChannel(ABC, Generic[_Content]):
    """What the viewers of one page are sent: everything at first, then what changed."""

    def __init__(self) -> None:
        self.viewers = 0
        self.version = self.turn = 0
        self._alive = self._change = ""
        self._make_whole: Callable[[], str] = lambda: _WAITING
        self._whole: str | None = None
        self._failure: str | None = None

    @abstractmethod
    def update(self, content: _Content) -> None:
        """Compare new content with the last, and call `keep` or `replace`."""

    def keep(self, alive: str, whole: Callable[[], str] | None = None) -> None:
        """Nothing has changed: send a heartbeat only.

        Args:
            alive: the heartbeat.
            whole: makes the event for viewers who arrive from now on; as before unless given.
        """
        self.turn += 1
        self._alive = alive
        if whole:
            self._make_whole, self._whole = whole, None

    def replace(self, alive: str, whole: Callable[[], str], change: str = "") -> None:
        """The content has changed.

        Args:
            alive: the heartbeat from now on.
            whole: makes the event with the whole content.
            change: the event for viewers who have the version before; empty to send them the whole.
        """
        self.keep(alive, whole)
        self.version += 1
        self._change, self._failure = change, None

    def fail(self, failure: Failure) -> None:
        """The state cannot be read: nothing that was sent before may stay on display."""
        message = event(failure.name, {"what": failure.what})
        self.forget_content()
        if self._failure == message:
            self.keep(message)
            return
        self.replace(message, lambda: message)
        self._failure = message

    def reset(self) -> None:
        """Nobody is watching, so nothing is read: the last content is out of date, and the next viewer must not receive it."""
        self.forget_content()
        self.version += 1
        self._make_whole, self._whole = (lambda: _WAITING), None
        self._change, self._failure = "", None

    @abstractmethod
    def forget_content(self) -> None:
        """Forget the last content, so that the next counts as new."""

    def since(self, version: int) -> str:
        """The event that brings a viewer up to date.

        Args:
            version: the version that the viewer has; -1 for none.
        """
        if version == self.version:
            return self._alive
        if version == self.version - 1 and self._change:
            return self._change
        if self._whole is None:
            self._whole = self._make_whole()
        return self._whole


class ReadIntervals(NamedTuple):
    """How often the state is read.

    Attributes:
        change_seconds: the shortest time between two reads.
        alive_seconds: the longest time between two reads, and between two events to a viewer.
    """

    change_seconds: float
    alive_seconds: float


class Follower(Generic[_Content]):
    """One task that reads the state, however many viewers there are, and only while there are any.

    Every viewer is sent something at least every `alive_seconds`: silence means that the task or the connection is dead.

    Args:
        channels: the channels, by name.
        read: reads the state for the named channels; blocking.
        wait: waits for a change for at most a number of seconds; blocking.
        intervals: how often the state is read.
        logger: logs what goes wrong.
    """

    def __init__(
        self,
        channels: Mapping[str, EventChannel[_Content]],
        read: Callable[[set[str]], _Content],
        wait: Callable[[float], None],
        intervals: ReadIntervals,
        logger: logging.Logger,
    ) -> None:
        self.channels, self._read, self._wait, self._intervals, self._logger = channels, read, wait, intervals, logger
        self.alive_seconds = intervals.alive_seconds - intervals.change_seconds
        self._complaints = RepeatedErrors(logger.warning, time.monotonic)
        self._turned = asyncio.Condition()
        self._watched, self._arrived = asyncio.Event(), asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start the task, unless it is running."""
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._follow())

    def stop(self) -> None:
        """Stop the task."""
        if self._task:
            self._task.cancel()

    async def _follow(self) -> None:
        """Read after every change, when a viewer arrives, and from time to time without either."""
        clock = asyncio.get_running_loop().time
        waiting: asyncio.Task[None] | None = None
        while True:
            await self._watched.wait()
            self._arrived.clear()
            began = clock()
            await self.update()
            await asyncio.sleep(max(0.0, began + self._intervals.change_seconds - clock()))
            waiting = asyncio.create_task(self._wait_for_change()) if waiting is None or waiting.done() else waiting
            arriving = asyncio.create_task(self._arrived.wait())
            await asyncio.wait({waiting, arriving}, return_when=asyncio.FIRST_COMPLETED)
            arriving.cancel()

    async def _wait_for_change(self) -> None:
        with contextlib.suppress(RedisError, OSError):
            await asyncio.to_thread(self._wait, self._intervals.alive_seconds - self._intervals.change_seconds)

    async def update(self) -> None:
        """Read once, and wake every viewer."""
        watched = {name for name, channel in self.channels.items() if channel.viewers}
        content = await self._read_or_fail(watched)
        async with self._turned:
            # A viewer may have left during the read. Content that nobody watches must not be kept: the next viewer would receive it out of date.
            for channel in (self.channels[name] for name in watched if self.channels[name].viewers):
                if isinstance(content, Failure):
                    channel.fail(content)
                else:
                    channel.update(content)
            self._turned.notify_all()

    async def _read_or_fail(self, watched: set[str]) -> _Content | Failure:
        try:
            content = await asyncio.to_thread(self._read, watched)
        except (RedisError, OSError, BlueLampError) as error:
            self._complaints.add_error(error)
            return Failure("unreachable", _sentence(error))
        except Exception:
            # Whatever went wrong, figures from before it must not stay on display.
            self._logger.exception("the state cannot be read")
            return Failure("unreadable")
        self._complaints.end()
        return content

    async def watch(self, name: str) -> AsyncGenerator[str]:
        """Server-sent events for one viewer: the whole content, then each change, and heartbeats in between.

        Args:
            name: the channel.
        """
        channel = self.channels[name]
        channel.viewers += 1
        self._watched.set()
        self._arrived.set()
        clock = asyncio.get_running_loop().time
        try:
            yield _RETRY
            version, turn, sent_at = -1, -1, clock()
            while True:
                async with self._turned:
                    await self._turned.wait_for(lambda: channel.turn > turn)  # noqa: B023 - awaited at once
                turn = channel.turn
                if version != channel.version or clock() - sent_at >= self.alive_seconds:
                    sent, version, sent_at = channel.since(version), channel.version, clock()
                    yield sent
        finally:
            self._leave(channel)

    def _leave(self, channel: EventChannel[_Content]) -> None:
        channel.viewers -= 1
        if not channel.viewers:
            channel.reset()
        if not any(each.viewers for each in self.channels.values()):
            self._watched.clear()


def _sentence(error: Exception) -> str:
    return error.what if isinstance(error, BlueLampError) else refusal_of(error).sentence()
