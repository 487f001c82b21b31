"""What a force promises: the targets that a span is held to over some days, with their dates, read from its profile, also in words."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import NamedTuple

from facts.force import Force, GradeTargets, QueueTarget, in_force
from measures.measure import Bands, Decided, Mean, Measure, Median, SpanWithin
from measures.window import Window

_SAME_PROMISE = {"opened_to_attended": "opened_to_arrived", "graded_to_arrived": "opened_to_arrived"}
"""Spans that are held to the target of another one (semantics section 6)."""
_NO_PROMISE = ("leg_abandoned", "leg_abandoned_short", "leg_left")
"""Spans that end otherwise than by an answer."""
_UNNAMED, _NONE, _SEVERAL = "within target", "no target", "more than one target"
_HOUR, _MINUTE = 3600, 60
_DAY = timedelta(days=1)

Days = tuple[date, date]
"""Local days: the first, and the first after them."""
_Dated = tuple[GradeTargets, ...] | tuple[QueueTarget, ...]


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


class Stretch(NamedTuple):
    """Days over which what is promised stays as it is.

    Attributes:
        first: the first local date.
        promises: of each queue or grade that the measure is of; None of those that promise nothing.
    """

    first: date
    promises: frozenset[Promise | None]

    def promise(self) -> Promise | None:
        """The one promise of all of them; None where there is no single one."""
        return next(iter(self.promises)) if len(self.promises) == 1 else None

    def words(self) -> str:
        """What is promised, without its dates."""
        found = self.promise()
        return found.words() if found else _SEVERAL if len(self.promises) > 1 else _NONE


def stretches(measure: Measure, force: Force, days: Days) -> list[Stretch]:
    """What the span that a measure is taken from is held to over some days; none where it is taken from no span.

    Args:
        measure: of spans, or of what met its target.
        force: whose profile.
        days: which, by the local calendar.
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
    """What a force promises of the span that a measure is taken from; None where no single promise holds throughout."""
    found = stretches(measure, force, days)
    return found[0].promise() if len(found) == 1 else None


def target_words(measure: Measure, force: Force, days: Days) -> str:
    """The promise that a share of what met its target is held to; `within target` where no single one holds throughout."""
    found = promise(measure, force, days) if isinstance(measure.statistic, Decided) else None
    return found.words() if found else _UNNAMED


def changed(measure: Measure, force: Force, days: Days) -> tuple[str, ...]:
    """What must be read with a share of what met its target, where that changed within the days: each with its dates."""
    found = stretches(measure, force, days)
    if len(found) <= 1 or not isinstance(measure.statistic, Decided):
        return ()
    return (f"The target changed, and each is held to that of its own day: {'; '.join(dated(found))}.",)


def dated(found: list[Stretch]) -> list[str]:
    """The words of each stretch; where there are more, with the dates from which and to which it holds."""
    starts = [each.first for each in found]
    since = ["", *(f" from {_day(first)}" for first in starts[1:])]
    until = [*(f" to {_day(first - _DAY)}" for first in starts[1:]), ""]
    return [f"{each.words()}{start}{end}" for each, start, end in zip(found, since, until, strict=False)]


def always(measure: Measure, force: Force) -> str:
    """Each promise that the profile has, with its dates; empty where the measure is no share of what met its target."""
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
    """The dated targets of each queue or grade that a measure is of."""
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
