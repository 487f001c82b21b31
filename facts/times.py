"""Compares times with the present: a time in the future proves nothing, and no span can have begun then."""

from datetime import datetime, timedelta

SKEW = timedelta(seconds=5)
"""How far the clocks of two machines may differ: a time that is no further ahead of now is believed."""


def is_future(at: datetime, now: datetime) -> bool:
    """Whether a time lies further in the future than clocks may differ, so that it comes from a wrong clock."""
    return at - now > SKEW


def is_within(at: datetime, now: datetime, span: timedelta) -> bool:
    """Whether a time lies at most a span before now; one in the future does not."""
    return not is_future(at, now) and now - at <= span


def has_passed(at: datetime, now: datetime, span: timedelta) -> bool:
    """Whether a span has passed since a time; after a time in the future it has, so that nothing waits for it to come."""
    return is_future(at, now) or now - at >= span
