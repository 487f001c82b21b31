"""The last 24 hours of a measure, hour by hour, as a small drawing with its values in words."""

from msgspec import Struct

from dashboards.board.shared.page import View
from measures.display import words
from measures.measure import Measure


class SparklinePoint(Struct, frozen=True):
    """One whole hour: its height in the drawing (0 to 1; None without a value), and its value in words."""

    height: float | None
    says: str


class Sparkline(Struct, frozen=True):
    """The hours, oldest first, and their summary in words."""

    points: list[SparklinePoint]
    says: str


def read_sparkline(measure: Measure, view: View) -> Sparkline | None:
    """The sparkline; None until its hours have been read, or if none has a value."""
    hours = view.background.last_day(measure)
    values = [hour.value for hour in hours if hour.value is not None]
    if not values:
        return None
    top = max(values) or 1.0
    points = []
    for hour in hours:
        value = words(hour.value, measure.unit) if hour.value is not None else "too few, or no record"
        n = "" if measure.unit == "count" or hour.value is None else f", n {hour.n:,}"
        height = None if hour.value is None else round(hour.value / top, 4)
        points.append(SparklinePoint(height, f"{hour.start:%a %H:%M}, 1 hour: {value}{n}"))
    low, high, last = (words(each, measure.unit) for each in (min(values), max(values), values[-1]))
    return Sparkline(points, f"{measure.title}, last 24 hours by hour: lowest {low}, highest {high}, latest {last}")
