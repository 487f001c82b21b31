"""Kill -9 of every part at random while alerts come and go: none lost, none twice, what was taken stays taken."""

import random
import time
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import pytest

from alerts.inbox.entry import Acknowledged, Ended, Raised
from bluelamp.clock import wall
from bluelamp.embedded.state import StateServer
from tests.real.parts import missing
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
        bad_seconds: how long a spell lasts; much longer than a part needs to come back.
    """

    def __init__(self, watched: Watched, seed: int, bad_seconds: float) -> None:
        self.watched, self.chance, self.bad_seconds = watched, random.Random(seed), bad_seconds
        self.spells: list[Spell] = []
        self.taken: set[str] = set()
        self.lost: list[str] = []
        self._series = [(metric, force) for metric in RULE_OF for force in FORCES]
        self._bad_since: dict[tuple[str, str], datetime] = {}
        self._turns_at = dict.fromkeys(self._series, 0.0)

    def run(self, spells: int, kill_every: float) -> None:
        """Until every series has had so many spells, and is good again."""
        for series in self._series:
            self.watched.figures.set(*series, 0)
        left = dict.fromkeys(self._series, spells)
        kill_at = time.monotonic() + kill_every
        while any(left.values()) or self._bad_since:
            for series in self._series:
                if time.monotonic() >= self._turns_at[series]:
                    left[series] -= self._turn(series, left[series])
            if time.monotonic() >= kill_at:
                self.chance.choice(list(self.watched.parts.values())).kill()
                kill_at = time.monotonic() + kill_every * self.chance.uniform(0.5, 1.5)
            self._inspect()
            time.sleep(0.1)

    def _turn(self, series: tuple[str, str], left: int) -> int:
        """Make a series bad, silent for a moment within its spell, or good; 1 when a spell has begun."""
        now, figures = time.monotonic(), self.watched.figures
        if series not in self._bad_since:
            if left:
                self._bad_since[series] = wall()
                figures.set(*series, 3)
                self._turns_at[series] = now + self.bad_seconds * self.chance.uniform(0.6, 0.8)
            return int(left > 0)
        if self.chance.random() < 0.5 and figures.text().count(f'{series[0]}{{force="{series[1]}"}}'):
            figures.set(*series, None)  # data that stop end nothing
            self._turns_at[series] = now + self.bad_seconds * 0.4
            return 0
        figures.set(*series, 0)
        self.spells.append(Spell(*series, self._bad_since.pop(series), wall()))
        self._turns_at[series] = now + self.bad_seconds * self.chance.uniform(1.0, 1.3)
        return 0

    def _inspect(self) -> None:
        """Look at the list as the inspector does: take every other, and see that what was taken is still taken."""
        standing = self.watched.listing() or []
        self.lost += [each["id"] for each in standing if each["id"] in self.taken and each["state"] != "acknowledged"]
        for each in standing:
            if each["state"] == "raised" and int(each["id"], 16) % 2 and self.watched.acknowledge(each["id"]):
                self.taken.add(each["id"])


def check(chaos: Chaos) -> list[float]:
    """Hold the log against what the figures were; answers with how long each alert took to be raised."""
    log = chaos.watched.log()
    assert [name for name, count in Counter(each.id for each in log).items() if count > 1] == []
    raised = [each for each in log if isinstance(each, Raised)]
    ended = {each.alert: each for each in log if isinstance(each, Ended)}
    waits, explained = [], 0
    for spell in chaos.spells:
        (one,) = _of(spell, RULE_OF[spell.metric], raised)
        quiet = _of(spell, QUIET.get(spell.metric, ""), raised)
        explained += 1 + len(quiet)
        assert len(quiet) <= 1
        assert all(ended[each.alert].at >= spell.ended for each in (one, *quiet)), "it ended before its data were good"
        waits.append((one.at - spell.began).total_seconds())
    assert len(raised) == explained, "an alert that no spell explains"
    assert chaos.lost == []
    taken = {each.alert for each in log if isinstance(each, Acknowledged)}
    assert taken >= chaos.taken > set()
    return waits


def _of(spell: Spell, rule: str, raised: list[Raised]) -> list[Raised]:
    """The alerts of a rule that were raised within a spell."""
    return [
        each
        for each in raised
        if (each.rule, each.scope["force"]) == (rule, spell.force) and spell.began <= each.at <= spell.ended
    ]


def play(watched: Watched, seed: int, spells: int, bad_seconds: float, kill_every: float) -> list[float]:
    """Chaos until all is good again, and what it came to."""
    with watched.running():
        chaos = Chaos(watched, seed, bad_seconds)
        chaos.run(spells, kill_every)
        until(lambda: watched.listing() == [], 60, "the end of every alert")
        assert all(part.kills for part in watched.parts.values()), "a part that was never killed proves nothing"
        return check(chaos)


def test_the_engine_in_process_and_the_inbox_are_killed(redis_url: str, tmp_path: Path) -> None:
    watched = Watched(tmp_path, redis_url, is_prometheus=False)
    waits = play(watched, seed=4, spells=1, bad_seconds=7, kill_every=1.5)
    print(f"raised after {max(waits):.1f} s at most, kills {[part.kills for part in watched.parts.values()]}")  # noqa: T201


@pytest.mark.real
def test_prometheus_alertmanager_and_the_inbox_are_killed(redis_url: str, tmp_path: Path) -> None:
    reason = missing("prometheus") or missing("alertmanager")
    if reason:
        pytest.skip(reason)
    watched = Watched(tmp_path, redis_url, is_prometheus=True)
    waits = play(watched, seed=4, spells=1, bad_seconds=18, kill_every=3.5)
    print(f"raised after {max(waits):.1f} s at most, kills {[part.kills for part in watched.parts.values()]}")  # noqa: T201
