"""The inbox at work: records what engines report, escalates with time, and notifies receivers until they accept."""

import logging
import math
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime, timedelta

from msgspec import Struct
from redis.exceptions import RedisError

from alerts.inbox.active import ActiveAlerts, Key
from alerts.inbox.delivery import notification
from alerts.inbox.delivery.notification import Message
from alerts.inbox.delivery.receiver import Receiver
from alerts.inbox.delivery.send import DeliveryError
from alerts.inbox.log import ladder
from alerts.inbox.log.data_status import DataStatus
from alerts.inbox.log.entry import AnyEntry, scope_of
from alerts.inbox.log.intake import ActiveCheck, by_name, ended, intake, raised, reconcile, rises
from alerts.inbox.log.lease import Lease
from alerts.inbox.log.payload import Payload, PayloadAlert
from alerts.inbox.log.state import Alert, InboxState
from alerts.inbox.log.stream import InboxLog
from alerts.inhibition import is_inhibited
from alerts.rule import Rule
from facts.force import Force
from facts.times import has_passed
from producers import tracing
from streams.repeated_errors import RepeatedErrors

_logger = logging.getLogger("bluelamp.inbox")
TICK_SECONDS = 1.0
_RECONCILE_EVERY = timedelta(seconds=5)
MISSING_AFTER = timedelta(seconds=15)
"""How long Alertmanager may take to report an alert that fires in Prometheus."""
_NAMED = {"force", "feed", "system", "detainee"}
"""Scope labels that are never empty: an alert that lacks one of its rule's was raised by an earlier rule table."""
_TRACED_MOST = 1_000
"""For how many entries the span is remembered until people are notified of them."""
_MESSAGES_PER_TURN = 20
"""How many messages a receiver gets in one turn, so that one receiver cannot occupy the threads."""


class Dependencies(Struct, frozen=True, kw_only=True):
    """What an inbox works with.

    Attributes:
        rules: the rule table.
        forces: the profiles, by name.
        force: the force that deals with alerts that belong to no force.
        receivers: each with the events that it is notified of.
        send: sends a message; raises DeliveryError.
        now: the wall clock.
        load_active: asks Prometheus which alerts are active; raises OSError if it does not answer. None with the built-in engine.
        ping_watcher: reports to the external watcher that data arrive; raises OSError.
        ping_every: how often.
        lease: decides whether this inbox works, if several run; None if it is the only one.
    """

    rules: tuple[Rule, ...]
    forces: Mapping[str, Force]
    force: str
    receivers: Sequence[Receiver]
    send: Callable[[Message], None]
    now: Callable[[], datetime]
    load_active: Callable[[], ActiveAlerts] | None = None
    ping_watcher: Callable[[], None] | None = None
    ping_every: timedelta = timedelta(seconds=60)
    lease: Lease | None = None


class Service:
    """Runs an inbox on a log.

    Args:
        log: the inbox's log.
        dependencies: what it works with.
    """

    def __init__(self, log: InboxLog, dependencies: Dependencies) -> None:
        self.log, self._dependencies = log, dependencies
        self._rules = by_name(dependencies.rules)
        self._busy: set[str] = set()
        self._pool = ThreadPoolExecutor(8, thread_name_prefix="deliveries")
        self._data_status: dict[str, DataStatus] = {}
        self._is_pinging = False
        self._traced: dict[str, str] = {}
        self.is_working = False
        """Whether this inbox escalates and notifies. If not, another inbox does, and this one only records what engines report."""
        self.pinged_at: datetime | None = None
        """When the external watcher was last pinged."""
        self._reconciled_at = dependencies.now()
        self._missing_since: dict[Key, datetime] = {}
        self._spooling = RepeatedErrors(
            lambda reason: _logger.warning("entries are spooled: %s", reason), time.monotonic
        )
        self._not_saved = RepeatedErrors(
            lambda reason: _logger.warning("heartbeats cannot be saved: %s", reason), time.monotonic
        )
        self._elsewhere = RepeatedErrors(_logger.warning, time.monotonic)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="inbox", daemon=True)

    def start(self) -> None:
        """Start working."""
        self._thread.start()

    def stop(self) -> None:
        """Stop, without waiting for messages that are being sent."""
        self._stop.set()
        self._thread.join(timeout=TICK_SECONDS * 5)
        self._pool.shutdown(wait=False, cancel_futures=True)
        lease = self._dependencies.lease
        if lease and self.is_working:
            with suppress(RedisError, OSError):  # otherwise the lease expires by itself
                lease.release()

    def accept(self, payload: Payload) -> None:
        """Record an engine's payload; returns once it is stored.

        Raises:
            RedisError: it could not be stored.
        """
        now = self._dependencies.now()
        self._record_heartbeats(payload.alerts, now)
        is_active = self._active_check(payload)
        for each in payload.alerts:
            for entry in self.log.append(self._intake_of(each, now, is_active)):
                self._note_trace(entry)

    def _note_trace(self, entry: AnyEntry) -> None:
        """Remember the span in which an entry was recorded; its notification continues that span."""
        if tracing.is_on():
            self._traced[entry.id] = tracing.carried()
            while len(self._traced) > _TRACED_MOST:
                self._traced.pop(next(iter(self._traced)))

    def _active_check(self, payload: Payload) -> ActiveCheck | None:
        """What confirms the ends in a payload: Prometheus; nothing for the built-in engine, whose ends are certain."""
        if self._dependencies.load_active:
            return _LazyCheck(self._dependencies.load_active, self._elsewhere)
        return _unknown if payload.external_url else None

    def _intake_of(
        self, alert: PayloadAlert, now: datetime, is_active: ActiveCheck | None
    ) -> Callable[[InboxState], Iterator[AnyEntry]]:
        return lambda state: intake([alert], self._rules, state, now, is_active)

    def _record_heartbeats(self, alerts: Iterable[PayloadAlert], now: datetime) -> None:
        for each in alerts:
            if each.labels.get("severity") == "heartbeat":
                self._save_data_status(each.labels.get("force", ""), DataStatus(now, each.status == "firing"))

    def _save_data_status(self, force: str, status: DataStatus) -> None:
        self._data_status[force] = status
        try:
            self.log.save_data_status(force, status)
        except (RedisError, OSError) as error:
            # Readers of the list then see that the state server refuses writes, or that nothing monitors.
            self._not_saved.add_error(error)
        else:
            self._not_saved.end()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self.tick()
            except (RedisError, OSError) as error:
                self._spooling.add_error(error)
            except Exception:
                _logger.exception("a tick of the inbox failed")
            self._stop.wait(TICK_SECONDS)

    def tick(self) -> None:
        """Do everything that is due now."""
        now = self._dependencies.now()
        self._note_working(is_working=self._has_lease())
        if not self.is_working:
            self._refresh()
            return
        self._ping_if_due(now)
        self._refresh()
        self._reconcile(now)
        self.log.append(lambda state: self._due(state, now))
        self._deliver(now)

    def _has_lease(self) -> bool:
        """Whether this inbox works.

        While the state server does not answer, nobody can take the lease. The inbox that had it continues, and an inbox to which an
        engine reports meanwhile also works. So people are always notified, perhaps twice, with the same key.
        """
        lease = self._dependencies.lease
        try:
            return lease is None or lease.claim()
        except (RedisError, OSError):
            return self.is_working or bool(self.log.spool and self.log.spool.entries)

    def _note_working(self, *, is_working: bool) -> None:
        if self._dependencies.lease and is_working != self.is_working:
            _logger.warning("this inbox %s", "works now" if is_working else "waits: another one works")
        self.is_working = is_working

    def _refresh(self) -> None:
        try:
            self.log.refresh()
            self._spooling.end()
        except (RedisError, OSError) as error:
            if self.log.spool is None:
                raise
            self._spooling.add_error(error)

    def _reconcile(self, now: datetime) -> None:
        """Record what Alertmanager does not report: it forgets alerts, it can be down, and it hides the ends of inhibited alerts."""
        if self._dependencies.load_active is None or not has_passed(self._reconciled_at, now, _RECONCILE_EVERY):
            return
        self._reconciled_at = now
        try:
            prometheus = self._dependencies.load_active()
        except OSError as error:
            self._elsewhere.add("prometheus", f"Prometheus does not answer: {error}")
            return
        self.log.append(lambda state: reconcile(state, now, prometheus.is_active))
        overdue = self._overdue(prometheus, now)
        self.log.append(
            lambda _: [
                raised(self._rules[rule], dict(scope), now, now, prometheus.figures.get((rule, scope)))
                for rule, scope in overdue
            ]
        )
        self.log.append(lambda state: self._rises(state, prometheus.figures, now))

    def _rises(self, state: InboxState, figures: Mapping[Key, float], now: datetime) -> Iterator[AnyEntry]:
        """The entries for the figures that Prometheus evaluates: Alertmanager does not send them."""
        for alert in state.active_alerts():
            rule, figure = (
                self._rules.get(alert.raised.rule),
                figures.get((alert.raised.rule, scope_of(alert.raised.scope))),
            )
            if rule and figure is not None and math.isfinite(figure):
                yield from rises([alert], rule, figure, figure, now)

    def _overdue(self, prometheus: ActiveAlerts, now: datetime) -> list[Key]:
        """Firing alerts that Alertmanager should have reported by now."""
        recorded = self.log.read_state(
            lambda state: {(each.raised.rule, scope_of(each.raised.scope)) for each in state.active_alerts()}
        )
        firing = list(prometheus.firing.values())
        missing = {
            key for key, labels in prometheus.firing.items() if key not in recorded and not is_inhibited(labels, firing)
        }
        self._missing_since = {key: min(self._missing_since.get(key, now), now) for key in missing}
        return [key for key, since in self._missing_since.items() if now - since >= MISSING_AFTER]

    def _due(self, state: InboxState, now: datetime) -> Iterator[AnyEntry]:
        for alert in state.active_alerts():
            if not self._is_evaluated(alert):
                yield ended(alert, now, now)
            elif not state.suppression_of(alert, now):
                yield from ladder.due(alert, self._force_of(alert), now)

    def _is_evaluated(self, alert: Alert) -> bool:
        """Whether the rule table still evaluates an alert: a rule may have been removed, or have other scope labels."""
        rule = self._rules.get(alert.raised.rule)
        return rule is not None and set(rule.series.by) >= alert.raised.scope.keys() >= set(rule.series.by) & _NAMED

    def _force_of(self, alert: Alert) -> Force:
        """The force that deals with an alert: its own, or the configured one for alerts that belong to no force."""
        return self._dependencies.forces.get(
            alert.raised.scope.get("force", ""), self._dependencies.forces[self._dependencies.force]
        )

    def _deliver(self, now: datetime) -> None:
        # Chosen before the state is read, because a receiver that is free has recorded everything it has sent.
        free = [each for each in self._dependencies.receivers if each.name not in self._busy]
        for receiver, messages in self.log.read_state(lambda state: _messages(state, free, now)).items():
            self._busy.add(receiver)
            self._pool.submit(self._send_all, receiver, messages[:_MESSAGES_PER_TURN])

    def _send_all(self, receiver: str, messages: Sequence[Message]) -> None:
        try:
            for message in messages:
                if not self._send(message):
                    return  # a receiver that does not answer is not tried again at once for every other message
        except Exception:
            _logger.exception("notifying %s failed", receiver)
        finally:
            self._busy.discard(receiver)

    def _send(self, message: Message) -> bool:
        before = filter(None, [self._traced.get(message.entry.id)])
        try:
            with tracing.span("notify", before, {"receiver": message.receiver.name, "attempt": message.attempt}):
                self._dependencies.send(message)
        except DeliveryError as error:
            name = message.receiver.name
            self._elsewhere.add(name, f"{name} was not notified (attempt {message.attempt}): {error}")
            entry: AnyEntry = message.failed(str(error), self._dependencies.now())
        else:
            entry = message.delivered(self._dependencies.now())
        self.log.append(lambda _: [entry])
        return entry.id.endswith(":delivered")

    def _ping_if_due(self, now: datetime) -> None:
        """Ping the external watcher for as long as an engine reports that data arrive."""
        ping = self._dependencies.ping_watcher
        if ping is None or self._is_pinging or not any(each.is_monitored(now) for each in self._statuses()):
            return
        if self.pinged_at is None or has_passed(self.pinged_at, now, self._dependencies.ping_every):
            self._is_pinging = True
            self._pool.submit(self._ping, ping)

    def _statuses(self) -> list[DataStatus]:
        """What engines last reported to this inbox and, if several run, to the others."""
        own = list(self._data_status.values())
        if self._dependencies.lease is None:
            return own
        with suppress(RedisError, OSError):
            own += self.log.data_status().values()
        return own

    def _ping(self, ping: Callable[[], None]) -> None:
        try:
            ping()
            self.pinged_at = self._dependencies.now()
        except OSError as error:
            # The error's text would contain the address, and an address may contain a secret.
            words = f"the external watcher could not be reached ({type(error).__name__})"
            self._elsewhere.add("watcher", words)
        finally:
            self._is_pinging = False


def _messages(state: InboxState, receivers: Sequence[Receiver], now: datetime) -> dict[str, list[Message]]:
    """The messages that are due, by receiver."""
    messages: dict[str, list[Message]] = {}
    for alert in state.recent_alerts(now - notification.RETRIED_FOR):
        for message in notification.due(alert, state, receivers, now):
            messages.setdefault(message.receiver.name, []).append(message)
    return messages


def _unknown(_rule: str, _scope: Mapping[str, str]) -> None:
    """The check if Prometheus is not configured: Alertmanager alone may report an alert as resolved because it lost it."""


class _LazyCheck:
    """Asks Prometheus which alerts are active when that is first needed; if it does not answer, that is unknown.

    Args:
        load_active: asks Prometheus.
        errors: logs that it does not answer.
    """

    def __init__(self, load_active: Callable[[], ActiveAlerts], errors: RepeatedErrors) -> None:
        self._load_active, self._errors = load_active, errors
        self._active: ActiveAlerts | None = None

    def __call__(self, rule: str, scope: Mapping[str, str]) -> bool | None:
        """Whether an alert is active."""
        try:
            self._active = self._active or self._load_active()
        except OSError as error:
            self._errors.add("prometheus", f"Prometheus does not answer: {error}")
            return None
        return self._active.is_active(rule, scope)
