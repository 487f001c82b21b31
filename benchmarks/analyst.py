"""`python -m benchmarks.analyst`: how long the analyst's pages take while facts arrive, others watch, and some requests are abandoned.

Everything that runs in production runs here, on the embedded parts and one machine: a simulated force, further facts at a steady
rate, a worker, the state server, the board, and open pages that follow it.
"""

import asyncio
import itertools
import tempfile
import time
from collections.abc import Sequence
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path
from typing import NamedTuple

import click

from benchmarks.latency import ORDINARY_FACTS_PER_SECOND, loaded, quantile
from benchmarks.tiles import running_board
from benchmarks.watching import Viewer
from bluelamp.wiring.clock import wall
from producers.publish import LIVE, connect

_LONGEST = "/api/explore/opened_to_arrived_median_seconds?window=7d"
PAGES = (
    "/explore?measure=opened_to_arrived_median_seconds&window=7d&by=area",
    "/compare?measure=incident_count&window=7d&by=area",
    "/chart?measure=incident_count&grain=day",
    "/measure/incident_count?window=24h",
    "/intervals?queue=999",
    "/trust",
    f"{_LONGEST}&by=grade",
    "/svg/chart/contact_999_offered_count?grain=day",
    "/csv/incident_count?window=7d&by=area",
)
_CROWD, _CROWDS = 20, 5
_PATIENCE_SECONDS, _ABANDONED_AFTER_SECONDS, _HISTORY = 20.0, 0.05, timedelta(days=14)


class PageTime(NamedTuple):
    """One request that was not abandoned.

    Attributes:
        page: its path, without the query.
        seconds: until the whole response had arrived; None if it did not arrive in time.
        status: the status of the response; 0 without one.
    """

    page: str
    seconds: float | None
    status: int


@click.command()
@click.option("--rate", default=100.0, show_default=True, help="Facts a second.")
@click.option("--viewers", default=5, show_default=True, help="Open pages.")
@click.option("--requests", default=90, show_default=True, help="Requests to measure; as many again are abandoned.")
def main(rate: float, viewers: int, requests: int) -> None:
    """Measure and print."""
    with (
        tempfile.TemporaryDirectory() as directory,
        running_board(Path(directory), _HISTORY) as board,
        connect(board.settings.log(), LIVE, now=wall, monotonic=time.monotonic) as publisher,
        loaded(publisher, rate / ORDINARY_FACTS_PER_SECOND + 1) as published,
    ):
        found = asyncio.run(_measured(board.port, viewers, requests))
        print(f"{published():.0f} facts a second, {viewers} open pages\n\n{table(found)}")


async def _measured(port: int, viewers: int, requests: int) -> list[PageTime]:
    """Ask for one page after another; before each, abandon a request for the page after it."""
    watching = [asyncio.create_task(Viewer(port).follow()) for _ in range(viewers)]
    found: list[PageTime] = []
    for page, other in itertools.islice(itertools.pairwise(itertools.cycle(PAGES)), requests):
        abandoned = asyncio.create_task(_request(port, other))
        await asyncio.sleep(_ABANDONED_AFTER_SECONDS)
        abandoned.cancel()
        found.append(await _timed(port, page))
    found += [await _after_a_crowd(port) for _ in range(_CROWDS)]
    for each in watching:
        each.cancel()
    return found


async def _after_a_crowd(port: int) -> PageTime:
    """The longest of the pages, right after many requests for it were abandoned."""
    crowd = [asyncio.create_task(_request(port, f"{_LONGEST}&by=area")) for _ in range(_CROWD)]
    await asyncio.sleep(_ABANDONED_AFTER_SECONDS)
    for each in crowd:
        each.cancel()
    return (await _timed(port, _LONGEST))._replace(page=f"after {_CROWD} abandoned")


async def _timed(port: int, page: str) -> PageTime:
    began, name = time.monotonic(), page.partition("?")[0]
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            status = await _request(port, page)
    except (TimeoutError, OSError):
        return PageTime(name, None, 0)
    return PageTime(name, time.monotonic() - began, status)


async def _request(port: int, page: str) -> int:
    """The status of a response, once all of it has arrived; the connection is closed if the task is cancelled."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(f"GET {page} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n".encode())
        whole = await reader.read(-1)
    finally:
        writer.close()
    return int(whole.split(b" ", 2)[1])


def table(found: Sequence[PageTime]) -> str:
    """The rows in Markdown, the last for all pages together."""
    head = ("| page | p50 | p99 | answered |", "|---|---|---|---|")
    names = [*dict.fromkeys(each.page for each in found)]
    rows = [_row(name, [each for each in found if each.page == name]) for name in names]
    return "\n".join((*head, *rows, _row("all", found)))


def _row(name: str, found: Sequence[PageTime]) -> str:
    known = sorted(each.seconds for each in found if each.seconds is not None and each.status == HTTPStatus.OK)
    figures = [f"{quantile(known, share):.2f} s" for share in (0.5, 0.99)] if known else ["-", "-"]
    return f"| `{name}` | {' | '.join(figures)} | {len(known)} of {len(found)} |"


if __name__ == "__main__":
    main()
