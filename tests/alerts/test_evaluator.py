"""The built-in engine running: its log and metrics, and that neither a restart nor missing data loses an alert."""

import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from alerts.engine import Sample
from alerts.evaluator import AlertEvaluator
from alerts.rule import Rule, Series, Threshold
from streams.clock_steps import Steps

START = datetime(2024, 12, 3, 10, tzinfo=UTC)


def rule(**changes: object) -> Rule:
    """A rule that is bad while anybody waits, and fires after 30 seconds."""
    fields: dict[str, object] = {
        "name": "waiting_long",
        "title": "Somebody is waiting",
        "series": Series(metric="waiting"),
        "condition": Threshold(side="above", limit=0, clear=0),
        "severity": "critical",
        "who": "somebody",
        "what_to_do": "Something.",
        "for_seconds": 30,
    }
    return Rule(**{**fields, **changes})  # type: ignore[arg-type]


class World:
    """Samples, a clock, and a store that may be down."""

    def __init__(self) -> None:
        self.now, self.saved, self.is_store_down = START, dict[str, str](), False
        self.samples: Sequence[Sample] = ()

    def get(self, name: str) -> object:
        """Answer as the state server does."""
        if self.is_store_down:
            raise ConnectionError
        return self.saved.get(name)

    def set(self, name: str, value: str) -> object:
        """Answer as the state server does."""
        if self.is_store_down:
            raise ConnectionError
        self.saved[name] = value
        return True

    def waiting(self, count: float | None) -> None:
        """Set how many are waiting; None for no data."""
        self.samples = () if count is None else (Sample("waiting", {"force": "north"}, count),)

    def evaluator(self, *rules: Rule) -> AlertEvaluator:
        """A new process."""
        return AlertEvaluator(rules or (rule(),), lambda: self.samples, self, "test:alerts", lambda: self.now)

    def after(self, seconds: float, evaluator: AlertEvaluator) -> list[str]:
        """Evaluate a number of seconds later; returns the states of the active alerts."""
        self.now += timedelta(seconds=seconds)
        return [each.state for each in evaluator.step()]


def test_a_restart_continues_where_it_was() -> None:
    world = World()
    world.waiting(1)
    assert world.after(0, world.evaluator()) == ["pending"]
    assert world.after(15, world.evaluator()) == ["pending"]
    assert world.after(15, world.evaluator()) == ["firing"]


def test_a_restart_without_data_ends_no_alert() -> None:
    world = World()
    world.waiting(1)
    old = world.evaluator()
    world.after(0, old)
    assert world.after(30, old) == ["firing"]
    world.waiting(None)
    new = world.evaluator()
    assert world.after(3600, new) == ["firing"]
    assert [each.is_undecided for each in new.alerts] == [True]
    world.waiting(0)
    assert world.after(15, new) == []


def test_alerts_work_while_the_state_server_is_down_and_its_memory_is_merged_afterwards() -> None:
    world = World()
    world.waiting(1)
    world.after(0, world.evaluator())
    world.is_store_down = True
    blind = world.evaluator()
    world.waiting(None)
    assert world.after(15, blind) == []
    world.is_store_down = False
    assert world.after(15, blind) == ["firing"], "bad for 30 seconds, according to the earlier process"
    world.is_store_down = True
    started_blind = world.evaluator()
    world.waiting(1)
    assert world.after(15, started_blind) == ["pending"]
    assert world.after(30, started_blind) == ["firing"]


def test_the_memory_of_a_removed_rule_is_dropped() -> None:
    world = World()
    world.waiting(1)
    world.after(0, world.evaluator())
    other = rule(name="another", series=Series(metric="another"))
    wider = rule(series=Series(metric="waiting", by=("force", "feed")))
    world.waiting(None)
    assert world.after(60, world.evaluator(other, wider)) == []


def test_start_and_end_are_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    evaluator = world.evaluator()
    world.waiting(1)
    with caplog.at_level(logging.WARNING, logger="bluelamp.alerts"):
        for _ in range(5):
            world.after(15, evaluator)
        world.waiting(0)
        world.after(15, evaluator)
        world.after(15, evaluator)
    assert [record.getMessage().split(" {")[0] for record in caplog.records] == [
        "waiting_long fires (critical): Somebody is waiting",
        "waiting_long has ended",
    ]


def test_active_alerts_are_exported_as_metrics() -> None:
    world = World()
    evaluator = world.evaluator()
    world.waiting(1)
    world.after(0, evaluator)
    world.after(30, evaluator)
    (family,) = evaluator.collect()
    (sample,) = family.samples
    assert sample.name == "bluelamp_alert"
    assert {name: value for name, value in sample.labels.items() if value} == {
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

    def evaluator(self, *rules: Rule) -> AlertEvaluator:
        """A new process that detects clock steps."""
        steps = Steps(lambda: self.now, lambda: self.steady_seconds)
        return AlertEvaluator(
            rules or (rule(),), lambda: self.samples, self, "test:alerts", lambda: self.now, steps=steps
        )

    def after(self, seconds: float, evaluator: AlertEvaluator, by_wall: float | None = None) -> list[str]:
        """As above; the wall clock may have been set in between."""
        self.steady_seconds += seconds
        return super().after(seconds if by_wall is None else by_wall, evaluator)


@pytest.mark.parametrize("by", [7200, -7200])
def test_durations_do_not_change_when_the_clock_is_set(by: float) -> None:
    world, kept_firing = SetClock(), rule(keep_firing_for_seconds=60)
    evaluator = world.evaluator(kept_firing)
    world.waiting(1)
    assert world.after(0, evaluator) == ["pending"]
    assert world.after(15, evaluator, 15 + by) == ["pending"], "bad for 15 s of the 30 s"
    assert world.after(15, evaluator) == ["firing"]
    world.waiting(0)
    assert world.after(0, evaluator) == ["firing"]
    assert world.after(30, evaluator, 30 - by) == ["firing"], "good for 30 s of the 60 s"
    assert world.after(29, evaluator) == ["firing"]
    assert world.after(1, evaluator) == []


def test_a_restart_after_the_clock_was_set_back_does_not_wait_for_future_times() -> None:
    """Otherwise a pending alert would stay pending for two hours."""
    world, kept_firing = World(), rule(keep_firing_for_seconds=60)
    world.waiting(1)
    world.now += timedelta(hours=2)
    assert world.after(0, world.evaluator(kept_firing)) == ["pending"]
    world.now -= timedelta(hours=2)
    new = world.evaluator(kept_firing)
    assert world.after(1, new) == ["pending"]
    assert world.after(30, new) == ["firing"]
    world.waiting(0)
    world.now += timedelta(hours=2)
    assert world.after(0, new) == ["firing"]
    world.now -= timedelta(hours=2)
    new = world.evaluator(kept_firing)
    assert world.after(1, new) == ["firing"]
    assert world.after(60, new) == []
