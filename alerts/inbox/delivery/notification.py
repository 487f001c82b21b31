"""The notifications that are due, their texts, and when they are tried again: pure functions of the state and the time."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from msgspec import Struct

from alerts.inbox.delivery.receiver import Event, Receiver
from alerts.inbox.figure import AlertFigure, number_words
from alerts.inbox.log import rise
from alerts.inbox.log.entry import (
    BLUE_LAMP,
    AnyEntry,
    Assigned,
    Delivered,
    Ended,
    Entry,
    Escalated,
    Failed,
    Raised,
    Reraised,
    Rose,
)
from alerts.inbox.log.situation import situation_of
from alerts.inbox.log.state import Alert, InboxState
from alerts.inbox.log.steps import is_higher, other_steps
from facts.times import has_passed

RETRIED_FOR = timedelta(hours=24)
"""How long Blue Lamp retries to notify a receiver of a new alert."""
_FIRST_RETRY_SECONDS, _LONGEST_RETRY_SECONDS = 5, 300


class Message(Struct, frozen=True, kw_only=True):
    """A notification to send to a receiver.

    Attributes:
        alert: the alert that it is about.
        entry: the entry that it reports.
        receiver: who is notified.
        attempt: the number of the attempt, from 1.
        event: the kind of notification.
        still_active: the titles of other steps of the same situation that are still active after this one has ended.
    """

    alert: Alert
    entry: AnyEntry
    receiver: Receiver
    attempt: int
    event: Event
    still_active: tuple[str, ...] = ()

    @property
    def situation(self) -> str:
        """The same for every alert that is about the same situation, so that a receiver can put them together."""
        return situation_of(self.alert.raised)

    @property
    def key(self) -> str:
        """The same for every attempt, so that a receiver can recognise a duplicate."""
        return f"{self.entry.id}:{self.receiver.name}"

    def delivered(self, now: datetime) -> Delivered:
        """The entry that records that it was accepted."""
        return Delivered(
            id=f"{self.key}:delivered", alert=self.alert.id, at=now,
            of=self.entry.id, receiver=self.receiver.name, attempt=self.attempt,
        )  # fmt: skip

    def failed(self, reason: str, now: datetime) -> Failed:
        """The entry that records that it was not accepted."""
        return Failed(
            id=f"{self.key}:failed:{self.attempt}", alert=self.alert.id, at=now,
            of=self.entry.id, receiver=self.receiver.name, attempt=self.attempt, reason=reason,
        )  # fmt: skip


_EVENTS: dict[type[Entry], Event] = {
    Raised: "raised",
    Ended: "ended",
    Escalated: "escalated",
    Reraised: "reraised",
    Rose: "rose",
    Assigned: "assigned",
}


def undelivered(alert: Alert, state: InboxState, receivers: Sequence[Receiver], now: datetime) -> Iterator[Message]:
    """The messages that still have to be delivered, whether or not the next attempt is due.

    Args:
        alert: the alert.
        state: the state that it belongs to.
        receivers: each with the events that it is notified of.
        now: the wall clock.
    """
    if state.suppression_of(alert, alert.ended.at if alert.ended else now):
        return
    force = alert.raised.scope.get("force", "")
    receivers = [each for each in receivers if each.is_for_force(force)]
    for entry in alert.entries:
        event = _EVENTS.get(type(entry))
        if event is None:
            continue
        for receiver in receivers:
            before = alert.deliveries.get((entry.id, receiver.name))
            if before and before.is_delivered:
                continue
            if (
                event in (receiver.events or ())
                and _is_for(entry, alert, receiver, now)
                and not _is_in_a_higher_step(entry, alert, receiver, state)
            ):
                attempt = before.attempts + 1 if before else 1
                still = tuple(each.raised.title for each in other_steps(alert, state, now)) if event == "ended" else ()
                yield Message(
                    alert=alert, entry=entry, receiver=receiver, attempt=attempt, event=event, still_active=still
                )


def _is_in_a_higher_step(entry: AnyEntry, alert: Alert, receiver: Receiver, state: InboxState) -> bool:
    """Whether the receiver is notified of a higher step of the same situation instead; what a person did is always sent.

    What the higher step does later changes nothing, except that a start is sent after all if its alert outlasts the higher step.
    """
    if isinstance(entry, Assigned) or entry.by != BLUE_LAMP:
        return False
    higher = [
        each for each in other_steps(alert, state, entry.at) if is_higher(each, alert) and _covers(receiver, each)
    ]
    if isinstance(entry, Raised):
        return any(not _outlasts(alert, each) for each in higher)
    if isinstance(entry, Escalated):
        return any(step.notify == entry.notify and step.at <= entry.at for each in higher for step in each.escalations)
    return bool(higher)


def _outlasts(alert: Alert, step: Alert) -> bool:
    return step.ended is not None and (alert.ended is None or alert.ended.at > step.ended.at)


def due(alert: Alert, state: InboxState, receivers: Sequence[Receiver], now: datetime) -> Iterator[Message]:
    """The messages to send now."""
    for message in undelivered(alert, state, receivers, now):
        before = alert.deliveries.get((message.entry.id, message.receiver.name))
        if before is None or has_passed(before.last_at, now, pause(before.attempts)):
            yield message


def pause(attempts: int) -> timedelta:
    """How long to wait after a number of failed attempts: twice as long each time, up to 5 minutes."""
    return timedelta(seconds=min(_FIRST_RETRY_SECONDS * 2 ** min(attempts - 1, 10), _LONGEST_RETRY_SECONDS))


def _is_for(entry: AnyEntry, alert: Alert, receiver: Receiver, now: datetime) -> bool:
    match entry:
        case Raised():
            return _covers(receiver, alert) and now - entry.at < RETRIED_FOR
        case Ended():
            return any(
                receiver.name == name and each.is_delivered and each.last_at <= entry.at
                for (_, name), each in alert.deliveries.items()
            )
    return alert.ended is None and _is_while_active(entry, alert, receiver, now)


def _is_while_active(entry: AnyEntry, alert: Alert, receiver: Receiver, now: datetime) -> bool:
    match entry:
        case Reraised():
            return alert.reraised is not None and entry.id == alert.reraised.id and _covers(receiver, alert)
        case Escalated():
            # The ladder does not notify again a post that was notified of the alert itself; a person does.
            is_notified = entry.by == BLUE_LAMP and _covers(receiver, alert) and entry.notify == alert.raised.who
            return receiver.reaches(entry.notify) and not is_notified
        case Rose():
            return entry.id == _last_rise(alert, now) and _follows(receiver, alert)
        case Assigned():
            return entry.to != entry.by and receiver.reaches(entry.to)
    return False


def _last_rise(alert: Alert, now: datetime) -> str:
    """The ID of the last rise that is due: it includes the earlier ones."""
    rises = [each for each in alert.entries if isinstance(each, Rose) and rise.is_due(each, now)]
    return rises[-1].id if rises else ""


def _follows(receiver: Receiver, alert: Alert) -> bool:
    """Whether a receiver is notified of an alert, or it was escalated to the receiver."""
    return _covers(receiver, alert) or any(receiver.reaches(each.notify) for each in alert.escalations)


def _covers(receiver: Receiver, alert: Alert) -> bool:
    """Whether a receiver is notified of an alert."""
    return receiver.reaches(alert.raised.who) and alert.raised.severity in receiver.severities


SIMULATED = "SIMULATED: not real"


def subject(message: Message, force: str, figure: AlertFigure | None = None) -> str:
    """The subject line: severity, what is wrong, and where."""
    raised = message.alert.raised
    severity = raised.severity.upper()
    prefixes = {
        "raised": severity,
        "ended": "ENDED, but a related alert is still active" if message.still_active else "ENDED",
        "escalated": f"{severity}, escalated to {getattr(message.entry, 'notify', '')}",
        "reraised": f"{severity}, still active at shift changeover",
        "rose": f"{severity}, {change(message, figure)}",
        "assigned": f"{severity}, assigned to {getattr(message.entry, 'to', '')}",
    }
    feed = (
        raised.scope.get("feed")
        or raised.scope.get("system")
        or " ".join(raised.scope.get(name, "") for name in ("topic", "partition")).strip()
    )
    where = ", ".join(filter(None, (force or "Blue Lamp", feed)))
    return " ".join(f"{prefixes[message.event]}: {raised.title} ({where})".split())


def change(message: Message, figure: AlertFigure | None = None) -> str:
    """What changed: the rise of the figure, and its value now if that has changed since; empty for other events."""
    entry = message.entry
    if not isinstance(entry, Rose):
        return ""
    before, after = (number_words(each, message.alert.raised.measure) for each in (entry.before, entry.figure))
    if figure is None or figure.value in (None, entry.figure):
        return f"was {before}, now {after}"
    return f"was {before}, rose to {after}, now {figure.words}"


def body(
    message: Message, force: str, zone: ZoneInfo, link: str, figure: AlertFigure | None = None, runbook: str = ""
) -> str:
    """The text: what is wrong, what changed, since when, and what to do. It contains no ID of a person or incident, and no name."""
    alert = message.alert
    scope = ", ".join(f"{name} {alert.raised.scope[name]}" for name in _SHOWN if alert.raised.scope.get(name))
    lines = [
        alert.raised.title + ".",
        *(
            [f"What changed: {change(message, figure)} (rose at {_local(message.entry.at, zone)})"]
            if change(message)
            else []
        ),
        *([f"Figure: {figure.words} (threshold: {figure.limit_words})"] if figure else []),
        f"Force: {force}" if force else "About: Blue Lamp itself",
        *([f"Scope: {scope}"] if scope else []),
        f"Started: {_local(alert.raised.began, zone)}",
        *([f"Ended: {_local(alert.ended.ended, zone)}"] if alert.ended else []),
        *(f"Still active: {title}." for title in message.still_active),
        *_reason(message.entry),
        *([] if message.event == "ended" else _instructions(alert, runbook)),
        *([f"{'View' if alert.ended else 'View and acknowledge'}: {link}"] if link else []),
    ]
    return "\n".join(lines) + "\n"


_SHOWN = ("feed", "system", "suite", "topic", "partition")
"""The scope labels that a text may contain: the others could identify somebody."""


def _reason(entry: AnyEntry) -> list[str]:
    match entry:
        case Escalated():
            return [f"Why you are notified: {entry.why}"]
        case Assigned():
            return [f"Why you are notified: {entry.by} assigned it to {entry.to}."]
    return []


def _instructions(alert: Alert, runbook: str) -> list[str]:
    return [
        f"Responsible: {alert.raised.who}",
        f"What to do: {alert.raised.what_to_do}",
        *([f"Runbook: {runbook}"] if runbook else []),
        *(["Somebody has acknowledged it."] if alert.acknowledged else []),
    ]


def _local(at: datetime, zone: ZoneInfo) -> str:
    return f"{at.astimezone(zone):%d %B %Y %H:%M:%S %Z}"
