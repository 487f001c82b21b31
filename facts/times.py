"""Compares times with the present. A time in the future comes from a wrong clock and proves nothing."""

from datetime import datetime, timedelta

SKEW = timedelta(seconds=5)
"""The clock skew allowed between two machines: a time no further ahead of now is accepted."""


def is_future(at: datetime, now: datetime) -> bool:
    """Whether a time is in the future by more than the allowed clock skew, so that it comes from a wrong clock."""
    return at - now > SKEW


def is_within(at: datetime, now: datetime, span: timedelta) -> bool:
    """Whether a time is at most `span` before now; a time in the future is not."""
    return not is_future(at, now) and now - at <= span


def has_passed(at: datetime, now: datetime, span: timedelta) -> bool:
    """Whether `span` has passed since a time. For a time in the future it has, so that nothing waits for that time."""
    return is_future(at, now) or now - at >= span
