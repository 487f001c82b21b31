"""Sends the built-in engine's alerts to the inbox in Alertmanager's format, and repeats them until it accepts them."""

import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import NamedTuple, TypeVar

from alerts.engine import AlertKey, EndedAlert, RuleAlert
from alerts.inbox.log.payload import Payload, PayloadAlert, payload, payload_alert
from alerts.inhibition import is_inhibited
from alerts.prometheus import GROUP_BY
from alerts.rule import Rule
from measures.outcome import SECOND, instant

REPEAT_SECONDS = 20.0
"""How often a firing alert is sent again, so that an inbox that has lost its last second receives it, and heartbeats continue."""
_WARN_SECONDS = 30.0
_logger = logging.getLogger("bluelamp.alerts")

InboxAlerts = tuple[tuple[str, dict[str, str], int], ...]
"""The inbox's active alerts: rule, scope and start (microseconds since 1970) of each."""
Post = Callable[[Payload], InboxAlerts]
"""Posts a payload to the inbox and returns its active alerts; raises OSError if it may not have arrived."""
_Item = TypeVar("_Item")


class AlertUpdate(NamedTuple):
    """What there is to send after a step.

    Attributes:
        firing: firing alerts that are not inhibited.
        ended: ended alerts that the inbox is not known to have, with their rules.
    """

    firing: Sequence[RuleAlert]
    ended: Sequence[tuple[Rule, AlertKey, EndedAlert]]


class InboxReply(NamedTuple):
    """The inbox's replies since they were last collected.

    Attributes:
        accepted: the ended alerts that it has accepted, which need not be kept any longer.
        active: its active alerts at its last reply.
    """

    accepted: set[tuple[AlertKey, EndedAlert]]
    active: InboxAlerts


def labels_of(alert: RuleAlert) -> dict[str, str]:
    """The labels that Prometheus would give an alert."""
    return {**alert.rule.labels(), **{name: value for name, value in alert.scope.items() if value}}


def uninhibited(alerts: Iterable[RuleAlert]) -> list[RuleAlert]:
    """The firing alerts that no other alert inhibits."""
    firing = [each for each in alerts if each.state == "firing"]
    labels = [labels_of(each) for each in firing]
    return [each for each, own in zip(firing, labels, strict=True) if not is_inhibited(own, labels)]


def key_of(alert: RuleAlert) -> AlertKey:
    """The key of an alert in the engine's memory."""
    return alert.rule.name, tuple(alert.scope[name] for name in alert.rule.series.by)


def _began(rule: Rule, active_at: int) -> datetime:
    """When an alert began: once it had been bad for the rule's `for`. A restart does not change it."""
    return instant(active_at + rule.for_seconds * SECOND)


class Notifier:
    """Sends alerts from a thread of its own, so that a slow inbox does not delay the engine.

    Args:
        post: posts a payload.
        monotonic: a clock that never jumps.
    """

    def __init__(self, post: Post, monotonic: Callable[[], float]) -> None:
        self._post, self._monotonic = post, monotonic
        self._update = AlertUpdate((), ())
        self._sent_at: dict[tuple[AlertKey, int], float] = {}
        self._sent: dict[tuple[AlertKey, int], float | None] = {}
        self._highest: dict[tuple[AlertKey, int], float] = {}
        """The highest figure of each alert since the inbox last accepted one: a rise while the inbox is down must not be lost."""
        self._accepted: set[tuple[AlertKey, EndedAlert]] = set()
        self._active: InboxAlerts = ()
        self._warned_at = float("-inf")
        self._changed, self._is_stopped = threading.Condition(), False
        self._thread = threading.Thread(target=self._run, name="notifier", daemon=True)

    def start(self) -> None:
        """Start sending."""
        self._thread.start()

    def stop(self) -> None:
        """Stop sending."""
        with self._changed:
            self._is_stopped = True
            self._changed.notify()

    def submit(self, update: AlertUpdate) -> InboxReply:
        """Replace what is to be sent; returns the inbox's replies since the last call."""
        with self._changed:
            reply = InboxReply(self._accepted, self._active)
            self._accepted, self._active = set(), ()
            self._highest = _higher(self._highest, update.firing)
            ended = [each for each in update.ended if (each[1], each[2]) not in reply.accepted]
            self._update = AlertUpdate(update.firing, ended)
            self._changed.notify()
        return reply

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait()
                if self._is_stopped:
                    return
                update = self._update
            try:
                self.send(update)
            except Exception:
                _logger.exception("sending alerts to the inbox failed")

    def send(self, update: AlertUpdate) -> None:
        """Send what is due: ends first, because an alert that has ended may have begun again."""
        for group, ends in _groups(update.ended, lambda each: (each[0], _scope(each[0], each[1]))):
            if self._deliver(group, [_ended(*each) for each in ends], {(each[1], each[2]) for each in ends}):
                continue
            return
        now = self._monotonic()
        current = {_start_of(each) for each in update.firing}
        self._sent_at = {key: at for key, at in self._sent_at.items() if key in current}
        self._sent = {key: figure for key, figure in self._sent.items() if key in current}
        due = [each for each in update.firing if self._is_due(each, now)]
        for group, firing in _groups(due, lambda each: (each.rule, each.scope)):
            highest = {_start_of(each): self._highest.get(_start_of(each)) for each in firing}
            if self._deliver(group, [_firing(each, highest[_start_of(each)]) for each in firing]):
                self._sent_at |= {_start_of(each): now for each in firing}
                self._sent |= {_start_of(each): each.figure for each in firing}
                self._forget(highest)

    def _is_due(self, alert: RuleAlert, now: float) -> bool:
        """Whether to send an alert: it has a new figure whose rises are notified, or it was not sent for a while."""
        start = _start_of(alert)
        is_repeated = now - self._sent_at.get(start, float("-inf")) >= REPEAT_SECONDS
        is_new = alert.rule.rise is not None and self._highest.get(start, alert.figure) != self._sent.get(start)
        return is_repeated or is_new

    def _forget(self, highest: Mapping[tuple[AlertKey, int], float | None]) -> None:
        """Forget the highest figures that the inbox has accepted, but not those that are higher by now."""
        with self._changed:
            self._highest = {key: each for key, each in self._highest.items() if highest.get(key) != each}

    def _deliver(
        self,
        group: Mapping[str, str],
        alerts: Sequence[PayloadAlert],
        ends: Iterable[tuple[AlertKey, EndedAlert]] = (),
    ) -> bool:
        try:
            active = self._post(payload(group, alerts))
        except OSError as error:
            if self._monotonic() - self._warned_at >= _WARN_SECONDS:
                self._warned_at = self._monotonic()
                _logger.warning("the inbox does not accept alerts; sending them again until it does: %s", error)
            return False
        with self._changed:
            # Both at once, so that the active alerts are never older than the accepted ends.
            self._accepted |= set(ends)
            self._active = active
        return True


def _groups(
    items: Iterable[_Item], rule_and_scope: Callable[[_Item], tuple[Rule, Mapping[str, str]]]
) -> Iterator[tuple[dict[str, str], list[_Item]]]:
    """The items of each payload, with the labels that they share."""

    def group(item: _Item) -> tuple[tuple[str, str], ...]:
        rule, scope = rule_and_scope(item)
        labels = {**rule.labels(), **scope}
        return tuple((name, labels[name]) for name in GROUP_BY if labels.get(name))

    for labels, rows in groupby(sorted(items, key=group), key=group):
        yield dict(labels), list(rows)


def _start_of(alert: RuleAlert) -> tuple[AlertKey, int]:
    """An alert's key and start: it may end and begin again."""
    return key_of(alert), alert.active_at


def _higher(
    highest: Mapping[tuple[AlertKey, int], float], firing: Iterable[RuleAlert]
) -> dict[tuple[AlertKey, int], float]:
    """The highest figure of each firing alert so far."""
    figures = {_start_of(each): each.figure for each in firing if each.figure is not None}
    return {key: max(figure, highest.get(key, figure)) for key, figure in figures.items()}


def _firing(alert: RuleAlert, highest: float | None) -> PayloadAlert:
    began = _began(alert.rule, alert.active_at)
    return payload_alert(alert.rule, alert.scope, began, figure=alert.figure, highest=highest)


def _ended(rule: Rule, key: AlertKey, end: EndedAlert) -> PayloadAlert:
    return payload_alert(rule, _scope(rule, key), _began(rule, end.active_at), instant(end.ended))


def _scope(rule: Rule, key: AlertKey) -> dict[str, str]:
    return dict(zip(rule.series.by, key[1], strict=True))
