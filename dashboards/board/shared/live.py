"""The board's event streams: for each page, all its parts at first and then the parts that change."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from contextlib import aclosing
from functools import partial
from typing import NamedTuple

import msgspec

from dashboards.board.shared.page import Parts
from streams.event_stream import EventChannel, Follower, ReadIntervals, event

_INTERVALS = ReadIntervals(change_seconds=0.25, alive_seconds=1.0)
"""Four reads a second are enough for the eye; one a second is needed without a change, because time alone makes figures stale."""


class Snapshot(NamedTuple):
    """The parts of every watched page at one moment.

    Attributes:
        now: the force's present in milliseconds since 1970.
        parts: the parts, by page, for the pages with viewers.
    """

    now: int
    parts: Mapping[str, Parts]


class PageChannel(EventChannel[Snapshot]):
    """Sends the parts of one page.

    Args:
        name: the page's name.
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name
        self._parts: dict[str, bytes] | None = None

    def update(self, content: Snapshot) -> None:
        """Send the parts that changed."""
        parts = {name: msgspec.json.encode(part) for name, part in content.parts[self._name].items()}
        before, self._parts = self._parts, parts
        alive = event("alive", {"now": content.now})
        snapshot = partial(_parts_event, "snapshot", content.now, parts)
        if parts == before:
            self.keep(alive, snapshot)
        else:
            self.replace(alive, snapshot, "" if before is None else _change_event(content.now, before, parts))

    def forget_content(self) -> None:
        """Forget the parts."""
        self._parts = None


def _change_event(now: int, before: Mapping[str, bytes], parts: Mapping[str, bytes]) -> str:
    changed = {name: part for name, part in parts.items() if before.get(name) != part}
    return _parts_event("change", now, changed, [name for name in before if name not in parts])


def _parts_event(name: str, now: int, parts: Mapping[str, bytes], gone: Iterable[str] = ()) -> str:
    raw = {key: msgspec.Raw(part) for key, part in parts.items()}
    return event(name, {"now": now, "parts": raw, "gone": list(gone)})


class LiveUpdates(Follower[Snapshot]):
    """Follows the state for every page of the board.

    Args:
        names: the names of the pages.
        read: reads the parts of the named pages; blocking.
        wait: waits for a change for at most a number of seconds; blocking.
    """

    def __init__(
        self, names: Iterable[str], read: Callable[[set[str]], Snapshot], wait: Callable[[float], None]
    ) -> None:
        channels = {name: PageChannel(name) for name in names}
        super().__init__(channels, read, wait, _INTERVALS, logging.getLogger("bluelamp.board"))

    async def watch_pages(self, names: Iterable[str]) -> AsyncGenerator[str]:
        """Server-sent events of several pages for one viewer; the type of each event begins with the name of its page.

        Args:
            names: of the pages.
        """
        # One event waits at most, so that a slow viewer gets the latest content and not all that it missed.
        queue = asyncio.Queue[str](maxsize=1)

        async def forward(name: str) -> None:
            async with aclosing(self.watch(name)) as events:
                async for each in events:
                    kind = each.removeprefix("event: ")
                    await queue.put(each if kind == each else f"event: {name}:{kind}")

        tasks = [asyncio.create_task(forward(name)) for name in dict.fromkeys(names)]
        try:
            while True:
                yield await queue.get()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
