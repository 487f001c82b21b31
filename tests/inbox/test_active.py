"""Ends from Prometheus count only once the rule has been good for as long as it requires, whatever was killed."""

import re
from collections.abc import Mapping
from typing import Any

import pytest

from alerts.inbox.active import load_active_alerts
from alerts.inbox.log.intake import by_name
from alerts.table import RULES

RULE = by_name(RULES)["contact_999_waiting_long"]
FORCE = "staffordshire"


class Series:
    """A Prometheus with one series of a rule, which was last bad some seconds ago, and no alerts."""

    def __init__(self, bad_seconds_ago: float) -> None:
        self.bad_seconds_ago = bad_seconds_ago
        self.queries: list[str] = []

    def query(self, expression: str) -> list[Mapping[str, Any]]:
        """Answer as Prometheus would."""
        self.queries.append(expression)
        if expression.startswith("ALERTS"):
            return []
        span = re.search(r"\[(\d+)s\]", expression)
        reach = int(span.group(1)) if span else 0
        value = "1" if self.bad_seconds_ago <= reach else "0"
        return [{"metric": {"rule": RULE.name, "force": FORCE}, "value": [0, value]}]


@pytest.mark.parametrize(
    ("bad_seconds_ago", "is_active"),
    [(0, None), (42, None), (RULE.keep_firing_for_seconds - 6, None), (RULE.keep_firing_for_seconds, False)],
)
def test_an_alert_that_prometheus_lost_ends_only_after_the_rule_has_been_good_long_enough(
    bad_seconds_ago: float, is_active: bool | None
) -> None:
    series = Series(bad_seconds_ago)
    assert RULE.keep_firing_for_seconds > 60
    assert load_active_alerts(series.query, by_name(RULES)).is_active(RULE.name, {"force": FORCE}) is is_active


def test_prometheus_is_queried_once_for_each_duration() -> None:
    series = Series(0)
    load_active_alerts(series.query, by_name(RULES))
    lengths = {rule.keep_firing_for_seconds for rule in RULES}
    assert len(series.queries) == 3 + len([each for each in lengths if each > 5])
