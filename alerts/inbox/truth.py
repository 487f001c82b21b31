"""What Prometheus itself says stands: Alertmanager calls resolved also what it merely hears of no more."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import requests

from alerts.inbox.entry import Scope, scope_of
from alerts.inbox.intake import Truth, scope_words
from alerts.prometheus import BREACH
from alerts.rule import Rule

FRESH_SECONDS = 30
"""An evaluation that is older says nothing of now."""
_TIMEOUT_SECONDS = 3.0

Ask = Callable[[str], list[Mapping[str, Any]]]
"""Asks Prometheus for an instant vector; raises OSError when it does not answer."""


class Seen(NamedTuple):
    """What Prometheus evaluated just now: by rule and scope."""

    breach: Mapping[tuple[str, Scope], float]
    alerts: frozenset[tuple[str, Scope]]
    firing: frozenset[tuple[str, Scope]]


def asking(address: str) -> Ask:
    """Asks a Prometheus at an address."""
    session = requests.Session()
    session.trust_env = False  # it is at hand: no proxy stands between

    def ask(question: str) -> list[Mapping[str, Any]]:
        answer = session.get(f"{address}/api/v1/query", params={"query": question}, timeout=_TIMEOUT_SECONDS)
        answer.raise_for_status()
        found: list[Mapping[str, Any]] = answer.json()["data"]["result"]
        return found

    return ask


def truth_of(ask: Ask, rules: Mapping[str, Rule]) -> Truth:
    """What stands for sure, as of now.

    Raises:
        OSError: Prometheus does not answer.
    """
    seen = _see(ask, rules)

    def stands(rule: str, scope: Mapping[str, str]) -> bool | None:
        key = rule, scope_of(scope)
        if key in seen.firing:
            return True
        if key in seen.alerts:
            return None  # it was begun anew, and has not yet been bad for as long as its rule asks
        return False if seen.breach.get(key) == 0 else None

    return stands


def _see(ask: Ask, rules: Mapping[str, Rule]) -> Seen:
    breach = ask(_fresh(BREACH))
    alerts = ask(_fresh("ALERTS"))
    firing = [each for each in alerts if each["metric"].get("alertstate") == "firing"]
    return Seen(
        {key: float(each["value"][1]) for each in breach for key in _keys([each], rules)},
        frozenset(_keys(alerts, rules)),
        frozenset(_keys(firing, rules)),
    )


def _fresh(series: str) -> str:
    return f"{series} and timestamp({series}) > time() - {FRESH_SECONDS}"


def _keys(rows: Iterable[Mapping[str, Any]], rules: Mapping[str, Rule]) -> Iterable[tuple[str, Scope]]:
    for each in rows:
        rule = rules.get(each["metric"].get("rule", ""))
        if rule:
            yield rule.name, scope_of(scope_words(rule, each["metric"]))
