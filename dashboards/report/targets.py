"""What a force promises, in words: the target that a share is held to, read from its profile."""

from collections.abc import Iterable

from facts.force import Force
from measures.measure import Decided, Measure

_SAME_PROMISE = {"opened_to_attended": "opened_to_arrived", "graded_to_arrived": "opened_to_arrived"}
"""Spans that are held to the target of another one (semantics section 6)."""
_UNNAMED = "within target"
_HOUR, _MINUTE = 3600, 60


def target_words(measure: Measure, force: Force) -> str:
    """Such as `within 15 minutes` or `in under 10 seconds`; `within target` where no single one holds throughout.

    Args:
        measure: a share of what met its target.
        force: whose profile.
    """
    if not isinstance(measure.statistic, Decided):
        return _UNNAMED
    span = measure.statistic.of.kind.removesuffix("_decided")
    promises = set(_of_queues(measure, force) if "line" in measure.where else _of_grades(measure, force, span))
    if len(promises) != 1:
        return _UNNAMED
    (seconds, is_inclusive) = promises.pop()
    return _UNNAMED if seconds is None else f"{'within' if is_inclusive else 'in under'} {_length(seconds)}"


_Promise = tuple[int | None, bool]


def _of_queues(measure: Measure, force: Force) -> Iterable[_Promise]:
    wanted = measure.where["line"]
    queues = (each for each in force.queues if each.line in wanted)
    return ((target.seconds, target.is_inclusive) for queue in queues for target in queue.targets)


def _of_grades(measure: Measure, force: Force, span: str) -> Iterable[_Promise]:
    field = f"{_SAME_PROMISE.get(span, span)}_seconds"
    grades = (each for each in force.grades if each.response in measure.where.get("response", (each.response,)))
    return ((getattr(targets, field, None), True) for grade in grades for targets in grade.targets)


def _length(seconds: int) -> str:
    unit, name = next(
        (size, name) for size, name in ((_HOUR, "hour"), (_MINUTE, "minute"), (1, "second")) if not seconds % size
    )
    count = seconds // unit
    return f"{count} {name}" if count == 1 else f"{count} {name}s"
