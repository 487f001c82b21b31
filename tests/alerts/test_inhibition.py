"""One cause, one alert: the built-in engine and Alertmanager's configuration send the same of the firing alerts."""

import re
from collections.abc import Iterable, Mapping
from itertools import combinations, permutations
from pathlib import Path
from typing import Any

import pytest
import yaml

from alerts.inhibition import CHAIN, is_inhibited, state_rule
from alerts.rule import Rule
from alerts.table import RULES
from streams.refusal import CAUSES, Cause

CONFIGURED: list[dict[str, Any]] = yaml.safe_load(
    (Path(__file__).parents[2] / "alerts" / "alertmanager.yml").read_text()
)["inhibit_rules"]
MONITOR = [rule for rule in RULES if not rule.measure]
SYSTEM = [rule for rule in RULES if rule.name in ("system_silent", "feed_silent")]
CONSEQUENCES = ("no_worker", "worker_stalled", "worker_behind", "no_live_data")


def labels(rule: Rule) -> dict[str, str]:
    """The labels of an alert of a rule."""
    return {**rule.labels(), **dict.fromkeys(rule.series.by, "one")}


def sent(rules: Iterable[Rule]) -> list[str]:
    """The alerts that the built-in engine sends while all of these fire."""
    firing = [labels(rule) for rule in rules]
    return [each["rule"] for each in firing if not is_inhibited(each, firing)]


def sent_by_alertmanager(rules: Iterable[Rule]) -> list[str]:
    """The same according to Alertmanager's documentation of `inhibit_rules`."""
    firing = [labels(rule) for rule in rules]
    return [
        each["rule"]
        for each in firing
        if not any(inhibits(one, source, each) for one in CONFIGURED for source in firing)
    ]


def inhibits(configured: Mapping[str, Any], source: Mapping[str, str], target: Mapping[str, str]) -> bool:
    """Whether a configured inhibition inhibits a target because of a source; an alert never inhibits itself."""
    return (
        source is not target
        and fits(configured["source_matchers"], source)
        and fits(configured["target_matchers"], target)
        and all(source.get(name, "") == target.get(name, "") for name in configured["equal"])
    )


def fits(matchers: Iterable[str], own: Mapping[str, str]) -> bool:
    """Whether labels match Alertmanager's matchers: `name="value"`, `!=`, `=~`."""
    for text in matchers:
        match = re.fullmatch(r'(\w+)(=~|!=|=)"([^"]*)"', text)
        assert match, text
        name, sign, word = match.groups()
        value = own.get(name, "")
        if not (re.fullmatch(word, value) if sign == "=~" else (value == word) == (sign == "=")):
            return False
    return True


def test_both_engines_send_the_same_alerts_about_blue_lamp_itself() -> None:
    pairs = [*permutations(MONITOR, 2), *combinations(MONITOR, 3)]
    assert [each for each in pairs if sent(each) != sent_by_alertmanager(each)] == []
    assert any(len(sent(each)) < len(each) for each in pairs)


@pytest.mark.parametrize("cause", CAUSES)
def test_a_refusal_and_its_consequences_send_one_alert(cause: Cause) -> None:
    names = {state_rule(cause), *CONSEQUENCES}
    firing = [rule for rule in RULES if rule.name in names]
    assert len(firing) == len(names)
    assert sent(firing) == [state_rule(cause)]


@pytest.mark.parametrize("cause", ["log_unreachable", "exporter_down", *CONSEQUENCES])
def test_consequences_of_other_causes_are_inhibited(cause: str) -> None:
    rules = {rule.name: rule for rule in RULES}
    order = [name for tier in CHAIN for name in tier]
    after = [name for name in CONSEQUENCES if order.index(name) > order.index(cause)]
    assert sent(rules[name] for name in (cause, *after)) == [cause]


def test_independent_causes_are_all_sent() -> None:
    both = [rule for rule in RULES if rule.name in ("log_unreachable", "state_disk", "contact_999_waiting_several")]
    assert sorted(sent(both)) == ["contact_999_waiting_several", "log_unreachable", "state_disk"]


def test_feeds_of_a_silent_system_are_one_message() -> None:
    assert sent(SYSTEM) == sent_by_alertmanager(SYSTEM) == ["system_silent"]
