"""The targets of a force's spans, with the dates from which they apply, from its profile."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import NamedTuple

from facts.force import Force, GradeTargets, QueueTarget, in_force
from measures.measure import Bands, Decided, Mean, Measure, Median, SpanWithin
from measures.window import Window

_SAME_PROMISE = {"opened_to_attended": "opened_to_arrived", "graded_to_arrived": "opened_to_arrived"}
"""Spans that share the target of another span (semantics section 6)."""
_NO_PROMISE = ("leg_abandoned", "leg_abandoned_short", "leg_left")
"""Spans that do not end with an answer, and have no target."""
_UNNAMED, _NONE, _SEVERAL = "within target", "no target", "more than one target"
_HOUR, _MINUTE = 3600, 60
_DAY = timedelta(days=1)

Days = tuple[date, date]
"""A range of local days: the first, and the day after the last."""
_Dated = tuple[GradeTargets, ...] | tuple[QueueTarget, ...]


class Promise(NamedTuple):
    """The target of a span.

    Attributes:
        seconds: the target.
        is_inclusive: whether a span of exactly this length meets the target.
    """

    seconds: int
    is_inclusive: bool

    def words(self) -> str:
        """Such as `within 15 minutes` or `in under 10 seconds`."""
        return f"{'within' if self.is_inclusive else 'in under'} {_length(self.seconds)}"


class Stretch(NamedTuple):
    """A run of days with the same targets.

    Attributes:
        first: the first local date.
        promises: the targets of the measure's queues or grades; None for those without a target.
    """

    first: date
    promises: frozenset[Promise | None]

    def promise(self) -> Promise | None:
        """The single target of all queues or grades; None where there is none or more than one."""
        return next(iter(self.promises)) if len(self.promises) == 1 else None

    def words(self) -> str:
        """The target in words, without dates."""
        found = self.promise()
        return found.words() if found else _SEVERAL if len(self.promises) > 1 else _NONE


def stretches(measure: Measure, force: Force, days: Days) -> list[Stretch]:
    """The targets of a measure's span during some days; empty where the measure has no span.

    Args:
        measure: a measure of spans or of met targets.
        force: the force.
        days: the local days.
    """
    if isinstance(measure.statistic, SpanWithin):
        return [Stretch(days[0], frozenset([Promise(measure.statistic.seconds, measure.statistic.is_inclusive)]))]
    span = _span(measure)
    if span is None:
        return []
    held = list(_held(measure, span, force))
    dates = {days[0], *(each.since for targets in held for each in targets if days[0] < each.since < days[1])}
    found: list[Stretch] = []
    for first in sorted(dates):
        promises = frozenset(_promised(targets, span, first) for targets in held) or frozenset([None])
        if not found or found[-1].promises != promises:
            found.append(Stretch(first, promises))
    return found


def promise(measure: Measure, force: Force, days: Days) -> Promise | None:
    """The target of a measure's span; None unless a single target applies on all of the days."""
    found = stretches(measure, force, days)
    return found[0].promise() if len(found) == 1 else None


def target_words(measure: Measure, force: Force, days: Days) -> str:
    """The target of a measure of met targets in words; `within target` unless a single one applies on all of the days."""
    found = promise(measure, force, days) if isinstance(measure.statistic, Decided) else None
    return found.words() if found else _UNNAMED


def changed(measure: Measure, force: Force, days: Days) -> tuple[str, ...]:
    """A remark for a measure of met targets whose target changed during the days, with the dates of each target."""
    found = stretches(measure, force, days)
    if len(found) <= 1 or not isinstance(measure.statistic, Decided):
        return ()
    return (f"The target changed. Each case is measured against the target of its own day: {'; '.join(dated(found))}.",)


def dated(found: list[Stretch]) -> list[str]:
    """The targets in words; with their dates if there is more than one."""
    starts = [each.first for each in found]
    since = ["", *(f" from {_day(first)}" for first in starts[1:])]
    until = [*(f" to {_day(first - _DAY)}" for first in starts[1:]), ""]
    return [f"{each.words()}{start}{end}" for each, start, end in zip(found, since, until, strict=False)]


def always(measure: Measure, force: Force) -> str:
    """Every target in the profile for a measure of met targets, with its dates; empty for other measures."""
    if not isinstance(measure.statistic, Decided):
        return ""
    since = [each.since for targets in _held(measure, _span(measure) or "", force) for each in targets]
    return "; ".join(dated(stretches(measure, force, (min(since, default=date.min), date.max))))


def days_of(window: Window, force: Force) -> Days:
    """The local days that a window touches."""
    zone = force.zone()
    last = (window.end - timedelta(microseconds=1)).astimezone(zone).date()
    return window.start.astimezone(zone).date(), last + _DAY


def day_of(moment: datetime, force: Force) -> Days:
    """The local day of a moment."""
    day = moment.astimezone(force.zone()).date()
    return day, day + _DAY


def _span(measure: Measure) -> str | None:
    match measure.statistic:
        case Decided(of) | Mean(of) | Median(of) | Bands(of):
            return of.kind.removesuffix("_decided")
    return None


def _held(measure: Measure, span: str, force: Force) -> Iterable[_Dated]:
    """The dated targets of each queue or grade of a measure."""
    if "line" not in measure.where:
        responses = measure.where.get("response")
        return (each.targets for each in force.grades if responses is None or each.response in responses)
    lines, queues = measure.where["line"], measure.where.get("queue", ())
    chosen = (each for each in force.queues if each.line in lines and (not queues or each.label in queues))
    return (() if span in _NO_PROMISE else each.targets for each in chosen)


def _promised(targets: _Dated, span: str, day: date) -> Promise | None:
    found = in_force(targets, day)
    if isinstance(found, QueueTarget):
        return Promise(found.seconds, found.is_inclusive) if found.seconds is not None else None
    seconds = getattr(found, f"{_SAME_PROMISE.get(span, span)}_seconds", None)
    return None if seconds is None else Promise(seconds, is_inclusive=True)


def _day(day: date) -> str:
    return f"{day.day} {day:%b %Y}"


def _length(seconds: int) -> str:
    unit, name = next(
        (size, name) for size, name in ((_HOUR, "hour"), (_MINUTE, "minute"), (1, "second")) if not seconds % size
    )
    count = seconds // unit
    return f"{count} {name}" if count == 1 else f"{count} {name}s"
