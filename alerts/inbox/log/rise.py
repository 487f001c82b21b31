"""Whether a figure that was sent for an active alert has risen: pure functions of the alert, the rule and the time."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from alerts.inbox.log.entry import AnyEntry, Measured, Rose
from alerts.inbox.log.state import Alert
from alerts.rule import Rise
from facts.times import has_passed


def entries(alert: Alert, rise: Rise, figure: float, highest: float, now: datetime) -> Iterator[AnyEntry]:
    """The entry for a figure, if it has risen or fallen.

    A rise is recorded when it is seen, so that none is lost; it is notified at once, or when `rise.every_seconds` have passed since
    the last notification. Until then, falls are not recorded, so that a figure that flaps adds few entries.

    Args:
        alert: the active alert.
        rise: by how much its figure must rise, and how often people are notified.
        figure: the figure now.
        highest: its highest value since the last one that was recorded.
        now: the wall clock.
    """
    pending = alert.rose if alert.rose and not is_due(alert.rose, now) else None
    if alert.figure is None:
        yield _measured(alert, figure, now)
    elif highest >= alert.figure + rise.step:
        at = pending.notify_at if pending else _earliest(alert, rise, now)
        before = pending.before if pending else alert.figure
        yield Rose(
            id=f"{alert.id}:rose:{at.isoformat()}:{highest:g}",
            alert=alert.id, at=now, before=before, figure=highest, notify_at=at,
        )  # fmt: skip
    elif figure < alert.figure and not pending:
        yield _measured(alert, figure, now)


def is_due(rose: Rose, now: datetime) -> bool:
    """Whether it is time to notify people of a rise."""
    return has_passed(rose.at, now, rose.notify_at - rose.at)


def _earliest(alert: Alert, rise: Rise, now: datetime) -> datetime:
    last, span = alert.rose.notify_at if alert.rose else alert.raised.at, timedelta(seconds=rise.every_seconds)
    return now if has_passed(last, now, span) else last + span


def _measured(alert: Alert, figure: float, now: datetime) -> Measured:
    return Measured(id=f"{alert.id}:measured:{now.isoformat()}", alert=alert.id, at=now, figure=figure)
