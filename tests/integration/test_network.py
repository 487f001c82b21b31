"""Row 6 of the fault table: a slow, reset, silent or broken network loses no fact, and figures do not look live through it."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
from msgspec.structs import replace
from redis.exceptions import RedisError

from bluelamp.connections import reader as reader_of
from bluelamp.embedded.state import StateServer
from bluelamp.listening import free_ports
from producers.publish import LIVE
from streams.exporter import ReadingsCollector
from streams.readings import Reader
from tests.embedded.broker_process import BrokerProcess
from tests.integration.conftest import FORCE
from tests.integration.test_faults import profiles, week
from tests.integration.test_kills import keep_running, keep_settling
from tests.real.kafka_server import KafkaServer
from tests.real.parts import missing
from tests.support.fault_table import Fault
from tests.support.live import LiveFeed, held_now, until_now
from tests.support.proxy import Proxy
from tests.support.system import System, connected, until

pytestmark = pytest.mark.usefixtures("dropped_sockets")
STALE_SECONDS = 4
BOUND_SECONDS = 6.0
"""On top, for a heartbeat under way, the look of a reader, and a machine that is busy with other tests."""
HEAL_SECONDS = 90.0
LONG_SECONDS = 16.0
"""Longer than a worker waits for Redis (10 s), and than the session of a worker (6 s)."""
ANSWER_SECONDS = 5.0
"""How long a reader waits for Redis."""
_STALE = ("stale_after_seconds = 60", f"stale_after_seconds = {STALE_SECONDS}")


class Wired(NamedTuple):
    """A system whose workers and publisher reach its parts through proxies, by part; the test itself does not."""

    system: System
    proxies: dict[str, Proxy]
    feed: LiveFeed

    def state(self) -> str:
        """What a reader says of the freshness of a figure; restarts workers as a supervisor would."""
        keep_running(self.system)
        return figure(self.system.reader())

    def watch(self, seconds: float) -> set[str]:
        """Everything it says meanwhile."""
        deadline, found = time.monotonic() + seconds, set[str]()
        while time.monotonic() < deadline:
            found.add(self.state())
            time.sleep(0.1)  # how often is looked
        return found


def figure(reader: Reader) -> str:
    """The state of one figure, as a reader gives it."""
    return reader.read("incident_count", "60m", force=FORCE)[0].state


@contextmanager
def wired(name: str, directory: Path) -> Iterator[Wired]:
    """A worker on embedded or real parts, and a live feed; every proxy is open."""
    proxy_port = free_ports(1)[0]
    kafka = KafkaServer(directory / "log", proxy_port=proxy_port) if name == "real" else None
    broker = kafka or BrokerProcess(directory / "log")
    server = StateServer(directory / "state", binary="debian" if name == "real" else "embedded")
    with ExitStack() as stack:
        for part in (broker, server):
            part.start()
            stack.callback(part.stop)
        forces = str(profiles(directory / "forces", _STALE))
        system = System(broker.bootstrap, server.url, directory, "network", FORCE, forces=forces)
        stack.callback(system.stop)
        proxies = {"redis": stack.enter_context(Proxy(server.port))}
        system.for_workers["BLUELAMP_REDIS"] = server.url.replace(f":{server.port}/", f":{proxies['redis'].port}/")
        if kafka:
            proxies["kafka"] = stack.enter_context(Proxy(kafka.proxied_port, proxy_port))
            system.for_workers["BLUELAMP_KAFKA"] = f"127.0.0.1:{proxy_port}"
        system.start_workers(1)
        until(lambda: system.members() == 1, 60, "the worker")
        address = system.for_workers.get("BLUELAMP_KAFKA", broker.bootstrap)
        feed = LiveFeed(connected(address, LIVE), FORCE, "dispatch", until_now(week()[:6000]), rate=40)
        feed.start()
        stack.callback(feed.stop)
        yield Wired(system, proxies, feed)


def latency(proxy: Proxy, net: Wired) -> None:
    """A twentieth of a second each way costs no freshness."""
    proxy.delay(0.05)
    assert net.watch(STALE_SECONDS + 2) == {"live"}


def resets(proxy: Proxy, net: Wired) -> None:
    """Connections are reset again and again, then every new one too."""
    for _ in range(5):
        proxy.reset()
        net.watch(0.3)
    proxy.reset(also_new=True)
    becomes_stale(net)


def half_open(proxy: Proxy, net: Wired) -> None:
    """Nothing passes, and nobody is told."""
    proxy.silence()
    becomes_stale(net)


def long_half_open(proxy: Proxy, net: Wired) -> None:
    """For longer than a worker waits for an answer, so that it has ended before what it sent last arrives."""
    half_open(proxy, net)
    assert net.watch(LONG_SECONDS) == {"stale"}


def partition(proxy: Proxy, net: Wired) -> None:
    """There is no way there at all."""
    proxy.cut()
    becomes_stale(net)
    assert net.watch(LONG_SECONDS) == {"stale"}


def becomes_stale(net: Wired) -> None:
    """In the time that the profile allows, and not long after."""
    until(lambda: net.state() == "stale", STALE_SECONDS + BOUND_SECONDS, "a figure that is not shown as live")


def check(net: Wired, part: str, injected: list[Callable[[Proxy, Wired], None]], fault: Fault) -> None:
    """Inject faults between workers and one part, one after the other; after each the figures are live again by themselves."""
    proxy = net.proxies[part]
    until(lambda: net.state() == "live", 60, "a live figure")
    with net.system.pauses() as pauses:
        for inject in injected:
            before = proxy.fired.total()
            inject(proxy, net)
            proxy.heal()
            until(lambda: net.state() == "live", HEAL_SECONDS, f"a live figure after {inject.__name__}")
            assert proxy.fired.total() > before, f"{inject.__name__} met no connection"
        net.feed.stop()
        keep_settling(net.system)
    found = held_now(net.system, FORCE)
    fault.fired(proxy.fired.total())
    fault.compared(found.cells, len(found.differences))
    fault.paused(pauses.longest_seconds)
    assert net.system.count("facts") == net.feed.published > 100
    assert found.differences == []


@pytest.mark.injects(6)
def test_a_silent_network_to_redis_is_shown_and_costs_no_fact(tmp_path: Path, fault: Fault) -> None:
    with wired("embedded", tmp_path) as net:
        check(net, "redis", [half_open], fault)


@pytest.mark.faults
@pytest.mark.real
@pytest.mark.injects(6)
@pytest.mark.timeout(600)
@pytest.mark.parametrize("part", ["redis", "kafka"])
def test_a_bad_network_is_shown_and_costs_no_fact(tmp_path: Path, fault: Fault, part: str) -> None:
    reason = missing("kafka") or missing("redis")
    if reason:
        pytest.skip(reason)
    with wired("real", tmp_path) as net:
        check(net, part, [latency, resets, half_open, long_half_open, partition], fault)


@pytest.mark.injects(6)
def test_a_reader_that_redis_does_not_answer_shows_no_figure(tmp_path: Path, fault: Fault) -> None:
    """Its own way alone is silent: the worker goes on, and nothing is stale but what this reader remembers."""
    with wired("embedded", tmp_path) as net, Proxy(net.proxies["redis"].target) as proxy:
        url = net.system.for_workers["BLUELAMP_REDIS"].replace(str(net.proxies["redis"].port), str(proxy.port))
        reader = reader_of(replace(net.system.settings, redis=url), timeout_seconds=ANSWER_SECONDS)
        until(lambda: figure(reader) == "live", 60, "a live figure")
        proxy.silence()
        began = time.monotonic()
        with pytest.raises(RedisError):
            figure(reader)
        assert time.monotonic() - began < ANSWER_SECONDS + BOUND_SECONDS
        assert [each.samples[0].value for each in ReadingsCollector(reader).collect()] == [0.0], "only: no state"
        assert figure(net.system.reader()) == "live"
        proxy.heal()
        until(lambda: figure(reader) == "live", 60, "a live figure again")
        fault.fired(proxy.fired["held"])
