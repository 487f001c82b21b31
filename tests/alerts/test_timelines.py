"""The hand-written timelines hold for Prometheus and the built-in engine, and promtool and amtool accept the derived files."""

import re
import subprocess
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import pytest
import yaml

from alerts.engine import Engine, RuleAlert
from alerts.inhibition import CHAIN
from alerts.prometheus import RECEIVERS
from alerts.rule import Rule, Series, Threshold, table_errors
from alerts.table import RULES
from measures.catalogue import CATALOGUE
from measures.outcome import SECOND
from tests.alerts.promtool import Line, Values, promtool, samples_at
from tests.real.parts import missing

ROOT = Path(__file__).parents[2]
RULE_FILE = ROOT / "alerts" / "rules" / "bluelamp.yml"
TIMELINES = sorted((ROOT / "alerts" / "timelines").glob("*.yml"))
_SECONDS = {"s": 1, "m": 60, "h": 3600}


def seconds(duration: str) -> int:
    """A duration in the timelines' notation, such as 2m15s."""
    return sum(int(number) * _SECONDS[unit] for number, unit in re.findall(r"(\d+)([smh])", duration))


def values(notation: str) -> Values:
    """Values in the timelines' notation: single values, `1x3` for four equal values, `_`, `stale`."""
    steps: list[float | None] = []
    for word in str(notation).split():
        value, _, more = word.partition("x")
        is_gap = value in ("_", "stale")
        steps += [None if is_gap else float(value)] * (int(more or 0) + (0 if is_gap and more else 1))
    return steps


def lines(test: dict[str, Any]) -> list[Line]:
    """The series of one test."""
    read = []
    for each in test["input_series"]:
        name, _, rest = each["series"].partition("{")
        read.append((name, dict(re.findall(r'(\w+)="([^"]*)"', rest)), values(each["values"])))
    return [Line(name, labels, steps) for name, labels, steps in read]


def at(series: list[Line], second: int, interval: int) -> list[Line]:
    """The series as Prometheus sees them at a time: the last value counts for five minutes after the end."""
    step = second // interval
    return [
        Line(line.name, line.labels, [line.values[min(step, len(line.values) - 1)]])
        for line in series
        if step - len(line.values) + 1 <= 300 // interval
    ]


CASES = [
    pytest.param(seconds(file["evaluation_interval"]), test, id=test["name"])
    for file in (yaml.safe_load(path.read_text()) for path in TIMELINES)
    for test in file["tests"]
]


@pytest.mark.real
@pytest.mark.parametrize("path", TIMELINES, ids=lambda path: path.stem)
def test_prometheus_follows_the_timeline(path: Path, tmp_path: Path) -> None:
    """Only with the rules that can have a value in the timeline: with every rule, it takes three times as long."""
    reason = missing("prometheus")
    if reason:
        pytest.skip(reason)
    timeline, rules = yaml.safe_load(path.read_text()), yaml.safe_load(RULE_FILE.read_text())
    given = {each["series"].partition("{")[0] for test in timeline["tests"] for each in test["input_series"]}
    assert not any("absent" in rule["expr"] for rule in every_rule(rules)), (
        "a rule without any series would have a value"
    )
    used = {rule["labels"]["rule"] for rule in every_rule(rules) if given & {*re.findall(r"[\w:]+", rule["expr"])}}
    for group in rules["groups"]:
        group["rules"] = [rule for rule in group["rules"] if rule["labels"]["rule"] in used]
    (tmp_path / RULE_FILE.name).write_text(yaml.safe_dump(rules))
    (tmp_path / path.name).write_text(yaml.safe_dump({**timeline, "rule_files": [RULE_FILE.name]}))
    assert promtool(tmp_path / path.name) == ""


def every_rule(rules: dict[str, Any]) -> list[dict[str, Any]]:
    """The rules of a rule file."""
    return [rule for group in rules["groups"] for rule in group["rules"]]


@pytest.mark.real
@pytest.mark.faults
@pytest.mark.parametrize("path", TIMELINES, ids=lambda path: path.stem)
def test_prometheus_follows_the_timeline_with_every_rule(path: Path) -> None:
    assert promtool(path) == ""


@pytest.mark.parametrize(("every", "test"), CASES)
def test_the_built_in_engine_follows_the_timeline(every: int, test: dict[str, Any]) -> None:
    interval, series, engine = seconds(test["interval"]), lines(test), Engine(RULES)
    checks = [*test.get("promql_expr_test", []), *test.get("alert_rule_test", [])]
    for second in range(0, max(seconds(check["eval_time"]) for check in checks) + 1, every):
        alerts = engine.step(samples_at(at(series, second, interval), 0), second * SECOND)
        for check in checks:
            if seconds(check["eval_time"]) == second and expects_rules(check):
                assert firing_rules(alerts, check) == expected(check), check


def expects_rules(check: dict[str, Any]) -> bool:
    """Whether a check expects rules, not a number or a severity."""
    return bool(expected(check)) or not check.get("exp_samples")


def expected(check: dict[str, Any]) -> set[str]:
    """The rules that a check expects to fire."""
    labels = [str(each["labels"]) for each in check.get("exp_samples", [])]
    labels += [f'rule="{each["exp_labels"]["rule"]}"' for each in check.get("exp_alerts", [])]
    return {rule for each in labels for rule in re.findall(r'rule="([^"]+)"', each)}


def firing_rules(alerts: list[RuleAlert], check: dict[str, Any]) -> set[str]:
    """The rules of the firing alerts that match a check."""
    conditions = re.findall(r'(\w+)(!?=)"([^"]*)"', check.get("expr", f'alertname="{check.get("alertname")}"'))
    firing = [each for each in alerts if each.state == "firing"]
    return {each.rule.name for each in firing if all(_fits(each, *condition) for condition in conditions)}


def _fits(alert: RuleAlert, name: str, sign: str, value: str) -> bool:
    labels = {"alertname": alert.rule.alert_name(), "alertstate": alert.state, **alert.rule.labels(), **alert.scope}
    return (labels.get(name, "") == value) == (sign == "=")


@pytest.mark.real
@pytest.mark.parametrize(
    ("part", "command"),
    [
        ("prometheus", ["promtool", "check", "rules", "--lint=all", "--lint-fatal", "alerts/rules/bluelamp.yml"]),
        ("prometheus", ["promtool", "check", "config", "--syntax-only", "alerts/prometheus.yml"]),
        ("alertmanager", ["amtool", "check-config", "alerts/alertmanager.yml"]),
    ],
)
def test_promtool_and_amtool_accept_the_derived_files(part: str, command: list[str]) -> None:
    reason = missing(part)
    if reason:
        pytest.skip(reason)
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.real
@pytest.mark.parametrize("severity", ["critical", "warning", "info", "heartbeat"])
@pytest.mark.parametrize("child", ["yes", "no"])
def test_every_alert_reaches_its_receivers(severity: str, child: str) -> None:
    reason = missing("alertmanager")
    if reason:
        pytest.skip(reason)
    receivers = {"critical": "inbox,page", "warning": "inbox,notice", "info": "inbox", "heartbeat": "inbox,heartbeat"}
    command = [
        "amtool",
        "config",
        "routes",
        "test",
        "--config.file=alerts/alertmanager.yml",
        f"--verify.receivers={receivers[severity]}",
    ]
    labels = [f"severity={severity}", f"child={child}", "force=north", "rule=any"]
    result = subprocess.run([*command, *labels], cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    assert set(receivers[severity].split(",")) <= set(RECEIVERS)


def test_the_table_has_no_errors() -> None:
    assert table_errors(RULES) == []
    assert {rule.measure for rule in RULES} - {""} <= set(CATALOGUE)


def broken(**changes: Any) -> Rule:
    """A rule with an error, once a field is changed."""
    fields: dict[str, Any] = {
        "name": "some",
        "title": "Some",
        "measure": "incident_count",
        "series": Series(metric="some"),
        "condition": Threshold(side="above", limit=1, clear=1),
        "severity": "critical",
        "who": "somebody",
        "what_to_do": "Something.",
    }
    return Rule(**{**fields, **changes})


def test_a_cause_fires_before_its_consequences_and_ends_after_them() -> None:
    """Otherwise the consequences would be sent for a moment, as if they were causes."""
    rules = {rule.name: rule for rule in RULES}
    chain = [[rules[name] for name in names] for names in CHAIN]
    assert {rule.name for rule in RULES if not rule.measure and rule.severity == "critical"} - {
        "feed_silent",
        "feed_doubted",
        "system_silent",
    } == {rule.name for tier in chain for rule in tier}
    for causes, consequences in pairwise(chain):
        for cause, consequence in product(causes, consequences):
            assert cause.keep_firing_for_seconds >= consequence.keep_firing_for_seconds + 15
            assert cause.for_seconds <= consequence.for_seconds or consequence.name == "worker_stalled"


@pytest.mark.parametrize(
    ("table", "error"),
    [
        ((broken(), broken()), "is used twice"),
        ((broken(name="Some"),), "small letters"),
        ((broken(condition=Threshold(side="above", limit=1, clear=2)),), "good and bad at once"),
        ((broken(condition=Threshold(side="below", limit=1, clear=0)),), "good and bad at once"),
        ((broken(who=""),), "who is notified"),
        ((broken(keeps_last_state=False),), "heartbeat"),
        ((broken(series=Series(metric="some", by=())),), "must include the force"),
        (
            (broken(), broken(name="other", severity="warning", keep_firing_for_seconds=60)),
            "keep firing at least as long",
        ),
    ],
)
def test_errors_in_a_table_are_found(table: tuple[Rule, ...], error: str) -> None:
    assert any(error in each for each in table_errors(table))


def test_every_rule_is_in_a_timeline() -> None:
    """A rule without a timeline is a rule that nobody has tried."""
    text = "".join(path.read_text() for path in TIMELINES)
    rules = set(re.findall(r'\brule(?:=|: )"?(\w+)', text)) | set(re.findall(r'alertname(?:=|: )"?(\w+)', text))
    assert [rule.name for rule in RULES if not {rule.name, rule.alert_name()} & rules] == []
