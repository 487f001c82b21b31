"""Prometheus evaluates the rendered rules itself, given the exporter's samples of a scenario every five seconds."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from alerts.prometheus import rule_file
from alerts.rule import Rule
from alerts.table import RULES
from tests.alerts.promtool import promtool
from tests.oracle.broadcast import broadcast
from tests.oracle.product import EVERY_SECONDS, Alerts, Step, looks
from tests.oracle.test_scenarios import PHASE_SECONDS, SCENARIOS, Watched, watch
from tests.real.parts import missing

pytestmark = [pytest.mark.real, pytest.mark.timeout(1800)]
LABELS = ("rule", "force", "feed", "system", "topic", "partition", "detainee", "suite")
HOTTEST = {"disorder": (18, 18.5), "feed_outage": (13.75, 14.25)}
"""Hours in which many alerts begin; `make faults` evaluates all watched hours of every scenario."""


@pytest.fixture(autouse=True, scope="module")
def _needs_promtool() -> None:
    reason = missing("prometheus")
    if reason:
        pytest.skip(reason)


@pytest.mark.faults
@pytest.mark.parametrize("scenario", HOTTEST)
def test_prometheus_raises_the_alerts_that_the_facts_require(scenario: str, tmp_path: Path) -> None:
    seen = watch(broadcast(scenario, HOTTEST[scenario]))
    output = evaluated(tmp_path, seen, RULES, seen.oracle.seen(PHASE_SECONDS))
    assert output == "", output[:4000]


def test_wrong_rules_are_noticed(tmp_path: Path) -> None:
    """Every `for` is one evaluation too long."""
    seen = watch(broadcast("feed_outage", (13.9, 14.1)))
    wrong = [replace(rule, for_seconds=rule.for_seconds + EVERY_SECONDS) for rule in RULES]
    assert "exp:" in evaluated(tmp_path, seen, wrong, seen.oracle.seen(PHASE_SECONDS))


@pytest.mark.faults
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_prometheus_over_the_watched_hours_of_each_scenario(scenario: str, tmp_path: Path) -> None:
    seen = watch(broadcast(scenario, SCENARIOS[scenario], weeks=5))
    output = evaluated(tmp_path, seen, RULES, seen.oracle.seen(PHASE_SECONDS))
    assert output == "", output[:4000]


def evaluated(directory: Path, seen: Watched, rules: Sequence[Rule], expected: Alerts) -> str:
    """Evaluate with promtool where an alert begins or ends, and one evaluation before; returns the differences, or nothing."""
    times = looks(seen.sent, PHASE_SECONDS)
    edges = {edge for found in expected.values() for stretch in found for edge in stretch}
    chosen = [place for place, at in enumerate(times) if at in edges or at + times.step in edges]
    query = f"group by ({', '.join(LABELS)}) (ALERTS{{alertstate='firing'}})"
    steps = [
        {
            "expr": query,
            "eval_time": f"{place * EVERY_SECONDS}s",
            "exp_samples": list(_active(expected, rules, times[place])),
        }
        for place in chosen
    ]
    test: dict[str, Any] = {
        "interval": f"{EVERY_SECONDS}s",
        "input_series": list(_series(seen.steps, times, rules)),
        "promql_expr_test": steps,
    }
    (directory / "rules.yml").write_text(json.dumps(rule_file(rules)))
    whole = {"rule_files": ["rules.yml"], "evaluation_interval": f"{EVERY_SECONDS}s", "tests": [test]}
    (directory / "test.yml").write_text(json.dumps(whole))
    return promtool(directory / "test.yml")


def _active(expected: Alerts, rules: Sequence[Rule], at: int) -> Iterator[dict[str, Any]]:
    by = {rule.name: rule.series.by for rule in rules}
    for (name, scope), found in expected.items():
        if any(stretch.start <= at < stretch.end for stretch in found):
            words = {"rule": name, **dict(zip(by[name], scope, strict=True))}
            labels = ", ".join(f'{label}="{word}"' for label, word in sorted(words.items()))
            yield {"labels": f"{{{labels}}}", "value": 1}


def _series(steps: Sequence[Step], times: range, rules: Sequence[Rule]) -> Iterator[dict[str, str]]:
    """Each series in promtool's notation: each value as often as it stays, and a marker where it is no longer scraped."""
    metrics = {f"{rule.series.metric}{ending}" for rule in rules for ending in _ENDINGS}
    metrics |= {rule.series.known_by for rule in rules if rule.series.known_by}
    values: dict[tuple[str, str], list[float]] = {}
    following, now, samples = iter([*steps, Step(1 << 62, [])]), Step(0, []), list[tuple[tuple[str, str], float]]()
    after = next(following)
    for place, at in enumerate(times):
        if after.at <= at:
            now, after = after, next(following)
            samples = [((each.name, _labels(each.labels)), each.value) for each in now.samples if each.name in metrics]
        for key, value in samples:
            found = values.setdefault(key, [])
            found += [math.nan] * (place - len(found))
            found.append(value)
    for (name, labels), found in values.items():
        padded = [*found, *[math.nan] * (len(times) - len(found))]
        yield {"series": f"{name}{{{labels}}}", "values": " ".join(_notation(padded))}


_ENDINGS = ("", "_low", "_high", "_n", "_expected", "_expected_lower", "_expected_upper")


def _labels(labels: Mapping[str, str]) -> str:
    return ", ".join(f'{name}="{word}"' for name, word in sorted(labels.items()))


def _notation(values: Sequence[float]) -> Iterator[str]:
    is_there = False
    for text, run in groupby("" if math.isnan(value) else repr(value) for value in values):
        length = len(list(run))
        if text:
            yield text if length == 1 else f"{text}x{length - 1}"
        else:
            # A marker says that a series is no longer scraped.
            yield from ["stale"] if is_there else []
            rest = length - is_there
            yield from [f"_x{rest}"] if rest else []
        is_there = bool(text)
