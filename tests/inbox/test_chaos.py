"""Random kill -9 of every part while alerts begin and end: none lost, none twice, no acknowledgement lost."""

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import pytest

from alerts.inbox.log.entry import Acknowledged, Ended, Raised
from bluelamp.embedded.state import StateServer
from bluelamp.wiring.clock import wall
from tests.real.parts import missing
from tests.support.fault_table import Fault
from tests.support.system import until
from tests.support.watched import FORCES, Watched

RULE_OF = {"queue": "queue_long", "jobs": "jobs_many"}
INHIBITED = {"jobs": "jobs_some"}
"""Inhibited as soon as the critical alert fires: sent if it was first, and not expected otherwise."""


class Spell(NamedTuple):
    """A time during which a figure was bad, by the test's clock."""

    metric: str
    force: str
    began: datetime
    ended: datetime


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    server = StateServer(tmp_path_factory.mktemp("state"))
    server.start()
    yield server.url
    server.stop()


class Chaos:
    """Figures that turn bad and good, parts that are killed, and an inspector who acknowledges every other alert.

    Args:
        watched: the running parts.
        seed: for every random choice.
        spells: how often each series turns bad.
        kill_every: about how many seconds pass between kills; a Prometheus needs five to evaluate anything.
        kills: how often each part is killed at most; every part is killed at least once.
    """

    _PATIENCE_SECONDS = 60.0

    def __init__(self, watched: Watched, seed: int, spells: int, kill_every: float, kills: int) -> None:
        self.watched, self.chance, self.kill_every, self.kills = watched, random.Random(seed), kill_every, kills
        self.spells: list[Spell] = []
        self.acknowledged: set[str] = set()
        self._chosen: dict[str, bool] = {}
        self.lost: list[str] = []
        self._plays = {series: self._play(*series, spells) for series in self._series()}
        self._active: set[tuple[str, str]] = set()

    @staticmethod
    def _series() -> list[tuple[str, str]]:
        return [(metric, force) for metric in RULE_OF for force in FORCES]

    def run(self) -> None:
        """Run until every series has been bad and is good again, and every part has been killed."""
        for series in self._series():
            self.watched.figures.set(*series, 0)
        kill_at = time.monotonic() + self.kill_every
        parts = list(self.watched.parts.values())
        while self._plays or not all(part.kills for part in parts):
            self._inspect()
            self._plays = {series: play for series, play in self._plays.items() if next(play, None)}
            chosen = min(parts, key=lambda part: (part.kills, self.chance.random()))
            if time.monotonic() >= kill_at and chosen.kills < self.kills:
                chosen.kill()
                kill_at = time.monotonic() + self.kill_every * self.chance.uniform(0.5, 1.5)
            time.sleep(0.2)

    def _play(self, metric: str, force: str, spells: int) -> Iterator[str]:
        """Plays the spells of a series step by step: bad until the alert is raised, then sometimes silent, good until it ends."""
        set_to, key = self.watched.figures.set, (RULE_OF[metric], force)
        for _ in range(spells):
            yield from self._for(self.chance.uniform(0, 2))
            began = wall()
            set_to(metric, force, 3)
            yield from self._until(lambda: key in self._active, f"{key} to be raised")
            set_to(metric, force, self.chance.choice([3, None]))  # missing data end no alert
            yield from self._for(self.chance.uniform(1, 4))
            set_to(metric, force, 0)
            self.spells.append(Spell(metric, force, began, wall()))
            yield from self._until(lambda: key not in self._active, f"{key} to end")

    @staticmethod
    def _for(seconds: float) -> Iterator[str]:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            yield "waiting"

    def _until(self, condition: Callable[[], bool], what: str) -> Iterator[str]:
        deadline = time.monotonic() + self._PATIENCE_SECONDS
        while not condition():
            assert time.monotonic() < deadline, f"timed out waiting for {what}"
            yield what

    def _inspect(self) -> None:
        """Read the list as the inspector does: acknowledge every other alert, and check earlier acknowledgements."""
        alerts = self.watched.listing()
        if alerts is None:
            return
        self._active = {(each["rule"], each["scope"]["force"]) for each in alerts}
        self.lost += [
            each["id"] for each in alerts if each["id"] in self.acknowledged and each["state"] != "acknowledged"
        ]
        for each in alerts:
            is_chosen = self._chosen.setdefault(each["id"], len(self._chosen) % 2 == 0)
            if each["state"] == "raised" and is_chosen and self.watched.acknowledge(each["id"]):
                self.acknowledged.add(each["id"])


def check(chaos: Chaos) -> list[float]:
    """Compare the log with what the figures were; returns how long each alert took to be raised."""
    log = chaos.watched.log()
    assert [name for name, count in Counter(each.id for each in log).items() if count > 1] == []
    raised = [each for each in log if isinstance(each, Raised)]
    ended = {each.alert: each for each in log if isinstance(each, Ended)}
    waits: list[float] = []
    explained: set[str] = set()
    for spell in chaos.spells:
        (one,) = _of(spell, RULE_OF[spell.metric], raised)
        inhibited = _of(spell, INHIBITED.get(spell.metric, ""), raised)
        explained |= {one.alert, *(each.alert for each in inhibited)}
        assert len(inhibited) <= 1
        assert all(ended[each.alert].at >= spell.ended for each in (one, *inhibited)), (
            "it ended before its figure was good"
        )
        waits.append((one.at - spell.began).total_seconds())
    assert [each for each in raised if each.alert not in explained] == [], "an alert without a bad figure"
    assert chaos.lost == []
    acknowledged = {each.alert for each in log if isinstance(each, Acknowledged)}
    assert acknowledged >= chaos.acknowledged > set()
    return waits


def _of(spell: Spell, rule: str, raised: list[Raised]) -> list[Raised]:
    """The alerts of a rule that began within a spell; some are recorded only after it."""
    return [
        each
        for each in raised
        if (each.rule, each.scope["force"]) == (rule, spell.force) and spell.began <= each.began <= spell.ended
    ]


def play(
    watched: Watched, seed: int, spells: int, kill_every: float, kills: int = 1_000, fault: Fault | None = None
) -> str:
    """Run the chaos until every figure is good again; returns a summary."""
    with watched.running():
        chaos = Chaos(watched, seed, spells, kill_every, kills)
        chaos.run()
        until(lambda: watched.listing() == [], 60, "the end of every alert")
        waits = check(chaos)
    killed = {name: part.kills for name, part in watched.parts.items()}
    if fault is not None:
        fault.fired(sum(killed.values()))
    return f"{len(waits)} alerts, each raised within {max(waits):.1f} s, kills {killed}"


@pytest.mark.injects(19)
def test_the_built_in_engine_and_the_inbox_are_killed(redis_url: str, tmp_path: Path, fault: Fault) -> None:
    watched = Watched(tmp_path, redis_url, is_prometheus=False)
    print(play(watched, seed=4, spells=1, kill_every=1.5, kills=2, fault=fault))  # noqa: T201


@pytest.mark.real
@pytest.mark.injects(19)
def test_prometheus_alertmanager_and_the_inbox_are_killed(redis_url: str, tmp_path: Path, fault: Fault) -> None:
    reason = missing("prometheus") or missing("alertmanager")
    if reason:
        pytest.skip(reason)
    watched = Watched(tmp_path, redis_url, is_prometheus=True)
    print(play(watched, seed=4, spells=1, kill_every=4.0, kills=1, fault=fault))  # noqa: T201
