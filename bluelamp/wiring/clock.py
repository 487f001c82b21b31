"""The only module that reads the wall clock; all other code gets the time as an argument."""

from datetime import UTC, datetime


def wall() -> datetime:
    """The time now, in UTC."""
    return datetime.now(UTC)  # noqa: TID251 - the only place
