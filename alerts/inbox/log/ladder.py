"""The ladder: how an active alert escalates with time, by the force's profile; a pure function of the time."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from alerts.inbox.log.entry import AnyEntry, Escalated, Reraised
from alerts.inbox.log.state import Alert
from facts.force import Force, LadderStep
from measures.catalogue import find
from measures.window import resolve


def due(alert: Alert, force: Force, now: datetime) -> Iterator[AnyEntry]:
    """The entries that are due for an alert that is active and not suppressed; the same however often this is called.

    Args:
        alert: the alert.
        force: the force whose ladder and shifts apply.
        now: the wall clock.
    """
    changeover = _changeover(alert, force, now)
    if changeover:
        # The steps of the ladder are then due again, for the alert as it is after the changeover.
        yield changeover
        return
    for step in force.ladder:
        # A clock that was ahead may have dated its start: do not wait until that time comes.
        if _applies(step, alert) and abs(now - _counted_from(step, alert)) >= timedelta(seconds=step.after_seconds):
            yield _escalated(step, alert, force, now)


def _changeover(alert: Alert, force: Force, now: datetime) -> Reraised | None:
    """The latest shift changeover during the alert, unless it is already recorded."""
    if not force.shifts or not (alert.raised.severity in ("critical", "warning") or _responses(alert)):
        return None
    started = resolve("shift", now, force).start.astimezone(UTC)
    entry_id = f"{alert.id}:reraised:{started.isoformat()}"
    is_recorded = any(each.id == entry_id for each in alert.entries)
    if is_recorded or not alert.raised.began < started <= now:
        return None
    return Reraised(id=entry_id, alert=alert.id, at=now, changeover=started)


def _applies(step: LadderStep, alert: Alert) -> bool:
    if step.response:
        return step.response in _responses(alert)
    return step.severity == alert.raised.severity and alert.acknowledged is None


def _responses(alert: Alert) -> tuple[str, ...]:
    """The responses of the open incidents that an alert is about; empty for other alerts."""
    measure = find(alert.raised.measure) if alert.raised.measure else None
    return tuple(measure.where.get("response", ())) if measure and measure.is_open() else ()


def _counted_from(step: LadderStep, alert: Alert) -> datetime:
    """The time that a step is counted from: the alert's start, or the last changeover if the step waits for an acknowledgement."""
    raised_at = alert.reraised.at if alert.reraised and not step.response else alert.raised.began
    return max(raised_at, alert.raised.began)


def _escalated(step: LadderStep, alert: Alert, force: Force, now: datetime) -> Escalated:
    shift = alert.reraised.changeover.isoformat() if alert.reraised else ""
    kind = step.response or step.severity
    return Escalated(
        id=f"{alert.id}:escalated:{kind}:{step.after_seconds}:{step.notify}:{shift}",
        alert=alert.id,
        at=now,
        notify=step.notify,
        why=_reason(step, force),
    )


def _reason(step: LadderStep, force: Force) -> str:
    if step.response:
        grades = [grade.name for grade in force.grades if grade.response == step.response]
        subject = f"{', '.join(grades) or step.response} incidents"
    elif step.after_seconds:
        return f"Nobody acknowledged this {step.severity} alert within {_duration(step.after_seconds)}."
    else:
        subject = f"{step.severity} alerts".capitalize()
    when = f"after {_duration(step.after_seconds)}" if step.after_seconds else "at once"
    return f"{subject} are escalated {when}."


def _duration(seconds: int) -> str:
    count, unit = (seconds, "second") if seconds % 60 else (seconds // 60, "minute")
    return f"{count} {unit}" if count == 1 else f"{count} {unit}s"
