"""Turns engines' payloads into entries of the log: one alert per rule and scope, which ends only when its end is certain."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime

from alerts.inbox.log import rise
from alerts.inbox.log.entry import AnyEntry, Ended, Raised, alert_id
from alerts.inbox.log.payload import FIGURE, HIGHEST, PayloadAlert
from alerts.inbox.log.state import Alert, InboxState
from alerts.rule import Rule
from facts.times import is_future

ActiveCheck = Callable[[str, Mapping[str, str]], bool | None]
"""Whether an alert of a rule and scope is active, as its engine knows for certain; None if that is unknown."""


def by_name(rules: Iterable[Rule]) -> dict[str, Rule]:
    """Rules by name, without heartbeats, which are not alerts."""
    return {rule.name: rule for rule in rules if rule.severity != "heartbeat"}


def scope_labels(rule: Rule, labels: Mapping[str, str]) -> dict[str, str]:
    """The labels that make up the scope of a rule's alert."""
    return {name: labels[name] for name in rule.series.by if labels.get(name)}


def intake(
    alerts: Sequence[PayloadAlert],
    rules: Mapping[str, Rule],
    state: InboxState,
    now: datetime,
    is_active: ActiveCheck | None = None,
) -> Iterator[AnyEntry]:
    """The entries for the alerts of a payload.

    Args:
        alerts: the payload's alerts.
        rules: the table, by name; alerts of other rules are ignored.
        state: the state now.
        now: the wall clock.
        is_active: checks the ends that Alertmanager reports, which may only mean that it has lost an alert; None for the built-in
            engine, whose ends are certain.
    """
    for each in alerts:
        rule = rules.get(each.labels.get("rule", ""))
        if rule:
            handle = _on_firing if each.status == "firing" else _on_resolved
            yield from handle(each, rule, state, now, is_active)


def _on_firing(
    alert: PayloadAlert, rule: Rule, state: InboxState, now: datetime, is_active: ActiveCheck | None
) -> Iterator[AnyEntry]:
    scope = scope_labels(rule, alert.labels)
    figure, highest = alert.number(FIGURE), alert.number(HIGHEST)
    if active := state.active_alerts_for(rule.name, scope):
        if figure is not None:
            yield from rises(active, rule, figure, figure if highest is None else highest, now)
    elif not _has_ended(alert, rule, scope, state, now):
        yield raised(rule, scope, alert.starts_at, now, figure if highest is None else highest)
    elif is_active and is_active(rule.name, scope):
        # An engine that was cut off still reports the earlier start; but the alert is certainly active now.
        yield raised(rule, scope, now, now, figure)


def rises(active: Iterable[Alert], rule: Rule, figure: float, highest: float, now: datetime) -> Iterator[AnyEntry]:
    """The entries for the figure of active alerts of a rule; none if its rises are not notified."""
    if rule.rise:
        for alert in active:
            yield from rise.entries(alert, rule.rise, figure, max(figure, highest), now)


def _on_resolved(
    alert: PayloadAlert, rule: Rule, state: InboxState, now: datetime, is_active: ActiveCheck | None
) -> Iterator[AnyEntry]:
    scope = scope_labels(rule, alert.labels)
    ended_at = min(alert.ends_at, now)
    active = state.active_alerts_for(rule.name, scope)
    if active:
        # An earlier end, sent again, must not end an alert that has begun since.
        ending = [each for each in active if _began(each, now) <= alert.ends_at]
        if ending and (is_active is None or is_active(rule.name, scope) is False):
            yield from (ended(each, max(ended_at, _began(each, now)), now) for each in ending)
    elif is_active is None and not _has_ended(alert, rule, scope, state, now):
        # It began and ended while the inbox was unreachable: recorded late, but not lost.
        entry = raised(rule, scope, alert.starts_at, now)
        yield entry
        yield Ended(id=f"{entry.alert}:ended", alert=entry.alert, at=now, ended=ended_at)


def _began(alert: Alert, now: datetime) -> datetime:
    """When an alert began. If a clock that was ahead dated it, the time is unknown, and the earliest possible time is used."""
    began = alert.raised.began
    return datetime.min.replace(tzinfo=UTC) if is_future(began, now) else began


def _has_ended(alert: PayloadAlert, rule: Rule, scope: Mapping[str, str], state: InboxState, now: datetime) -> bool:
    """Whether this alert has already ended: payloads may arrive twice, and late.

    An end in the future was dated by a clock that was ahead. It says nothing about an alert with a plausible start.
    """
    is_dated_ahead = is_future(alert.starts_at, now)
    ends = (end for end in state.ends(rule.name, scope) if is_dated_ahead or not is_future(end, now))
    return any(alert.starts_at <= end for end in ends)


def raised(rule: Rule, scope: Mapping[str, str], began: datetime, now: datetime, figure: float | None = None) -> Raised:
    """The entry that raises an alert, with its figure if that is known."""
    key = alert_id(rule.name, scope, began)
    return Raised(
        id=f"{key}:raised",
        alert=key,
        at=now,
        rule=rule.name,
        scope=dict(scope),
        began=began,
        severity=rule.severity,
        title=rule.title,
        who=rule.who,
        what_to_do=rule.what_to_do,
        measure=rule.measure,
        is_child=rule.is_child,
        figure=figure,
    )


def ended(alert: Alert, at: datetime, now: datetime) -> Ended:
    """The entry that ends an alert."""
    return Ended(id=f"{alert.id}:ended", alert=alert.id, at=now, ended=at)


def reconcile(state: InboxState, now: datetime, is_active: ActiveCheck) -> Iterator[AnyEntry]:
    """Ends the alerts that an engine knows have ended: Alertmanager does not report every end."""
    for alert in state.active_alerts():
        if is_active(alert.raised.rule, alert.raised.scope) is False:
            yield ended(alert, now, now)
