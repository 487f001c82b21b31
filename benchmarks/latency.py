"""`python -m benchmarks.latency`: from publishing a fact until a reading, a tile of the board and an alert's webhook have it.

Everything that runs in production runs here on the embedded parts, with a live simulated force: an ordinary day, and 10 and 100
times as many facts. They all share this machine, so compare the rows of one run.
"""

import asyncio
import operator
import os
import random
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

import click
import msgspec

from alerts.inbox.log.payload import FIGURE, Payload
from benchmarks.tiles import running_board
from benchmarks.watching import Viewer
from benchmarks.whole import process
from bluelamp.wiring.clock import wall
from bluelamp.wiring.connections import reader
from bluelamp.wiring.settings import ENGINE_TOKEN, Settings
from facts.contact import ContactAbandoned, ContactOffered
from facts.incident import IncidentClosed, IncidentOpened
from producers.publish import LIVE, Publisher, connect
from streams.readings import Reader

FORCE, ALERT, MEASURE = "staffordshire", "Grade1Unattended", "grade_1_unattended_over_15_minutes_count"
ORDINARY_FACTS_PER_SECOND = 0.08
"""A force of this size reports 7,000 facts a day."""
_WAITING = timedelta(minutes=16)
_PATIENCE_SECONDS = 30.0
_EVALUATED_EVERY_SECONDS = 1.5
"""How often the rules are evaluated: probes must not keep step with that."""


class ProbeLatencies(NamedTuple):
    """The seconds from publishing each probe until it arrived; None where it did not arrive in time.

    Attributes:
        load: how many times the facts of an ordinary day.
        place: where it arrived.
        seconds: for each probe.
    """

    load: int
    place: str
    seconds: Sequence[float | None]

    def row(self) -> str:
        """The row of the table."""
        known = sorted(each for each in self.seconds if each is not None)
        figures = [f"{quantile(known, share):.2f} s" for share in (0.5, 0.99)] if known else ["-", "-"]
        return f"| {self.load} | {self.place} | {' | '.join(figures)} | {len(known)} of {len(self.seconds)} |"


def quantile(ordered: Sequence[float], share: float) -> float:
    """The value that this share of the values did not exceed."""
    return ordered[max(0, -(-len(ordered) * round(share * 1000) // 1000) - 1)]


def table(rows: Sequence[ProbeLatencies]) -> str:
    """The rows in Markdown."""
    head = ("| load | from a fact to | p50 | p99 | arrived |", "|---|---|---|---|---|")
    return "\n".join((*head, *(each.row() for each in rows)))


class WebhookReceiver:
    """Takes the place of the inbox: records when a figure of the rule was posted."""

    def __init__(self) -> None:
        self._posted, self._changed = list[tuple[float, float]](), threading.Condition()

    def add(self, body: bytes) -> None:
        """Record the alerts of a request."""
        now = time.monotonic()
        for each in msgspec.json.decode(body, type=Payload).alerts:
            figure = each.number(FIGURE)
            if each.labels.get("alertname") == ALERT and each.status == "firing" and figure is not None:
                with self._changed:
                    self._posted.append((now, figure))
                    self._changed.notify_all()

    def await_figure(self, is_it: Callable[[float], bool], since: float) -> float | None:
        """When such a figure was first posted after a time; None if it does not come."""
        with self._changed:
            self._changed.wait_for(lambda: self._first(is_it, since) is not None, _PATIENCE_SECONDS)
            return self._first(is_it, since)

    def _first(self, is_it: Callable[[float], bool], since: float) -> float | None:
        return next((at for at, posted in self._posted if at >= since and is_it(posted)), None)


@click.command()
@click.option("--probes", default=20, show_default=True, help="Facts to follow at each load.")
@click.option("--loads", default="1,10,100", show_default=True, help="Multiples of an ordinary day's facts.")
def main(probes: int, loads: str) -> None:
    """Measure and print."""
    with ExitStack() as ending:
        directory = Path(ending.enter_context(tempfile.TemporaryDirectory()))
        board = ending.enter_context(running_board(directory))
        receiver = WebhookReceiver()
        ending.enter_context(_alerting(board.settings, receiver))
        publisher = ending.enter_context(connect(board.settings.log(), LIVE, now=wall, monotonic=time.monotonic))
        source = reader(board.settings)
        for load in (int(each) for each in loads.split(",")):
            with loaded(publisher, load):
                rows = asyncio.run(_measured(load, probes, board.port, publisher, source, receiver))
            print(table(rows), flush=True)


@contextmanager
def _alerting(settings: Settings, receiver: WebhookReceiver) -> Iterator[None]:
    """An exporter that evaluates the alert rules and posts to the receiver."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            receiver.add(self.rfile.read(int(self.headers["Content-Length"])))
            body = b'{"active": []}'
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing: requests are not logged."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server, socket.socket() as free:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        free.bind(("127.0.0.1", 0))
        inbox = f"http://127.0.0.1:{server.server_address[1]}"
        variables = {ENGINE_TOKEN: "benchmark-engine-token-0123456789", "BLUELAMP_INBOX": inbox}
        port = str(free.getsockname()[1])
        free.close()
        with process(settings, "exporter", "--port", port, variables=variables):
            yield
        server.shutdown()


@contextmanager
def loaded(publisher: Publisher, load: float) -> Iterator[Callable[[], float]]:
    """Publish further facts at a steady rate: 999 calls that are abandoned at once. Yields a function that gives the facts a second so far.

    Args:
        publisher: publishes to the log.
        load: how many times the facts of an ordinary day.
    """
    stop, seconds = threading.Event(), 2 / (ORDINARY_FACTS_PER_SECOND * max(1, load - 1))
    published, began = [0], time.monotonic()

    def publish() -> None:
        number = 0
        # If one fact is late, the next ones are still on time.
        while load > 1 and not stop.wait(max(0.0, began + number * seconds - time.monotonic())):
            number, at = number + 1, wall()
            subject = f"load-{load}-{number}-{os.getpid()}"
            call = {"force": FORCE, "at": at, "subject_id": subject, "queue": "emergency"}
            publisher.publish(ContactOffered(fact_id=f"{subject}.1", line="999", **call))  # type: ignore[arg-type]
            publisher.publish(ContactAbandoned(fact_id=f"{subject}.2", **call))  # type: ignore[arg-type]
            published[0] += 2

    thread = threading.Thread(target=publish, daemon=True)
    thread.start()
    yield lambda: published[0] / (time.monotonic() - began)
    stop.set()
    thread.join()


async def _measured(
    load: int, probes: int, port: int, publisher: Publisher, source: Reader, receiver: WebhookReceiver
) -> list[ProbeLatencies]:
    """Open incidents that are overdue already, one after another, and follow each to every place."""
    viewer, found, chance = Viewer(port), dict[str, list[float | None]](), random.Random(41)
    following = asyncio.create_task(viewer.follow())
    async with asyncio.timeout(_PATIENCE_SECONDS):
        await viewer.until(lambda each: each.has_tile)
    for number in range(probes):
        subject, before = f"probe-{load}-{number}-{os.getpid()}", await asyncio.to_thread(_overdue, source)
        at, began = wall() - _WAITING, time.monotonic()
        publisher.publish(IncidentOpened(fact_id=f"{subject}.1", force=FORCE, at=at, subject_id=subject, grade="1"))
        arrived = await asyncio.gather(
            asyncio.to_thread(_await_reading, source, before + 1),
            _await_tile(viewer, subject),
            asyncio.to_thread(receiver.await_figure, partial(operator.le, before + 1), began),
        )
        for place, when in zip(("a reading", "the board", "the alert's webhook"), arrived, strict=True):
            found.setdefault(place, []).append(None if when is None else when - began)
        began = time.monotonic()
        publisher.publish(_closed(subject, wall()))
        await asyncio.to_thread(receiver.await_figure, partial(operator.ge, before), began)
        await asyncio.sleep(chance.uniform(0, _EVALUATED_EVERY_SECONDS))
    following.cancel()
    return [ProbeLatencies(load, place, seconds) for place, seconds in found.items()]


def _closed(subject: str, at: datetime) -> IncidentClosed:
    return IncidentClosed(fact_id=f"{subject}.2", force=FORCE, at=at, subject_id=subject, result="cancelled")


def _overdue(source: Reader) -> int:
    source.refresh()
    (reading,) = source.read(MEASURE, force=FORCE)
    return reading.n or 0


def _await_reading(source: Reader, figure: int) -> float | None:
    return _await_that(lambda: _overdue(source) >= figure)


def _await_that(is_so: Callable[[], bool]) -> float | None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not is_so():
        if time.monotonic() > deadline:
            return None
        time.sleep(0.01)
    return time.monotonic()


async def _await_tile(viewer: Viewer, subject: str) -> float | None:
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            await viewer.until(lambda each: subject in each.seen)
    except TimeoutError:
        return None
    return viewer.seen[subject]


if __name__ == "__main__":
    main()
