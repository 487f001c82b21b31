"""Renders the rule table as Prometheus rules and an Alertmanager configuration, for Prometheus 2.42 and later."""

from collections.abc import Iterable, Sequence
from typing import Any

from msgspec import Struct

from alerts.inhibition import INHIBITIONS, Inhibition
from alerts.rule import Outside, Rule, Series, Threshold

BREACH = "bluelamp:breach"
"""The recorded series of every rule: 1 while bad, 0 while good; unchanged while that is unknown."""
FIGURE = "bluelamp:figure"
"""The recorded figure of every rule whose rises are notified; the inbox queries it."""
_MEMORY = "1d"
_ENDED = "10m"
EVALUATED_EVERY = "5s"


def rule_file(rules: Sequence[Rule], every: str = EVALUATED_EVERY) -> dict[str, Any]:
    """The rule file: for each rule, a recording rule for its condition, one for its figure if needed, and an alerting rule."""
    return {"groups": [{"name": "bluelamp", "interval": every, "rules": list(_rules(rules))}]}


def _rules(rules: Sequence[Rule]) -> Iterable[dict[str, Any]]:
    for rule in rules:
        yield {"record": BREACH, "expr": breach(rule), "labels": {"rule": rule.name}}
        if rule.rise:
            yield {"record": FIGURE, "expr": _value(rule.series), "labels": {"rule": rule.name}}
        yield _alert(rule)


def _alert(rule: Rule) -> dict[str, Any]:
    durations = {"for": rule.for_seconds, "keep_firing_for": rule.keep_firing_for_seconds}
    return {
        "alert": rule.alert_name(),
        "expr": f'{BREACH}{{rule="{rule.name}"}} == 1',
        **{name: f"{seconds}s" for name, seconds in durations.items() if seconds},
        "labels": rule.labels(),
        "annotations": rule.annotations(),
    }


def breach(rule: Rule) -> str:
    """The condition as PromQL: 1 if bad, 0 if good, otherwise its last value."""
    scope = f"by ({', '.join(rule.series.by)})"
    bad = f"group {scope} (\n  {_bad(rule)}\n)"
    if not rule.keeps_last_state:
        return bad
    own = f'{BREACH}{{rule="{rule.name}"}}'
    last = f"max {scope} (last_over_time({own}[{_MEMORY}]))"
    good = f"group {scope} (\n  {_good(rule)}\n) - 1"
    if not rule.series.known_by:
        return f"{bad}\nor {good}\nor {last}"
    # While the measure is published, a scope without a series has ended: it is 0 for a while, so that its end can be confirmed.
    known = f"on (force) group by (force) ({rule.series.known_by})"
    ended = f"(group {scope} (max_over_time({own}[{_ENDED}]) == 1) and {known}) - 1"
    return f"{bad}\nor {good}\nor {ended}\nor ({last} unless {known})"


def _bad(rule: Rule) -> str:
    sign = "<" if rule.condition.side == "below" else ">"
    if isinstance(rule.condition, Threshold):
        limit = _number(rule.condition.limit)
    else:
        limit = _limit(rule.series, rule.condition)
    return f"{_value(rule.series)} {sign} {limit}{_enough(rule)}"


def _good(rule: Rule) -> str:
    sign = ">=" if rule.condition.side == "below" else "<="
    if isinstance(rule.condition, Threshold):
        clear = _number(rule.condition.clear)
    else:
        clear = f"({_limit(rule.series, rule.condition)} + {_value(rule.series, '_expected')}) / 2"
    return f"{_value(rule.series)} {sign} {clear}{_enough(rule)}"


def _limit(series: Series, condition: Outside) -> str:
    return _value(series, "_expected_lower" if condition.side == "below" else "_expected_upper")


def _value(series: Series, ending: str = "") -> str:
    where = ",".join(f'{name}="{word}"' for name, word in series.where.items())
    chosen = series.name(ending) + (f"{{{where}}}" if where else "")
    value = f"{series.combine} by ({', '.join(series.by)}) ({chosen})"
    return value if series.if_none is None else f"({value} or vector({_number(series.if_none)}))"


def _enough(rule: Rule) -> str:
    return f"\n  and {_value(rule.series, '_n')} >= {rule.minimum_n}" if rule.minimum_n else ""


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)


GROUP_BY = ("force", "rule")
RECEIVERS = ("inbox", "page", "notice", "heartbeat")
"""The inbox is Blue Lamp's own; the others are empty until a force configures them."""
JOB = "bluelamp"
"""The scrape job whose `up` the rules evaluate."""


class Addresses(Struct, frozen=True, kw_only=True):
    """The addresses of the parts, as Prometheus and Alertmanager reach them: `host:port` each.

    Attributes:
        exporter: the exporter.
        inbox: the inbox.
        alertmanager: Alertmanager.
        rules: the rule file, or a pattern that matches several.
        token_file: the path, for Alertmanager, of the file that contains the engine's token.
        board: the board; empty if its metrics are not read.
        gateway: the gateway; likewise.
        metrics_token_file: the path, for Prometheus, of the file that contains the token for metrics; empty if none is needed.
    """

    exporter: str = "exporter:9118"
    inbox: str = "inbox:8038"
    alertmanager: str = "alertmanager:9093"
    rules: str = "rules/*.yml"
    token_file: str = "/run/secrets/bluelamp_engine_token"  # noqa: S105 - a path, not the secret
    board: str = "board:8018"
    gateway: str = "gateway:8028"
    metrics_token_file: str = "/run/secrets/bluelamp_metrics_token"  # noqa: S105 - a path, not the secret


def prometheus(addresses: Addresses, every: str = EVALUATED_EVERY) -> dict[str, Any]:
    """The configuration of Prometheus: it scrapes the rules' series often, and the rest (ten times as many) less often."""
    targets = {"inbox": addresses.inbox, "board": addresses.board, "gateway": addresses.gateway}
    scraped = [
        _scrape(JOB, addresses.exporter, "/metrics/rules", every),
        _scrape(f"{JOB}_readings", addresses.exporter, "/metrics/others", "15s"),
        *(_scrape(f"{JOB}_{name}", target, "/metrics", "15s") for name, target in targets.items() if target),
    ]
    proof = {"authorization": {"credentials_file": addresses.metrics_token_file}}
    return {
        "global": {"scrape_interval": "15s", "evaluation_interval": every},
        "rule_files": [addresses.rules],
        "scrape_configs": [each | proof if addresses.metrics_token_file else each for each in scraped],
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": [addresses.alertmanager]}]}]},
    }


def _scrape(job: str, target: str, path: str, interval: str) -> dict[str, Any]:
    return {
        "job_name": job,
        "metrics_path": path,
        "scrape_interval": interval,
        "static_configs": [{"targets": [target]}],
    }


def alertmanager(addresses: Addresses) -> dict[str, Any]:
    """The configuration of Alertmanager: every alert to the inbox at once; critical alerts page, children first; warnings give notice."""
    return {
        "route": {
            "receiver": "inbox",
            "group_by": list(GROUP_BY),
            "group_wait": "30s",
            "group_interval": "1m",
            "repeat_interval": "4h",
            "routes": [
                _to_the_inbox(),
                _route("heartbeat", {"severity": "heartbeat"}, "0s", "1m"),
                _route("page", {"severity": "critical", "child": "yes"}, "0s", "10m"),
                _route("page", {"severity": "critical"}, "5s", "30m"),
                _route("notice", {"severity": "warning", "child": "yes"}, "5s", "1h"),
                _route("notice", {"severity": "warning"}, "30s", "4h"),
            ],
        },
        "inhibit_rules": [_inhibit(each) for each in INHIBITIONS],
        "receivers": [_inbox(addresses), *({"name": name} for name in RECEIVERS if name != "inbox")],
    }


def _to_the_inbox() -> dict[str, Any]:
    """Each alert by itself, repeated often: an inbox that has lost its last second then receives it again."""
    return {
        "receiver": "inbox",
        "continue": True,
        "group_by": ["..."],
        # Long enough for a critical alert raised at the same moment to inhibit its warning.
        "group_wait": "2s",
        "group_interval": "5s",
        "repeat_interval": "30s",
    }


def _inbox(addresses: Addresses) -> dict[str, Any]:
    webhook = {
        "url": f"http://{addresses.inbox}/api/alerts/webhook",
        "send_resolved": True,
        "http_config": {"authorization": {"credentials_file": addresses.token_file}},
    }
    return {"name": "inbox", "webhook_configs": [webhook]}


def _route(receiver: str, labels: dict[str, str], group_wait: str, repeat_interval: str) -> dict[str, Any]:
    matchers = _matchers(labels)
    return {"receiver": receiver, "matchers": matchers, "group_wait": group_wait, "repeat_interval": repeat_interval}


def _inhibit(each: Inhibition) -> dict[str, Any]:
    return {
        "source_matchers": [str(matcher) for matcher in each.source],
        "target_matchers": [str(matcher) for matcher in each.target],
        "equal": list(each.equal),
    }


def _matchers(labels: dict[str, str]) -> list[str]:
    return [f'{name}="{word}"' for name, word in labels.items()]
