"""What receivers are told, and when it is tried again: a pure function of the book and the moment."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from msgspec import Struct

from alerts.inbox.entry import AnyEntry, Delivered, Ended, Entry, Escalated, Failed, Raised, Reraised
from alerts.inbox.receiver import Event, Receiver
from alerts.inbox.state import Alert, InboxState
from facts.times import has_passed

TRIED_FOR = timedelta(hours=24)
"""How long a beginning is told to a receiver that does not take it."""
_FIRST_AGAIN_SECONDS, _LONGEST_AGAIN_SECONDS = 5, 300


class Message(Struct, frozen=True, kw_only=True):
    """Something to be told to a receiver.

    Attributes:
        alert: of which alert.
        of: the entry that is told.
        receiver: to whom.
        attempt: counted from 1.
        event: what it tells.
    """

    alert: Alert
    of: AnyEntry
    receiver: Receiver
    attempt: int
    event: Event

    @property
    def key(self) -> str:
        """The same for every attempt, so that a receiver can tell that it has it already."""
        return f"{self.of.id}:{self.receiver.name}"

    def delivered(self, now: datetime) -> Delivered:
        """The entry that says that it was taken."""
        return Delivered(
            id=f"{self.key}:delivered", alert=self.alert.id, at=now,
            of=self.of.id, receiver=self.receiver.name, attempt=self.attempt,
        )  # fmt: skip

    def failed(self, reason: str, now: datetime) -> Failed:
        """The entry that says that it was not."""
        return Failed(
            id=f"{self.key}:failed:{self.attempt}", alert=self.alert.id, at=now,
            of=self.of.id, receiver=self.receiver.name, attempt=self.attempt, reason=reason,
        )  # fmt: skip


_EVENTS: dict[type[Entry], Event] = {
    Raised: "raised",
    Ended: "ended",
    Escalated: "escalated",
    Reraised: "reraised",
}


def wanted(alert: Alert, book: InboxState, receivers: Sequence[Receiver], now: datetime) -> Iterator[Message]:
    """What has not been delivered and is to be, whether or not it is time to try.

    Args:
        alert: of which.
        book: that it stands in.
        receivers: with the events that each is told.
        now: the wall clock.
    """
    if book.suppression_of(alert, alert.ended.at if alert.ended else now):
        return
    for entry in alert.entries:
        event = _EVENTS.get(type(entry))
        if event is None:
            continue
        for receiver in receivers:
            before = alert.deliveries.get((entry.id, receiver.name))
            if before and before.is_delivered:
                continue
            if event in (receiver.events or ()) and _is_for(entry, alert, receiver, now):
                attempt = before.attempts + 1 if before else 1
                yield Message(alert=alert, of=entry, receiver=receiver, attempt=attempt, event=event)


def due(alert: Alert, book: InboxState, receivers: Sequence[Receiver], now: datetime) -> Iterator[Message]:
    """What is to be told now."""
    for message in wanted(alert, book, receivers, now):
        before = alert.deliveries.get((message.of.id, message.receiver.name))
        if before is None or has_passed(before.last_at, now, pause(before.attempts)):
            yield message


def pause(attempts: int) -> timedelta:
    """How long is waited after so many failed attempts: twice as long each time, and never longer than minutes."""
    return timedelta(seconds=min(_FIRST_AGAIN_SECONDS * 2 ** min(attempts - 1, 10), _LONGEST_AGAIN_SECONDS))


def _is_for(entry: AnyEntry, alert: Alert, receiver: Receiver, now: datetime) -> bool:
    told = alert.raised
    match entry:
        case Raised():
            return _is_told_of_it(alert, receiver) and now - entry.at < TRIED_FOR
        case Ended():
            return any(
                receiver.name == name and each.is_delivered and each.last_at <= entry.at
                for (_, name), each in alert.deliveries.items()
            )
        case Reraised():
            is_last = alert.reraised is not None and entry.id == alert.reraised.id
            return is_last and alert.ended is None and _is_told_of_it(alert, receiver)
        case Escalated():
            # Whoever is told of the alert itself need not be told twice for one thing.
            knows = _is_told_of_it(alert, receiver) and entry.tell == told.who
            return alert.ended is None and receiver.reaches(entry.tell) and not knows
    return False


def _is_told_of_it(alert: Alert, receiver: Receiver) -> bool:
    told = alert.raised
    return receiver.reaches(told.who) and told.severity in receiver.severities


SIMULATED = "SIMULATED, it did not happen"


def subject(message: Message, force: str) -> str:
    """One line: how loud, what, and whose."""
    told = message.alert.raised
    words = {
        "raised": told.severity.upper(),
        "ended": "Ended",
        "escalated": f"{told.severity.upper()}, for the {getattr(message.of, 'tell', '')}",
        "reraised": f"{told.severity.upper()}, still standing at the change of shift",
    }
    feed = told.scope.get("feed") or " ".join(told.scope.get(name, "") for name in ("topic", "partition")).strip()
    return " ".join(f"{words[message.event]}: {told.title} ({', '.join(filter(None, (force, feed)))})".split())


def body(message: Message, force: str, zone: ZoneInfo, link: str) -> str:
    """What a person reads: what is wrong, since when, what to do. No id of anybody or anything, and no name."""
    alert = message.alert
    lines = [
        alert.raised.title + ".",
        f"Whose: {force or 'this system'}",
        f"Since: {_local(alert.raised.began, zone)}",
        *([f"Ended: {_local(alert.ended.ended, zone)}"] if alert.ended else []),
        *([f"Why you are told: {message.of.why}"] if isinstance(message.of, Escalated) else []),
        *([] if message.event == "ended" else [f"For: {alert.raised.who}", f"What to do: {alert.raised.what_to_do}"]),
        *(["Somebody has taken it."] if alert.acknowledged else []),
        *([f"Look, and take it: {link}"] if link else []),
    ]
    return "\n".join(lines) + "\n"


def _local(at: datetime, zone: ZoneInfo) -> str:
    return f"{at.astimezone(zone):%d %B %Y %H:%M:%S %Z}"
