"""What promtool is asked: rules rendered from a table, series in its notation, and what must stand after each step."""

import json
import math
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from alerts.engine import Engine, Sample
from alerts.prometheus import rule_file
from alerts.rule import Rule
from measures.outcome import SECOND

Values = Sequence[float | None]
"""One value a step; None where the series is not there."""
SCOPES = ("force", "feed", "topic", "partition")


class Line:
    """A series with its values, step by step.

    Args:
        name: of the series.
        labels: of the series.
        values: one a step.
    """

    def __init__(self, name: str, labels: dict[str, str], values: Values) -> None:
        self.name, self.labels, self.values = name, labels, values

    def notation(self) -> dict[str, str]:
        """As promtool reads it: a series that was there and is not scraped any more is marked stale."""
        told = ", ".join(f'{name}="{word}"' for name, word in self.labels.items())
        words, before = [], None
        for value in self.values:
            gap = "stale" if before is not None else "_"
            words.append(gap if value is None else "NaN" if math.isnan(value) else repr(value))
            before = value
        return {"series": f"{self.name}{{{told}}}", "values": " ".join(words)}


def samples_at(lines: Sequence[Line], step: int) -> list[Sample]:
    """What the exporter shows at a step."""
    found = ((line, line.values[step]) for line in lines)
    return [Sample(line.name, line.labels, value) for line, value in found if value is not None]


def stepped(engine: Engine, lines: Sequence[Line], interval_seconds: int) -> list[list[dict[str, str]]]:
    """The alerts of the engine in process after each step, in the labels that Prometheus gives them."""
    every = []
    for step in range(len(lines[0].values)):
        alerts = engine.step(samples_at(lines, step), step * interval_seconds * SECOND)
        every.append([{"alertstate": each.state, "rule": each.rule.name, **_scope(each.scope)} for each in alerts])
    return every


def _scope(scope: dict[str, str]) -> dict[str, str]:
    """To Prometheus a label with an empty word is none."""
    return {name: word for name, word in scope.items() if name in SCOPES and word}


def agree(
    directory: Path,
    rules: Sequence[Rule],
    lines: Sequence[Line],
    expected: Sequence[Sequence[dict[str, str]]],
    interval_seconds: int,
) -> str:
    """Whether promtool finds the expected alerts after every step: empty when it does, else what it says."""
    # JSON is YAML, and quick to write.
    group = rule_file(rules)
    (directory / "rules.yml").write_text(json.dumps(group))
    asked = f"sum by ({', '.join(('alertstate', 'rule', *SCOPES))}) (ALERTS)"
    steps = [
        {"expr": asked, "eval_time": f"{step * interval_seconds}s", "exp_samples": [_sample(each) for each in alerts]}
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
    told = ", ".join(f'{name}="{word}"' for name, word in sorted(labels.items()))
    return {"labels": f"{{{told}}}", "value": 1}


def promtool(test: Path) -> str:
    """Run promtool's rule tests: empty when they pass, else what it says."""
    told = subprocess.run(
        ["promtool", "test", "rules", test.name], cwd=test.parent, capture_output=True, text=True, check=False
    )
    return "" if told.returncode == 0 else told.stdout + told.stderr
