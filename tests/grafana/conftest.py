"""A state with both forces, its exporter, and a real Prometheus that scrapes it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import pytest
from redis import Redis

from facts.feed import FeedHeartbeat
from measures.catalogue import CATALOGUE
from measures.rules import Rules
from producers.publish import BACKFILL
from streams.exporter import ReadingsCollector, serve
from streams.logwatch import LogWatch, looking_at
from streams.names import is_exported
from streams.readings import Reader
from tests.embedded.broker_process import BrokerProcess
from tests.grafana.prometheus import Prometheus, free_port
from tests.grafana.quarter import EARLIER, FORCE, NOW, quarter
from tests.integration.conftest import Parts
from tests.real.parts import missing
from tests.support.command_line import json_of
from tests.support.facts import heartbeat
from tests.support.set_clock import SetClock
from tests.support.system import System, running

SAMPLE = "san_francisco_fire"


class Clock:
    """A clock that stays still until it is set."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        """The time it was set to."""
        return self.now


@dataclass
class Exported:
    """The exporter of a filled state."""

    address: str
    clock: Clock
    reader: Reader


@dataclass
class Scraped:
    """A Prometheus that has scraped the exporter while every feed was live.

    Attributes:
        at: when, in seconds since 1970.
    """

    prometheus: Prometheus
    exported: Exported
    at: float


@pytest.fixture(scope="package")
def port() -> int:
    """The port of the exporter."""
    return free_port()


@pytest.fixture(scope="package")
def exported(port: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exported]:
    """Both forces through the embedded log, a worker and the embedded state server."""
    directory = tmp_path_factory.mktemp("grafana")
    parts, log_clock = Parts("embedded", directory), SetClock(directory / "clock")
    log_clock.stop_at(NOW)  # heartbeats of NOW that the log received at any other time would not be believed
    parts.broker = BrokerProcess(directory / "log", program=log_clock.program("bluelamp.embedded.broker"))
    parts.start()
    try:
        with running(System(parts.broker.bootstrap, parts.state.url, directory, "grafana", FORCE)) as system:
            fill(system)
            rules: dict[str, Rules] = system.rules
        with Redis.from_url(parts.state.url, decode_responses=True) as redis:
            clock = Clock(NOW)
            watch = LogWatch(looking_at(parts.broker.bootstrap, "grafana"))
            readings = ReadingsCollector(Reader(redis, "grafana", rules, clock), watch)
            server, _ = serve({"/metrics": [readings]}, port, "127.0.0.1")
            watch.start()
            yield Exported(f"127.0.0.1:{port}", clock, Reader(redis, "grafana", rules, clock))
            watch.stop()
            server.shutdown()
            server.server_close()
    finally:
        parts.stop()


def beat(feed: str, number: int) -> FeedHeartbeat:
    """A heartbeat of a live feed, complete up to now."""
    return heartbeat(feed, NOW, fact_id=f"h-{number}", force=FORCE)


def fill(system: System) -> None:
    """Publish the sample week of San Francisco and several quarters of an hour of Staffordshire, and wait until all is applied."""
    with system.publisher(BACKFILL) as publisher:
        for at in (*EARLIER, NOW):
            for fact in quarter(at, is_open=at == NOW):
                publisher.publish(fact)
    with system.publisher() as publisher:
        for number, feed in enumerate(system.rules[FORCE].force.feeds):
            publisher.heartbeat(beat(feed.name, number), feed.topic)
    json_of(system.environment(), "replay", "sample", "--speed", "max")
    system.settle()


@pytest.fixture(scope="package")
def prometheus(port: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """A real Prometheus, started before there is anything to scrape, because it takes a while to find its target."""
    reason = missing("prometheus")
    if reason:
        pytest.skip(reason)
    found = Prometheus(tmp_path_factory.mktemp("prometheus"), f"127.0.0.1:{port}")
    found.start()
    yield found
    found.stop()


@pytest.fixture(scope="package")
def scraped(prometheus: Prometheus, exported: Exported) -> Scraped:
    """The time at which everything was live: every query uses it, however long the tests take."""
    carried = sum(
        bool(measure.feeds(rules.force))
        for measure in CATALOGUE.values()
        for rules in exported.reader.rules.values()
        if is_exported(measure) and not measure.is_open()
    )
    whole = f'count(bluelamp_reading_state{{window=~"last_month|12m|previous_12m"}}) == {3 * carried}'
    return Scraped(prometheus, exported, prometheus.await_series(whole))
