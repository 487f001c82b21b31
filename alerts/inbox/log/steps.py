"""The steps of one situation, such as one Grade 1 incident and eight or more: which were active, and which is higher."""

from datetime import datetime

from alerts.inbox.log.situation import situation_of
from alerts.inbox.log.state import Alert, InboxState

SEVERITY_ORDER = {"critical": 0, "warning": 1, "info": 2, "heartbeat": 3}
"""The most severe first."""


def other_steps(alert: Alert, state: InboxState, at: datetime) -> list[Alert]:
    """The other alerts of the same situation that were active at a time and not in planned work, the highest first."""
    others = (each for each in state.alerts_of(situation_of(alert.raised)) if each.id != alert.id)
    active = [each for each in others if _was_active(each, at) and not state.suppression_of(each, at)]
    return sorted(active, key=_rank)


def is_higher(step: Alert, alert: Alert) -> bool:
    """Whether a step is more severe than another one of its situation, or as severe and raised later."""
    return _rank(step) < _rank(alert)


def _was_active(alert: Alert, at: datetime) -> bool:
    return alert.raised.at <= at and (alert.ended is None or at < alert.ended.at)


def _rank(alert: Alert) -> tuple[int, float, str]:
    return SEVERITY_ORDER[alert.raised.severity], -alert.raised.began.timestamp(), alert.id
