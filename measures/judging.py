"""Judging: of each figure, whether it can be relied on, and how much of its period the record holds."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import NamedTuple

from msgspec.structs import replace

from measures.coverage import Coverage, CoverageLevel, Span, coverage_of
from measures.measure import DATE_DIMENSIONS, External, Measure
from measures.outcome import SECOND, instant, microseconds
from measures.pane import HOUR, MINUTE
from measures.reading import (
    NOTHING,
    SIMULATION,
    FeedStatus,
    Figure,
    Question,
    Reading,
    Trouble,
    empty,
    feed_trouble,
    is_later,
    loading,
)
from measures.rules import Rules
from measures.window import dated_spans

SHORT = HOUR + 2 * MINUTE
"""The longest that a live window of an hour can be. A force that has just begun is shown what it has, and since when."""


def judge(
    question: Question,
    figures: Iterable[Figure],
    feeds: Sequence[FeedStatus],
    rules: Rules,
    now: datetime,
    *,
    is_simulated: bool = False,
) -> list[Reading]:
    """Say of each figure whether it can be relied on.

    Args:
        question: what was asked.
        figures: the answer of `read`.
        feeds: what is known of the force's feeds.
        rules: of the force.
        now: the wall clock, against which a replay that stands still is found out.
        is_simulated: a feed of the force is, or was, simulated.
    """
    judging = _Judging(question, feeds, rules, now, is_simulated=is_simulated)
    found = list(figures)
    missing = list(judging.missing(found))
    every = sorted((*found, *missing), key=lambda each: tuple(each.dimensions.values())) if missing else found
    return [judging.reading(figure) for figure in every]


def coverage(measure: Measure, feeds: Sequence[FeedStatus], rules: Rules) -> Coverage:
    """The stretch of time that the feeds of a measure have reported on.

    Args:
        measure: which.
        feeds: what is known of the force's feeds.
        rules: of the force.
    """
    return coverage_of(status for status, _ in _needed(measure, feeds, rules))


class _Period(NamedTuple):
    """The period of a figure, and how much of it is known.

    Attributes:
        spans: its stretches; none where the window holds none of the days asked for.
        coverage: how much of them the record holds.
        trouble: what keeps everything of it from being relied on; None when nothing does.
    """

    spans: list[Span]
    coverage: CoverageLevel
    trouble: Trouble | None


class _Judging:
    """Says of each figure of one answer whether it can be relied on; asked as `judge` is."""

    def __init__(
        self, question: Question, feeds: Sequence[FeedStatus], rules: Rules, now: datetime, *, is_simulated: bool
    ) -> None:
        self._question, self._rules, self._now, self._is_simulated = question, rules, now, is_simulated
        self._needed = _needed(question.measure, feeds, rules)
        self._coverage = coverage_of(status for status, _ in self._needed)
        past = loading(feeds) if question.is_now else None
        self._loading = Trouble("stale", past.words(rules), past.at) if past else None
        self._periods: dict[tuple[str, ...], _Period] = {}
        self._dates = tuple(name for name in question.by if name in DATE_DIMENSIONS)

    def reading(self, figure: Figure) -> Reading:
        """A figure with its state."""
        question, zone = self._question, self._rules.force.zone()
        period = self._reported(figure, self._period(figure.dimensions))
        standing = self._standing(figure, period)
        state, reason, stale_since = standing
        is_known = period.coverage != "none"
        begins = self._begins_late(period.spans)
        notes = (SIMULATION if self._is_simulated else "", self._part_words(period) if state != "in_part" else "")
        return Reading(
            measure=question.measure.name,
            force=self._rules.force.name,
            dimensions=figure.dimensions,
            window=question.window.name,
            start=question.window.start,
            end=question.window.end,
            as_of=question.as_of.astimezone(zone),
            value=figure.value if is_known else None,
            unit=question.measure.unit,
            n=figure.n if is_known else None,
            met=figure.met if is_known else None,
            state=state,
            reason=reason,
            stale_since=instant(stale_since).astimezone(zone) if stale_since is not None else None,
            note=" ".join(note for note in notes if note),
            is_simulated=self._is_simulated,
            is_loading=standing is self._loading,
            begins=instant(begins).astimezone(zone) if begins is not None else None,
            coverage=period.coverage,
            spread=figure.spread if is_known else None,
        )

    def missing(self, found: Iterable[Figure]) -> Iterator[Figure]:
        """A cell for each day or month that is not known whole and has none: a cell that is not there reads as 0.

        Args:
            found: the cells that there are.
        """
        if not self._dates or self._period({}).coverage == "whole":
            return
        cells = [each.dimensions for each in found]
        there = {tuple(each.items()) for each in cells}
        others = _unique({name: word for name, word in each.items() if name not in self._dates} for each in cells)
        if not others and len(self._dates) == len(self._question.by):
            others = [{}]
        for dates in self._all_dates():
            period = self._period(dates)
            for other in others if period.spans and period.coverage != "whole" else ():
                named = {**dates, **other}
                words = {name: named[name] for name in dict.fromkeys((*self._question.by, *named))}
                if tuple(words.items()) not in there:
                    yield replace(empty(self._question.measure), dimensions=words)

    def _all_dates(self) -> list[dict[str, str]]:
        """The words of every day of the window, as far as it is broken down by them."""
        slots = (slot for segment in self._question.window.segments for slot in segment.slots())
        days = (date.fromordinal(slot).isoformat() for slot in slots)
        words = ({"day": day, "month": day[:7]} for day in days)
        return _unique({name: each[name] for name in self._dates} for each in words)

    def _period(self, dimensions: Mapping[str, str]) -> _Period:
        """The period of a cell: all of the window, or the days that it is limited to."""
        key = tuple(dimensions[name] for name in self._dates if name in dimensions)
        if key not in self._periods:
            limits = [{name: (dimensions[name],) for name in self._dates if name in dimensions}, self._question.where]
            self._periods[key] = self._judged(dated_spans(self._question.window, limits, self._rules.force))
        return self._periods[key]

    def _judged(self, spans: list[Span]) -> _Period:
        trouble = _trouble(self._question, self._needed, spans, self._rules, self._now)
        if trouble and trouble.state == "no_data":
            return _Period(spans, "none", trouble)
        if self._question.measure.is_open():
            return _Period(spans, "whole", trouble)  # it is open now, whenever it began
        is_live = self._question.window.kind == "live"
        record = replace(self._coverage, complete_to=None) if is_live and not self._is_late(spans) else self._coverage
        coverage = record.level(spans, to_the_end=not is_live)
        is_quiet = trouble is None and self._coverage.begins is None and self._is_last_hour(spans)
        return _Period(spans, "part" if is_quiet else coverage, trouble)

    def _reported(self, figure: Figure, period: _Period) -> _Period:
        """The period with what was reported of it ahead of its feeds' heartbeats: that is known, if not all of it."""
        begins, end = self._coverage.begins, max((span.end for span in period.spans), default=0)
        is_ahead = period.coverage == "none" and figure.n > 0 and begins is not None and begins < end
        is_refused = period.trouble is not None and period.trouble.state == "no_data"
        return period._replace(coverage="part") if is_ahead and not is_refused else period

    def _is_late(self, spans: Sequence[Span]) -> bool:
        """Whether a feed is further behind than it may be: until then a live window counts as known up to its end."""
        until = min(microseconds(self._question.as_of), *(span.end for span in spans))
        return any(
            status.complete_to is not None and until - status.complete_to > allowed for status, allowed in self._needed
        )

    def _is_last_hour(self, spans: Sequence[Span]) -> bool:
        """Whether it covers the last hour at most: for that the heartbeats of a feed without any event are enough."""
        is_live = self._question.is_now and self._question.window.kind == "live"
        return is_live and all(span.end - span.start <= SHORT for span in spans)

    def _standing(self, figure: Figure, period: _Period) -> Trouble:
        """Whether a figure can be relied on."""
        if period.trouble and period.trouble.state == "no_data":
            return period.trouble
        if period.coverage == "none":
            return self._unknown(period)
        if doubt := self._doubt(period):
            return doubt
        enough = _enough(self._question.measure, figure)
        if enough.state == "live" and self._is_in_part(period):
            return Trouble("in_part", self._part_words(period))
        return enough

    def _is_in_part(self, period: _Period) -> bool:
        """Whether too much is missing at its start for the figure to count as one of its window."""
        begins, (start, _) = self._begins_late(period.spans), period.spans[0]
        return begins is not None and (self._question.window.kind == "report" or begins - start > SHORT)

    def _begins_late(self, spans: Sequence[Span]) -> int | None:
        """Where the record begins, if a period reaches back before that."""
        is_late = not self._question.measure.is_open() and any(map(self._coverage.begins_late, spans))
        return self._coverage.begins if is_late else None

    def _unknown(self, period: _Period) -> Trouble:
        """Why nothing is known of a period."""
        begins, end = self._coverage.begins, max((span.end for span in period.spans), default=0)
        if not period.spans:
            return Trouble("no_data", "The window holds none of these days.")
        if begins is None:
            return self._doubt(period) or Trouble("no_data", f"{self._silent()}: nothing is known.")
        if begins >= end:
            at = instant(begins).astimezone(self._rules.force.zone())
            time_of_day = f" at {at:%H:%M}" if self._question.window.kind == "live" else ""
            return Trouble(
                "no_data", f"The record begins on {at.day} {at:%B %Y}{time_of_day}: nothing is known before."
            )
        complete_to = _said(self._coverage.complete_to or 0, self._rules)
        why = f"The record is complete only to {complete_to}: nothing of this period is known yet."
        return self._doubt(period) or Trouble("no_data", why)

    def _doubt(self, period: _Period) -> Trouble | None:
        """What keeps the present from being relied on."""
        return self._loading or period.trouble

    def _silent(self) -> str:
        feeds = " and ".join(status.feed for status, _ in self._needed if status.first_event_at is None)
        return f"No fact has been received from {feeds} yet"

    def _part_words(self, period: _Period) -> str:
        """Which time a figure really covers, where the record begins inside its period."""
        if period.coverage != "part" or self._question.measure.is_open():
            return ""
        begins = self._begins_late(period.spans)
        if begins is None:
            return ""
        until = min(period.spans[-1].end, microseconds(self._question.as_of))
        return (
            f"The record begins on {_said(begins, self._rules)}: "
            f"this figure covers only the time from then to {_said(until, self._rules)}."
        )


def _unique(named: Iterable[dict[str, str]]) -> list[dict[str, str]]:
    return [dict(items) for items in dict.fromkeys(tuple(each.items()) for each in named)]


def _said(at: int, rules: Rules) -> str:
    """An instant as it is written in a sentence, by the force's clock."""
    local = instant(at).astimezone(rules.force.zone())
    return f"{local.day} {local:%B %Y at %H:%M}"


def _enough(measure: Measure, figure: Figure) -> Trouble:
    if figure.value is None:
        return Trouble("no_data", NOTHING)
    if figure.n < measure.minimum_n and measure.unit != "count":
        return Trouble("too_few", f"Taken from {figure.n}; below {measure.minimum_n} it says little.")
    return Trouble("live", "")


def _needed(measure: Measure, feeds: Sequence[FeedStatus], rules: Rules) -> list[tuple[FeedStatus, int]]:
    """The feeds that a measure stands on, and after how many microseconds of silence each is stale."""
    known = {(status.topic, status.feed): status for status in feeds}
    return [
        (known.get((feed.topic, feed.name), FeedStatus(feed.name, feed.topic)), feed.stale_after_seconds * SECOND)
        for feed in measure.feeds(rules.force)
    ]


def _trouble(
    question: Question, needed: Sequence[tuple[FeedStatus, int]], spans: Sequence[Span], rules: Rules, now: datetime
) -> Trouble | None:
    """What keeps every figure of a period from being relied on."""
    measure = question.measure
    if isinstance(measure.statistic, External):
        return Trouble("no_data", measure.statistic.why)
    if not needed:
        return Trouble("no_data", f"No feed of {rules.force.name} carries it.")
    if measure.is_open() and not question.is_now:
        return Trouble("no_data", "What stood open in the past is not kept: ask without --as-of.")
    end = spans[-1].end if spans else microseconds(question.window.end)
    found = (_trouble_of(question, end, status, allowed, rules, microseconds(now)) for status, allowed in needed)
    troubles = [trouble for trouble in found if trouble]
    return next((trouble for trouble in troubles if trouble.state == "no_data"), troubles[0] if troubles else None)


def _trouble_of(
    question: Question, end: int, status: FeedStatus, allowed: int, rules: Rules, now: int
) -> Trouble | None:
    as_of = microseconds(question.as_of)
    until = min(as_of, end)
    if status.complete_to is not None and status.heard_at is not None and not is_later(status.complete_to, now):
        if until <= status.complete_to and not question.is_now:
            return None
        if end <= status.complete_to and end < as_of:  # one that ends with the present goes on: silence concerns it
            return None
    return feed_trouble(status, until, allowed, rules, now)
