"""The engine at work: what it tells, what it shows, and that a restart or a silence forgets nothing."""

import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from alerts.engine import Sample
from alerts.engine_process import Standing
from alerts.rule import Rule, Series, Threshold
from streams.clock_steps import Steps

START = datetime(2024, 12, 3, 10, tzinfo=UTC)


def rule(**changes: object) -> Rule:
    """Too many waiting, for half a minute."""
    fields: dict[str, object] = {
        "name": "waiting_long",
        "title": "Somebody waits",
        "series": Series(metric="waiting"),
        "condition": Threshold(side="above", limit=0, clear=0),
        "severity": "critical",
        "who": "somebody",
        "what_to_do": "Something.",
        "for_seconds": 30,
    }
    return Rule(**{**fields, **changes})  # type: ignore[arg-type]


class World:
    """Samples, a clock, and a store that may be gone."""

    def __init__(self) -> None:
        self.now, self.kept, self.is_gone = START, dict[str, str](), False
        self.samples: Sequence[Sample] = ()

    def get(self, name: str) -> object:
        """As the state server does."""
        if self.is_gone:
            raise ConnectionError
        return self.kept.get(name)

    def set(self, name: str, value: str) -> object:
        """As the state server does."""
        if self.is_gone:
            raise ConnectionError
        self.kept[name] = value
        return True

    def waiting(self, count: float | None) -> None:
        """So many wait; None when nobody can say."""
        self.samples = () if count is None else (Sample("waiting", {"force": "north"}, count),)

    def standing(self, *rules: Rule) -> Standing:
        """A new process."""
        return Standing(rules or (rule(),), lambda: self.samples, self, "test:alerts", lambda: self.now)

    def after(self, seconds: float, standing: Standing) -> list[str]:
        """The states of the alerts that stand after a step so much later."""
        self.now += timedelta(seconds=seconds)
        return [each.state for each in standing.step()]


def test_a_restart_goes_on_where_it_was() -> None:
    world = World()
    world.waiting(1)
    assert world.after(0, world.standing()) == ["pending"]
    assert world.after(15, world.standing()) == ["pending"]
    assert world.after(15, world.standing()) == ["firing"]


def test_a_restart_in_silence_does_not_say_that_all_is_well() -> None:
    world = World()
    world.waiting(1)
    old = world.standing()
    world.after(0, old)
    assert world.after(30, old) == ["firing"]
    world.waiting(None)
    new = world.standing()
    assert world.after(3600, new) == ["firing"]
    assert [each.is_held for each in new.alerts] == [True]
    world.waiting(0)
    assert world.after(15, new) == []


def test_a_state_server_that_is_gone_stops_no_alert_and_is_taken_up_when_it_is_back() -> None:
    world = World()
    world.waiting(1)
    world.after(0, world.standing())
    world.is_gone = True
    blind = world.standing()
    world.waiting(None)
    assert world.after(15, blind) == []
    world.is_gone = False
    assert world.after(15, blind) == ["firing"], "bad since half a minute, by what the process before it knew"
    world.is_gone = True
    started_blind = world.standing()
    world.waiting(1)
    assert world.after(15, started_blind) == ["pending"]
    assert world.after(30, started_blind) == ["firing"]


def test_what_is_remembered_of_a_rule_that_is_no_more_is_forgotten() -> None:
    world = World()
    world.waiting(1)
    world.after(0, world.standing())
    other = rule(name="another", series=Series(metric="another"))
    wider = rule(series=Series(metric="waiting", by=("force", "feed")))
    world.waiting(None)
    assert world.after(60, world.standing(other, wider)) == []


def test_beginning_and_end_are_told_once(caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    standing = world.standing()
    world.waiting(1)
    with caplog.at_level(logging.WARNING, logger="bluelamp.alerts"):
        for _ in range(5):
            world.after(15, standing)
        world.waiting(0)
        world.after(15, standing)
        world.after(15, standing)
    assert [record.getMessage().split(" {")[0] for record in caplog.records] == [
        "waiting_long fires (critical): Somebody waits",
        "waiting_long has ended",
    ]


def test_what_stands_is_shown_as_metrics() -> None:
    world = World()
    standing = world.standing()
    world.waiting(1)
    world.after(0, standing)
    world.after(30, standing)
    (family,) = standing.collect()
    (sample,) = family.samples
    assert sample.name == "bluelamp_alert"
    assert {name: word for name, word in sample.labels.items() if word} == {
        "rule": "waiting_long",
        "severity": "critical",
        "state": "firing",
        "force": "north",
        "held": "no",
        "inhibited": "no",
    }


class SetClock(World):
    """A world whose wall clock can be set without its monotonic one."""

    def __init__(self) -> None:
        super().__init__()
        self.steady_seconds = 0.0

    def standing(self, *rules: Rule) -> Standing:
        """A new process that watches its clock."""
        steps = Steps(lambda: self.now, lambda: self.steady_seconds)
        return Standing(rules or (rule(),), lambda: self.samples, self, "test:alerts", lambda: self.now, steps=steps)

    def after(self, seconds: float, standing: Standing, by_wall: float | None = None) -> list[str]:
        """The same; the wall clock may have been set in between."""
        self.steady_seconds += seconds
        return super().after(seconds if by_wall is None else by_wall, standing)


@pytest.mark.parametrize("by", [7200, -7200])
def test_spans_are_those_of_time_and_not_of_a_clock_that_is_set(by: float) -> None:
    world, keeping = SetClock(), rule(keep_firing_for_seconds=60)
    standing = world.standing(keeping)
    world.waiting(1)
    assert world.after(0, standing) == ["pending"]
    assert world.after(15, standing, 15 + by) == ["pending"], "bad for 15 s of the 30 s"
    assert world.after(15, standing) == ["firing"]
    world.waiting(0)
    assert world.after(0, standing) == ["firing"]
    assert world.after(30, standing, 30 - by) == ["firing"], "good for 30 s of the 60 s"
    assert world.after(29, standing) == ["firing"]
    assert world.after(1, standing) == []


def test_a_restart_after_the_clock_was_set_back_waits_for_no_time_of_the_future() -> None:
    """Otherwise what was pending would stay pending for two hours."""
    world, keeping = World(), rule(keep_firing_for_seconds=60)
    world.waiting(1)
    world.now += timedelta(hours=2)
    assert world.after(0, world.standing(keeping)) == ["pending"]
    world.now -= timedelta(hours=2)
    new = world.standing(keeping)
    assert world.after(1, new) == ["pending"]
    assert world.after(30, new) == ["firing"]
    world.waiting(0)
    world.now += timedelta(hours=2)
    assert world.after(0, new) == ["firing"]
    world.now -= timedelta(hours=2)
    new = world.standing(keeping)
    assert world.after(1, new) == ["firing"]
    assert world.after(60, new) == []
