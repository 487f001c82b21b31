"""Runs promtool: rules rendered from a table, series in its notation, and the expected alerts after each step."""

import json
import math
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from alerts.engine import Engine, Sample
from alerts.prometheus import rule_file
from alerts.rule import Rule
from measures.outcome import SECOND

Values = Sequence[float | None]
"""One value for each step; None while the series is missing."""
SCOPES = ("force", "feed", "topic", "partition", "service", "process", "disk", "reason", "certificate")


class Line:
    """A series with its values, step by step.

    Args:
        name: the metric name.
        labels: the series' labels.
        values: one for each step.
    """

    def __init__(self, name: str, labels: dict[str, str], values: Values) -> None:
        self.name, self.labels, self.values = name, labels, values

    def notation(self) -> dict[str, str]:
        """The series in promtool's notation: once it disappears, it is marked stale."""
        labels = ", ".join(f'{name}="{value}"' for name, value in self.labels.items())
        words, before = [], None
        for value in self.values:
            gap = "stale" if before is not None else "_"
            words.append(gap if value is None else "NaN" if math.isnan(value) else repr(value))
            before = value
        return {"series": f"{self.name}{{{labels}}}", "values": " ".join(words)}


def samples_at(lines: Sequence[Line], step: int) -> list[Sample]:
    """The exporter's samples at a step."""
    current = ((line, line.values[step]) for line in lines)
    return [Sample(line.name, line.labels, value) for line, value in current if value is not None]


def stepped(engine: Engine, lines: Sequence[Line], interval_seconds: int) -> list[list[dict[str, str]]]:
    """The built-in engine's alerts after each step, with the labels that Prometheus gives them."""
    steps = []
    for step in range(len(lines[0].values)):
        alerts = engine.step(samples_at(lines, step), step * interval_seconds * SECOND)
        steps.append([{"alertstate": each.state, "rule": each.rule.name, **_scope(each.scope)} for each in alerts])
    return steps


def _scope(scope: dict[str, str]) -> dict[str, str]:
    """To Prometheus a label with an empty value does not exist."""
    return {name: value for name, value in scope.items() if name in SCOPES and value}


def agree(
    directory: Path,
    rules: Sequence[Rule],
    lines: Sequence[Line],
    expected: Sequence[Sequence[dict[str, str]]],
    interval_seconds: int,
) -> str:
    """Empty if promtool finds the expected alerts after every step, otherwise its output."""
    # JSON is valid YAML, and quick to write.
    group = rule_file(rules)
    (directory / "rules.yml").write_text(json.dumps(group))
    query = f"sum by ({', '.join(('alertstate', 'rule', *SCOPES))}) (ALERTS)"
    steps = [
        {"expr": query, "eval_time": f"{step * interval_seconds}s", "exp_samples": [_sample(each) for each in alerts]}
        for step, alerts in enumerate(expected)
    ]
    test = {
        "interval": f"{interval_seconds}s",
        "input_series": [line.notation() for line in lines],
        "promql_expr_test": steps,
    }
    tests: dict[str, Any] = {
        "rule_files": ["rules.yml"],
        "evaluation_interval": f"{interval_seconds}s",
        "tests": [test],
    }
    (directory / "test.yml").write_text(json.dumps(tests))
    return promtool(directory / "test.yml")


def _sample(labels: dict[str, str]) -> dict[str, Any]:
    text = ", ".join(f'{name}="{value}"' for name, value in sorted(labels.items()))
    return {"labels": f"{{{text}}}", "value": 1}


def promtool(test: Path) -> str:
    """Run promtool's rule tests: empty if they pass, otherwise its output."""
    environment = {**os.environ, "GOGC": "800"}  # collecting garbage less often takes a quarter less processor time
    command = ["promtool", "test", "rules", test.name]
    result = subprocess.run(command, cwd=test.parent, env=environment, capture_output=True, text=True, check=False)
    return "" if result.returncode == 0 else result.stdout + result.stderr
