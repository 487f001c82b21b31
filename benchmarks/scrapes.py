"""`python -m benchmarks.scrapes`: how long scrapes of many forces take, and how old their figures are, while facts and heartbeats of every force arrive.

An exporter and a worker run as in production, on the embedded log and state. Both of Prometheus' paths are scraped every five seconds. All
of it shares this machine.
"""

import gzip
import itertools
import os
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http import HTTPStatus

import click
import msgspec
import requests

from benchmarks.growth import many_forces
from benchmarks.whole import await_that, memory_mb, process, processor_seconds
from bluelamp.wiring.clock import wall
from bluelamp.wiring.ports import free_ports
from bluelamp.wiring.settings import Settings, load_forces
from facts.contact import ContactAbandoned, ContactOffered
from facts.feed import FeedHeartbeat
from producers.publish import LIVE, Publisher, connect
from streams.prepared_metrics import AGE

_PATHS = ("/metrics/rules", "/metrics/others")
_SCRAPE_SECONDS, _HEARTBEAT_SECONDS = 5.0, 5.0
_SAME, _FEW_SERIES = 6, 50
"""Everything is loaded once this many scrapes have hardly differed in their number of series."""


@click.command()
@click.option("--forces", default=43, show_default=True)
@click.option("--seconds", default=300.0, show_default=True, help="How long to scrape once every figure is loaded.")
@click.option("--facts-a-second", default=5.0, show_default=True, help="Of all forces together.")
def main(forces: int, seconds: float, facts_a_second: float) -> None:
    """Measure and print."""
    with many_forces(forces) as given:
        settings = msgspec.structs.replace(given, exporter_port=free_ports(1)[0])
        with process(settings, "worker") as worker, arriving(settings, facts_a_second):
            # A Prometheus evaluates the rules, so that the exporter does not.
            rules_elsewhere = {"BLUELAMP_PROMETHEUS": "http://127.0.0.1:1"}
            with process(settings, "exporter", variables=rules_elsewhere) as exporter:
                began = time.monotonic()
                loading = _until_loaded(settings)
                print(f"{forces} forces: every figure was loaded {time.monotonic() - began:.0f} s after the start.")
                print(f"Meanwhile, {loading.count(None)} of {len(loading)} scrapes were refused.", flush=True)
                used = [processor_seconds(each) for each in (exporter, worker)]
                rows = {path: list[Scrape]() for path in _PATHS}
                for path, each in _scrapes(settings, seconds):
                    rows[path].append(each)
                _print(rows)
                for name, pid, before in zip(("exporter", "worker"), (exporter, worker), used, strict=True):
                    share = (processor_seconds(pid) - before) / seconds
                    print(f"The {name} used {share:.0%} of a processor and has {memory_mb(pid):.0f} MB.")


class Scrape(msgspec.Struct):
    """How long a scrape took, and the age of its figures at its end, in seconds; how many series it had."""

    took: float
    age: float
    series: int


@contextmanager
def arriving(settings: Settings, facts_a_second: float) -> Iterator[None]:
    """Publish calls that are abandoned at once, force by force, and heartbeats of every feed."""
    stop = threading.Event()
    with connect(settings.log(), LIVE, now=wall, monotonic=time.monotonic) as publisher:

        def publish() -> None:
            calls = itertools.cycle(load_forces(settings))
            began, number, beats = time.monotonic(), 0, 0
            while not stop.wait(max(0.0, began + number * 2 / facts_a_second - time.monotonic())):
                number += 1
                _publish_call(publisher, next(calls), number)
                if time.monotonic() - began > beats * _HEARTBEAT_SECONDS:
                    beats += 1
                    _beat(publisher, settings, beats)

        thread = threading.Thread(target=publish, daemon=True)
        thread.start()
        yield
        stop.set()
        thread.join()


def _publish_call(publisher: Publisher, force: str, number: int) -> None:
    subject = f"call-{number}-{os.getpid()}"
    call = {"force": force, "at": wall(), "subject_id": subject, "queue": "emergency"}
    publisher.publish(ContactOffered(fact_id=f"{subject}.1", line="999", **call))  # type: ignore[arg-type]
    publisher.publish(ContactAbandoned(fact_id=f"{subject}.2", **call))  # type: ignore[arg-type]


def _beat(publisher: Publisher, settings: Settings, seq: int) -> None:
    for name, rules in load_forces(settings).items():
        for feed in rules.force.feeds:
            at = wall()
            beat = FeedHeartbeat(fact_id=f"beat-{seq}", force=name, at=at, feed=feed.name, seq=seq, complete_to=at)
            publisher.heartbeat(beat, feed.topic)


def _scrape(settings: Settings, path: str) -> Scrape | None:
    """A scrape as Prometheus makes it; None if it was refused."""
    began = time.perf_counter()
    headers = {"Accept-Encoding": "gzip"}
    with requests.get(
        f"http://127.0.0.1:{settings.exporter_port}{path}", headers=headers, timeout=60, stream=True
    ) as answer:
        body = answer.raw.read()
        took = time.perf_counter() - began
        if answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE:
            return None
    lines = gzip.decompress(body).decode().splitlines()
    ages = [float(line.split()[1]) for line in lines if line.startswith(f"{AGE} ")]
    return Scrape(took, sum(ages), sum(not line.startswith("#") for line in lines))


def _scrapes(settings: Settings, seconds: float) -> Iterator[tuple[str, Scrape]]:
    """Scrape both paths every five seconds; a refusal is a fault."""
    for number in range(int(seconds / _SCRAPE_SECONDS)):
        began = time.monotonic()
        for path in _PATHS:
            found = _scrape(settings, path)
            if found is None:
                raise SystemExit(f"Scrape {number} of {path} was refused.")
            yield path, found
        time.sleep(max(0.0, began + _SCRAPE_SECONDS - time.monotonic()))


def _until_loaded(settings: Settings) -> list[Scrape | None]:
    """Scrape until the number of series hardly changes any more."""
    found = list[Scrape | None]()

    def is_loaded() -> bool:
        try:
            found.append(_scrape(settings, _PATHS[1]))
            _scrape(settings, _PATHS[0])
        except requests.ConnectionError:
            return False
        time.sleep(_SCRAPE_SECONDS)
        last = [each.series for each in found[-_SAME:] if each]
        return len(last) == _SAME and max(last) - min(last) < _FEW_SERIES

    await_that(is_loaded, 1200)
    return found


def _print(rows: dict[str, list[Scrape]]) -> None:
    print("\n| path | series | took, p50 | p99 | at most | age, p50 | at most |\n|---|---|---|---|---|---|---|")
    for path, scrapes in rows.items():
        took, age = sorted(each.took * 1000 for each in scrapes), sorted(each.age for each in scrapes)
        times = f"{_at(took, 0.5):.0f} ms | {_at(took, 0.99):.0f} ms | {took[-1]:.0f} ms"
        print(f"| `{path}` | {scrapes[-1].series:,} | {times} | {_at(age, 0.5):.1f} s | {age[-1]:.1f} s |")
    print()


def _at(ordered: Sequence[float], share: float) -> float:
    return ordered[int(len(ordered) * share)]


if __name__ == "__main__":
    main()
