"""Times as whole microseconds since 1970 in UTC, and the start of a local day."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def microseconds(moment: datetime) -> int:
    """A time with its zone as whole microseconds since 1970 in UTC."""
    return (moment - _EPOCH) // _MICROSECOND


def moment_of(since_epoch: int) -> datetime:
    """Whole microseconds since 1970 as a time in UTC."""
    return _EPOCH + since_epoch * _MICROSECOND


def local_instant(day: date, clock: time, zone: ZoneInfo) -> int:
    """When a local clock first shows a time of day, in microseconds; if the clock skips that time, when it skips."""
    return microseconds(datetime.combine(day, clock, zone))


def day_start(day: date, zone: ZoneInfo) -> int:
    """The start of a local day, in microseconds."""
    return local_instant(day, time(), zone)
