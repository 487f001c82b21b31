"""The rule table evaluated in process, step by step as Prometheus evaluates what is rendered from it."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Literal, NamedTuple, Protocol

from msgspec import Struct, field

from alerts.rule import Outside, Rule, Series, Threshold
from measures.outcome import SECOND

AlertState = Literal["pending", "firing"]
Scope = tuple[str, ...]
"""The words of the labels that a rule stands apart for, in their order."""
Place = tuple[str, Scope]
"""A rule and a scope: what one alert is of."""


class SampleLike(Protocol):
    """One sample of the exporter, as prometheus_client has it."""

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def labels(self) -> Mapping[str, str]: ...  # noqa: D102
    @property
    def value(self) -> float: ...  # noqa: D102


class Sample(NamedTuple):
    """One sample: the name of its series, its labels, its value."""

    name: str
    labels: Mapping[str, str]
    value: float


class RuleAlert(NamedTuple):
    """An alert as it stands after a step.

    Attributes:
        rule: which rule.
        scope: label to word.
        state: pending until the rule's `for` has passed, then firing.
        active_at: since when it has been bad, in microseconds since 1970.
        is_held: what it looks at said neither bad nor good at this step.
    """

    rule: Rule
    scope: dict[str, str]
    state: AlertState
    active_at: int
    is_held: bool


class Active(Struct):
    """What is remembered of an alert between steps; instants in microseconds since 1970.

    Attributes:
        state: as in `Alert`.
        active_at: since when it has been bad.
        good_since: since when a firing alert has been good; None while it is bad.
    """

    state: AlertState
    active_at: int
    good_since: int | None = None


class Over(Struct, frozen=True, array_like=True):
    """An alert that fired and has ended; instants in microseconds since 1970.

    Attributes:
        active_at: since when it had been bad.
        ended: when it ended.
    """

    active_at: int
    ended: int


class Memory(Struct):
    """Everything an engine remembers between steps; kept by whoever runs it, a restart goes on where it was.

    Attributes:
        bad: by rule and scope, whether it was bad when that was last known.
        active: by rule and scope, its alert.
        heard: those whose alert was to be told, and not kept quiet by another all along.
        over: what has ended and is not known to have been told.
    """

    bad: dict[Place, bool] = field(default_factory=dict)
    active: dict[Place, Active] = field(default_factory=dict)
    heard: set[Place] = field(default_factory=set)
    over: set[tuple[Place, Over]] = field(default_factory=set)

    def firing(self) -> dict[Place, Active]:
        """The alerts that fire."""
        return {place: each for place, each in self.active.items() if each.state == "firing"}

    def move(self, by: int) -> None:
        """Follow a clock that was set, so that every span stays as long as it was.

        Args:
            by: how far it was set forward, in microseconds; less than 0 when it was set back.
        """
        for each in self.active.values():
            each.active_at += by
            each.good_since = None if each.good_since is None else each.good_since + by


class Engine:
    """Evaluates rules on samples.

    Args:
        rules: the table.
        memory: of an earlier run; a new one unless given.
    """

    def __init__(self, rules: Sequence[Rule], memory: Memory | None = None) -> None:
        self.rules = rules
        self.memory = memory or Memory()

    def step(self, samples: Iterable[SampleLike], now: int) -> list[RuleAlert]:
        """The alerts after one look at the exporter's samples.

        Args:
            samples: all of them; a series that is not among them is not there.
            now: microseconds since 1970. If the clock was set, move the memory first; otherwise spans that began later than now
                begin again.
        """
        by_name = by_series(samples)
        return [alert for rule in self.rules for alert in self._evaluate(rule, by_name, now)]

    def _evaluate(self, rule: Rule, by_name: Mapping[str, Sequence[SampleLike]], now: int) -> Iterator[RuleAlert]:
        known = judge(rule, lambda ending: combined(rule.series, ending, by_name))
        for scope, is_bad in known.items():
            self.memory.bad[rule.name, scope] = is_bad
        remembered = {scope for name, scope in self.memory.bad if name == rule.name}
        if not rule.is_held:
            for scope in remembered - known.keys():
                del self.memory.bad[rule.name, scope]
        active = {scope for name, scope in self.memory.active if name == rule.name}
        for scope in sorted(remembered | active):
            alert = advance(
                rule, self.memory.active.get((rule.name, scope)), self.memory.bad.get((rule.name, scope), False), now
            )
            if alert is None:
                self.memory.active.pop((rule.name, scope), None)
                continue
            self.memory.active[rule.name, scope] = alert
            words = dict(zip(rule.series.by, scope, strict=True))
            yield RuleAlert(rule, words, alert.state, alert.active_at, scope not in known)


def by_series(samples: Iterable[SampleLike]) -> dict[str, list[SampleLike]]:
    """Samples by the name of their series."""
    found: dict[str, list[SampleLike]] = {}
    for sample in samples:
        found.setdefault(sample.name, []).append(sample)
    return found


def advance(rule: Rule, active: Active | None, is_bad: bool, now: int) -> Active | None:
    """The alert after a step; None when there is none.

    Args:
        rule: which rule.
        active: the alert before the step.
        is_bad: the condition at this step.
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
    """By scope whether it is bad; a scope of which that cannot be said is left out.

    Args:
        rule: which rule.
        value_of: the values by scope of the rule's series, with an ending of its name: "", "_n", "_expected_lower".
    """
    values = value_of("")
    counts = value_of("_n") if rule.minimum_n else {}
    found: dict[Scope, bool] = {}
    for scope, (limit, clear) in _limits(rule, values, value_of).items():
        value = values[scope]
        if rule.minimum_n and not counts.get(scope, math.nan) >= rule.minimum_n:
            continue
        is_below = rule.condition.side == "below"
        if value < limit if is_below else value > limit:
            found[scope] = True
        elif value >= clear if is_below else value <= clear:
            found[scope] = False
    return found


def _limits(
    rule: Rule, scopes: Iterable[Scope], value_of: Callable[[str], Mapping[Scope, float]]
) -> dict[Scope, tuple[float, float]]:
    """By scope, beyond what it is bad and from where on it is good again; not a number where that is not known."""
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
    """By scope, the one value that a series and its like come to."""
    gathered: dict[Scope, list[float]] = {}
    for sample in by_name.get(series.metric + ending, ()):
        if all(sample.labels.get(name) == word for name, word in series.where.items()):
            scope = tuple(sample.labels.get(name, "") for name in series.by)
            gathered.setdefault(scope, []).append(sample.value)
    found = {scope: _combine(series, values) for scope, values in gathered.items()}
    if series.if_none is not None and () not in found:
        found[()] = series.if_none
    return found


def _combine(series: Series, values: Sequence[float]) -> float:
    if series.combine == "sum":
        return sum(values)
    numbers = [value for value in values if not math.isnan(value)]
    if not numbers:
        return math.nan
    return min(numbers) if series.combine == "min" else max(numbers)
