"""Adds up a measure over several forces where the sum is correct: unknown stays unknown, and no percentile is averaged."""

from collections.abc import Iterable
from datetime import timedelta

from msgspec import Struct

from measures.measure import (
    Count,
    Decided,
    Mean,
    Measure,
    Median,
    OpenCount,
    OpenDue,
    OpenLongest,
    OpenSoonest,
    Share,
    SpanWithin,
)
from measures.outcome import KINDS
from measures.pane import Histogram, merge
from measures.reading import NO_EVENTS, Reading, spans
from measures.statistic import mean, quantile, ratio, total

APART = timedelta(minutes=1)
"""How far apart the times of the forces' figures may be. The last 60 minutes of a replay cannot be added to the last 60 minutes of today."""


class Part(Struct, frozen=True):
    """A measure in one force.

    Attributes:
        title: the name of the force.
        reading: the reading of the whole force.
        spans: for a mean or a median, the exact histogram of its spans, in the units of their kind; otherwise empty.
    """

    title: str
    reading: Reading
    spans: Histogram = {}


class Added(Struct, frozen=True):
    """A measure over all forces.

    Attributes:
        value: in the measure's unit; None if it is not known.
        n: the number of cases behind it; None if that is not known.
        unrecorded: how many outcomes are not recorded or in doubt.
        reason: why there is no value, and which force is the cause; empty if there is a value.
    """

    value: float | None
    n: int | None
    unrecorded: int = 0
    reason: str = ""


def added(measure: Measure, parts: Iterable[Part]) -> Added:
    """A measure over all forces. It is known only if it is known in every force at the same time.

    Args:
        measure: the measure.
        parts: the measure in each force; at least one.
    """
    forces = list(parts)
    reasons = [f"{each.title}: {why}" for each in forces if (why := _trouble(each.reading))] or [*_mixed(forces)]
    if reasons:
        return Added(None, None, reason=" ".join(reasons))
    n = sum(each.reading.n or 0 for each in forces)
    unrecorded = sum(each.reading.unrecorded or 0 for each in forces)
    value = _value(measure, forces, n)
    if value is None:
        return Added(None, n, unrecorded, NO_EVENTS)
    if measure.unit != "count" and n < measure.minimum_n:
        return Added(None, n, unrecorded, f"n is {n}: fewer than {measure.minimum_n} is too few to rely on.")
    return Added(value, n, unrecorded)


def _trouble(reading: Reading) -> str:
    """Why a force's figure cannot be added; empty if it can. A force may have too few cases when all forces together have enough."""
    is_quiet = reading.state == "no_data" and reading.reason == NO_EVENTS and reading.n == 0
    return "" if reading.state in ("live", "too_few") or is_quiet else reading.reason


def _mixed(forces: list[Part]) -> Iterable[str]:
    """Why figures that are all known cannot be added to each other."""
    latest = max(each.reading.as_of for each in forces)
    behind = [each.title for each in forces if latest - each.reading.as_of > APART]
    if behind:
        yield f"The figures of the forces are not of the same time. Behind, because of a replay or while history loads: {', '.join(behind)}."
    simulated = [each.title for each in forces if each.reading.is_simulated]
    if 0 < len(simulated) < len(forces):
        yield f"Simulated and real figures are not added: {', '.join(simulated)}."


def _value(measure: Measure, forces: list[Part], n: int) -> float | None:
    values = [each.reading.value for each in forces if each.reading.value is not None]
    match measure.statistic:
        case Count() | OpenCount() | OpenDue():
            return sum(values)
        case OpenLongest():
            return max(values, default=None)
        case OpenSoonest():
            return min(values, default=None)
        case Share() | Decided() | SpanWithin():
            return ratio(sum(each.reading.met or 0 for each in forces), n)
        case Mean() | Median():
            return _of_spans(measure, forces)
    return None


def _of_spans(measure: Measure, forces: list[Part]) -> float | None:
    """The mean or the median of all spans together, from the exact histograms."""
    whole, of = dict[int, int](), spans(measure)
    for each in forces:
        merge(whole, each.spans)
    if of is None or not total(whole):
        return None
    per_second = KINDS[of.kind].per_second
    return mean(whole, per_second) if isinstance(measure.statistic, Mean) else quantile(whole, 1, 2, per_second)
