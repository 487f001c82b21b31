"""The busiest seconds of a scenario in real time: worker, state server, both engines; each alert is raised soon enough."""

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest
import requests
from msgspec import Struct
from prometheus_client.registry import Collector

from alerts.evaluator import AlertEvaluator, samples_of
from alerts.samples import used_by_rules
from alerts.table import RULES
from bluelamp.embedded.state import StateServer
from bluelamp.local.alert_engine import FOLDER, AlertSetup
from bluelamp.wiring.clock import wall
from bluelamp.wiring.connections import reader
from measures.outcome import instant
from producers.publish import Publisher
from producers.simulate.reporting import ReportedFact
from streams.exporter import ReadingsCollector, serve
from tests.embedded.broker_process import BrokerProcess
from tests.oracle.broadcast import BEAT_SECONDS, Broadcast, broadcast
from tests.oracle.compare import Oracle, Place
from tests.oracle.knowledge import SECOND, microseconds
from tests.oracle.meaning import Beat
from tests.real.parts import missing
from tests.support.facts import heartbeat
from tests.support.live import later
from tests.support.system import System, until

pytestmark = [pytest.mark.real, pytest.mark.usefixtures("dropped_sockets")]
SCENARIO, HOURS = "surge", (8.5, 9.0)
"""In these hours, an alert of a Grade 1 without a unit and one of a review that is due must be raised within seconds."""
LEAD_SECONDS = 14
"""From the beginning to the first alert; in the first half of this time the earlier hours are published."""
EMBEDDED_SECONDS, PROMETHEUS_SECONDS = 5, 15
_BEHIND = 5 * SECOND


class Raised(Struct):
    """When each engine was first seen to raise each alert, in microseconds since 1970."""

    engine: dict[Place, int]
    prometheus: dict[Place, int]


def hottest(oracle: Oracle) -> tuple[int, int]:
    """When two alerts begin that are close together and depend on no window of minutes."""
    by_name = {rule.name: rule for rule in RULES}
    plain = {name for name, rule in by_name.items() if not (rule.for_seconds or "window" in rule.series.where)}
    begun = sorted(each.start for (name, _), found in oracle.exact(0).items() if name in plain for each in found)
    pairs = ((first, last) for first, last in pairwise(begun) if last - first > SECOND // 10)
    return min(pairs, key=lambda pair: pair[1] - pair[0])


def moved(reported: Sequence[ReportedFact], by: timedelta) -> list[ReportedFact]:
    """The same reports about the same facts, all later by this much."""
    return [
        msgspec.structs.replace(each, at=each.at + by.total_seconds(), fact=later(each.fact, by)) for each in reported
    ]


@contextmanager
def everything(directory: Path) -> Iterator[tuple[System, Publisher]]:
    """A log, a state server and a worker."""
    broker = BrokerProcess(directory / "log")
    state = StateServer(directory / "state", binary="embedded")
    with ExitStack() as stack:
        for part in (broker, state):
            part.start()
            stack.callback(part.stop)
        system = System(broker.bootstrap, state.url, directory, "live", "staffordshire")
        stack.callback(system.stop)
        publisher = stack.enter_context(system.publisher())
        system.start_workers(1)
        system.supervise()
        until(lambda: system.members() == 1, 60, "the worker", every=0.2)
        yield system, publisher


@contextmanager
def prometheus(system: System, exporter_port: int, directory: Path) -> Iterator[str]:
    """Prometheus and Alertmanager as `bluelamp up --prometheus` starts them; yields Alertmanager's address."""
    alarm = AlertSetup(os.environ, is_prometheus=True)
    settings = msgspec.structs.replace(system.settings, exporter_port=exporter_port)
    programs = alarm.programs(settings, directory)
    configured: Any = json.loads((directory / FOLDER / "prometheus.yml").read_text())
    (address,) = configured["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"]
    with ExitStack() as stack:
        for program in programs:
            output = stack.enter_context((directory / f"{program.name}.log").open("wb"))
            process = subprocess.Popen(program.arguments, stdout=output, stderr=output, cwd=directory)
            stack.callback(process.wait, 20)
            stack.callback(process.terminate)
        until(lambda: _active(address) is not None, 60, "Alertmanager")
        yield address


def _active(address: str) -> list[Place] | None:
    by = {rule.name: rule.series.by for rule in RULES}
    try:
        alerts = requests.get(f"http://{address}/api/v2/alerts", timeout=2).json()
    except requests.ConnectionError:
        return None
    words = [each["labels"] for each in alerts]
    return [(each["rule"], tuple(each.get(name, "") for name in by[each["rule"]])) for each in words]


class Playing:
    """Plays a scenario in real time.

    Args:
        sent: everything that the scenario publishes, moved to the present.
        publisher: publishes it.
        look: called repeatedly meanwhile.
    """

    def __init__(self, sent: Broadcast, publisher: Publisher, look: Callable[[], object]) -> None:
        self._sent, self._publisher, self._look = sent, publisher, look
        self.late_seconds = 0.0
        self._next_fact = self._next_beat = 0

    def run(self, in_time_from: int) -> None:
        """Play to the end.

        Args:
            in_time_from: from when on facts must be published on time.
        """
        while (now := microseconds(wall().timestamp())) < self._sent.end:
            self._publish(now, in_time_from)
            self._look()
            time.sleep(0.05)  # the interval between looks

    def _publish(self, now: int, in_time_from: int) -> None:
        reported, beats = self._sent.reported, self._sent.heartbeats
        while self._next_fact < len(reported) and (due := microseconds(reported[self._next_fact].at)) <= now:
            each = reported[self._next_fact]
            self._publisher.publish(each.fact, each.topic)
            self._next_fact += 1
            if due >= in_time_from:
                self.late_seconds = max(self.late_seconds, (microseconds(wall().timestamp()) - due) / SECOND)
        while self._next_beat < len(beats) and beats[self._next_beat].at <= now:
            self._beat(beats[self._next_beat])
            self._next_beat += 1

    def _beat(self, beat: Beat) -> None:
        force = self._sent.simulation.force
        (topic,) = [feed.topic for feed in force.feeds if feed.name == beat.feed]
        complete_to = instant(beat.complete_to)
        fact = heartbeat(
            beat.feed,
            complete_to,
            fact_id=f"beat-{beat.feed}-{beat.at}",
            force=force.name,
            seq=self._next_beat,
            simulated=True,
        )
        self._publisher.heartbeat(fact, topic)


def look(raised: Raised, engine: AlertEvaluator, alertmanager: str) -> None:
    """Record what each engine has raised by now."""
    firing = [each for each in engine.alerts if each.state == "firing"]
    _note(raised.engine, [(each.rule.name, tuple(each.scope.values())) for each in firing])
    _note(raised.prometheus, _active(alertmanager) or [])


def _note(raised: dict[Place, int], places: Sequence[Place]) -> None:
    now = microseconds(wall().timestamp())
    for place in places:
        raised.setdefault(place, now)


def beats(sent: Broadcast, start: int, end: int) -> list[Beat]:
    """The heartbeats of every feed between two times."""
    feeds = sent.simulation.force.feeds
    every = BEAT_SECONDS * SECOND
    return [Beat(feed.name, at, at - _BEHIND) for at in range(start, end, every) for feed in feeds]


def present(scenario: Broadcast, first: int, end: int) -> tuple[Broadcast, int]:
    """A scenario moved so that its time `first` comes in LEAD_SECONDS, and by how many microseconds it was moved."""
    start = microseconds(wall().timestamp())
    by = timedelta(microseconds=start + LEAD_SECONDS * SECOND - first)
    shift = by // timedelta(microseconds=1)
    reported = [each for each in moved(scenario.reported, by) if microseconds(each.at) < end + shift]
    return Broadcast(scenario.simulation, reported, beats(scenario, start, end + shift), start, end + shift), shift


@pytest.mark.faults
@pytest.mark.timeout(240)
def test_both_engines_raise_each_alert_soon_enough(tmp_path: Path) -> None:
    for part in ("prometheus", "alertmanager"):
        if reason := missing(part):
            pytest.skip(reason)
    scenario = broadcast(SCENARIO, HOURS)
    first, last = hottest(Oracle(scenario))
    with ExitStack() as stack:
        system, publisher = stack.enter_context(everything(tmp_path))
        wanted = used_by_rules(RULES)
        figures: list[Collector] = [ReadingsCollector(reader(system.settings), is_wanted=wanted)]
        server, _ = serve({"/metrics/rules": figures, "/metrics/others": []}, 0, "127.0.0.1")
        stack.callback(server.server_close)
        stack.callback(server.shutdown)
        alertmanager = stack.enter_context(prometheus(system, server.server_port, tmp_path))
        own = ReadingsCollector(reader(system.settings), is_wanted=wanted)
        engine = AlertEvaluator(RULES, samples_of(own), system.redis, "live:alerts", wall)
        sent, shift = present(scenario, first, last + (PROMETHEUS_SECONDS + 1) * SECOND)
        engine.start()
        stack.callback(engine.stop)
        raised = Raised({}, {})
        playing = Playing(sent, publisher, lambda: look(raised, engine, alertmanager))
        playing.run(first + shift - LEAD_SECONDS * SECOND // 2)
    assert playing.late_seconds < 1, "this machine is too slow to publish on time"
    window = (first + shift - SECOND, last + shift + SECOND)
    check(Oracle(sent), raised, window)


def check(oracle: Oracle, raised: Raised, window: tuple[int, int]) -> None:
    """Both engines raise, soon enough, every alert that must begin in a window, and no other alert begins in it.

    An alert active since before the window may be seen late, if the state or Prometheus started late.
    """
    expected = oracle.exact(0)
    must = {place: found for place, found in expected.items() if window[0] <= found[-1].start <= window[1]}
    active = {place for place, found in expected.items() if found[-1].start < window[0] < found[-1].end}
    assert len(must) > 1
    for seen, within in ((raised.engine, EMBEDDED_SECONDS), (raised.prometheus, PROMETHEUS_SECONDS)):
        late = {place: (seen.get(place, 1 << 62) - found[-1].start) / SECOND for place, found in must.items()}
        assert all(-0.1 <= seconds <= within for seconds in late.values()), late
        begun = {place for place, at in seen.items() if window[0] <= at <= window[1]}
        assert begun <= must.keys() | active
