"""The one place that reads the wall clock; everything else is told what time it is."""

from datetime import UTC, datetime


def wall() -> datetime:
    """The time now, in UTC."""
    return datetime.now(UTC)  # noqa: TID251 - this is the one place
