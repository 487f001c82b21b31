"""The situation that an alert is about: rules that include each other are steps of one situation."""

import re

from alerts.inbox.log.entry import Raised, scope_of

_CLOCK_STEP = re.compile(r"_(overdue|due_within_\d+_minutes)(?=_count$|$)")


def situation_of(raised: Raised) -> str:
    """The measure of an alert, without the step of a custody clock, and its scope. An alert without a measure has its ID."""
    if not raised.measure:
        return raised.alert
    scope = ",".join(f"{name}={word}" for name, word in scope_of(raised.scope))
    return f"{_CLOCK_STEP.sub('', raised.measure)}:{scope}"
