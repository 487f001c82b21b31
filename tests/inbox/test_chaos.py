"""Kill -9 of every part at random while alerts come and go: none lost, none twice, what was taken stays taken."""

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import pytest

from alerts.inbox.entry import Acknowledged, Ended, Raised
from bluelamp.embedded.state import StateServer
from bluelamp.wiring.clock import wall
from tests.real.parts import missing
from tests.support.fault_table import Fault
from tests.support.system import until
from tests.support.watched import FORCES, Watched

RULE_OF = {"queue": "queue_long", "jobs": "jobs_many"}
QUIET = {"jobs": "jobs_some"}
"""Kept quiet by the other as soon as that fires: told if it was the quicker, and not missed if it was not."""


class Spell(NamedTuple):
    """A figure was bad from one instant to another, by the clock of the test."""

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
    """Figures that turn bad and good, parts that are killed, and an inspector who takes every other alert.

    Args:
        watched: what runs.
        seed: of all chance.
        spells: how often each series turns bad.
        kill_every: seconds from one kill to the next, about; a Prometheus needs five until it looks at anything.
        kills: of each part, at most; every part is killed at least once.
    """

    _PATIENCE_SECONDS = 60.0

    def __init__(self, watched: Watched, seed: int, spells: int, kill_every: float, kills: int) -> None:
        self.watched, self.chance, self.kill_every, self.kills = watched, random.Random(seed), kill_every, kills
        self.spells: list[Spell] = []
        self.taken: set[str] = set()
        self._wanted: dict[str, bool] = {}
        self.lost: list[str] = []
        self._plays = {series: self._play(*series, spells) for series in self._series()}
        self._standing: set[tuple[str, str]] = set()

    @staticmethod
    def _series() -> list[tuple[str, str]]:
        return [(metric, force) for metric in RULE_OF for force in FORCES]

    def run(self) -> None:
        """Until every series has had its spells and is good again, and every part was killed."""
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
        """The spells of a series, a step at each look: bad until it is raised, for some time silent, good until it ends."""
        set_to, key = self.watched.figures.set, (RULE_OF[metric], force)
        for _ in range(spells):
            yield from self._for(self.chance.uniform(0, 2))
            began = wall()
            set_to(metric, force, 3)
            yield from self._until(lambda: key in self._standing, f"{key} to be raised")
            set_to(metric, force, self.chance.choice([3, None]))  # data that stop end nothing
            yield from self._for(self.chance.uniform(1, 4))
            set_to(metric, force, 0)
            self.spells.append(Spell(metric, force, began, wall()))
            yield from self._until(lambda: key not in self._standing, f"{key} to end")

    @staticmethod
    def _for(seconds: float) -> Iterator[str]:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            yield "goes on"

    def _until(self, is_so: Callable[[], bool], what: str) -> Iterator[str]:
        deadline = time.monotonic() + self._PATIENCE_SECONDS
        while not is_so():
            assert time.monotonic() < deadline, f"waited in vain for {what}"
            yield what

    def _inspect(self) -> None:
        """Look at the list as the inspector does: take every other, and see that what was taken is still taken."""
        standing = self.watched.listing()
        if standing is None:
            return
        self._standing = {(each["rule"], each["scope"]["force"]) for each in standing}
        self.lost += [each["id"] for each in standing if each["id"] in self.taken and each["state"] != "acknowledged"]
        for each in standing:
            is_wanted = self._wanted.setdefault(each["id"], len(self._wanted) % 2 == 0)
            if each["state"] == "raised" and is_wanted and self.watched.acknowledge(each["id"]):
                self.taken.add(each["id"])


def check(chaos: Chaos) -> list[float]:
    """Hold the log against what the figures were; answers with how long each alert took to be raised."""
    log = chaos.watched.log()
    assert [name for name, count in Counter(each.id for each in log).items() if count > 1] == []
    raised = [each for each in log if isinstance(each, Raised)]
    ended = {each.alert: each for each in log if isinstance(each, Ended)}
    waits: list[float] = []
    explained: set[str] = set()
    for spell in chaos.spells:
        (one,) = _of(spell, RULE_OF[spell.metric], raised)
        quiet = _of(spell, QUIET.get(spell.metric, ""), raised)
        explained |= {one.alert, *(each.alert for each in quiet)}
        assert len(quiet) <= 1
        assert all(ended[each.alert].at >= spell.ended for each in (one, *quiet)), "it ended before its data were good"
        waits.append((one.at - spell.began).total_seconds())
    assert [each for each in raised if each.alert not in explained] == [], "an alert that no spell explains"
    assert chaos.lost == []
    taken = {each.alert for each in log if isinstance(each, Acknowledged)}
    assert taken >= chaos.taken > set()
    return waits


def _of(spell: Spell, rule: str, raised: list[Raised]) -> list[Raised]:
    """The alerts of a rule that began within a spell; one that was not heard of in time is told after it."""
    return [
        each
        for each in raised
        if (each.rule, each.scope["force"]) == (rule, spell.force) and spell.began <= each.began <= spell.ended
    ]


def play(
    watched: Watched, seed: int, spells: int, kill_every: float, kills: int = 1_000, fault: Fault | None = None
) -> str:
    """Chaos until all is good again, and what it came to."""
    with watched.running():
        chaos = Chaos(watched, seed, spells, kill_every, kills)
        chaos.run()
        until(lambda: watched.listing() == [], 60, "the end of every alert")
        waits = check(chaos)
    killed = {name: part.kills for name, part in watched.parts.items()}
    if fault is not None:
        fault.fired(sum(killed.values()))
    return f"{len(waits)} alerts, each raised after {max(waits):.1f} s at most, kills {killed}"


@pytest.mark.injects(19)
def test_the_engine_in_process_and_the_inbox_are_killed(redis_url: str, tmp_path: Path, fault: Fault) -> None:
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
