"""What Prometheus says stands: an end is believed once its rule has been good for as long as it asks, whatever was killed."""

import re
from collections.abc import Mapping
from typing import Any

import pytest

from alerts.inbox.active import see
from alerts.inbox.intake import by_name
from alerts.table import RULES

RULE = by_name(RULES)["contact_999_waiting_long"]
FORCE = "staffordshire"


class Series:
    """A Prometheus that holds one series of a rule: how many seconds ago it was bad; none of its alerts."""

    def __init__(self, bad_seconds_ago: float) -> None:
        self.bad_seconds_ago = bad_seconds_ago
        self.asked: list[str] = []

    def ask(self, question: str) -> list[Mapping[str, Any]]:
        """Answers as Prometheus would."""
        self.asked.append(question)
        if question.startswith("ALERTS"):
            return []
        over = re.search(r"\[(\d+)s\]", question)
        reach = int(over.group(1)) if over else 0
        value = "1" if self.bad_seconds_ago <= reach else "0"
        return [{"metric": {"rule": RULE.name, "force": FORCE}, "value": [0, value]}]


@pytest.mark.parametrize(
    ("bad_seconds_ago", "stands"),
    [(0, None), (42, None), (RULE.keep_firing_for_seconds - 6, None), (RULE.keep_firing_for_seconds, False)],
)
def test_an_alert_that_prometheus_has_forgotten_ends_only_after_as_long_as_its_rule_asks(
    bad_seconds_ago: float, stands: bool | None
) -> None:
    series = Series(bad_seconds_ago)
    assert RULE.keep_firing_for_seconds > 60
    assert see(series.ask, by_name(RULES)).stands(RULE.name, {"force": FORCE}) is stands


def test_prometheus_is_asked_once_for_each_length() -> None:
    series = Series(0)
    see(series.ask, by_name(RULES))
    lengths = {rule.keep_firing_for_seconds for rule in RULES}
    assert len(series.asked) == 2 + len([each for each in lengths if each > 5])
