"""A machine's clock is set forward two hours for a while, and back: on the embedded servers, and on Apache Kafka.

The worker is a separate process. The log, the worker, the publisher and the reader use one clock, which the test sets.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaProducer
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient

from alerts.engine import Engine
from alerts.samples import used_by_rules
from alerts.table import RULES
from bluelamp.verify.check import examine
from bluelamp.verify.checks.result import CheckResult
from facts.incident import IncidentOpened
from facts.wire import encode
from measures.outcome import microseconds
from measures.reading import Reading
from streams.exporter import ReadingsCollector
from streams.log import STAMPING, LogClient
from streams.readings import Reader
from tests.embedded.broker_process import BrokerProcess
from tests.integration.conftest import FORCE, Parts
from tests.real.kafka_server import KafkaServer
from tests.real.parts import missing
from tests.support.facts import heartbeat
from tests.support.fault_table import Fault
from tests.support.set_clock import SetClock
from tests.support.system import System, until

pytestmark = pytest.mark.usefixtures("dropped_sockets")
AHEAD_SECONDS = 7200
SECOND, AHEAD = timedelta(seconds=1), timedelta(seconds=AHEAD_SECONDS)
_numbers = count(1)


class Machine(Parts):
    """A log and the systems on it; all use one clock.

    Args:
        name: `embedded`, or `real`: Apache Kafka and Debian's Redis.
        directory: where they keep their data.
    """

    def __init__(self, name: str, directory: Path) -> None:
        super().__init__(name, directory)
        self.clock = SetClock(directory / "clock")
        self.broker = (
            KafkaServer(directory / "log", clock=self.clock.path)
            if name == "real"
            else BrokerProcess(directory / "log", program=self.clock.program("bluelamp.embedded.broker"))
        )

    def begin(self, directory: Path) -> None:
        """Make a system on an empty log, with the right time and no worker yet."""
        self.clock.set(0)
        self.forget_topics()
        self.system = System(self.broker.bootstrap, self.state.url, directory, f"clock-{next(_numbers)}", FORCE)
        self.passed = timedelta(0)
        """How far the reader's time is ahead of the clock, so that the test does not have to wait."""
        name, rules = self.system.settings.state_name, self.system.rules
        self.reader = Reader(self.system.redis, name, rules, lambda: self.clock() + self.passed)
        self.samples = ReadingsCollector(self.reader, steady_seconds=lambda: 0.0, is_wanted=used_by_rules(RULES))
        self.engine = Engine(RULES)

    def start_worker(self) -> None:
        """Start a worker that uses the clock."""
        self.system.start_workers(1, self.clock.program("bluelamp"))

    def beat(self) -> None:
        """Send a heartbeat of the force's feed, complete to now, and wait until it is applied."""
        with self.system.publisher() as publisher:
            publisher.heartbeat(heartbeat("dispatch", self.clock(), force=FORCE), "incidents")
        self.system.settle()

    def incidents(self) -> Reading:
        """The number of incidents of the last hour."""
        (found,) = self.reader.read("incident_count", force=FORCE)
        return found

    def firing(self) -> set[str]:
        """The firing rules among those about feeds and clocks."""
        samples = [sample for family in self.samples.collect() for sample in family.samples]
        alerts = self.engine.step(samples, microseconds(self.clock() + self.passed))
        named = {"feed_silent", "feed_doubted", "no_live_data", "data_alive", "clock_stepped"}
        return {each.rule.name for each in alerts if each.state == "firing"} & named

    def check(self) -> dict[str, CheckResult]:
        """The last result of each kind of `bluelamp check`."""
        found = examine(self.system.settings, self.reader, [])
        return {each.check: each for each in found}


@pytest.fixture(scope="module", params=["embedded", pytest.param("real", marks=[pytest.mark.real, pytest.mark.faults])])
def kept(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    name: str = request.param
    reason = (missing("kafka") or missing("redis") or missing("javac")) if name == "real" else None
    if reason:
        pytest.skip(reason)
    made = Machine(name, tmp_path_factory.mktemp(name))
    made.start()
    yield made
    made.stop()


@pytest.fixture
def machine(kept: Machine, tmp_path: Path) -> Iterator[Machine]:
    kept.begin(tmp_path)
    yield kept
    kept.system.stop()


def test_a_topic_stamped_by_producers_is_reported_corrected_and_proves_no_life(machine: Machine) -> None:
    """Kafka creates such a topic when a producer starts before the first worker."""
    with LogClient(machine.system.settings.kafka) as log:
        log.ensure_topics()
        stamped = ConfigResource(ConfigResourceType.TOPIC, "incidents", {STAMPING: "CreateTime"})
        admin = KafkaAdminClient(bootstrap_servers=machine.system.settings.kafka)
        admin.alter_configs([stamped])
        admin.close()
        until(lambda: log.stamping(["incidents"]) == {"incidents": "CreateTime"}, 60, "the setting")
    now = machine.clock().astimezone(UTC)
    send(machine, [encode([opened(now)]), encode([heartbeat("dispatch", now, force=FORCE)])], now)
    found = machine.check()
    assert found["stamps"].state == "bad"
    assert "No feed of this topic can be live" in found["stamps"].what
    assert "--entity-name incidents --add-config message.timestamp.type=LogAppendTime" in found["stamps"].hint

    machine.start_worker()
    (worker,) = machine.system.workers
    corrected = "changed message.timestamp.type from CreateTime to LogAppendTime"
    until(lambda: corrected in worker.said(), 60, "the worker's log line")
    machine.system.settle()
    assert machine.system.count("facts") == 1, "facts must count"
    assert machine.system.count("producer_stamped") > 1
    assert machine.check()["stamps"].state == "good"
    reading = machine.incidents()
    assert reading.state == "stale"
    assert "carries its producer's time, not the log's" in reading.reason
    machine.beat()
    assert (machine.incidents().state, machine.incidents().value) == ("live", 1)


@pytest.mark.injects(21)
def test_a_clock_set_forward_and_back_makes_no_dead_feed_look_live(machine: Machine, fault: Fault) -> None:
    """This test must be the broker's last: Kafka's own timers may wait for the later time that its clock has shown."""
    machine.start_worker()
    machine.beat()
    assert machine.incidents().state == "live"
    assert machine.firing() == {"data_alive"}

    machine.clock.set(AHEAD_SECONDS)
    machine.beat()
    assert machine.incidents().state == "live", "all clocks must agree"
    until(lambda: any(each.seconds > 0 for each in machine.reader.clock_steps()), 60, "the step forward")

    # Now every feed dies, and the clock is set back.
    machine.clock.set(0)
    found = machine.incidents()
    assert found.state == "stale"
    assert "is stamped 1 h 59 min in the future: a clock was wrong." in found.reason
    machine.firing()
    machine.passed = 31 * SECOND
    assert "feed_doubted" in machine.firing()
    assert "data_alive" not in machine.firing()
    assert "in the future: a clock was wrong" in machine.check()[f"feed {FORCE} dispatch"].what

    # The worker notices the step, and disproves the wrong clock's stamps before their time comes.
    until(lambda: any(each.seconds < 0 for each in machine.reader.clock_steps()), 60, "the step back")
    (step,) = machine.reader.clock_steps()
    fault.fired(step.count)
    assert (round(step.seconds / 60), step.count) == (-120, 2)
    assert "clock_stepped" in machine.firing()
    assert "was set back by 2 h 0 min" in machine.check()["clock"].what
    until(lambda: machine.reader.refresh() or machine.reader.feeds(FORCE)[0].doubt, 60, "the doubt about the stamp")
    for machine.passed in (AHEAD, AHEAD + 30 * SECOND, AHEAD + 90 * SECOND):
        assert machine.incidents().state == "stale"
        assert "stamped with a time in the future" in machine.incidents().reason
        assert "data_alive" not in machine.firing()

    machine.passed = timedelta(0)
    machine.beat()
    assert machine.incidents().state == "live", "the first believable heartbeat must heal it"
    machine.passed = 61 * SECOND
    assert machine.incidents().state == "stale", "it must become stale within the time allowed"


def opened(at: datetime) -> IncidentOpened:
    """An incident opened a moment ago."""
    return IncidentOpened(fact_id="o1", force=FORCE, at=at, subject_id="i1", grade="3", group=None, area=None)


def send(machine: Machine, values: list[bytes], at: datetime) -> None:
    """Send records with a producer's stamp; the heartbeat is sent to every partition."""
    milliseconds: Any = round(at.timestamp() * 1000)
    with KafkaProducer(bootstrap_servers=machine.system.settings.kafka) as producer:
        fact, beat = values
        producer.send("incidents", fact, partition=0, timestamp_ms=milliseconds)
        for partition in producer.partitions_for("incidents"):
            producer.send("incidents", beat, partition=partition, timestamp_ms=milliseconds)
        producer.flush()
