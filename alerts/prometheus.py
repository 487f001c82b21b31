"""The rule table as Prometheus rules and an Alertmanager configuration, in syntax that Prometheus 2.42 and later read."""

from collections.abc import Iterable, Sequence
from typing import Any

from alerts.rule import Outside, Rule, Series, Threshold

BREACH = "bluelamp:breach"
"""The recorded series of every rule: 1 while it is bad, 0 while it is good; it stays what it was while nothing is known."""
_MEMORY = "1d"
_EVALUATED_EVERY = "15s"


def rule_file(rules: Sequence[Rule]) -> dict[str, Any]:
    """The rule file: each rule as a recorded condition, and an alert upon it."""
    return {"groups": [{"name": "bluelamp", "interval": _EVALUATED_EVERY, "rules": list(_rules(rules))}]}


def _rules(rules: Sequence[Rule]) -> Iterable[dict[str, Any]]:
    for rule in rules:
        yield {"record": BREACH, "expr": breach(rule), "labels": {"rule": rule.name}}
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
    """The condition: bad is 1, good is 0, and otherwise what it was."""
    scope = f"by ({', '.join(rule.series.by)})"
    bad = f"group {scope} (\n  {_bad(rule)}\n)"
    if not rule.is_held:
        return bad
    held = f'max {scope} (last_over_time({BREACH}{{rule="{rule.name}"}}[{_MEMORY}]))'
    return f"{bad}\nor group {scope} (\n  {_good(rule)}\n) - 1\nor {held}"


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
    chosen = f"{series.metric}{ending}" + (f"{{{where}}}" if where else "")
    value = f"{series.combine} by ({', '.join(series.by)}) ({chosen})"
    return value if series.if_none is None else f"({value} or vector({_number(series.if_none)}))"


def _enough(rule: Rule) -> str:
    return f"\n  and {_value(rule.series, '_n')} >= {rule.minimum_n}" if rule.minimum_n else ""


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)


# Who is told how: the receivers are a force's own, and stand empty until it names them.
RECEIVERS = ("page", "inbox", "heartbeat", "board")


def alertmanager() -> dict[str, Any]:
    """The Alertmanager configuration: critical pages, children first; warnings to the inbox; the heartbeat outside."""
    return {
        "route": {
            "receiver": "inbox",
            "group_by": ["force", "rule"],
            "group_wait": "30s",
            "group_interval": "1m",
            "repeat_interval": "4h",
            "routes": [
                _route("heartbeat", {"severity": "heartbeat"}, "0s", "1m"),
                _route("page", {"severity": "critical", "child": "yes"}, "0s", "10m"),
                _route("page", {"severity": "critical"}, "5s", "30m"),
                _route("inbox", {"severity": "warning", "child": "yes"}, "5s", "1h"),
                _route("inbox", {"severity": "warning"}, "30s", "4h"),
                _route("board", {"severity": "info"}, "30s", "12h"),
            ],
        },
        "inhibit_rules": [
            _inhibit({"severity": "critical"}, {"severity": "warning", "measure!": "monitor"}, ["force", "measure"]),
            _inhibit({"rule": "no_live_data"}, {"rule": "feed_silent"}, []),
        ],
        "receivers": [{"name": name} for name in RECEIVERS],
    }


def _route(receiver: str, labels: dict[str, str], group_wait: str, repeat_interval: str) -> dict[str, Any]:
    matchers = _matchers(labels)
    return {"receiver": receiver, "matchers": matchers, "group_wait": group_wait, "repeat_interval": repeat_interval}


def _inhibit(source: dict[str, str], target: dict[str, str], equal: list[str]) -> dict[str, Any]:
    return {"source_matchers": _matchers(source), "target_matchers": _matchers(target), "equal": equal}


def _matchers(labels: dict[str, str]) -> list[str]:
    return [f'{name}="{word}"' for name, word in labels.items()]
