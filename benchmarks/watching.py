"""How long a fact takes to reach every open page: from its publication to the event that each viewer receives."""

import asyncio
import json
import random
import statistics
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple

from facts.incident import IncidentClosed, IncidentOpened
from producers.publish import Publisher

TILE = "tile:incident_open_count"
LIST = "attendance:immediate"
_PATIENCE_SECONDS = 60.0


class Latencies(NamedTuple):
    """Seconds from publishing a fact to the changed tile of each viewer, shortest first."""

    seconds: list[float]

    def quantile(self, share: float) -> float:
        """The time that this share of them did not exceed."""
        return self.seconds[max(0, -(-len(self.seconds) * round(share * 1000) // 1000) - 1)]

    def __str__(self) -> str:
        summary = [f"n {len(self.seconds):,}", f"mean {statistics.fmean(self.seconds):.3f} s"]
        quantiles = (0.5, 0.9, 0.95, 0.99, 1.0)
        return ", ".join([*summary, *(f"p{share * 100:g} {self.quantile(share):.3f} s" for share in quantiles)])


class Viewer:
    """One open page, as its event stream sees it.

    Args:
        port: the port of the board on loopback.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self.seen: dict[str, float] = {}
        self.received = asyncio.Event()
        self.has_tile = False

    async def follow(self) -> None:
        """Read all events, and note when each probe first appeared among the open incidents."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port, limit=1 << 24)
        writer.write(
            f"GET /events/now HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\nAccept: text/event-stream\r\n\r\n".encode()
        )
        try:
            async for line in reader:
                if line.startswith(b"data: {"):
                    self._note(json.loads(line[6:]).get("parts", {}))
        finally:
            writer.close()

    def _note(self, parts: dict[str, dict[str, object]]) -> None:
        now = time.monotonic()
        self.has_tile = self.has_tile or TILE in parts
        # The list is watched, not the figure: if another fact changes the figure back at once, the figure is not sent.
        incidents = parts.get(LIST, {}).get("incidents", [])
        assert isinstance(incidents, Sequence)  # noqa: S101 - for the type checker
        for each in incidents:
            self.seen.setdefault(each["incident"], now)
        self.received.set()

    async def until(self, is_so: Callable[["Viewer"], bool]) -> None:
        """Wait until a condition holds after the events received so far."""
        while not is_so(self):
            self.received.clear()
            await self.received.wait()


async def watched(
    port: int, publisher: Publisher, force: str, now: Callable[[], datetime], *, viewers: int, probes: int
) -> Latencies:
    """Open Grade 1 incidents one after another, and wait each time until every viewer has it.

    Args:
        port: the port of the board.
        publisher: publishes to the log.
        force: the force on the board.
        now: the wall clock.
        viewers: the number of open pages.
        probes: the number of incidents.

    Raises:
        TimeoutError: a viewer did not receive one.
    """
    watching = [Viewer(port) for _ in range(viewers)]
    following = [asyncio.create_task(viewer.follow()) for viewer in watching]
    run = int(now().timestamp())
    chance, found = random.Random(41), []
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            await asyncio.gather(*(viewer.until(lambda each: each.has_tile) for viewer in watching))
        for number in range(probes):
            await asyncio.sleep(chance.uniform(0.2, 0.8))
            found += await _probe(f"probe-{run}-{number}", publisher, force, now, watching)
    finally:
        for task in following:
            task.cancel()
    return Latencies(sorted(found))


async def _probe(
    subject: str, publisher: Publisher, force: str, now: Callable[[], datetime], watching: list[Viewer]
) -> list[float]:
    began, at = time.monotonic(), now()
    opened = IncidentOpened(fact_id=f"{subject}-open", force=force, at=at, subject_id=subject, grade="1")
    await asyncio.to_thread(publisher.publish, opened)
    async with asyncio.timeout(_PATIENCE_SECONDS):
        await asyncio.gather(*(viewer.until(lambda each: subject in each.seen) for viewer in watching))
    closed = IncidentClosed(fact_id=f"{subject}-closed", force=force, at=now(), subject_id=subject, result="cancelled")
    await asyncio.to_thread(publisher.publish, closed)
    return [viewer.seen[subject] - began for viewer in watching]
