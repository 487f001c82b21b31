"""The built-in engine: evaluates the rule table exactly as Prometheus evaluates the rules rendered from it."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Literal, NamedTuple, Protocol

from msgspec import Struct, field

from alerts.rule import Outside, Rule, Series, Threshold
from measures.outcome import SECOND

AlertState = Literal["pending", "firing"]
Scope = tuple[str, ...]
"""The values of a rule's scope labels, in the order of `Series.by`."""
AlertKey = tuple[str, Scope]
"""A rule's name and a scope: they identify an alert."""


class SampleLike(Protocol):
    """One sample of the exporter, as prometheus_client provides it."""

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def labels(self) -> Mapping[str, str]: ...  # noqa: D102
    @property
    def value(self) -> float: ...  # noqa: D102


class Sample(NamedTuple):
    """One sample: metric name, labels and value."""

    name: str
    labels: Mapping[str, str]
    value: float


class RuleAlert(NamedTuple):
    """An alert after a step.

    Attributes:
        rule: its rule.
        scope: label to value.
        state: pending until the rule's `for` has passed, then firing.
        active_at: the time since which it has been bad, in microseconds since 1970.
        is_undecided: its series were neither bad nor good at this step, or missing.
        figure: the figure at this step; None if it is missing.
    """

    rule: Rule
    scope: dict[str, str]
    state: AlertState
    active_at: int
    is_undecided: bool
    figure: float | None = None


class Active(Struct):
    """What the engine keeps about an alert between steps; times in microseconds since 1970.

    Attributes:
        state: as in `RuleAlert`.
        active_at: the time since which it has been bad.
        good_since: the time since which a firing alert has been good; None while it is bad.
    """

    state: AlertState
    active_at: int
    good_since: int | None = None


class EndedAlert(Struct, frozen=True, array_like=True):
    """An alert that fired and has ended; times in microseconds since 1970.

    Attributes:
        active_at: the time since which it had been bad.
        ended: when it ended.
    """

    active_at: int
    ended: int


class Memory(Struct):
    """Everything an engine keeps between steps. Its runner saves it, so that a restart continues from there.

    Attributes:
        bad: by rule and scope, whether it was bad when that was last known.
        active: the pending or firing alert, by rule and scope.
        notified: alerts that were due to be sent at least once, because nothing inhibited them then.
        ended: alerts that have ended, until the inbox has accepted their end.
    """

    bad: dict[AlertKey, bool] = field(default_factory=dict)
    active: dict[AlertKey, Active] = field(default_factory=dict)
    notified: set[AlertKey] = field(default_factory=set)
    ended: set[tuple[AlertKey, EndedAlert]] = field(default_factory=set)

    def firing(self) -> dict[AlertKey, Active]:
        """The firing alerts."""
        return {key: each for key, each in self.active.items() if each.state == "firing"}

    def move(self, by: int) -> None:
        """Follow a clock that was set, so that every duration stays the same.

        Args:
            by: how far it was set forward, in microseconds; negative if it was set back.
        """
        for each in self.active.values():
            each.active_at += by
            each.good_since = None if each.good_since is None else each.good_since + by


class Engine:
    """Evaluates rules on samples.

    Args:
        rules: the table.
        memory: the memory of an earlier run; empty unless given.
    """

    def __init__(self, rules: Sequence[Rule], memory: Memory | None = None) -> None:
        self.rules = rules
        self.memory = memory or Memory()

    def step(self, samples: Iterable[SampleLike], now: int) -> list[RuleAlert]:
        """Evaluate every rule once and return the alerts.

        Args:
            samples: all of the exporter's samples; a series without one is missing.
            now: microseconds since 1970. If the clock was set, call `Memory.move` first; otherwise durations that began after
                `now` start again.
        """
        by_name = by_series(samples)
        return [alert for rule in self.rules for alert in self._evaluate(rule, by_name, now)]

    def _evaluate(self, rule: Rule, by_name: Mapping[str, Sequence[SampleLike]], now: int) -> Iterator[RuleAlert]:
        known = judge(rule, lambda ending: combined(rule.series, ending, by_name))
        known |= self._ended(rule, known, by_name)
        for scope, is_bad in known.items():
            self.memory.bad[rule.name, scope] = is_bad
        scopes = {scope for name, scope in self.memory.bad if name == rule.name}
        if not rule.keeps_last_state:
            for scope in scopes - known.keys():
                del self.memory.bad[rule.name, scope]
        active = {scope for name, scope in self.memory.active if name == rule.name}
        figures = combined(rule.series, "", by_name) if scopes | active else {}
        for scope in sorted(scopes | active):
            alert = advance(
                rule, self.memory.active.get((rule.name, scope)), self.memory.bad.get((rule.name, scope), False), now
            )
            if alert is None:
                self.memory.active.pop((rule.name, scope), None)
                if rule.series.known_by and not self.memory.bad.get((rule.name, scope)):
                    self.memory.bad.pop((rule.name, scope), None)  # such scopes end for good, and must not accumulate
                continue
            self.memory.active[rule.name, scope] = alert
            labels = dict(zip(rule.series.by, scope, strict=True))
            figure = figures.get(scope, math.nan)
            yield RuleAlert(
                rule, labels, alert.state, alert.active_at, scope not in known, None if math.isnan(figure) else figure
            )

    def _ended(
        self, rule: Rule, known: Mapping[Scope, bool], by_name: Mapping[str, Sequence[SampleLike]]
    ) -> dict[Scope, bool]:
        """The scopes that have no series although all bad ones are known: they are good."""
        if not rule.series.known_by:
            return {}
        forces = {sample.labels.get("force", "") for sample in by_name.get(rule.series.known_by, ())}
        place = rule.series.by.index("force")
        scopes = {scope for name, scope in (*self.memory.bad, *self.memory.active) if name == rule.name}
        return {scope: False for scope in scopes - known.keys() if scope[place] in forces}


def by_series(samples: Iterable[SampleLike]) -> dict[str, list[SampleLike]]:
    """Samples by metric name."""
    grouped: dict[str, list[SampleLike]] = {}
    for sample in samples:
        grouped.setdefault(sample.name, []).append(sample)
    return grouped


def advance(rule: Rule, active: Active | None, is_bad: bool, now: int) -> Active | None:
    """The alert after a step; None if there is none.

    Args:
        rule: the rule.
        active: the alert before the step.
        is_bad: whether the condition is bad at this step.
        now: microseconds since 1970.
    """
    if is_bad:
        active_at = min(active.active_at, now) if active else now
        is_firing = (active is not None and active.state == "firing") or now - active_at >= rule.for_seconds * SECOND
        return Active("firing" if is_firing else "pending", active_at)
    if active is None or active.state == "pending":
        return None
    good_since = now if active.good_since is None else min(active.good_since, now)
    if now - good_since >= rule.keep_firing_for_seconds * SECOND:
        return None
    return Active("firing", min(active.active_at, now), good_since)


def judge(rule: Rule, value_of: Callable[[str], Mapping[Scope, float]]) -> dict[Scope, bool]:
    """Whether each scope is bad; a scope that is neither bad nor good is left out.

    Args:
        rule: the rule.
        value_of: given a metric name suffix ("", "_n", "_expected_lower"), the values of the rule's series by scope.
    """
    values = value_of("")
    counts = value_of("_n") if rule.minimum_n else {}
    judged: dict[Scope, bool] = {}
    for scope, (limit, clear) in _limits(rule, values, value_of).items():
        value = values[scope]
        if rule.minimum_n and not counts.get(scope, math.nan) >= rule.minimum_n:
            continue
        is_below = rule.condition.side == "below"
        if value < limit if is_below else value > limit:
            judged[scope] = True
        elif value >= clear if is_below else value <= clear:
            judged[scope] = False
    return judged


def _limits(
    rule: Rule, scopes: Iterable[Scope], value_of: Callable[[str], Mapping[Scope, float]]
) -> dict[Scope, tuple[float, float]]:
    """The limit and the clear value of each scope; NaN where unknown."""
    match rule.condition:
        case Threshold(limit=limit, clear=clear):
            return dict.fromkeys(scopes, (limit, clear))
        case Outside(side=side):
            limits, middles = (
                value_of("_expected_lower" if side == "below" else "_expected_upper"),
                value_of("_expected"),
            )
            return {
                scope: (
                    limits.get(scope, math.nan),
                    (limits.get(scope, math.nan) + middles.get(scope, math.nan)) / 2,
                )
                for scope in scopes
            }


def combined(series: Series, ending: str, by_name: Mapping[str, Sequence[SampleLike]]) -> dict[Scope, float]:
    """One value per scope, combined from all matching samples; `ending` is appended to the metric name."""
    gathered: dict[Scope, list[float]] = {}
    for sample in by_name.get(series.name(ending), ()):
        if all(sample.labels.get(name) == word for name, word in series.where.items()):
            scope = tuple(sample.labels.get(name, "") for name in series.by)
            gathered.setdefault(scope, []).append(sample.value)
    values_by_scope = {scope: _combine(series, values) for scope, values in gathered.items()}
    if series.if_none is not None and () not in values_by_scope:
        values_by_scope[()] = series.if_none
    return values_by_scope


def _combine(series: Series, values: Sequence[float]) -> float:
    if series.combine == "sum":
        return sum(values)
    numbers = [value for value in values if not math.isnan(value)]
    if not numbers:
        return math.nan
    return min(numbers) if series.combine == "min" else max(numbers)
