"""What is normal for this hour of the week: the middle and the control limits of the same hour in the weeks before."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from statistics import fmean, median

from msgspec import Struct

from facts.force import Force
from measures.measure import Unit
from measures.outcome import microseconds
from measures.pane import HOUR
from measures.window import Segment, Window

WEEKS = 8
"""How many weeks back are looked at; hours are kept for ten."""
WEEKS_MIN = 5
_BY_MEDIAN, _BY_MEAN = 3.145, 2.66
"""From the moving range to the limits of an individuals chart (XmR): of its median, and of its mean."""


class Band(Struct, frozen=True):
    """What is normal, in the measure's unit.

    Attributes:
        lower: the lower control limit.
        expected: the middle.
        upper: the upper control limit.
        weeks: how many weeks it is taken from.
    """

    lower: float
    expected: float
    upper: float
    weeks: int


def band(values: Sequence[float], unit: Unit) -> Band | None:
    """The control limits of an individuals chart; None from fewer than five weeks, or from weeks all alike.

    The median stands in the middle, and the median moving range gives the width, so that one odd week moves neither;
    where most weeks are alike that range is 0, and its mean gives the width.

    Args:
        values: one a week, oldest first.
        unit: no figure is less than 0, and no share more than 1.
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
    """The same whole hour by the local clock in the weeks before, oldest first.

    It is the hour that most of the last sixty minutes lie in. An hour that the clock left out is left out here, and of one
    that came twice the first is taken.

    Args:
        as_of: the instant that is looked at.
        force: whose clock.
    """
    zone = force.zone()
    local = (as_of - timedelta(minutes=30)).astimezone(zone).replace(minute=0, second=0, microsecond=0)
    for weeks in range(WEEKS, 0, -1):
        wall = local.replace(tzinfo=None) - timedelta(weeks=weeks)
        start = wall.replace(tzinfo=zone).astimezone(UTC)
        if start.astimezone(zone).replace(tzinfo=None) == wall:
            slot = microseconds(start) // HOUR
            segments = (Segment("hour", slot, slot + 1),)
            yield Window("60m", "live", start.astimezone(zone), (start + timedelta(hours=1)).astimezone(zone), segments)
