"""The times that matter to a question: every subject behind its figures has a fact in one of them."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import chain
from typing import NamedTuple

from bluelamp.recount.interval import LiveInterval, interval
from bluelamp.recount.profile import unrecorded_after_seconds
from bluelamp.recount.times import DAY, HOUR, SECOND, day_start
from facts.force import Force
from measures.measure import Measure


class NeededTime(NamedTuple):
    """From `start` until before `end`; both are in microseconds since 1970 in UTC."""

    start: int
    end: int


_TOPICS = frozenset({"contacts", "incidents"})
"""The topics whose outcomes are decided by a fact, by a target, or because nothing has been recorded for too long (semantics 3, 5, 6 and 12).

The other topics also have deadlines and working days, and they have few facts.
"""
_DEFAULTS = (HOUR, 12 * HOUR, 28 * DAY, 90 * DAY)
"""The times after which an end counts as unrecorded, if the profile does not list the label."""
_LONGEST_CLOCK = DAY
"""Dispatch within 24 hours: this clock has no target in the profile."""

_PROMISED = "callback_kept_decided"
"""The kind that is decided at a promised time, which may be much later than the fact that promises it."""


def needed(measure: Measure, window: str, force: Force, as_of: datetime) -> tuple[NeededTime, ...] | None:
    """The times in which each subject behind a figure has at least one fact; None if every subject may matter.

    Args:
        measure: the measure.
        window: its window.
        force: the profile.
        as_of: the time of the question, with its zone.

    Raises:
        QuestionError: the window does not exist.
    """
    is_promised = any(selection.kind == _PROMISED for selection in measure.selections())
    if measure.is_open() or is_promised or not _TOPICS.issuperset(measure.topics()):
        return None
    found = interval(window, force, as_of)
    if isinstance(found, LiveInterval):
        return tuple(_before(found, force))
    # A subject begins at the time of one of its facts.
    return (NeededTime(*(day_start(day, force.zone()) for day in found)),)


def _before(found: LiveInterval, force: Force) -> Iterator[NeededTime]:
    """The times in which a fact may lead to an outcome in the interval: itself, by a target, or because nothing followed it for too long."""
    longest = max(max(_target_seconds(force), default=0) * SECOND, _LONGEST_CLOCK)
    # A target falls due up to half a second before or after its span, because spans are rounded.
    yield NeededTime(found.start - longest - SECOND, found.end + SECOND)
    for after in {*_DEFAULTS, *(seconds * SECOND for seconds in unrecorded_after_seconds(force))}:
        yield NeededTime(found.start - after - SECOND, found.end - after + SECOND)


def _target_seconds(force: Force) -> Iterable[int]:
    graded = (target for grade in force.grades for target in grade.targets)
    spans = (
        (each.opened_to_dispatched_seconds, each.dispatched_to_arrived_seconds, each.opened_to_arrived_seconds)
        for each in graded
    )
    queued = (target.seconds for queue in force.queues for target in queue.targets)
    return (seconds for seconds in chain(*spans, queued) if seconds is not None)
