"""The book: what stands, as the fold of the log's entries; their order and their repetition change nothing."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Literal

from msgspec import Struct, field
from msgspec.structs import replace

from alerts.inbox.entry import (
    Acknowledged,
    AnyEntry,
    Assigned,
    Delivered,
    Ended,
    Entry,
    Escalated,
    Failed,
    Raised,
    Reraised,
    Suppressed,
    Unsuppressed,
    scope_of,
)

_JUST_AFTER = timedelta(microseconds=1)
State = Literal["raised", "acknowledged", "suppressed", "ended"]


class Delivery(Struct, frozen=True):
    """How telling one receiver of one entry stands.

    Attributes:
        attempts: how often it was tried.
        last_at: the last time.
        is_delivered: it was taken.
        reason: why it was not, the last time.
    """

    attempts: int
    last_at: datetime
    is_delivered: bool
    reason: str = ""


class Alert(Struct, frozen=True, kw_only=True):
    """An alert as its entries make it.

    Attributes:
        raised: how it began.
        ended: how it ended; None while it stands.
        acknowledged: who has taken it; none before that, after a changeover, and once it has ended.
        owner: who sees to it; likewise.
        escalations: the steps of the ladder that were reached.
        reraised: the last changeover at which it was told again.
        deliveries: by entry and receiver.
        entries: all of them, oldest first.
    """

    raised: Raised
    ended: Ended | None = None
    acknowledged: Acknowledged | None = None
    owner: str = ""
    escalations: tuple[Escalated, ...] = ()
    reraised: Reraised | None = None
    deliveries: dict[tuple[str, str], Delivery] = field(default_factory=dict)
    entries: tuple[AnyEntry, ...] = ()

    @property
    def id(self) -> str:
        """Its id."""
        return self.raised.alert


class Suppression(Struct, frozen=True):
    """Planned work as its entries make it.

    Attributes:
        told: what was said.
        lifted: who ended it before its time.
    """

    told: Suppressed
    lifted: Unsuppressed | None = None

    def holds(self, alert: Alert, now: datetime) -> bool:
        """Whether nobody is told of an alert because of it."""
        told, words = self.told, alert.raised.scope
        is_meant = told.rule == alert.raised.rule and all(words.get(name) == word for name, word in told.scope.items())
        return is_meant and self.is_in_force(now)

    def is_in_force(self, now: datetime) -> bool:
        """Whether it has neither been lifted nor run out."""
        return self.lifted is None and self.told.at <= now < self.told.until


def fold_alert(entries: Iterable[AnyEntry]) -> Alert | None:
    """An alert from its entries, in whatever order; None while it is not known how it began."""
    ordered = sorted({each.id: each for each in entries}.values(), key=_order)
    raised = next((each for each in ordered if isinstance(each, Raised)), None)
    if raised is None:
        return None
    alert = Alert(raised=raised, entries=tuple(ordered))
    for each in ordered:
        alert = _after(alert, each)
    return alert


def _order(entry: Entry) -> tuple[datetime, int, str]:
    """By time; at one instant the beginning comes first, and the end last."""
    return entry.at, 0 if isinstance(entry, Raised) else 2 if isinstance(entry, Ended) else 1, entry.id


def _after(alert: Alert, entry: AnyEntry) -> Alert:
    match entry:
        case Delivered() | Failed():
            return replace(alert, deliveries={**alert.deliveries, **_delivery(alert, entry)})
        case Ended() if alert.ended is None:
            return replace(alert, ended=entry, acknowledged=None, owner="")
    # An action that comes in after the end is history: nothing may outlive the alert.
    return alert if alert.ended else _while_it_stands(alert, entry)


def _while_it_stands(alert: Alert, entry: AnyEntry) -> Alert:
    match entry:
        case Acknowledged():
            return replace(alert, acknowledged=entry, owner=alert.owner or entry.by)
        case Assigned():
            return replace(alert, owner=entry.to)
        case Escalated():
            return replace(alert, escalations=(*alert.escalations, entry))
        case Reraised():
            return replace(alert, reraised=entry, acknowledged=None, owner="")
    return alert


def _delivery(alert: Alert, entry: Delivered | Failed) -> dict[tuple[str, str], Delivery]:
    key = entry.of, entry.receiver
    before = alert.deliveries.get(key)
    # The latest attempt counts, whatever date a clock that was ahead gave to an earlier one.
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
        self._lately: set[str] = set()
        self._open: dict[tuple[str, tuple[tuple[str, str], ...]], set[str]] = {}
        self._ends: dict[tuple[str, tuple[tuple[str, str], ...]], dict[str, datetime]] = {}
        self._since = datetime.min.replace(tzinfo=UTC)

    def __contains__(self, entry: AnyEntry) -> bool:
        return entry.id in self._entries.get(entry.alert, ())

    def add(self, entries: Iterable[AnyEntry]) -> set[str]:
        """Take entries up; answers with what they changed: ids of alerts and suppressions."""
        new = [each for each in entries if each not in self]
        for each in new:
            self._entries.setdefault(each.alert, {})[each.id] = each
        touched = {each.alert for each in new}
        for name in touched:
            self._fold(name)
        return touched

    def _fold(self, name: str) -> None:
        entries = self._entries[name]
        told = next((each for each in entries.values() if isinstance(each, Suppressed)), None)
        if told:
            lifted = [each for each in entries.values() if isinstance(each, Unsuppressed)]
            self.suppressions[name] = Suppression(told, min(lifted, key=_order, default=None))
        alert = fold_alert(entries.values())
        if alert:
            self.alerts[name] = alert
            self._lately.add(name)
            self._index(alert)

    def _index(self, alert: Alert) -> None:
        key = alert.raised.rule, scope_of(alert.raised.scope)
        standing = self._open.setdefault(key, set())
        if alert.ended is None:
            standing.add(alert.id)
            return
        standing.discard(alert.id)
        self._ends.setdefault(key, {})[alert.id] = alert.ended.ended

    def standing(self) -> list[Alert]:
        """Every alert that has not ended."""
        return [self.alerts[name] for names in self._open.values() for name in names]

    def recent(self, since: datetime) -> list[Alert]:
        """Those that stand, and those that ended since an instant."""
        if since < self._since:  # a clock was set back
            self._lately = set(self.alerts)
        self._since = since
        self._lately = {name for name in self._lately if self._is_recent(self.alerts[name], since)}
        return [self.alerts[name] for name in self._lately]

    @staticmethod
    def _is_recent(alert: Alert, since: datetime) -> bool:
        return alert.ended is None or alert.ended.at >= since

    def standing_of(self, rule: str, scope: Mapping[str, str]) -> list[Alert]:
        """The alert of a rule and scope that stands: one, or none."""
        return [self.alerts[name] for name in self._open.get((rule, scope_of(scope)), ())]

    def ends(self, rule: str, scope: Mapping[str, str]) -> Iterable[datetime]:
        """When the alerts of a rule and scope ended, by the engine's clock."""
        return self._ends.get((rule, scope_of(scope)), {}).values()

    def following(self, entry: AnyEntry) -> AnyEntry:
        """An entry to be added, dated after the ones before it: they would undo it if the clock was set back in between."""
        alert = self.alerts.get(entry.alert)
        if alert is None or isinstance(entry, Delivered | Failed):
            return entry
        last = max(each.at for each in alert.entries if not isinstance(each, Delivered | Failed))
        return replace(entry, at=last + _JUST_AFTER) if entry.at < last else entry

    def suppression_of(self, alert: Alert, now: datetime) -> Suppression | None:
        """The planned work because of which nobody is told of an alert; of several the one that lasts longest."""
        holding = [each for each in self.suppressions.values() if each.holds(alert, now)]
        return max(holding, key=lambda each: each.told.until, default=None)

    def state_of(self, alert: Alert, now: datetime) -> State:
        """The one word for how an alert stands."""
        if alert.ended:
            return "ended"
        if self.suppression_of(alert, now):
            return "suppressed"
        return "acknowledged" if alert.acknowledged else "raised"
