"""The hand-written timelines hold for Prometheus and for the engine in process, and the parts' own tools accept what is derived."""

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
from alerts.rule import Rule, Series, Threshold, faults
from alerts.table import RULES
from measures.catalogue import CATALOGUE
from measures.outcome import SECOND
from tests.alerts.promtool import Line, Values, promtool, samples_at
from tests.real.parts import missing

ROOT = Path(__file__).parents[2]
TIMELINES = sorted((ROOT / "alerts" / "timelines").glob("*.yml"))
_SECONDS = {"s": 1, "m": 60, "h": 3600}


def seconds(duration: str) -> int:
    """A duration as the timelines write it, such as 2m15s."""
    return sum(int(number) * _SECONDS[unit] for number, unit in re.findall(r"(\d+)([smh])", duration))


def values(notation: str) -> Values:
    """The notation of series that the timelines use: single values, `1x3` for four of them, `_`, `stale`."""
    found: list[float | None] = []
    for word in str(notation).split():
        value, _, more = word.partition("x")
        is_gap = value in ("_", "stale")
        found += [None if is_gap else float(value)] * (int(more or 0) + (0 if is_gap and more else 1))
    return found


def lines(test: dict[str, Any]) -> list[Line]:
    """The series of one test, all of one length; the engine is stepped until the last of them ends."""
    read = []
    for each in test["input_series"]:
        name, _, rest = each["series"].partition("{")
        read.append((name, dict(re.findall(r'(\w+)="([^"]*)"', rest)), values(each["values"])))
    return [Line(name, labels, told) for name, labels, told in read]


def at(told: list[Line], second: int, interval: int) -> list[Line]:
    """The series as Prometheus still sees them at an instant: the last value, for five minutes after the end."""
    step = second // interval
    return [
        Line(line.name, line.labels, [line.values[min(step, len(line.values) - 1)]])
        for line in told
        if step - len(line.values) + 1 <= 300 // interval
    ]


CASES = [
    pytest.param(seconds(file["evaluation_interval"]), test, id=test["name"])
    for file in (yaml.safe_load(path.read_text()) for path in TIMELINES)
    for test in file["tests"]
]


@pytest.mark.real
@pytest.mark.parametrize("path", TIMELINES, ids=lambda path: path.stem)
def test_prometheus_does_what_the_timeline_says(path: Path) -> None:
    reason = missing("prometheus")
    if reason:
        pytest.skip(reason)
    assert promtool(path) == ""


@pytest.mark.parametrize(("every", "test"), CASES)
def test_the_engine_in_process_does_too(every: int, test: dict[str, Any]) -> None:
    interval, told, engine = seconds(test["interval"]), lines(test), Engine(RULES)
    checks = [*test.get("promql_expr_test", []), *test.get("alert_rule_test", [])]
    for second in range(0, max(seconds(check["eval_time"]) for check in checks) + 1, every):
        alerts = engine.step(samples_at(at(told, second, interval), 0), second * SECOND)
        for check in checks:
            if seconds(check["eval_time"]) == second and is_of_rules(check):
                assert asked(alerts, check) == expected(check), check


def is_of_rules(check: dict[str, Any]) -> bool:
    """Whether what it expects is told by rule, and not as a number or by severity."""
    return bool(expected(check)) or not check.get("exp_samples")


def expected(check: dict[str, Any]) -> set[str]:
    """The rules that a check expects to fire."""
    told = [str(each["labels"]) for each in check.get("exp_samples", [])]
    told += [f'rule="{each["exp_labels"]["rule"]}"' for each in check.get("exp_alerts", [])]
    return {rule for each in told for rule in re.findall(r'rule="([^"]+)"', each)}


def asked(alerts: list[RuleAlert], check: dict[str, Any]) -> set[str]:
    """The rules of those alerts that fire and that a check asks for."""
    conditions = re.findall(r'(\w+)(!?=)"([^"]*)"', check.get("expr", f'alertname="{check.get("alertname")}"'))
    firing = [each for each in alerts if each.state == "firing"]
    return {each.rule.name for each in firing if all(_fits(each, *condition) for condition in conditions)}


def _fits(alert: RuleAlert, name: str, sign: str, word: str) -> bool:
    told = {"alertname": alert.rule.alert_name(), "alertstate": alert.state, **alert.rule.labels(), **alert.scope}
    return (told.get(name, "") == word) == (sign == "=")


@pytest.mark.real
@pytest.mark.parametrize(
    ("part", "command"),
    [
        ("prometheus", ["promtool", "check", "rules", "--lint=all", "--lint-fatal", "alerts/rules/bluelamp.yml"]),
        ("prometheus", ["promtool", "check", "config", "alerts/prometheus.yml"]),
        ("alertmanager", ["amtool", "check-config", "alerts/alertmanager.yml"]),
    ],
)
def test_the_parts_own_tools_accept_what_is_derived(part: str, command: list[str]) -> None:
    reason = missing(part)
    if reason:
        pytest.skip(reason)
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stdout + told.stderr


@pytest.mark.real
@pytest.mark.parametrize("severity", ["critical", "warning", "info", "heartbeat"])
@pytest.mark.parametrize("child", ["yes", "no"])
def test_every_alert_finds_its_receiver(severity: str, child: str) -> None:
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
    told = subprocess.run([*command, *labels], cwd=ROOT, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stdout + told.stderr
    assert set(receivers[severity].split(",")) <= set(RECEIVERS)


def test_the_table_is_sound() -> None:
    assert faults(RULES) == []
    assert {rule.measure for rule in RULES} - {""} <= set(CATALOGUE)


def broken(**changes: Any) -> Rule:
    """A rule with a fault."""
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


def test_a_cause_fires_before_what_it_brings_about_and_ends_after_it() -> None:
    """Otherwise the consequences would be sent for a moment, as so many causes."""
    rules = {rule.name: rule for rule in RULES}
    chain = [[rules[name] for name in names] for names in CHAIN]
    assert {rule.name for rule in RULES if not rule.measure and rule.severity == "critical"} - {
        "feed_silent",
        "feed_doubted",
    } == {rule.name for tier in chain for rule in tier}
    for causes, consequences in pairwise(chain):
        for cause, consequence in product(causes, consequences):
            assert cause.keep_firing_for_seconds >= consequence.keep_firing_for_seconds + 15
            assert cause.for_seconds <= consequence.for_seconds or consequence.name == "worker_stalled"


@pytest.mark.parametrize(
    ("table", "fault"),
    [
        ((broken(), broken()), "stands twice"),
        ((broken(name="Some"),), "small letters"),
        ((broken(condition=Threshold(side="above", limit=1, clear=2)),), "good and bad at once"),
        ((broken(condition=Threshold(side="below", limit=1, clear=0)),), "good and bad at once"),
        ((broken(who=""),), "who is told"),
        ((broken(is_held=False),), "heartbeat"),
        ((broken(series=Series(metric="some", by=())),), "whose force"),
        (
            (broken(), broken(name="other", severity="warning", keep_firing_for_seconds=60)),
            "keep firing at least as long",
        ),
    ],
)
def test_a_table_with_a_fault_is_refused(table: tuple[Rule, ...], fault: str) -> None:
    assert any(fault in each for each in faults(table))


def test_every_rule_is_in_a_timeline() -> None:
    """A rule of which no story says when it fires is a rule of which nobody knows."""
    text = "".join(path.read_text() for path in TIMELINES)
    told = set(re.findall(r'\brule(?:=|: )"?(\w+)', text)) | set(re.findall(r'alertname(?:=|: )"?(\w+)', text))
    assert [rule.name for rule in RULES if not {rule.name, rule.alert_name()} & told] == []
