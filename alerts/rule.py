"""A rule: when a figure is bad and when it is good again, how long before somebody is told, who, and what they do."""

import re
from typing import Literal

from msgspec import Struct

Severity = Literal["critical", "warning", "info", "heartbeat"]
"""Critical pages somebody at once; warning goes to the inbox; info is on the board; a heartbeat says that data come."""
Side = Literal["below", "above"]
Combine = Literal["min", "max", "sum"]


class Series(Struct, frozen=True, kw_only=True):
    """Which of the exporter's series a rule looks at, and what it makes one value of.

    Attributes:
        metric: the name of the series.
        where: labels they must have.
        by: the labels that stay: the rule stands apart for each of their words.
        combine: how several become one, as of two exporters of one state.
        if_none: the value where there is no series at all; None where that is nothing known.
    """

    metric: str
    where: dict[str, str] = {}
    by: tuple[str, ...] = ("force",)
    combine: Combine = "max"
    if_none: float | None = None


class Threshold(Struct, frozen=True, kw_only=True):
    """Bad on one side of a limit, good again only beyond another.

    Attributes:
        side: where it is bad; the limit itself is not.
        limit: in the unit of the series.
        clear: from here on it is good again, this value included; between the two it stays what it was.
    """

    side: Side
    limit: float
    clear: float


class Outside(Struct, frozen=True, kw_only=True):
    """Bad beyond the control limit of what is normal for this hour of the week; good again halfway to the middle.

    Attributes:
        side: which limit.
    """

    side: Side


Condition = Threshold | Outside


class Rule(Struct, frozen=True, kw_only=True):
    """One rule of the table.

    Attributes:
        name: its key; the alert has the same name in capitals.
        title: what is wrong, as a page and a board say it.
        series: what it looks at.
        condition: when that is bad, and when it is good.
        severity: who is told how.
        who: who is told.
        what_to_do: what they do.
        measure: the measure behind it; empty for the monitor's own figures.
        minimum_n: with fewer a figure is neither bad nor good.
        for_seconds: how long it must have been bad.
        keep_firing_for_seconds: how long it must have been good.
        is_child: it is about a child.
        is_held: what is neither bad nor good, or not there at all, stays what it was; otherwise it is then not bad.
    """

    name: str
    title: str
    series: Series
    condition: Condition
    severity: Severity
    who: str
    what_to_do: str
    measure: str = ""
    minimum_n: int = 0
    for_seconds: int = 0
    keep_firing_for_seconds: int = 0
    is_child: bool = False
    is_held: bool = True

    def alert_name(self) -> str:
        """Its name as Prometheus' habit has it: Grade1UnresourcedSeveral."""
        return "".join(part.capitalize() for part in self.name.split("_"))

    def labels(self) -> dict[str, str]:
        """What routes and inhibits it, beside the words that it stands for."""
        return {
            "rule": self.name,
            "measure": self.measure or "monitor",
            "severity": self.severity,
            "child": "yes" if self.is_child else "no",
        }

    def annotations(self) -> dict[str, str]:
        """What is told of it in words."""
        return {"summary": self.title, "description": self.what_to_do, "who": self.who}


def faults(rules: tuple[Rule, ...]) -> list[str]:
    """What is wrong with a table, in sentences; nothing when it is sound."""
    names = [rule.name for rule in rules]
    found = [f"{name} stands twice." for name in sorted(set(names)) if names.count(name) > 1]
    return [*found, *(fault for rule in rules for fault in (*_faults(rule), *_flapping(rule, rules)))]


def _faults(rule: Rule) -> list[str]:
    condition, found = rule.condition, []
    if not re.fullmatch(r"[a-z][a-z0-9_]*", rule.name):
        found.append(f"{rule.name} is not in small letters, digits and underscores.")
    if isinstance(condition, Threshold):
        is_wrong = condition.clear < condition.limit if condition.side == "below" else condition.clear > condition.limit
        found += [f"{rule.name} would be good and bad at once: mend `clear`."] if is_wrong else []
    if not (rule.title and rule.who and rule.what_to_do.endswith(".")):
        found.append(f"{rule.name} does not say what is wrong, who is told, and what they do in a sentence.")
    if (rule.severity == "heartbeat") == rule.is_held:
        found.append(f"{rule.name}: a heartbeat stops with the data, and nothing else does.")
    if rule.measure and "force" not in rule.series.by:
        found.append(f"{rule.name} does not say whose force's measure it is about.")
    return found


def _flapping(rule: Rule, rules: tuple[Rule, ...]) -> list[str]:
    """A critical alert mutes the warning of its measure: if it ended first, the end would page as a new warning."""
    if rule.severity != "critical" or not rule.measure:
        return []
    muted = [each for each in rules if each.measure == rule.measure and each.severity == "warning"]
    return [
        f"{rule.name} must keep firing at least as long as {each.name}."
        for each in muted
        if rule.keep_firing_for_seconds < each.keep_firing_for_seconds
    ]
