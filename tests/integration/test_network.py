"""Row 6 of the fault table: a slow, reset, silent or broken network loses no fact, and no figure looks live meanwhile."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from msgspec.structs import replace
from redis.exceptions import RedisError

from bluelamp.embedded.state import StateServer
from bluelamp.wiring.connections import reader as reader_of
from bluelamp.wiring.ports import free_ports
from streams.exporter import ReadingsCollector
from tests.integration.live_system import BOUND_SECONDS, STALE_SECONDS, LiveSystem, figure, live_system, parts_of
from tests.real.kafka_server import KafkaServer
from tests.real.parts import missing
from tests.support.fault_table import Fault
from tests.support.proxy import Proxy
from tests.support.system import until

pytestmark = pytest.mark.usefixtures("dropped_sockets")
LONG_SECONDS = 16.0
"""Longer than a worker waits for Redis (10 s), and longer than its session (6 s)."""
ANSWER_SECONDS = 2.0
"""How long this reader waits for Redis."""


@contextmanager
def wired(directory: Path) -> Iterator[tuple[LiveSystem, dict[str, Proxy]]]:
    """A live system that reaches Apache Kafka and Debian's Redis through proxies; the test itself connects directly."""
    if reason := missing("kafka") or missing("redis"):
        pytest.skip(reason)
    (proxy_port,) = free_ports(1)
    broker = KafkaServer(directory / "log", proxy_port=proxy_port)
    server = StateServer(directory / "state", binary="debian")
    with ExitStack() as stack:
        for part in (broker, server):
            stack.callback(part.stop)
            part.start()
        redis = stack.enter_context(Proxy(server.port))
        kafka = stack.enter_context(Proxy(broker.proxied_port, proxy_port))
        by_proxy = {
            "BLUELAMP_REDIS": at_port(server, redis.port),
            "BLUELAMP_KAFKA": f"127.0.0.1:{proxy_port}",
        }
        living = stack.enter_context(live_system(broker, server, directory, by_proxy))
        yield living, {"redis": redis, "kafka": kafka}


def at_port(server: StateServer, port: int) -> str:
    """The state server's address on another port."""
    return server.url.replace(f":{server.port}/", f":{port}/")


def latency(proxy: Proxy, living: LiveSystem) -> None:
    """A delay of a twentieth of a second each way leaves figures live."""
    proxy.delay(0.05)
    assert living.watch(STALE_SECONDS + 2) == {"live"}


def resets(proxy: Proxy, living: LiveSystem) -> None:
    """Connections are reset repeatedly, then every new one too."""
    for _ in range(5):
        proxy.reset()
        living.watch(0.3)
    proxy.reset(also_new=True)
    living.becomes_stale()


def half_open(proxy: Proxy, living: LiveSystem) -> None:
    """Nothing passes, and neither side sees an error."""
    proxy.silence()
    living.becomes_stale()


def long_half_open(proxy: Proxy, living: LiveSystem) -> None:
    """The silence lasts longer than a worker waits for an answer: the worker has ended before its last request arrives."""
    half_open(proxy, living)
    assert living.watch(LONG_SECONDS) == {"stale"}


def partition(proxy: Proxy, living: LiveSystem) -> None:
    """No connection is possible at all."""
    proxy.cut()
    living.becomes_stale()
    assert living.watch(LONG_SECONDS) == {"stale"}


def check(living: LiveSystem, proxy: Proxy, injected: list[Callable[[Proxy, LiveSystem], None]], fault: Fault) -> None:
    """Inject faults one after the other; after each, the figures are live again without help."""
    for inject in injected:
        before = proxy.fired.total()
        inject(proxy, living)
        proxy.heal()
        living.becomes_live()
        assert proxy.fired.total() > before, f"{inject.__name__} met no connection"
    fault.fired(proxy.fired.total())
    living.finish(fault)


@pytest.mark.faults
@pytest.mark.real
@pytest.mark.injects(6)
@pytest.mark.timeout(600)
@pytest.mark.parametrize("part", ["redis", "kafka"])
def test_a_bad_network_is_shown_and_costs_no_fact(tmp_path: Path, fault: Fault, part: str) -> None:
    with wired(tmp_path) as (living, proxies):
        check(living, proxies[part], [latency, resets, half_open, long_half_open, partition], fault)


@pytest.mark.injects(6)
def test_a_reader_without_an_answer_from_redis_shows_no_figure(tmp_path: Path, fault: Fault) -> None:
    """Only this reader's connection is silent: the worker continues, and other readers see live figures."""
    with (
        parts_of("embedded", tmp_path) as (broker, server),
        live_system(broker, server, tmp_path) as living,
        Proxy(server.port) as proxy,
    ):
        url = at_port(server, proxy.port)
        reader = reader_of(replace(living.system.settings, redis=url), timeout_seconds=ANSWER_SECONDS)
        until(lambda: figure(reader) == "live", 60, "a live figure")
        proxy.silence()
        began = time.monotonic()
        with pytest.raises(RedisError):
            figure(reader)
        assert time.monotonic() - began < ANSWER_SECONDS + BOUND_SECONDS
        up, refuses = ReadingsCollector(reader).collect()
        assert (up.name, up.samples[0].value) == ("bluelamp_state_up", 0.0), "no figure is shown"
        assert [each.labels["cause"] for each in refuses.samples if each.value] == ["unreachable"]
        assert living.state() == "live"
        proxy.heal()
        until(lambda: figure(reader) == "live", 60, "a live figure again")
        fault.fired(proxy.fired["held"])
