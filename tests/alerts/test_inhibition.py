"""One cause, one alert: what is sent of what fires, by the engine in process and by Alertmanager's configuration alike."""

import re
from collections.abc import Iterable, Mapping
from itertools import combinations, permutations
from pathlib import Path
from typing import Any

import pytest
import yaml

from alerts.inhibition import CHAIN, is_quiet, state_rule
from alerts.rule import Rule
from alerts.table import RULES
from streams.refusal import CAUSES, Cause

CONFIGURED: list[dict[str, Any]] = yaml.safe_load(
    (Path(__file__).parents[2] / "alerts" / "alertmanager.yml").read_text()
)["inhibit_rules"]
MONITOR = [rule for rule in RULES if not rule.measure]
CONSEQUENCES = ("no_worker", "worker_stalled", "worker_behind", "no_live_data")


def labels(rule: Rule) -> dict[str, str]:
    """Of an alert of a rule, for one of its scopes."""
    return {**rule.labels(), **dict.fromkeys(rule.series.by, "one")}


def sent(rules: Iterable[Rule]) -> list[str]:
    """What the engine in process sends where all of these fire."""
    firing = [labels(rule) for rule in rules]
    return [each["rule"] for each in firing if not is_quiet(each, firing)]


def sent_by_alertmanager(rules: Iterable[Rule]) -> list[str]:
    """The same by the documentation of Alertmanager's `inhibit_rules`."""
    firing = [labels(rule) for rule in rules]
    return [
        each["rule"]
        for each in firing
        if not any(inhibits(one, source, each) for one in CONFIGURED for source in firing)
    ]


def inhibits(configured: Mapping[str, Any], source: Mapping[str, str], target: Mapping[str, str]) -> bool:
    """Whether a configured inhibition keeps a target quiet because of a source; never an alert because of itself."""
    return (
        source is not target
        and fits(configured["source_matchers"], source)
        and fits(configured["target_matchers"], target)
        and all(source.get(name, "") == target.get(name, "") for name in configured["equal"])
    )


def fits(matchers: Iterable[str], own: Mapping[str, str]) -> bool:
    """Whether labels fit matchers as Alertmanager writes them: `name="word"`, `!=`, `=~`."""
    for text in matchers:
        match = re.fullmatch(r'(\w+)(=~|!=|=)"([^"]*)"', text)
        assert match, text
        name, sign, word = match.groups()
        value = own.get(name, "")
        if not (re.fullmatch(word, value) if sign == "=~" else (value == word) == (sign == "=")):
            return False
    return True


def test_both_engines_send_the_same_of_any_alerts_of_the_monitor() -> None:
    pairs = [*permutations(MONITOR, 2), *combinations(MONITOR, 3)]
    assert [each for each in pairs if sent(each) != sent_by_alertmanager(each)] == []
    assert any(len(sent(each)) < len(each) for each in pairs)


@pytest.mark.parametrize("cause", CAUSES)
def test_a_refusal_with_all_that_comes_of_it_is_one_critical_alert(cause: Cause) -> None:
    names = {state_rule(cause), *CONSEQUENCES}
    firing = [rule for rule in RULES if rule.name in names]
    assert len(firing) == len(names)
    assert sent(firing) == [state_rule(cause)]


@pytest.mark.parametrize("cause", ["log_unreachable", "exporter_down", *CONSEQUENCES])
def test_what_comes_of_another_cause_is_quiet_too(cause: str) -> None:
    rules = {rule.name: rule for rule in RULES}
    order = [name for tier in CHAIN for name in tier]
    after = [name for name in CONSEQUENCES if order.index(name) > order.index(cause)]
    assert sent(rules[name] for name in (cause, *after)) == [cause]


def test_causes_that_do_not_bring_each_other_about_are_sent_each() -> None:
    both = [rule for rule in RULES if rule.name in ("log_unreachable", "state_disk", "contact_999_waiting_several")]
    assert sorted(sent(both)) == ["contact_999_waiting_several", "log_unreachable", "state_disk"]
