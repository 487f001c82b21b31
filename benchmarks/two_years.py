"""`python -m benchmarks.two_years`: memory and speed with two years in the state, which it makes within minutes.

It simulates and folds four weeks of a force, and then copies their panes of days and hours further back. Sizes and costs are
like those of two simulated years; the figures are not.
"""

import asyncio
import json
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Iterator, Mapping
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any, cast

import click
import msgspec
from prometheus_client import CollectorRegistry, generate_latest
from redis import Redis
from starlette.types import ASGIApp, Message, Scope

from benchmarks import whole
from benchmarks.state_size import compress, groups, table
from bluelamp.wiring.connections import reader
from bluelamp.wiring.settings import Settings
from dashboards.board.app import board
from streams.exporter import ReadingsCollector

_FORCE = "staffordshire"
_WEEKS, _STORED_WEEKS, _HALF_HOUR_WEEKS, _HOUR_WEEKS = 4, 104, 56, 10
_READ = ("incident_count", "contact_999_answer_mean_seconds", "grade_1_opened_to_arrived_median_seconds")
_MEASURES = (*_READ, "arrest_count", "occurrence_count")
_PLACES = (
    "api/compare/{}",
    "api/explore/{}",
    "api/week/{}?weeks=9",
    "api/chart/{}",
    "api/chart/{}?grain=day",
    "api/measure/{}",
)
_WINDOWS = ("15m", "24h", "7d", "this_month", "12m", "previous_12m")
_KEPT_FRAMES = 12


@click.command()
@click.option("--redis", "address", default="", help="Measure this state instead of a new one; it is not changed.")
@click.option("--part", type=click.Choice(("board", "exporter", "readings")), help="Measure one part in this process.")
@click.option("--lines", is_flag=True, help="Also print which lines of code allocated the memory; much slower.")
def main(address: str, part: str | None, *, lines: bool) -> None:
    """Measure and print."""
    if part:
        _measure(part, Settings(redis=address, force=_FORCE), lines=lines)
    elif address:
        _measure_each(address, lines=lines)
    else:
        _measure_new(lines=lines)


def _measure_new(*, lines: bool) -> None:
    """Make a state and measure it."""
    with tempfile.TemporaryDirectory() as directory, whole.parts(Path(directory)) as given:
        settings = msgspec.structs.replace(given, force=_FORCE)
        facts, _ = whole.simulate(settings, _WEEKS * 7)
        whole.work(settings, facts)
        with Redis.from_url(settings.redis, decode_responses=True) as redis:
            lengthen(redis)
            print(table(groups(redis), _STORED_WEEKS * 7), flush=True)
            _measure_each(settings.redis, lines=lines)
            used = asyncio.run(compress(settings.redis))
            print(f"Blocks at rest compressed: {used:.1f} s of processor time")
            print(table(groups(redis), _STORED_WEEKS * 7), flush=True)
        _measure_each(settings.redis, lines=lines)


def lengthen(redis: Redis) -> None:
    """Copy the panes further back, and let the record begin where the panes begin."""
    for grain, weeks in (("day", _STORED_WEEKS), ("half_hour", _HALF_HOUR_WEEKS), ("hour", _HOUR_WEEKS)):
        names = list(redis.scan_iter(match=f"*:pane:*:{grain}:*", count=1000))
        for back in range(_WEEKS, weeks, _WEEKS):
            _copy(redis, names, back * 7)
    for feeds in redis.scan_iter(match="*:feeds"):
        for name, text in cast(dict[str, str], redis.hgetall(feeds)).items():
            if name.endswith("|"):
                redis.hset(feeds, name, json.dumps(_earlier(json.loads(text))))


def _copy(redis: Redis, names: list[str], back: int) -> None:
    """Copy hashes some days further back; a block of hours is one day, too."""
    with redis.pipeline(transaction=False) as pipe:
        for name in names:
            start, _, rest = name.partition(":pane:")
            force, grain, block, kind = rest.split(":")
            earlier = int(block) - back
            pipe.copy(name, f"{start}:pane:{force}:{grain}:{earlier}:{kind}")
            pipe.zadd(f"{start}:index:{force}:{grain}", {str(earlier): earlier})
        pipe.execute()


def _earlier(events: Mapping[str, Any]) -> dict[str, Any]:
    back = timedelta(weeks=_STORED_WEEKS - _WEEKS) // timedelta(microseconds=1)
    lines = {line: first - back for line, first in events["lines"].items()}
    return {**events, "first": events["first"] - back, "lines": lines}


def _measure_each(address: str, *, lines: bool) -> None:
    """Measure each part in its own process, because Python gives hardly any memory back."""
    for part in ("board", "exporter", "readings"):
        options = ["--redis", address, "--part", part, *(["--lines"] if lines else [])]
        subprocess.run([sys.executable, "-m", "benchmarks.two_years", *options], check=True)


def _measure(part: str, settings: Settings, *, lines: bool) -> None:
    if part == "readings":
        print("\n| window | first reading, ms of processor time |\n|---|---|")
        for window in _WINDOWS:
            print(f"| {window} | {_reading(settings, window):.0f} |", flush=True)
        return
    before = whole.memory_mb()
    if lines:
        tracemalloc.start(_KEPT_FRAMES)
    kept, used = _board(settings) if part == "board" else _exporter(settings)
    print(
        f"{part}: {whole.memory_mb():.0f} MB, {before:.0f} of them before it read anything; {used:.1f} s of processor time",
        flush=True,
    )
    if lines:
        for each in tracemalloc.take_snapshot().statistics("lineno")[:_KEPT_FRAMES]:
            print(each, flush=True)
    del kept


def _board(settings: Settings) -> tuple[object, float]:
    """A board whose pages were opened for each of several measures, and the processor seconds that this took."""
    source, start = reader(settings), time.process_time()
    application = board(source, _FORCE)
    for path in _paths():
        status = asyncio.run(_status(application, path))
        if status != HTTPStatus.OK:
            raise SystemExit(f"{path}: {status}")
    return (source, application), time.process_time() - start


async def _status(application: ASGIApp, path: str) -> int:
    """The status with which the application answers a request."""
    place, _, query = path.partition("?")
    scope: Scope = {"type": "http", "method": "GET", "path": f"/{place}", "query_string": query.encode(), "headers": []}
    found: list[int] = []

    sent: list[Message] = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive() -> Message:
        if not sent:
            await asyncio.Event().wait()  # the client waits for its answer
        return sent.pop()

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            found.append(message["status"])

    await application(scope, receive, send)
    return found[0]


def _paths() -> Iterator[str]:
    yield from ("api/handover", "api/outlook")
    for measure in _MEASURES:
        yield from (place.format(measure) for place in _PLACES)


def _exporter(settings: Settings) -> tuple[object, float]:
    """An exporter that was scraped twice, and the processor seconds that this took."""
    source, registry, start = reader(settings), CollectorRegistry(), time.process_time()
    registry.register(ReadingsCollector(source))
    for _ in range(2):
        generate_latest(registry)
    return (source, registry), time.process_time() - start


def _reading(settings: Settings, window: str) -> float:
    """The mean of the first readings of three measures in milliseconds of processor time, each with an empty cache."""
    used = 0.0
    for name in _READ:
        source = reader(settings)
        start = time.process_time()
        source.read(name, window, force=_FORCE)
        used += time.process_time() - start
    return used * 1000 / len(_READ)


if __name__ == "__main__":
    main()
