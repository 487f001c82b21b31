"""What is normal for this hour of the week: the median and control limits of the same hour in the weeks before."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from statistics import fmean, median

from msgspec import Struct

from facts.force import Force
from measures.measure import Unit
from measures.outcome import microseconds
from measures.pane import HOUR
from measures.window import SlotRun, Window

WEEKS = 8
"""How many earlier weeks are used; hours are kept for ten weeks."""
WEEKS_MIN = 5
"""With fewer weeks there is no band."""
_BY_MEDIAN, _BY_MEAN = 3.145, 2.66
"""Factors from the median and mean moving range to the limits of an individuals chart (XmR)."""


class Band(Struct, frozen=True):
    """What is normal, in the measure's unit.

    Attributes:
        lower: the lower control limit.
        expected: the median.
        upper: the upper control limit.
        weeks: the number of weeks it is calculated from.
    """

    lower: float
    expected: float
    upper: float
    weeks: int


def band(values: Sequence[float], unit: Unit) -> Band | None:
    """The control limits of an individuals chart; None with fewer than five weeks, or if all weeks are equal.

    The median is the centre and the median moving range gives the width, so that one unusual week affects neither. If most
    weeks are equal, the median moving range is 0 and the mean moving range is used instead.

    Args:
        values: one value a week, oldest first.
        unit: the unit of the values; the limits are never below 0, and for a ratio never above 1.
    """
    if len(values) < WEEKS_MIN:
        return None
    ranges = [abs(later - earlier) for earlier, later in pairwise(values)]
    middle, width = median(values), _BY_MEDIAN * median(ranges) or _BY_MEAN * fmean(ranges)
    if not width:
        return None
    upper = min(middle + width, 1.0) if unit == "ratio" else middle + width
    return Band(max(middle - width, 0.0), middle, upper, len(values))


def same_hours(as_of: datetime, force: Force) -> Iterator[Window]:
    """The same whole hour of local time in each of the weeks before, oldest first.

    It is the hour that contains most of the last sixty minutes. An hour that a clock change skips is left out; if
    a clock change repeats the hour, the first is used.

    Args:
        as_of: the time of the reading.
        force: the force whose time zone is used.
    """
    zone = force.zone()
    local = (as_of - timedelta(minutes=30)).astimezone(zone).replace(minute=0, second=0, microsecond=0)
    for weeks in range(WEEKS, 0, -1):
        wall = local.replace(tzinfo=None) - timedelta(weeks=weeks)
        start = wall.replace(tzinfo=zone).astimezone(UTC)
        if start.astimezone(zone).replace(tzinfo=None) == wall:
            slot = microseconds(start) // HOUR
            segments = (SlotRun("hour", slot, slot + 1),)
            yield Window("60m", "live", start.astimezone(zone), (start + timedelta(hours=1)).astimezone(zone), segments)
