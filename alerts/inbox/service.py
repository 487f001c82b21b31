"""The inbox at work: takes what engines tell, lets time do its part, and tells receivers until they have taken it."""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

from msgspec import Struct
from redis.exceptions import RedisError

from alerts.inbox import ladder, notification
from alerts.inbox.active import ActiveAlerts, Key
from alerts.inbox.data_status import DataStatus
from alerts.inbox.delivery import NotTakenError
from alerts.inbox.entry import AnyEntry, scope_of
from alerts.inbox.intake import by_name, ended, intake, raised, reconcile
from alerts.inbox.log import InboxLog
from alerts.inbox.notification import Message
from alerts.inbox.payload import Payload, PayloadAlert
from alerts.inbox.receiver import Receiver
from alerts.inbox.state import Alert, InboxState
from alerts.inhibition import is_quiet
from alerts.rule import Rule
from facts.force import Force
from facts.times import has_passed
from streams.repeated_errors import RepeatedErrors

_logger = logging.getLogger("bluelamp.inbox")
EVERY_SECONDS = 1.0
_RECONCILED_EVERY = timedelta(seconds=5)
UNHEARD = timedelta(seconds=15)
"""How long Alertmanager is given to tell of what Prometheus knows to fire."""
_AT_ONCE = 20
"""Messages to one receiver before the others get their turn with it again."""


class Duties(Struct, frozen=True, kw_only=True):
    """What an inbox works with.

    Attributes:
        rules: the table.
        forces: by name.
        force: the one that what is no force's is looked after by.
        receivers: each with the events that it is told.
        tell: tells a receiver; raises NotTakenError.
        look: at what the engine knows for sure, where its word alone is not; raises OSError when it does not answer.
        watcher: is told that data come; raises OSError.
        watched_every: how often.
        now: the wall clock.
    """

    rules: tuple[Rule, ...]
    forces: Mapping[str, Force]
    force: str
    receivers: Sequence[Receiver]
    tell: Callable[[Message], None]
    now: Callable[[], datetime]
    look: Callable[[], ActiveAlerts] | None = None
    watcher: Callable[[], None] | None = None
    watched_every: timedelta = timedelta(seconds=60)


class Service:
    """Runs an inbox on a log.

    Args:
        log: of the inbox.
        duties: what it works with.
    """

    def __init__(self, log: InboxLog, duties: Duties) -> None:
        self.log, self.duties = log, duties
        self._rules = by_name(duties.rules)
        self._busy: set[str] = set()
        self._pool = ThreadPoolExecutor(8, thread_name_prefix="deliveries")
        self._heard: dict[str, DataStatus] = {}
        self._watching = False
        self.watched_at: datetime | None = None
        """When the watcher was told last that data come."""
        self._reconciled_at = duties.now()
        self._unheard: dict[Key, datetime] = {}
        self._ticking = RepeatedErrors(
            lambda words: _logger.warning("what happens is spooled: %s", words), time.monotonic
        )
        self._hearing = RepeatedErrors(
            lambda words: _logger.warning("heartbeats are not kept: %s", words), time.monotonic
        )
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="inbox", daemon=True)

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def stop(self) -> None:
        """Stop; what is being told is told."""
        self._stop.set()
        self._thread.join(timeout=EVERY_SECONDS * 5)
        self._pool.shutdown(wait=False, cancel_futures=True)

    def take(self, payload: Payload) -> None:
        """Take what an engine tells; returns once it is kept.

        Raises:
            RedisError: it could not be kept.
        """
        now = self.duties.now()
        self._hear_heartbeat(payload.alerts, now)
        # Ends are believed, in this payload, as the engine's own records have them; asked for once, when first needed.
        truth = _Lazily(self.duties.look) if self.duties.look else _doubt if payload.external_url else None
        for each in payload.alerts:
            self.log.append(lambda book, told=each: intake([told], self._rules, book, now, truth))  # type: ignore[misc]

    def _hear_heartbeat(self, told: Iterable[PayloadAlert], now: datetime) -> None:
        for each in told:
            if each.labels.get("severity") == "heartbeat":
                self._hear(each.labels.get("force", ""), DataStatus(now, each.status == "firing"))

    def _hear(self, force: str, heard: DataStatus) -> None:
        self._heard[force] = heard
        try:
            self.log.hear(force, heard)
        except (RedisError, OSError) as error:
            # Whoever reads the list then is told that the state server refuses, or that nobody watches.
            self._hearing.add_error(error)
        else:
            self._hearing.end()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self.tick()
            except (RedisError, OSError) as error:
                self._ticking.add_error(error)
            except Exception:
                _logger.exception("the inbox's clock missed a turn")
            self._stop.wait(EVERY_SECONDS)

    def tick(self) -> None:
        """Let time do its part once."""
        now = self.duties.now()
        self._watch(now)
        self._refresh()
        self._reconcile(now)
        self.log.append(lambda book: self._due(book, now))
        self._deliver(now)

    def _refresh(self) -> None:
        try:
            self.log.refresh()
            self._ticking.end()
        except (RedisError, OSError) as error:
            if self.log.spool is None:
                raise
            self._ticking.add_error(error)

    def _reconcile(self, now: datetime) -> None:
        """Take up what Alertmanager does not tell: it forgets, it can be down, and it keeps ends of the quiet to itself."""
        if self.duties.look is None or not has_passed(self._reconciled_at, now, _RECONCILED_EVERY):
            return
        self._reconciled_at = now
        try:
            seen = self.duties.look()
        except OSError as error:
            _logger.warning("Prometheus does not answer: %s", error)
            return
        self.log.append(lambda book: reconcile(book, now, seen.stands))
        standing = self.log.look(
            lambda book: {(each.raised.rule, scope_of(each.raised.scope)) for each in book.standing()}
        )
        labels = list(seen.firing.values())
        unheard = {key for key, own in seen.firing.items() if key not in standing and not is_quiet(own, labels)}
        self._unheard = {key: min(self._unheard.get(key, now), now) for key in unheard}
        late = [key for key, since in self._unheard.items() if now - since >= UNHEARD]
        self.log.append(lambda _: [raised(self._rules[rule], dict(scope), now, now) for rule, scope in late])

    def _due(self, book: InboxState, now: datetime) -> Iterator[AnyEntry]:
        for alert in book.standing():
            if alert.raised.rule not in self._rules:
                yield ended(alert, now, now)  # nothing evaluates it any more
            elif not book.suppression_of(alert, now):
                yield from ladder.due(alert, self.force_of(alert), now)

    def force_of(self, alert: Alert) -> Force:
        """The force that an alert is of; what is no force's is looked after by the one that is meant."""
        return self.duties.forces.get(alert.raised.scope.get("force", ""), self.duties.forces[self.duties.force])

    def _deliver(self, now: datetime) -> None:
        # Chosen before the book is read: whoever is free then has written down all that it told.
        free = [each for each in self.duties.receivers if each.name not in self._busy]
        for name, messages in self.log.look(lambda book: _messages(book, free, now)).items():
            self._busy.add(name)
            self._pool.submit(self._tell, name, messages[:_AT_ONCE])

    def _tell(self, name: str, messages: Sequence[Message]) -> None:
        try:
            for message in messages:
                if not self._tell_one(message):
                    return  # a receiver that does not answer is not asked again at once for each of them
        except Exception:
            _logger.exception("telling %s failed", name)
        finally:
            self._busy.discard(name)

    def _tell_one(self, message: Message) -> bool:
        try:
            self.duties.tell(message)
        except NotTakenError as error:
            _logger.warning("%s was not told (attempt %d): %s", message.receiver.name, message.attempt, error)
            entry: AnyEntry = message.failed(str(error), self.duties.now())
        else:
            entry = message.delivered(self.duties.now())
        self.log.append(lambda _: [entry])
        return entry.id.endswith(":delivered")

    def _watch(self, now: datetime) -> None:
        """Tell the watcher that data come, for as long as the engine says so."""
        watcher, heard = self.duties.watcher, list(self._heard.values())
        if watcher is None or self._watching or not any(each.is_watched(now) for each in heard):
            return
        if self.watched_at is None or has_passed(self.watched_at, now, self.duties.watched_every):
            self._watching = True
            self._pool.submit(self._tell_watcher, watcher)

    def _tell_watcher(self, watcher: Callable[[], None]) -> None:
        try:
            watcher()
            self.watched_at = self.duties.now()
        except OSError as error:
            # Its sentence would hold the address, and an address may hold a secret.
            _logger.warning("the watcher was not told that data come (%s)", type(error).__name__)
        finally:
            self._watching = False


def _messages(book: InboxState, receivers: Sequence[Receiver], now: datetime) -> dict[str, list[Message]]:
    """What is due, by receiver."""
    found: dict[str, list[Message]] = {}
    for alert in book.recent(now - notification.TRIED_FOR):
        for message in notification.due(alert, book, receivers, now):
            found.setdefault(message.receiver.name, []).append(message)
    return found


def _doubt(_rule: str, _scope: Mapping[str, str]) -> None:
    """An Alertmanager whose Prometheus we cannot ask: it would end what it merely hears of no more."""


class _Lazily:
    """A truth that is asked for when it is first needed; nothing is sure where it cannot be had.

    Args:
        look: for it.
    """

    def __init__(self, look: Callable[[], ActiveAlerts]) -> None:
        self._look = look
        self._seen: ActiveAlerts | None = None

    def __call__(self, rule: str, scope: Mapping[str, str]) -> bool | None:
        """Whether an alert stands."""
        try:
            self._seen = self._seen or self._look()
        except OSError as error:
            _logger.warning("Prometheus does not answer: %s", error)
            return None
        return self._seen.stands(rule, scope)
