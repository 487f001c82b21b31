"""The hottest seconds of a scenario as they happen: worker, state server, both engines, each alert in time of the oracle's truth."""

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
from facts.feed import FeedHeartbeat
from measures.outcome import instant
from producers.publish import Publisher
from producers.simulate.reporting import ReportedFact
from streams.exporter import ReadingsCollector, serve
from tests.embedded.broker_process import BrokerProcess
from tests.oracle.broadcast import BEAT_SECONDS, Broadcast, broadcast
from tests.oracle.compare import Oracle, Place
from tests.oracle.knowledge import SECOND, microseconds
from tests.oracle.meaning import Heard
from tests.real.parts import missing
from tests.support.live import later
from tests.support.system import System, until

pytestmark = [pytest.mark.real, pytest.mark.usefixtures("dropped_sockets")]
SCENARIO, HOURS = "surge", (8.5, 9.0)
"""In which a Grade 1 without a unit and a review that falls due are to be told of within seconds of each other."""
LEAD_SECONDS = 14
"""From the beginning to the first alert: in the first half the hours before it are told."""
EMBEDDED_SECONDS, PROMETHEUS_SECONDS = 5, 15
_BEHIND = 5 * SECOND


class Raised(Struct):
    """When each engine was first seen to raise each alert, in microseconds since 1970."""

    engine: dict[Place, int]
    prometheus: dict[Place, int]


def hottest(oracle: Oracle) -> tuple[int, int]:
    """The first and the last of two alerts that begin close together, and hang on no window of minutes."""
    by_name = {rule.name: rule for rule in RULES}
    plain = {name for name, rule in by_name.items() if not (rule.for_seconds or "window" in rule.series.where)}
    begun = sorted(each.start for (name, _), found in oracle.exact(0).items() if name in plain for each in found)
    pairs = ((first, last) for first, last in pairwise(begun) if last - first > SECOND // 10)
    return min(pairs, key=lambda pair: pair[1] - pair[0])


def moved(told: Sequence[ReportedFact], by: timedelta) -> list[ReportedFact]:
    """The same told so much later, of what happened so much later."""
    return [msgspec.structs.replace(each, at=each.at + by.total_seconds(), fact=later(each.fact, by)) for each in told]


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
        until(lambda: system.members() == 1, 60, "the worker")
        yield system, publisher


@contextmanager
def prometheus(system: System, exporter_port: int, directory: Path) -> Iterator[str]:
    """Prometheus and Alertmanager as `bluelamp up --prometheus` starts them; where Alertmanager answers."""
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
        until(lambda: _standing(address) is not None, 30, "Alertmanager")
        yield address


def _standing(address: str) -> list[Place] | None:
    by = {rule.name: rule.series.by for rule in RULES}
    try:
        told = requests.get(f"http://{address}/api/v2/alerts", timeout=2).json()
    except requests.ConnectionError:
        return None
    words = [each["labels"] for each in told]
    return [(each["rule"], tuple(each.get(name, "") for name in by[each["rule"]])) for each in words]


class Playing:
    """Plays a scenario with the clock.

    Args:
        heard: the scenario, at the time at which it is played.
        publisher: takes it.
        look: called again and again meanwhile.
    """

    def __init__(self, heard: Broadcast, publisher: Publisher, look: Callable[[], object]) -> None:
        self._heard, self._publisher, self._look = heard, publisher, look
        self.late_seconds = 0.0
        self._told = self._beats = 0

    def run(self, in_time_from: int) -> None:
        """Play to the end.

        Args:
            in_time_from: from here on what is told is told in time.
        """
        while (now := microseconds(wall().timestamp())) < self._heard.end:
            self._tell(now, in_time_from)
            self._look()
            time.sleep(0.05)  # how often is looked

    def _tell(self, now: int, in_time_from: int) -> None:
        told, heard = self._heard.told, self._heard.heard
        while self._told < len(told) and (due := microseconds(told[self._told].at)) <= now:
            each = told[self._told]
            self._publisher.publish(each.fact, each.topic)
            self._told += 1
            if due >= in_time_from:
                self.late_seconds = max(self.late_seconds, (microseconds(wall().timestamp()) - due) / SECOND)
        while self._beats < len(heard) and heard[self._beats].at <= now:
            self._beat(heard[self._beats])
            self._beats += 1

    def _beat(self, beat: Heard) -> None:
        force = self._heard.simulation.force
        (topic,) = [feed.topic for feed in force.feeds if feed.name == beat.feed]
        complete_to = instant(beat.complete_to)
        told = FeedHeartbeat(
            fact_id=f"beat-{beat.feed}-{beat.at}", force=force.name, at=complete_to, feed=beat.feed, seq=self._beats,
            complete_to=complete_to, simulated=True,
        )  # fmt: skip
        self._publisher.heartbeat(told, topic)


def look(raised: Raised, standing: AlertEvaluator, alertmanager: str) -> None:
    """Note what each engine has raised by now."""
    firing = [each for each in standing.alerts if each.state == "firing"]
    _note(raised.engine, [(each.rule.name, tuple(each.scope.values())) for each in firing])
    _note(raised.prometheus, _standing(alertmanager) or [])


def _note(raised: dict[Place, int], places: Sequence[Place]) -> None:
    now = microseconds(wall().timestamp())
    for place in places:
        raised.setdefault(place, now)


def beats(heard: Broadcast, start: int, end: int) -> list[Heard]:
    """Heartbeats of every feed from an instant on."""
    feeds = heard.simulation.force.feeds
    every = BEAT_SECONDS * SECOND
    return [Heard(feed.name, at, at - _BEHIND) for at in range(start, end, every) for feed in feeds]


def present(scenario: Broadcast, first: int, end: int) -> tuple[Broadcast, int]:
    """A scenario as if one instant of it came in so many seconds, and by how many microseconds it is moved for that."""
    start = microseconds(wall().timestamp())
    by = timedelta(microseconds=start + LEAD_SECONDS * SECOND - first)
    shift = by // timedelta(microseconds=1)
    told = [each for each in moved(scenario.told, by) if microseconds(each.at) < end + shift]
    return Broadcast(scenario.simulation, told, beats(scenario, start, end + shift), start, end + shift), shift


@pytest.mark.timeout(240)
def test_each_alert_is_raised_in_time_of_the_truth(tmp_path: Path) -> None:
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
        standing = AlertEvaluator(RULES, samples_of(own), system.redis, "live:alerts", wall)
        heard, shift = present(scenario, first, last + (PROMETHEUS_SECONDS + 1) * SECOND)
        standing.start()
        stack.callback(standing.stop)
        raised = Raised({}, {})
        playing = Playing(heard, publisher, lambda: look(raised, standing, alertmanager))
        playing.run(first + shift - LEAD_SECONDS * SECOND // 2)
    assert playing.late_seconds < 1, "this machine cannot tell in time what is to be seen in time"
    window = (first + shift - SECOND, last + shift + SECOND)
    check(Oracle(heard), raised, window)


def check(oracle: Oracle, raised: Raised, window: tuple[int, int]) -> None:
    """Every alert that must begin in a window is raised in time by both engines, and no other begins in it.

    One that stands before it may be seen late, when the state or Prometheus was late to start.
    """
    truth = oracle.exact(0)
    must = {place: found for place, found in truth.items() if window[0] <= found[-1].start <= window[1]}
    standing = {place for place, found in truth.items() if found[-1].start < window[0] < found[-1].end}
    assert len(must) > 1
    for told, within in ((raised.engine, EMBEDDED_SECONDS), (raised.prometheus, PROMETHEUS_SECONDS)):
        late = {place: (told.get(place, 1 << 62) - found[-1].start) / SECOND for place, found in must.items()}
        assert all(-0.1 <= seconds <= within for seconds in late.values()), late
        begun = {place for place, at in told.items() if window[0] <= at <= window[1]}
        assert begun <= must.keys() | standing
