"""Alerts as the API shows them: the documented shapes of docs/inbox.md, and the figure behind each as it is now."""

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import msgspec
from msgspec import Struct

from alerts.engine import SampleLike, combined, judge
from alerts.inbox.data_status import DataStatus
from alerts.inbox.entry import AnyEntry
from alerts.inbox.state import Alert, InboxState, State, Suppression
from alerts.rule import Rule, Threshold
from measures.catalogue import find
from measures.display import words
from measures.measure import Unit
from streams.refusal import CAUSES, WORDS

Samples = Mapping[str, Sequence[SampleLike]]
"""What the exporter shows now of the series that rules look at, by name."""
_LOUDNESS = {"critical": 0, "warning": 1, "info": 2, "heartbeat": 3}


class AlertFigure(Struct, frozen=True, kw_only=True):
    """A figure as it is now; without a value where no live one is known: the alert then stands on.

    Attributes:
        value: in its unit.
        words: the value as people read it.
        unit: of the measure; empty for the monitor's own figures.
        n: what it is taken from, where that matters.
        expected_lower: what is normal for this hour of the week: the lower control limit.
        expected: the middle.
        expected_upper: the upper control limit.
        band_words: the same as people read it; empty where it is not known.
        limit_words: beyond what it is bad.
        is_bad: it is so now; None where that cannot be said. An alert of what is good again stands until that has lasted.
    """

    value: float | None
    words: str
    unit: Unit | str
    n: int | None = None
    expected_lower: float | None = None
    expected: float | None = None
    expected_upper: float | None = None
    band_words: str = ""
    limit_words: str = ""
    is_bad: bool | None = None


class Acknowledgement(Struct, frozen=True):
    """Who has taken an alert, when, and what they wrote."""

    by: str
    at: datetime
    note: str


class ReachedStep(Struct, frozen=True):
    """A step of the ladder that was reached."""

    at: datetime
    tell: str
    why: str


class AlertRow(Struct, frozen=True, kw_only=True):
    """An alert in the list; docs/inbox.md explains every field."""

    id: str
    rule: str
    title: str
    severity: str
    is_child: bool
    is_simulated: bool
    state: State
    since: datetime
    age_seconds: int
    ended_at: datetime | None
    scope: dict[str, str]
    measure: str
    figure: AlertFigure | None
    what_to_do: str
    who: str
    owner: str
    acknowledged: Acknowledgement | None
    escalated: tuple[ReachedStep, ...]
    reraised_at: datetime | None
    suppressed_until: datetime | None
    suppressed_by: str
    notes: int
    delivered: int
    failing: int


class Watched(Struct, frozen=True, kw_only=True):
    """Whether a force's figures are watched: while they are not, an empty list says nothing."""

    force: str
    heard_at: datetime | None
    is_watched: bool


class Listing(Struct, frozen=True, kw_only=True):
    """The list: the loudest first, then children, then what has stood longest.

    Attributes:
        refused: why new alerts may be missing, without a full stop: the inbox cannot write them down; empty while it can.
    """

    now: datetime
    watched: tuple[Watched, ...]
    alerts: tuple[AlertRow, ...]
    suppressions: tuple["PlannedWork", ...]
    refused: str


class PlannedWork(Struct, frozen=True, kw_only=True):
    """Planned work, because of which nobody is told."""

    id: str
    rule: str
    scope: dict[str, str]
    since: datetime
    until: datetime
    by: str
    note: str
    is_in_force: bool


class Detail(Struct, frozen=True, kw_only=True):
    """One alert with everything that happened to it, oldest first."""

    alert: AlertRow
    history: tuple[AnyEntry, ...]


def listing(
    book: InboxState,
    rules: Mapping[str, Rule],
    samples: Samples,
    now: datetime,
    heard: Mapping[str, DataStatus],
    alerts: Iterable[Alert] | None = None,
) -> Listing:
    """The list of alerts: those that stand, unless others are given."""
    chosen = book.standing() if alerts is None else alerts
    rows = sorted((row(each, book, rules, samples, now) for each in chosen), key=_order)
    plans = [planned(name, each, now) for name, each in book.suppressions.items()]
    watched = [
        Watched(force=force, heard_at=each.at, is_watched=each.is_watched(now)) for force, each in sorted(heard.items())
    ]
    in_force = tuple(each for each in plans if each.is_in_force)
    return Listing(
        now=now,
        watched=tuple(watched),
        alerts=tuple(rows),
        suppressions=in_force,
        refused=refused_words(_causes(samples)),
    )


def refused_words(causes: Iterable[str]) -> str:
    """What keeps the inbox from writing, of the causes for which the state is refused now; empty for nothing."""
    return next((WORDS[cause].what for cause in CAUSES if cause in causes and cause not in _OF_WORKERS), "")


_OF_WORKERS = ("access_denied", "needs_person")
"""What is refused to a worker alone, and to an inbox that cannot be read either."""


def _causes(samples: Samples) -> set[str]:
    return {each.labels["cause"] for each in samples.get("bluelamp_state_refuses", ()) if each.value == 1}


def _order(each: AlertRow) -> tuple[bool, int, bool, datetime, str]:
    return each.state == "ended", _LOUDNESS[each.severity], not each.is_child, each.since, each.id


def row(alert: Alert, book: InboxState, rules: Mapping[str, Rule], samples: Samples, now: datetime) -> AlertRow:
    """One alert as the list shows it."""
    told, taken, over = alert.raised, alert.acknowledged, alert.ended
    suppression = None if over else book.suppression_of(alert, now)
    rule = rules.get(told.rule)
    deliveries = alert.deliveries.values()
    return AlertRow(
        id=alert.id,
        rule=told.rule,
        title=told.title,
        severity=told.severity,
        is_child=told.is_child,
        is_simulated=_is_simulated(told.scope, samples),
        state=book.state_of(alert, now),
        since=told.began,
        age_seconds=max(0, int(((over.ended if over else now) - told.began).total_seconds())),
        ended_at=over.ended if over else None,
        scope=told.scope,
        measure=told.measure,
        figure=figure(rule, told.scope, samples) if rule and not over else None,
        what_to_do=told.what_to_do,
        who=told.who,
        owner=alert.owner,
        acknowledged=Acknowledgement(taken.by, taken.at, taken.note) if taken else None,
        escalated=tuple(ReachedStep(each.at, each.tell, each.why) for each in alert.escalations),
        reraised_at=alert.reraised.at if alert.reraised else None,
        suppressed_until=suppression.told.until if suppression else None,
        suppressed_by=suppression.told.by if suppression else "",
        notes=sum(bool(getattr(each, "note", "")) for each in alert.entries),
        delivered=sum(each.is_delivered for each in deliveries),
        failing=sum(not each.is_delivered for each in deliveries),
    )


def _is_simulated(scope: Mapping[str, str], samples: Samples) -> bool:
    told = samples.get("bluelamp_force_simulated", ())
    return any(each.value == 1 for each in told if each.labels.get("force") == scope.get("force"))


def planned(name: str, suppression: Suppression, now: datetime) -> PlannedWork:
    """Planned work as the API shows it."""
    told = suppression.told
    return PlannedWork(
        id=name, rule=told.rule, scope=told.scope, since=told.at, until=told.until, by=told.by, note=told.note,
        is_in_force=suppression.is_in_force(now),
    )  # fmt: skip


def figure(rule: Rule, scope: Mapping[str, str], samples: Samples) -> AlertFigure:
    """The figure that a rule looks at, as it is now."""
    key = tuple(scope.get(name, "") for name in rule.series.by)
    value, n, lower, middle, upper = (
        _known(combined(rule.series, ending, samples).get(key))
        for ending in ("", "_n", "_expected_lower", "_expected", "_expected_upper")
    )
    unit = find(rule.measure).unit if rule.measure else ""
    has_band = lower is not None and upper is not None
    return AlertFigure(
        value=value,
        words=_words(value, unit),
        unit=unit,
        n=None if n is None else int(n),
        expected_lower=lower,
        expected=middle,
        expected_upper=upper,
        band_words=f"normal for this hour: {_words(lower, unit)} to {_words(upper, unit)}" if has_band else "",
        limit_words=_limit_words(rule, unit),
        is_bad=judge(rule, lambda ending: combined(rule.series, ending, samples)).get(key),
    )


def _limit_words(rule: Rule, unit: Unit | str) -> str:
    match rule.condition:
        case Threshold(side=side, limit=limit):
            return f"{side} {_words(limit, unit)}"
        case outside:
            return f"{outside.side} what is normal for this hour"


def _known(value: float | None) -> float | None:
    return None if value is None or math.isnan(value) else value


def _words(value: float | None, unit: Unit | str) -> str:
    if value is None or unit not in ("count", "seconds", "ratio"):
        return "-" if value is None else f"{round(value, 3):g}"
    return words(value, unit)


def encode(value: object) -> bytes:
    """Any of these as JSON."""
    return msgspec.json.encode(value)
