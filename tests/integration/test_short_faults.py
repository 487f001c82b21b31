"""The short form of the fault table: a live system on embedded servers meets one fault after another, and heals each time."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import pytest
from kafka import KafkaProducer

from bluelamp.embedded.state import StateServer
from tests.embedded.broker_process import BrokerProcess
from tests.integration.live_system import BOUND_SECONDS, STALE_SECONDS, LiveSystem, live_system
from tests.integration.refusals import incident
from tests.integration.test_burst import burst
from tests.integration.test_disk import REDIS_BYTES, refuses_writes
from tests.integration.test_network import at_port
from tests.support.disk import fill, free, small_disk
from tests.support.fault_table import Fault
from tests.support.proxy import Proxy
from tests.support.set_clock import SetClock
from tests.support.system import until

pytestmark = pytest.mark.usefixtures("dropped_sockets")
HOUR = timedelta(hours=1)
BURST_SUBJECTS, BURST_FACTS = 250, 1000


class World(NamedTuple):
    """A live system, and the faults that a test can inject."""

    living: LiveSystem
    clock: SetClock
    proxy: Proxy
    disk: Path

    def seems_dead(self) -> None:
        """Wait until no figure looks live: within the time the profile allows, and shortly after."""
        within = STALE_SECONDS + BOUND_SECONDS
        until(lambda: self.living.state() != "live", within, "a figure that does not look live")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    clock = SetClock(tmp_path / "clock")
    with ExitStack() as stack:
        disk = stack.enter_context(small_disk(tmp_path / "disk", REDIS_BYTES))
        broker = BrokerProcess(tmp_path / "log", program=clock.program("bluelamp.embedded.broker"))
        server = StateServer(disk, binary="embedded")
        for part in (broker, server):
            stack.callback(part.stop)
            part.start()
        proxy = stack.enter_context(Proxy(server.port))
        by_proxy = {"BLUELAMP_REDIS": at_port(server, proxy.port)}
        living = stack.enter_context(live_system(broker, server, tmp_path, by_proxy))
        yield World(living, clock, proxy, disk)


@pytest.mark.injects(6, 7, 13, 15, 17, 21)
@pytest.mark.timeout(400)
def test_each_fault_in_turn_is_shown_heals_and_costs_no_fact(world: World, fault: Fault) -> None:
    for number, inject in ((17, silence), (6, network), (7, full_disk), (13, producers_clock), (21, brokers_clock)):
        fault.fired(inject(world), number)
        world.living.becomes_live()
    burst(world.living, range(BURST_SUBJECTS))
    fault.fired(BURST_FACTS, 15)
    world.living.finish(fault, others=BURST_FACTS, quarantined=1)


def silence(world: World) -> int:
    """The figures of a quiet feed are live; those of a dead one are not."""
    world.living.feed.rate = 0
    assert world.living.watch(2) == {"live"}
    world.living.feed.is_silent = True
    world.living.becomes_stale()
    world.living.feed.is_silent, world.living.feed.rate = False, 40
    return 1


def network(world: World) -> int:
    """The connection from the worker to Redis is silent."""
    world.proxy.silence()
    world.living.becomes_stale()
    world.proxy.heal()
    return world.proxy.fired.total()


def full_disk(world: World) -> int:
    """Redis has no space on its disk."""
    filled = fill(world.disk)
    until(lambda: refuses_writes(world.living.system.redis), 60, "refused writes")
    world.living.becomes_stale()
    free(world.disk)
    return int(filled > 0)


def producers_clock(world: World) -> int:
    """The feed's clock is fast, then slow; a fact dated 2099 is refused and changes nothing."""
    for wrong in (HOUR * 0.9, -HOUR):
        world.living.feed.clock_wrong_by = wrong
        world.living.watch(1.5)
    world.living.feed.clock_wrong_by = timedelta(0)
    with KafkaProducer(bootstrap_servers=world.living.system.settings.kafka) as producer:
        producer.send("incidents", json.dumps(incident(at="2099-01-01T00:00:00Z")).encode(), partition=0).get(30)
    until(lambda: world.living.system.count("quarantined_implausible_time") == 1, 60, "the fact of 2099 in quarantine")
    return 3


def brokers_clock(world: World) -> int:
    """The clock is an hour fast while a feed dies, which must not look live; then it is slow, within what the log tolerates."""
    world.clock.set(3600)
    world.living.watch(1.5)
    world.living.feed.is_silent = True
    world.seems_dead()
    world.living.feed.is_silent = False
    world.clock.set(-3000)
    world.living.watch(1.5)
    world.clock.set(0)
    return 2
