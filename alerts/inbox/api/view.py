"""The API's responses, as documented in docs/run/inbox.md, with the current figure behind each alert."""

from collections.abc import Iterable, Mapping
from datetime import datetime

import msgspec
from msgspec import Struct

from alerts.inbox.figure import AlertFigure, Samples, figure
from alerts.inbox.log.data_status import DataStatus
from alerts.inbox.log.entry import AnyEntry
from alerts.inbox.log.situation import situation_of
from alerts.inbox.log.state import Alert, InboxState, State, Suppression
from alerts.inbox.log.steps import SEVERITY_ORDER
from alerts.rule import Rule
from streams.refusal import CAUSES, WORDS


class Acknowledgement(Struct, frozen=True):
    """Who acknowledged an alert, when, and their note."""

    by: str
    at: datetime
    note: str


class SeenRise(Struct, frozen=True):
    """The last rise of the figure: what it was when it was last notified, what it became, and when that was seen."""

    before: float
    figure: float
    at: datetime


class ReachedStep(Struct, frozen=True, kw_only=True):
    """A step of the ladder that an alert has reached."""

    at: datetime
    notify: str
    why: str


class AlertRow(Struct, frozen=True, kw_only=True):
    """An alert in the list; docs/run/inbox.md explains every field."""

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
    situation: str
    figure: AlertFigure | None
    what_to_do: str
    runbook: str
    who: str
    owner: str
    acknowledged: Acknowledgement | None
    escalated: tuple[ReachedStep, ...]
    reraised_at: datetime | None
    rose: SeenRise | None
    suppressed_until: datetime | None
    suppressed_by: str
    notes: int
    delivered: int
    failing: int


class MonitoredForce(Struct, frozen=True, kw_only=True):
    """Whether a force's figures are monitored: if not, an empty list does not mean that all is well."""

    force: str
    heartbeat_at: datetime | None
    is_monitored: bool


class Listing(Struct, frozen=True, kw_only=True):
    """The list: most severe first, then children, then the oldest.

    Attributes:
        refused: why new alerts may be missing: the inbox cannot record them. Without a full stop; empty if it can.
    """

    now: datetime
    monitored: tuple[MonitoredForce, ...]
    alerts: tuple[AlertRow, ...]
    suppressions: tuple["SuppressionRow", ...]
    refused: str


class SuppressionRow(Struct, frozen=True, kw_only=True):
    """Planned work, during which nobody is notified."""

    id: str
    rule: str
    scope: dict[str, str]
    since: datetime
    until: datetime
    by: str
    note: str
    is_in_force: bool


class Detail(Struct, frozen=True, kw_only=True):
    """One alert with its history, oldest first."""

    alert: AlertRow
    history: tuple[AnyEntry, ...]


def listing(
    state: InboxState,
    rules: Mapping[str, Rule],
    samples: Samples,
    now: datetime,
    data_status: Mapping[str, DataStatus],
    alerts: Iterable[Alert],
) -> Listing:
    """The list of the given alerts, with the suppressions in force."""
    rows = sorted((row(each, state, rules, samples, now) for each in alerts), key=_order)
    suppressions = [suppression_row(key, each, now) for key, each in state.suppressions.items()]
    monitored = [
        MonitoredForce(force=force, heartbeat_at=each.at, is_monitored=each.is_monitored(now))
        for force, each in sorted(data_status.items())
    ]
    in_force = tuple(each for each in suppressions if each.is_in_force)
    return Listing(
        now=now,
        monitored=tuple(monitored),
        alerts=tuple(rows),
        suppressions=in_force,
        refused=why_refused(_causes(samples)),
    )


def why_refused(causes: Iterable[str]) -> str:
    """Why the inbox cannot write, given the causes for which the state server refuses; empty if it can."""
    return next((WORDS[cause].what for cause in CAUSES if cause in causes and cause not in _WORKERS_ONLY), "")


_WORKERS_ONLY = ("access_denied", "needs_person")
"""Causes that affect only workers, or an inbox that cannot be read either."""


def _causes(samples: Samples) -> set[str]:
    return {each.labels["cause"] for each in samples.get("bluelamp_state_refuses", ()) if each.value == 1}


def _order(each: AlertRow) -> tuple[bool, int, bool, datetime, str]:
    return each.state == "ended", SEVERITY_ORDER[each.severity], not each.is_child, each.since, each.id


def row(alert: Alert, state: InboxState, rules: Mapping[str, Rule], samples: Samples, now: datetime) -> AlertRow:
    """One alert, as in the list."""
    raised, acknowledged, ended = alert.raised, alert.acknowledged, alert.ended
    suppression = None if ended else state.suppression_of(alert, now)
    rule = rules.get(raised.rule)
    deliveries = alert.deliveries.values()
    return AlertRow(
        id=alert.id,
        rule=raised.rule,
        title=raised.title,
        severity=raised.severity,
        is_child=raised.is_child,
        is_simulated=_is_simulated(raised.scope, samples),
        state=state.state_of(alert, now),
        since=raised.began,
        age_seconds=max(0, int(((ended.ended if ended else now) - raised.began).total_seconds())),
        ended_at=ended.ended if ended else None,
        scope=raised.scope,
        measure=raised.measure,
        situation=alert.id if suppression else situation_of(raised),
        figure=figure(rule, raised.scope, samples) if rule and not ended else None,
        what_to_do=raised.what_to_do,
        runbook=rule.runbook if rule else "",
        who=raised.who,
        owner=alert.owner,
        acknowledged=Acknowledgement(acknowledged.by, acknowledged.at, acknowledged.note) if acknowledged else None,
        escalated=tuple(ReachedStep(at=each.at, notify=each.notify, why=each.why) for each in alert.escalations),
        reraised_at=alert.reraised.at if alert.reraised else None,
        rose=SeenRise(alert.rose.before, alert.rose.figure, alert.rose.at) if alert.rose else None,
        suppressed_until=suppression.entry.until if suppression else None,
        suppressed_by=suppression.entry.by if suppression else "",
        notes=sum(bool(getattr(each, "note", "")) for each in alert.entries),
        delivered=sum(each.is_delivered for each in deliveries),
        failing=sum(not each.is_delivered for each in deliveries),
    )


def _is_simulated(scope: Mapping[str, str], samples: Samples) -> bool:
    flags = samples.get("bluelamp_force_simulated", ())
    return any(each.value == 1 for each in flags if each.labels.get("force") == scope.get("force"))


def suppression_row(suppression_id: str, suppression: Suppression, now: datetime) -> SuppressionRow:
    """One suppression, as in the list."""
    entry = suppression.entry
    return SuppressionRow(
        id=suppression_id, rule=entry.rule, scope=entry.scope, since=entry.at, until=entry.until, by=entry.by, note=entry.note,
        is_in_force=suppression.is_in_force(now),
    )  # fmt: skip


def encode(value: object) -> bytes:
    """A response as JSON."""
    return msgspec.json.encode(value)
