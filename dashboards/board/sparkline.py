"""The course of a measure over the last day, hour by hour, for a small drawing that can be read without seeing it."""

from msgspec import Struct

from dashboards.board.page import View
from measures.display import words
from measures.measure import Measure


class SparklinePoint(Struct, frozen=True):
    """One whole hour: where it lies in the drawing (0 to 1; None for none), and what is said of it."""

    height: float | None
    says: str


class Course(Struct, frozen=True):
    """The hours, oldest first, and what is said of them all."""

    points: list[SparklinePoint]
    says: str


def take_course(measure: Measure, view: View) -> Course | None:
    """The course; None while it is not known."""
    hours = view.slow.course(measure)
    values = [hour.value for hour in hours if hour.value is not None]
    if not values:
        return None
    top = max(values) or 1.0
    points = []
    for hour in hours:
        value = words(hour.value, measure.unit) if hour.value is not None else "too few, or not recorded"
        n = "" if measure.unit == "count" or hour.value is None else f", n {hour.n:,}"
        height = None if hour.value is None else round(hour.value / top, 4)
        points.append(SparklinePoint(height, f"{hour.start:%a %H:%M}, one hour: {value}{n}"))
    low, high, last = (words(each, measure.unit) for each in (min(values), max(values), values[-1]))
    return Course(points, f"{measure.title}, last 24 hours by the hour: least {low}, most {high}, last {last}")
