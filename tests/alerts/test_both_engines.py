"""Prometheus with the rendered rules and the built-in engine with the table agree after every step."""

import math
import random
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from msgspec.structs import replace

from alerts import engine as engine_module
from alerts.engine import Active, Engine
from alerts.rule import Outside, Rule, Series, Severity, Threshold
from alerts.table import RULES
from tests.alerts.promtool import Line, Values, agree, stepped
from tests.real.parts import missing

pytestmark = pytest.mark.real
STEPS = 70
SEEDS = [(1, 15), (2, 60)]
"""Seeds, each with the seconds between two steps: at 60, even the longest `for` of the table passes."""


@pytest.fixture(autouse=True, scope="module")
def _promtool_is_here() -> None:
    reason = missing("prometheus")
    if reason:
        pytest.skip(reason)


def random_rules(chance: random.Random, count: int) -> list[Rule]:
    """Rules of every kind, with edges close to each other."""
    return [_random_rule(chance, f"random_{number}") for number in range(count)]


def _random_rule(chance: random.Random, name: str) -> Rule:
    side = chance.choice(["below", "above"])
    limit = float(chance.randrange(5))
    clear = limit + chance.choice([0, 1, 2]) * (1 if side == "below" else -1)
    is_scoped = chance.random() < 0.7
    is_by_detainee = is_scoped and chance.random() < 0.4
    keeps_last_state = chance.random() < 0.8
    severity: Severity = "warning" if keeps_last_state else "heartbeat"
    return Rule(
        name=name,
        title=name,
        series=Series(
            metric=f"series_{name}",
            by=("force", "detainee") if is_by_detainee else ("force",) if is_scoped else (),
            known_by=f"known_{name}" if is_by_detainee and keeps_last_state else "",
            combine=chance.choice(["min", "max", "sum"]),
            bound=chance.choice(["", "_low", "_high"]),
            if_none=None if is_scoped or chance.random() < 0.5 else 0,
        ),
        condition=Outside(side=side) if chance.random() < 0.3 else Threshold(side=side, limit=limit, clear=clear),  # type: ignore[arg-type]
        severity=severity,
        who="nobody",
        what_to_do="Nothing.",
        minimum_n=chance.choice([0, 0, 3]),
        for_seconds=chance.choice([0, 15, 40, 60, 180]),
        keep_firing_for_seconds=chance.choice([0, 15, 50, 60, 180]),
        keeps_last_state=keeps_last_state,
    )


def series_of(rules: Sequence[Rule], chance: random.Random) -> list[Line]:
    """Random values of every series that the rules evaluate: near the limits, in runs, with gaps and NaN."""
    wanted: dict[tuple[str, tuple[tuple[str, str], ...]], set[float]] = {}
    for rule in rules:
        for labels in _label_sets(rule):
            for ending, values in _interesting(rule):
                key = (rule.series.name(ending), tuple(sorted(labels.items())))
                wanted.setdefault(key, set()).update(values)
            if rule.series.known_by:
                force = {"force": labels["force"], "instance": labels["instance"]}
                wanted.setdefault((rule.series.known_by, tuple(sorted(force.items()))), set()).add(0.0)
    return [Line(name, dict(labels), _walk(sorted(pool), chance)) for (name, labels), pool in sorted(wanted.items())]


def _label_sets(rule: Rule) -> Iterator[dict[str, str]]:
    """Two scopes, one of them with two exporters."""
    for scope, instance in (("one", "a"), ("one", "b"), ("two", "a")):
        if rule.series.by or scope == "one":
            yield {**rule.series.where, **dict.fromkeys(rule.series.by, scope), "instance": instance}


def _interesting(rule: Rule) -> Iterator[tuple[str, list[float]]]:
    condition = rule.condition
    if isinstance(condition, Threshold):
        middle = (condition.limit + condition.clear) / 2
        near = [
            condition.limit,
            condition.clear,
            middle,
            condition.limit * 0.5,
            condition.limit + 1,
            condition.clear + 0.25,
        ]
        yield "", near
    else:
        yield "", [1.0, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0]
        for ending in ("_expected_lower", "_expected_upper", "_expected"):
            yield ending, [2.0, 3.0, 4.0]
    if rule.minimum_n:
        yield "_n", [float(rule.minimum_n), float(rule.minimum_n), rule.minimum_n + 5.0, rule.minimum_n - 1.0]


def _walk(pool: list[float], chance: random.Random) -> Values:
    """Runs of one value or of missing values."""
    values: list[float | None] = []
    while len(values) < STEPS:
        kind = chance.random()
        value = None if kind < 0.12 else math.nan if kind < 0.2 else chance.choice(pool)
        values += [value] * chance.choice([1, 1, 2, 3, 5, 12, 30])
    return values[:STEPS]


def _run(
    directory: Path, table: Sequence[Rule], seed: int, interval_seconds: int
) -> tuple[str, list[list[dict[str, str]]]]:
    chance = random.Random(seed)
    rules = [*table, *random_rules(chance, 30)]
    lines = series_of(rules, chance)
    expected = stepped(Engine(rules), lines, interval_seconds)
    return agree(directory, rules, lines, expected, interval_seconds), expected


@pytest.mark.parametrize(
    ("seed", "interval_seconds"), [pytest.param(*SEEDS[0], marks=pytest.mark.faults), SEEDS[1]], ids=["short", "long"]
)
def test_they_agree_step_by_step(seed: int, interval_seconds: int, tmp_path: Path) -> None:
    output, expected = _run(tmp_path, RULES, seed, interval_seconds)
    assert output == "", output[:4000]
    fired = {alert["rule"] for alerts in expected for alert in alerts if alert["alertstate"] == "firing"}
    assert len(fired) > len(RULES) // 2, "a test in which hardly anything fires proves little"


def _a_moment_late(rule: Rule, active: Active | None, is_bad: bool, now: int) -> Active | None:
    """Fires after longer than `for`, not after at least as long."""
    return _advance(replace(rule, for_seconds=rule.for_seconds + 1), active, is_bad, now)


def _forgets(rule: Rule, active: Active | None, is_bad: bool, now: int) -> Active | None:
    """Ends as soon as the figure is good."""
    return _advance(rule, active, is_bad, now) if is_bad else None


_advance = engine_module.advance
_judge = engine_module.judge


def _no_gap(rule: Rule, value_of: object) -> dict[tuple[str, ...], bool]:
    """Treats values between bad and good as good."""
    values = value_of("")  # type: ignore[operator]
    return {scope: found.get(scope, False) for found in [_judge(rule, value_of)] for scope in values}  # type: ignore[arg-type]


@pytest.mark.parametrize(("place", "mutant"), [("advance", _a_moment_late), ("advance", _forgets), ("judge", _no_gap)])
def test_an_engine_with_a_fault_is_caught(
    place: str, mutant: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_module, place, mutant)
    output, _ = _run(tmp_path, (), *SEEDS[0])
    assert "exp:" in output
