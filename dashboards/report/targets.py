"""What a force promises: the target that a span is held to, read from its profile, also in words."""

from collections.abc import Iterable
from typing import NamedTuple

from facts.force import Force
from measures.measure import Bands, Decided, Mean, Measure, Median, SpanWithin

_SAME_PROMISE = {"opened_to_attended": "opened_to_arrived", "graded_to_arrived": "opened_to_arrived"}
"""Spans that are held to the target of another one (semantics section 6)."""
_UNNAMED = "within target"
_HOUR, _MINUTE = 3600, 60


class Promise(NamedTuple):
    """A target on a span.

    Attributes:
        seconds: the target.
        is_inclusive: within it; otherwise under it.
    """

    seconds: int
    is_inclusive: bool

    def words(self) -> str:
        """Such as `within 15 minutes` or `in under 10 seconds`."""
        return f"{'within' if self.is_inclusive else 'in under'} {_length(self.seconds)}"


def target_words(measure: Measure, force: Force) -> str:
    """The promise on a measure's span in words; `within target` where no single one holds throughout.

    Args:
        measure: a share of what met its target.
        force: whose profile.
    """
    found = promise(measure, force) if isinstance(measure.statistic, Decided) else None
    return found.words() if found else _UNNAMED


def promise(measure: Measure, force: Force) -> Promise | None:
    """What a force promises of the span that a measure is taken from; None where no single promise holds throughout.

    Args:
        measure: of spans, or of what met its target.
        force: whose profile.
    """
    match measure.statistic:
        case SpanWithin(_, seconds, is_inclusive):
            return Promise(seconds, is_inclusive)
        case Decided(of) | Mean(of) | Median(of) | Bands(of):
            span = of.kind.removesuffix("_decided")
        case _:
            return None
    promises = set(_of_queues(measure, span, force) if "line" in measure.where else _of_grades(measure, force, span))
    known = [Promise(seconds, is_inclusive) for seconds, is_inclusive in promises if seconds is not None]
    return known[0] if len(promises) == 1 and known else None


_Promised = tuple[int | None, bool]
_NO_PROMISE = ("leg_abandoned", "leg_abandoned_short", "leg_left")
"""Spans that end otherwise than by an answer."""


def _of_queues(measure: Measure, span: str, force: Force) -> Iterable[_Promised]:
    lines, queues = measure.where["line"], measure.where.get("queue", ())
    for queue in force.queues:
        if queue.line in lines and (not queues or queue.label in queues):
            held = () if span in _NO_PROMISE else queue.targets
            yield from ((target.seconds, target.is_inclusive) for target in held) if held else [(None, True)]


def _of_grades(measure: Measure, force: Force, span: str) -> Iterable[_Promised]:
    field = f"{_SAME_PROMISE.get(span, span)}_seconds"
    grades = (each for each in force.grades if each.response in measure.where.get("response", (each.response,)))
    return ((getattr(targets, field, None), True) for grade in grades for targets in grade.targets)


def _length(seconds: int) -> str:
    unit, name = next(
        (size, name) for size, name in ((_HOUR, "hour"), (_MINUTE, "minute"), (1, "second")) if not seconds % size
    )
    count = seconds // unit
    return f"{count} {name}" if count == 1 else f"{count} {name}s"
