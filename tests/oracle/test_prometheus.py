"""Prometheus' own evaluation of the rendered rules, fed every five seconds with what the exporter shows of a scenario."""

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
LABELS = ("rule", "force", "feed", "topic", "partition")
HOTTEST = {"disorder": (18, 18.5), "feed_outage": (13.75, 14.25)}
"""Hours in which much begins; `make faults` has all the hours that are watched, of every scenario."""


@pytest.fixture(autouse=True, scope="module")
def _promtool_is_here() -> None:
    reason = missing("prometheus")
    if reason:
        pytest.skip(reason)


@pytest.mark.parametrize("scenario", HOTTEST)
def test_prometheus_raises_what_the_facts_ask_for(scenario: str, tmp_path: Path) -> None:
    seen = watch(broadcast(scenario, HOTTEST[scenario]))
    told = evaluated(tmp_path, seen, RULES, seen.oracle.seen(PHASE_SECONDS))
    assert told == "", told[:4000]


def test_rules_with_a_fault_are_seen(tmp_path: Path) -> None:
    """Every `for` a look too long."""
    seen = watch(broadcast("feed_outage", (13.9, 14.1)))
    wrong = [replace(rule, for_seconds=rule.for_seconds + EVERY_SECONDS) for rule in RULES]
    assert "exp:" in evaluated(tmp_path, seen, wrong, seen.oracle.seen(PHASE_SECONDS))


@pytest.mark.faults
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_prometheus_over_the_watched_hours_of_each_scenario(scenario: str, tmp_path: Path) -> None:
    seen = watch(broadcast(scenario, SCENARIOS[scenario], weeks=5))
    told = evaluated(tmp_path, seen, RULES, seen.oracle.seen(PHASE_SECONDS))
    assert told == "", told[:4000]


def evaluated(directory: Path, seen: Watched, rules: Sequence[Rule], expected: Alerts) -> str:
    """Whether promtool has the expected alerts at every look at which one begins or ends, and at the look before: empty when so."""
    instants = looks(seen.heard, PHASE_SECONDS)
    edges = {edge for found in expected.values() for stretch in found for edge in stretch}
    wanted = [place for place, at in enumerate(instants) if at in edges or at + instants.step in edges]
    asked = f"group by ({', '.join(LABELS)}) (ALERTS{{alertstate='firing'}})"
    steps = [
        {
            "expr": asked,
            "eval_time": f"{place * EVERY_SECONDS}s",
            "exp_samples": list(_standing(expected, rules, instants[place])),
        }
        for place in wanted
    ]
    test: dict[str, Any] = {
        "interval": f"{EVERY_SECONDS}s",
        "input_series": list(_series(seen.shown, instants, rules)),
        "promql_expr_test": steps,
    }
    (directory / "rules.yml").write_text(json.dumps(rule_file(rules)))
    whole = {"rule_files": ["rules.yml"], "evaluation_interval": f"{EVERY_SECONDS}s", "tests": [test]}
    (directory / "test.yml").write_text(json.dumps(whole))
    return promtool(directory / "test.yml")


def _standing(expected: Alerts, rules: Sequence[Rule], at: int) -> Iterator[dict[str, Any]]:
    by = {rule.name: rule.series.by for rule in rules}
    for (name, scope), found in expected.items():
        if any(stretch.start <= at < stretch.end for stretch in found):
            words = {"rule": name, **dict(zip(by[name], scope, strict=True))}
            told = ", ".join(f'{label}="{word}"' for label, word in sorted(words.items()))
            yield {"labels": f"{{{told}}}", "value": 1}


def _series(shown: Sequence[Step], instants: range, rules: Sequence[Rule]) -> Iterator[dict[str, str]]:
    """Each series in promtool's notation: a value as often as it stays, and a mark where it is scraped no more."""
    metrics = {f"{rule.series.metric}{ending}" for rule in rules for ending in _ENDINGS}
    values: dict[tuple[str, str], list[float]] = {}
    following, now, told = iter([*shown, Step(1 << 62, [])]), Step(0, []), list[tuple[tuple[str, str], float]]()
    after = next(following)
    for place, at in enumerate(instants):
        if after.at <= at:
            now, after = after, next(following)
            told = [((each.name, _labels(each.labels)), each.value) for each in now.samples if each.name in metrics]
        for key, value in told:
            found = values.setdefault(key, [])
            found += [math.nan] * (place - len(found))
            found.append(value)
    for (name, labels), found in values.items():
        padded = [*found, *[math.nan] * (len(instants) - len(found))]
        yield {"series": f"{name}{{{labels}}}", "values": " ".join(_notation(padded))}


_ENDINGS = ("", "_n", "_expected", "_expected_lower", "_expected_upper")


def _labels(labels: Mapping[str, str]) -> str:
    return ", ".join(f'{name}="{word}"' for name, word in sorted(labels.items()))


def _notation(values: Sequence[float]) -> Iterator[str]:
    is_there = False
    for text, run in groupby("" if math.isnan(value) else repr(value) for value in values):
        length = len(list(run))
        if text:
            yield text if length == 1 else f"{text}x{length - 1}"
        else:
            # Of a series that was there a mark says that it is scraped no more.
            yield from ["stale"] if is_there else []
            rest = length - is_there
            yield from [f"_x{rest}"] if rest else []
        is_there = bool(text)
