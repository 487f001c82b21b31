"""Asks Prometheus which alerts are active: Alertmanager also reports alerts as resolved when it has merely lost them."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import requests

from alerts.inbox.log.entry import Scope, scope_of
from alerts.inbox.log.intake import scope_labels
from alerts.prometheus import BREACH, EVALUATED_EVERY, FIGURE
from alerts.rule import Rule

FRESH_SECONDS = 30
"""An older evaluation says nothing about the present."""
_TIMEOUT_SECONDS = 3.0
_EVALUATED_SECONDS = int(EVALUATED_EVERY.removesuffix("s"))

Key = tuple[str, Scope]
"""Rule and scope."""
Query = Callable[[str], list[Mapping[str, Any]]]
"""Runs an instant query on Prometheus; raises OSError if it does not answer."""


class ActiveAlerts(NamedTuple):
    """Prometheus' latest evaluation, by rule and scope.

    Attributes:
        breach: for every rule, 0 if it is good and has been for as long as the rule requires, else 1.
        alerts: the pending and firing alerts.
        firing: the labels of each firing alert.
        figures: the figure of every rule whose rises are notified.
    """

    breach: Mapping[Key, float]
    alerts: frozenset[Key]
    firing: Mapping[Key, Mapping[str, str]]
    figures: Mapping[Key, float] = {}

    def is_active(self, rule: str, scope: Mapping[str, str]) -> bool | None:
        """Whether an alert of a rule and scope is active; None if that is unknown."""
        key = rule, scope_of(scope)
        if key in self.firing:
            return True
        if key in self.alerts:
            return None  # it has begun again, and has not yet been bad for as long as the rule requires
        return False if self.breach.get(key) == 0 else None


def prometheus_query(address: str) -> Query:
    """Runs queries on a Prometheus.

    Args:
        address: its URL.
    """
    session = requests.Session()
    session.trust_env = False  # Prometheus is local: a proxy from the environment must not be used

    def query(expression: str) -> list[Mapping[str, Any]]:
        response = session.get(f"{address}/api/v1/query", params={"query": expression}, timeout=_TIMEOUT_SECONDS)
        response.raise_for_status()
        result: list[Mapping[str, Any]] = response.json()["data"]["result"]
        return result

    return query


def load_active_alerts(query: Query, rules: Mapping[str, Rule]) -> ActiveAlerts:
    """What is certainly active now.

    Raises:
        OSError: Prometheus does not answer.
    """
    breach, alerts = query(_fresh(BREACH)), query(_fresh("ALERTS"))
    firing = [each for each in alerts if each["metric"].get("alertstate") == "firing"]
    worst = _recent_worst(query, rules)
    return ActiveAlerts(
        {key: max(_value(row), worst.get(key, 0)) for key, row in _by_key(breach, rules)},
        frozenset(key for key, _ in _by_key(alerts, rules)),
        {key: row["metric"] for key, row in _by_key(firing, rules)},
        {key: _value(row) for key, row in _by_key(query(_fresh(FIGURE)), rules)},
    )


def _recent_worst(query: Query, rules: Mapping[str, Rule]) -> dict[Key, float]:
    """The worst value of each rule over the time for which it must be good.

    A Prometheus that was killed keeps the series, but forgets how long a rule has been good. The range is shorter by one evaluation,
    because when a rule ends normally, its last bad evaluation is exactly that old.
    """
    worst: dict[Key, float] = {}
    for keep_seconds in {rule.keep_firing_for_seconds for rule in rules.values()}:
        if (seconds := keep_seconds - _EVALUATED_SECONDS) > 0:
            matching = {name: rule for name, rule in rules.items() if rule.keep_firing_for_seconds == keep_seconds}
            rows = query(f"max_over_time({BREACH}[{seconds}s])")
            worst.update((key, _value(row)) for key, row in _by_key(rows, matching))
    return worst


def _value(row: Mapping[str, Any]) -> float:
    return float(row["value"][1])


def _fresh(series: str) -> str:
    return f"{series} and timestamp({series}) > time() - {FRESH_SECONDS}"


def _by_key(rows: Iterable[Mapping[str, Any]], rules: Mapping[str, Rule]) -> Iterator[tuple[Key, Mapping[str, Any]]]:
    for each in rows:
        rule = rules.get(each["metric"].get("rule", ""))
        if rule:
            yield (rule.name, scope_of(scope_labels(rule, each["metric"]))), each
