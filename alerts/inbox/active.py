"""What Prometheus itself says stands: Alertmanager calls resolved also what it merely hears of no more."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import requests

from alerts.inbox.entry import Scope, scope_of
from alerts.inbox.intake import scope_words
from alerts.prometheus import BREACH, EVALUATED_EVERY
from alerts.rule import Rule

FRESH_SECONDS = 30
"""An evaluation that is older says nothing of now."""
_TIMEOUT_SECONDS = 3.0
_EVALUATED_SECONDS = int(EVALUATED_EVERY.removesuffix("s"))

Key = tuple[str, Scope]
"""Rule and scope."""
Ask = Callable[[str], list[Mapping[str, Any]]]
"""Asks Prometheus for an instant vector; raises OSError when it does not answer."""


class ActiveAlerts(NamedTuple):
    """What Prometheus evaluated just now, by rule and scope.

    Attributes:
        breach: of every rule, 0 where it is good and was not seen to be bad for as long as its rule asks, else 1.
        alerts: those that there is an alert of, be it one that does not fire yet.
        firing: those whose alert fires, with its labels.
    """

    breach: Mapping[Key, float]
    alerts: frozenset[Key]
    firing: Mapping[Key, Mapping[str, str]]

    def stands(self, rule: str, scope: Mapping[str, str]) -> bool | None:
        """Whether an alert of a rule and scope stands; None when that cannot be said."""
        key = rule, scope_of(scope)
        if key in self.firing:
            return True
        if key in self.alerts:
            return None  # it was begun anew, and has not yet been bad for as long as its rule asks
        return False if self.breach.get(key) == 0 else None


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


def see(ask: Ask, rules: Mapping[str, Rule]) -> ActiveAlerts:
    """What stands for sure, as of now.

    Raises:
        OSError: Prometheus does not answer.
    """
    breach, alerts = ask(_fresh(BREACH)), ask(_fresh("ALERTS"))
    firing = [each for each in alerts if each["metric"].get("alertstate") == "firing"]
    lately = _lately(ask, rules)
    return ActiveAlerts(
        {key: max(_value(row), lately.get(key, 0)) for key, row in _by_key(breach, rules)},
        frozenset(key for key, _ in _by_key(alerts, rules)),
        {key: row["metric"] for key, row in _by_key(firing, rules)},
    )


def _lately(ask: Ask, rules: Mapping[str, Rule]) -> dict[Key, float]:
    """The worst of each rule over as long as it must have been good: a Prometheus that was killed keeps the series, and not that.

    An evaluation less, for at an ordinary end the last bad one is just so old.
    """
    found: dict[Key, float] = {}
    for keep_seconds in {rule.keep_firing_for_seconds for rule in rules.values()}:
        if (seconds := keep_seconds - _EVALUATED_SECONDS) > 0:
            kept = {name: rule for name, rule in rules.items() if rule.keep_firing_for_seconds == keep_seconds}
            rows = ask(f"max_over_time({BREACH}[{seconds}s])")
            found.update((key, _value(row)) for key, row in _by_key(rows, kept))
    return found


def _value(row: Mapping[str, Any]) -> float:
    return float(row["value"][1])


def _fresh(series: str) -> str:
    return f"{series} and timestamp({series}) > time() - {FRESH_SECONDS}"


def _by_key(rows: Iterable[Mapping[str, Any]], rules: Mapping[str, Rule]) -> Iterator[tuple[Key, Mapping[str, Any]]]:
    for each in rows:
        rule = rules.get(each["metric"].get("rule", ""))
        if rule:
            yield (rule.name, scope_of(scope_words(rule, each["metric"]))), each
