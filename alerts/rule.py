"""An alerting rule: when a figure is bad, when it is good again, how long before it fires, who is notified and what they do."""

import re
from typing import Literal
from urllib.parse import urljoin

from msgspec import Struct

RUNBOOKS = "docs/run/runbooks.md"
Severity = Literal["critical", "warning", "info", "heartbeat"]
"""Critical pages somebody at once; warning sends a notice; info is only displayed; heartbeat fires while data arrive."""
Side = Literal["below", "above"]
Combine = Literal["min", "max", "sum"]
Bound = Literal["", "_low", "_high"]


class Series(Struct, frozen=True, kw_only=True):
    """The exporter's series that a rule evaluates, and how they become one value per scope.

    Attributes:
        metric: the metric's name.
        where: labels and the values they must have.
        by: the labels that make up a scope: each combination of their values has its own alert.
        combine: how several values of one scope become one, for example from two exporters of one state.
        if_none: the value when there is no series at all; None if the value is then unknown.
        bound: the suffix of the bound that is evaluated instead of the share itself; empty for the share.
        known_by: a metric by force. While it has a series for a force, every bad scope of that force has one too, so a scope without a
            series is good. Empty if a missing series is always unknown.
    """

    metric: str
    where: dict[str, str] = {}
    by: tuple[str, ...] = ("force",)
    combine: Combine = "max"
    if_none: float | None = None
    bound: Bound = ""
    known_by: str = ""

    def name(self, suffix: str = "") -> str:
        """The name of the series; with a suffix, that of its n or of a control limit."""
        return f"{self.metric}{suffix or self.bound}"


class Threshold(Struct, frozen=True, kw_only=True):
    """Bad beyond one limit, and good again only at another limit (hysteresis).

    Attributes:
        side: the side of the limit that is bad; the limit itself is not bad.
        limit: in the unit of the series.
        clear: the value from which it is good again, inclusive; between the two nothing changes.
    """

    side: Side
    limit: float
    clear: float


class Outside(Struct, frozen=True, kw_only=True):
    """Bad beyond the control limit for this hour of the week; good again halfway to the centre line.

    Attributes:
        side: which limit.
    """

    side: Side


Condition = Threshold | Outside


class Rise(Struct, frozen=True, kw_only=True):
    """When people are notified again because a count rises during an active alert.

    Attributes:
        step: by how much it must have risen since it was last notified, or since it fell after that.
        every_seconds: the shortest time between two notifications; an earlier rise is notified when that time has passed.
    """

    step: float
    every_seconds: int


class Rule(Struct, frozen=True, kw_only=True):
    """One rule of the table.

    Attributes:
        name: its key, in snake case; the Prometheus alert has the same name in camel case.
        title: what is wrong, as notifications and the board say it.
        series: what it evaluates.
        condition: when that is bad, and when it is good.
        severity: how people are notified.
        who: the post that is notified.
        what_to_do: what they do.
        measure: the measure behind it; empty for figures about Blue Lamp itself.
        minimum_n: with a smaller n a figure is neither bad nor good.
        for_seconds: how long it must be bad before the alert fires.
        keep_firing_for_seconds: how long it must be good before the alert ends.
        runbook: the heading of its runbook in docs/run/runbooks.md, as its anchor; empty if it needs none.
        is_child: it is about a child.
        keeps_last_state: a figure that is neither bad nor good, or missing, keeps its last state; otherwise it counts as not bad.
        rise: when a rise of its figure is notified again; None if never.
    """

    name: str
    title: str
    series: Series
    condition: Condition
    severity: Severity
    who: str
    what_to_do: str
    measure: str = ""
    runbook: str = ""
    minimum_n: int = 0
    for_seconds: int = 0
    keep_firing_for_seconds: int = 0
    is_child: bool = False
    keeps_last_state: bool = True
    rise: Rise | None = None

    def alert_name(self) -> str:
        """Its name in Prometheus, such as Grade1UnresourcedSeveral."""
        return "".join(part.capitalize() for part in self.name.split("_"))

    def labels(self) -> dict[str, str]:
        """The labels that route and inhibit it; the scope's labels are added to them."""
        return {
            "rule": self.name,
            "measure": self.measure or "monitor",
            "severity": self.severity,
            "child": "yes" if self.is_child else "no",
        }

    def annotations(self) -> dict[str, str]:
        """The texts that Prometheus attaches to the alert."""
        texts = {"summary": self.title, "description": self.what_to_do, "who": self.who}
        return {**texts, "runbook_url": f"{RUNBOOKS}#{self.runbook}"} if self.runbook else texts

    def runbook_link(self, alerts_page: str) -> str:
        """Where its runbook is on the board whose alerts page has this address; in the documentation if that is empty.

        A rule without a runbook has an empty one.
        """
        if not self.runbook:
            return ""
        return urljoin(alerts_page, f"runbooks#{self.runbook}") if alerts_page else f"{RUNBOOKS}#{self.runbook}"


def table_errors(rules: tuple[Rule, ...]) -> list[str]:
    """Every error in a table, as sentences; empty if it has none."""
    names = [rule.name for rule in rules]
    duplicates = [f"The name {name} is used twice." for name in sorted(set(names)) if names.count(name) > 1]
    return [*duplicates, *(error for rule in rules for error in (*_rule_errors(rule), *_flapping(rule, rules)))]


def _rule_errors(rule: Rule) -> list[str]:
    condition, errors = rule.condition, []
    if not re.fullmatch(r"[a-z][a-z0-9_]*", rule.name):
        errors.append(f"{rule.name}: use only small letters, digits and underscores in the name.")
    if isinstance(condition, Threshold):
        is_wrong = condition.clear < condition.limit if condition.side == "below" else condition.clear > condition.limit
        errors += [f"{rule.name} would be good and bad at once: correct `clear`."] if is_wrong else []
    if not (rule.title and rule.who and rule.what_to_do.endswith(".")):
        errors.append(f"{rule.name} needs a title, who is notified, and what they do as a sentence.")
    if rule.rise and not (rule.condition.side == "above" and rule.rise.step > 0 and rule.rise.every_seconds > 0):
        errors.append(f"{rule.name}: only a figure that is bad when it is high can rise, by a step and a time above 0.")
    if (rule.severity == "heartbeat") == rule.keeps_last_state:
        errors.append(f"{rule.name}: only a heartbeat may end when data stops.")
    if (rule.measure or rule.series.known_by) and "force" not in rule.series.by:
        errors.append(f"{rule.name} is about a measure, so `by` must include the force.")
    return errors


def _flapping(rule: Rule, rules: tuple[Rule, ...]) -> list[str]:
    """A critical alert inhibits the warning of its measure. If the critical alert ended first, the warning would be notified as new."""
    if rule.severity != "critical" or not rule.measure:
        return []
    muted = [each for each in rules if each.measure == rule.measure and each.severity == "warning"]
    return [
        f"{rule.name} must keep firing at least as long as {each.name}."
        for each in muted
        if rule.keep_firing_for_seconds < each.keep_firing_for_seconds
    ]
