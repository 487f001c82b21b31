"""The ladder: what a standing alert comes to as time goes by, by the force's profile; a pure function of the moment."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from alerts.inbox.entry import AnyEntry, Escalated, Reraised
from alerts.inbox.state import Alert
from facts.force import Force, LadderStep
from measures.catalogue import find
from measures.window import resolve


def due(alert: Alert, force: Force, now: datetime) -> Iterator[AnyEntry]:
    """What is due of an alert that stands and is not suppressed: entries of the log, each the same however often asked.

    Args:
        alert: as it stands.
        force: whose ladder and shifts.
        now: the wall clock.
    """
    changed = _changeover(alert, force, now)
    if changed:
        # The steps of the ladder are then due anew, on the alert as it is after the changeover.
        yield changed
        return
    for step in force.ladder:
        # A clock that was ahead may have dated its beginning: do not wait until that time comes.
        if _is_meant(step, alert) and abs(now - _since(step, alert)) >= timedelta(seconds=step.after_seconds):
            yield _escalated(step, alert, force, now)


def _changeover(alert: Alert, force: Force, now: datetime) -> Reraised | None:
    """That the shift has changed while it stood; told once a changeover, of several missed the last."""
    if not force.shifts or not (alert.raised.severity in ("critical", "warning") or _response(alert)):
        return None
    started = resolve("shift", now, force).start.astimezone(UTC)
    name = f"{alert.id}:reraised:{started.isoformat()}"
    is_told = any(each.id == name for each in alert.entries)
    if is_told or not alert.raised.began < started <= now:
        return None
    return Reraised(id=name, alert=alert.id, at=now, changeover=started)


def _is_meant(step: LadderStep, alert: Alert) -> bool:
    if step.response:
        return step.response in _response(alert)
    return step.severity == alert.raised.severity and alert.acknowledged is None


def _response(alert: Alert) -> tuple[str, ...]:
    """The responses of the incidents that wait, where it is about such."""
    measure = find(alert.raised.measure) if alert.raised.measure else None
    return tuple(measure.where.get("response", ())) if measure and measure.is_open() else ()


def _since(step: LadderStep, alert: Alert) -> datetime:
    """From when a step's time is counted: since it began; where nobody has taken it, since that was last asked for."""
    asked = alert.reraised.at if alert.reraised and not step.response else alert.raised.began
    return max(asked, alert.raised.began)


def _escalated(step: LadderStep, alert: Alert, force: Force, now: datetime) -> Escalated:
    shift = alert.reraised.changeover.isoformat() if alert.reraised else ""
    kind = step.response or step.severity
    after = f"after {step.after_seconds // 60} min" if step.after_seconds else "at once"
    return Escalated(
        id=f"{alert.id}:escalated:{kind}:{step.after_seconds}:{step.tell}:{shift}",
        alert=alert.id,
        at=now,
        tell=step.tell,
        why=f"The ladder for {_meant(step, force)}: {after}.",
    )


def _meant(step: LadderStep, force: Force) -> str:
    if step.response:
        return ", ".join(grade.name for grade in force.grades if grade.response == step.response) or step.response
    return f"{step.severity} alerts that nobody has taken"
