"""The situation that an alert is about: alerts of the same measure and scope, or of one custody clock, are its steps."""

import re

from alerts.inbox.log.entry import Raised, scope_of

_CLOCK_STEP = re.compile(r"_(overdue|due_within_\d+_minutes)(?=_count$|$)")


def situation_of(raised: Raised) -> str:
    """The measure of an alert, without the step of a custody clock, and its scope. For an alert without a measure, its id."""
    if not raised.measure:
        return raised.alert
    scope = ",".join(f"{name}={word}" for name, word in scope_of(raised.scope))
    return f"{_CLOCK_STEP.sub('', raised.measure)}:{scope}"
