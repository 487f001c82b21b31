"""The cases of each local hour, against what is usual for that hour of the day."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median
from zoneinfo import ZoneInfo

from msgspec import Struct

from measures.outcome import instant
from measures.pane import HOUR

DAYS_LEAST = 4
"""With fewer days, nobody can say what is usual for an hour of the day."""


class UsualHour(Struct, frozen=True):
    """One hour of the day.

    Attributes:
        hour: the local hour.
        least: the fewest cases in it on any day.
        usual: the median over the days.
        most: the most cases.
    """

    hour: int
    least: int
    usual: float
    most: int


class HourOfDay(Struct, frozen=True):
    """One hour that is far from what is usual."""

    at: datetime
    count: int
    usual: float


def by_hour(times: Iterable[int], zone: ZoneInfo) -> dict[datetime, int]:
    """The number of times in each whole hour from the first full hour to the last, with 0 where there is none."""
    counts = Counter(at // HOUR for at in times)
    if not counts:
        return {}
    return {instant(slot * HOUR).astimezone(zone): counts[slot] for slot in range(min(counts) + 1, max(counts))}


def usual_hours(hours: dict[datetime, int]) -> list[UsualHour]:
    """What is usual for each hour of the day; empty with too few days."""
    by_clock: dict[int, list[int]] = defaultdict(list)
    for at, count in hours.items():
        by_clock[at.hour].append(count)
    if not by_clock or min(map(len, by_clock.values())) < DAYS_LEAST - 1 or len(hours) < (DAYS_LEAST - 1) * 24:
        return []
    return [UsualHour(hour, min(own), median(own), max(own)) for hour, own in sorted(by_clock.items())]


def unusual(hours: dict[datetime, int], usual: Sequence[UsualHour]) -> list[HourOfDay]:
    """The hours with far fewer or far more cases than usual: six standard deviations of a Poisson count, and twice or half."""
    known = {each.hour: each.usual for each in usual}
    found: list[HourOfDay] = []
    for at, count in hours.items():
        expected = known.get(at.hour, 0.0)
        far = 6 * max(expected, 1.0) ** 0.5
        is_many, is_few = (
            count > expected + far and count > 2 * expected,
            count < expected - far and 2 * count < expected,
        )
        # Small usual counts never meet that rule: then an hour without any case is far from usual.
        if expected and (is_many or is_few or (count == 0 and expected >= _NONE_IS_ODD)):
            found.append(HourOfDay(at, count, expected))
    return found


_NONE_IS_ODD = 12.0
"""With this many expected, chance leaves an hour empty once in a hundred thousand."""


def longest_gap(times: Sequence[int]) -> tuple[int, timedelta] | None:
    """Where the longest time without any case begins, in microseconds, and its length."""
    gaps = [(later - earlier, earlier) for earlier, later in pairwise(times)]
    if not gaps:
        return None
    length, begins = max(gaps)
    return begins, timedelta(microseconds=length)
