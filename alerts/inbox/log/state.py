"""The inbox's state: alerts and suppressions, folded from the log's entries in any order, with any repetition."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Literal

from msgspec import Struct, field
from msgspec.structs import replace

from alerts.inbox.log.entry import (
    Acknowledged,
    AnyEntry,
    Assigned,
    Delivered,
    Ended,
    Entry,
    Escalated,
    Failed,
    Measured,
    Raised,
    Reraised,
    Rose,
    Suppressed,
    Unsuppressed,
    scope_of,
)
from alerts.inbox.log.situation import situation_of

_JUST_AFTER = timedelta(microseconds=1)
State = Literal["raised", "acknowledged", "suppressed", "ended"]


class Delivery(Struct, frozen=True):
    """The delivery of one entry to one receiver.

    Attributes:
        attempts: how many attempts there were.
        last_at: the time of the last attempt.
        is_delivered: the receiver accepted it.
        reason: why the last attempt failed.
    """

    attempts: int
    last_at: datetime
    is_delivered: bool
    reason: str = ""


class Alert(Struct, frozen=True, kw_only=True):
    """An alert, folded from its entries.

    Attributes:
        raised: how it began.
        ended: how it ended; None while it is active.
        acknowledged: its acknowledgement; None again after a shift changeover, and once it has ended.
        owner: who deals with it; empty in the same cases.
        escalations: the steps of the ladder that it has reached.
        reraised: the last shift changeover at which it was raised again.
        figure: the figure with which rises are compared; None until one is known.
        rose: the last rise of its figure.
        deliveries: the deliveries, by entry ID and receiver.
        entries: its entries, oldest first.
    """

    raised: Raised
    ended: Ended | None = None
    acknowledged: Acknowledged | None = None
    owner: str = ""
    escalations: tuple[Escalated, ...] = ()
    reraised: Reraised | None = None
    figure: float | None = None
    rose: Rose | None = None
    deliveries: dict[tuple[str, str], Delivery] = field(default_factory=dict)
    entries: tuple[AnyEntry, ...] = ()

    @property
    def id(self) -> str:
        """Its ID."""
        return self.raised.alert


class Suppression(Struct, frozen=True):
    """A suppression, folded from its entries.

    Attributes:
        entry: how it began.
        lifted: how it was ended early, if it was.
    """

    entry: Suppressed
    lifted: Unsuppressed | None = None

    def applies_to(self, alert: Alert, now: datetime) -> bool:
        """Whether it is in force and suppresses an alert."""
        scope, labels = self.entry.scope, alert.raised.scope
        is_match = self.entry.rule == alert.raised.rule and all(
            labels.get(name) == value for name, value in scope.items()
        )
        return is_match and self.is_in_force(now)

    def is_in_force(self, now: datetime) -> bool:
        """Whether it has begun, and has neither been lifted nor expired."""
        return self.lifted is None and self.entry.at <= now < self.entry.until


def fold_alert(entries: Iterable[AnyEntry]) -> Alert | None:
    """An alert from its entries, in any order; None if the entry that raised it is not among them."""
    ordered = sorted({each.id: each for each in entries}.values(), key=_order)
    raised = next((each for each in ordered if isinstance(each, Raised)), None)
    if raised is None:
        return None
    alert = Alert(raised=raised, figure=raised.figure, entries=tuple(ordered))
    for each in ordered:
        alert = _after(alert, each)
    return alert


def _order(entry: Entry) -> tuple[datetime, int, str]:
    """By time; of entries at the same time, the one that raised the alert comes first and its end last."""
    return entry.at, 0 if isinstance(entry, Raised) else 2 if isinstance(entry, Ended) else 1, entry.id


def _after(alert: Alert, entry: AnyEntry) -> Alert:
    match entry:
        case Delivered() | Failed():
            return replace(alert, deliveries={**alert.deliveries, **_delivery(alert, entry)})
        case Ended() if alert.ended is None:
            return replace(alert, ended=entry, acknowledged=None, owner="")
    # After the end, actions are only kept as history.
    return alert if alert.ended else _while_active(alert, entry)


def _while_active(alert: Alert, entry: AnyEntry) -> Alert:
    match entry:
        case Acknowledged():
            return replace(alert, acknowledged=entry, owner=alert.owner or entry.by)
        case Assigned():
            return replace(alert, owner=entry.to)
        case Escalated():
            return replace(alert, escalations=(*alert.escalations, entry))
        case Reraised():
            return replace(alert, reraised=entry, acknowledged=None, owner="")
        case Rose() | Measured():
            return replace(alert, figure=entry.figure, rose=entry if isinstance(entry, Rose) else alert.rose)
    return alert


def _delivery(alert: Alert, entry: Delivered | Failed) -> dict[tuple[str, str], Delivery]:
    key = entry.of, entry.receiver
    before = alert.deliveries.get(key)
    # The latest attempt counts, even if a clock that was ahead gave an earlier one a later time.
    is_earlier = before is not None and isinstance(entry, Failed) and entry.attempt < before.attempts
    if before and (before.is_delivered or is_earlier):
        return {}
    attempts = max(entry.attempt, before.attempts if before else 0)
    reason = entry.reason if isinstance(entry, Failed) else ""
    return {key: Delivery(attempts, entry.at, isinstance(entry, Delivered), reason)}


class InboxState:
    """Every alert and suppression of a log."""

    def __init__(self) -> None:
        self.alerts: dict[str, Alert] = {}
        self.suppressions: dict[str, Suppression] = {}
        self._entries: dict[str, dict[str, AnyEntry]] = {}
        self._recent: set[str] = set()
        self._active: dict[tuple[str, tuple[tuple[str, str], ...]], set[str]] = {}
        self._ends: dict[tuple[str, tuple[tuple[str, str], ...]], dict[str, datetime]] = {}
        self._since = datetime.min.replace(tzinfo=UTC)
        self._situations: dict[str, set[str]] = {}

    def __contains__(self, entry: AnyEntry) -> bool:
        return entry.id in self._entries.get(entry.alert, ())

    def add(self, entries: Iterable[AnyEntry]) -> set[str]:
        """Add entries; returns the IDs of the alerts and suppressions that they changed."""
        new = [each for each in entries if each not in self]
        for each in new:
            self._entries.setdefault(each.alert, {})[each.id] = each
        changed = {each.alert for each in new}
        for key in changed:
            self._fold(key)
        return changed

    def _fold(self, key: str) -> None:
        entries = self._entries[key]
        suppressed = next((each for each in entries.values() if isinstance(each, Suppressed)), None)
        if suppressed:
            lifted = [each for each in entries.values() if isinstance(each, Unsuppressed)]
            self.suppressions[key] = Suppression(suppressed, min(lifted, key=_order, default=None))
        alert = fold_alert(entries.values())
        if alert:
            self.alerts[key] = alert
            self._recent.add(key)
            self._index(alert)

    def _index(self, alert: Alert) -> None:
        self._situations.setdefault(situation_of(alert.raised), set()).add(alert.id)
        key = alert.raised.rule, scope_of(alert.raised.scope)
        active = self._active.setdefault(key, set())
        if alert.ended is None:
            active.add(alert.id)
            return
        active.discard(alert.id)
        self._ends.setdefault(key, {})[alert.id] = alert.ended.ended

    def active_alerts(self) -> list[Alert]:
        """Every alert that has not ended."""
        return [self.alerts[key] for keys in self._active.values() for key in keys]

    def recent_alerts(self, since: datetime) -> list[Alert]:
        """The active alerts, and those that ended since a time."""
        if since < self._since:  # a clock was set back
            self._recent = set(self.alerts)
        self._since = since
        self._recent = {key for key in self._recent if self._is_recent(self.alerts[key], since)}
        return [self.alerts[key] for key in self._recent]

    @staticmethod
    def _is_recent(alert: Alert, since: datetime) -> bool:
        return alert.ended is None or alert.ended.at >= since

    def active_alerts_for(self, rule: str, scope: Mapping[str, str]) -> list[Alert]:
        """The active alert of a rule and scope: one, or none."""
        return [self.alerts[key] for key in self._active.get((rule, scope_of(scope)), ())]

    def alerts_of(self, situation: str) -> list[Alert]:
        """Every alert of a situation, whether or not it has ended."""
        return [self.alerts[key] for key in self._situations.get(situation, ())]

    def ends(self, rule: str, scope: Mapping[str, str]) -> Iterable[datetime]:
        """When the alerts of a rule and scope ended, by the engine's clock."""
        return self._ends.get((rule, scope_of(scope)), {}).values()

    def dated_in_order(self, entry: AnyEntry) -> AnyEntry:
        """A new entry, dated after its alert's earlier entries: if the clock was set back, they would otherwise override it."""
        alert = self.alerts.get(entry.alert)
        if alert is None or isinstance(entry, Delivered | Failed):
            return entry
        last = max(each.at for each in alert.entries if not isinstance(each, Delivered | Failed))
        return replace(entry, at=last + _JUST_AFTER) if entry.at < last else entry

    def suppression_of(self, alert: Alert, now: datetime) -> Suppression | None:
        """The suppression in force for an alert; of several the one that lasts longest."""
        applying = [each for each in self.suppressions.values() if each.applies_to(alert, now)]
        return max(applying, key=lambda each: each.entry.until, default=None)

    def state_of(self, alert: Alert, now: datetime) -> State:
        """The state of an alert, as one word."""
        if alert.ended:
            return "ended"
        if self.suppression_of(alert, now):
            return "suppressed"
        return "acknowledged" if alert.acknowledged else "raised"
