"""Turns figures into readings: decides whether each can be relied on, and how much of its period the record covers."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import NamedTuple, Self

from msgspec.structs import replace

from measures.coverage import Coverage, CoverageLevel, Span, coverage_of
from measures.measure import DATE_DIMENSIONS, External, Measure
from measures.outcome import SECOND, instant, microseconds
from measures.pane import HOUR, MINUTE
from measures.reading import (
    NO_EVENTS,
    SIMULATION,
    FeedStatus,
    Figure,
    Question,
    Reading,
    Reliability,
    State,
    empty,
    feed_problem,
    is_later,
    loading,
)
from measures.rules import Rules
from measures.window import Window, dated_spans

LONGEST_HOUR_WINDOW = HOUR + 2 * MINUTE
"""The longest that a live window of an hour can be. With this much missing at its start, a reading still counts as live."""


def judge(
    question: Question,
    figures: Iterable[Figure],
    feeds: Sequence[FeedStatus],
    rules: Rules,
    now: datetime,
    *,
    is_simulated: bool = False,
) -> list[Reading]:
    """The readings of a question: its figures with their states.

    Args:
        question: the question.
        figures: the figures that `read` returned for it.
        feeds: the status of each of the force's feeds.
        rules: the rules of the force.
        now: the wall clock, needed to notice a replay that has stopped.
        is_simulated: a feed of the force is, or was, simulated.
    """
    judging = _Judging(question, feeds, rules, now, is_simulated=is_simulated)
    cells = list(figures)
    if missing := list(judging.missing(cells)):
        cells = sorted((*cells, *missing), key=lambda cell: tuple(cell.dimensions.values()))
    return [judging.reading(cell) for cell in cells]


class Verdict(NamedTuple):
    """What decides how the figures of a whole window are judged, besides the figures: with equal verdicts, equal figures have equal states.

    Attributes:
        coverage: how much of the window the record covers, unless a figure proves that there is more.
        is_ahead: a figure with outcomes proves that the record covers a part.
        is_refused: there can be no figure, whatever the record covers.
        uncovered: the state if the record covers nothing.
        stale: the state of current figures that cannot be relied on; None if they can.
        begins_late: the record begins inside the window.
        is_in_part: too much is missing at the start for a full figure of the window.
        is_over: the window has ended.
    """

    coverage: CoverageLevel
    is_ahead: bool
    is_refused: bool
    uncovered: State | None
    stale: State | None
    begins_late: bool
    is_in_part: bool
    is_over: bool


def verdict_of(question: Question, feeds: Sequence[FeedStatus], rules: Rules, now: datetime) -> Verdict:
    """The verdict on every figure of a question without a breakdown or filter; it is the same for all measures of the same feeds that have a window.

    Args:
        question: the question.
        feeds: the status of each of the force's feeds.
        rules: the rules of the force.
        now: the wall clock.
    """
    return verdicts_of(question, [question.window], feeds, rules, now)[0]


def verdicts_of(
    question: Question, windows: Iterable[Window], feeds: Sequence[FeedStatus], rules: Rules, now: datetime
) -> list[Verdict]:
    """The verdicts of `verdict_of` for the same question over several windows."""
    judging = _Judging(question, feeds, rules, now, is_simulated=False)
    return [judging.over(window).verdict() for window in windows]


def coverage(measure: Measure, feeds: Sequence[FeedStatus], rules: Rules) -> Coverage:
    """The stretch of time that the feeds of a measure have reported on.

    Args:
        measure: the measure.
        feeds: the status of each of the force's feeds.
        rules: the rules of the force.
    """
    return coverage_of(status for status, _ in _needed(measure, feeds, rules))


class _Period(NamedTuple):
    """The period of a figure, and how much of it is covered.

    Attributes:
        spans: its stretches; empty if the window contains none of the days in the question.
        coverage: how much of them the record covers.
        problem: why no figure of the period can be relied on; None if there is no such reason.
    """

    spans: list[Span]
    coverage: CoverageLevel
    problem: Reliability | None


class _Judging:
    """Turns the figures of one question into readings; it takes the arguments of `judge`."""

    def __init__(
        self, question: Question, feeds: Sequence[FeedStatus], rules: Rules, now: datetime, *, is_simulated: bool
    ) -> None:
        self._question, self._rules, self._now, self._is_simulated = question, rules, now, is_simulated
        self._needed = _needed(question.measure, feeds, rules)
        self._coverage = coverage_of(status for status, _ in self._needed)
        past = loading(feeds) if question.is_now else None
        self._loading = Reliability("stale", past.words(rules), past.at) if past else None
        self._periods: dict[tuple[str, ...], _Period] = {}
        self._dates = tuple(name for name in question.by if name in DATE_DIMENSIONS)

    def reading(self, figure: Figure) -> Reading:
        """The reading of a figure."""
        question, zone = self._question, self._rules.force.zone()
        period = self._reported(figure, self._period(figure.dimensions))
        reliability = self._reliability(figure, period)
        state, reason, stale_since = reliability
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
            is_loading=reliability is self._loading,
            begins=instant(begins).astimezone(zone) if begins is not None else None,
            coverage=period.coverage,
            spread=figure.spread if is_known else None,
            low=figure.low if is_known else None,
            high=figure.high if is_known else None,
            unrecorded=figure.unrecorded if is_known else None,
        )

    def over(self, window: Window) -> Self:
        """The same, now for another window."""
        self._question, self._periods = replace(self._question, window=window), {}
        return self

    def verdict(self) -> Verdict:
        """What decides how every figure of the whole window is judged."""
        period = self._period({})
        is_refused = period.problem is not None and period.problem.state == "no_data"
        stale = self._stale(period)
        is_uncovered = period.coverage == "none" and not is_refused
        return Verdict(
            coverage=period.coverage,
            is_ahead=self._is_ahead(period),
            is_refused=is_refused,
            uncovered=self._not_covered(period).state if is_uncovered else None,
            stale=stale.state if stale else None,
            begins_late=self._begins_late(period.spans) is not None,
            is_in_part=self._is_in_part(period),
            is_over=self._question.window.end <= self._question.as_of,
        )

    def missing(self, figures: Iterable[Figure]) -> Iterator[Figure]:
        """A cell for each day or month that is not fully covered and has none: a missing cell would be read as 0.

        Args:
            figures: the cells that have figures.
        """
        if not self._dates or self._period({}).coverage == "whole":
            return
        cells = [figure.dimensions for figure in figures]
        existing = {tuple(cell.items()) for cell in cells}
        others = _unique({name: word for name, word in cell.items() if name not in self._dates} for cell in cells)
        if not others and len(self._dates) == len(self._question.by):
            others = [{}]
        for dates in self._all_dates():
            period = self._period(dates)
            for other in others if period.spans and period.coverage != "whole" else ():
                named = {**dates, **other}
                words = {name: named[name] for name in dict.fromkeys((*self._question.by, *named))}
                if tuple(words.items()) not in existing:
                    yield replace(empty(self._question.measure), dimensions=words)

    def _all_dates(self) -> list[dict[str, str]]:
        """The date labels of every day of the window, for the date dimensions of the breakdown."""
        slots = (slot for segment in self._question.window.segments for slot in segment.slots())
        days = (date.fromordinal(slot).isoformat() for slot in slots)
        words = ({"day": day, "month": day[:7]} for day in days)
        return _unique({name: each[name] for name in self._dates} for each in words)

    def _period(self, dimensions: Mapping[str, str]) -> _Period:
        """The period of a cell: the whole window, or the days that the cell is limited to."""
        key = tuple(dimensions[name] for name in self._dates if name in dimensions)
        if key not in self._periods:
            limits = [{name: (dimensions[name],) for name in self._dates if name in dimensions}, self._question.where]
            self._periods[key] = self._judged(dated_spans(self._question.window, limits, self._rules.force))
        return self._periods[key]

    def _judged(self, spans: list[Span]) -> _Period:
        problem = _problem(self._question, self._needed, spans, self._rules, self._now)
        if problem and problem.state == "no_data":
            return _Period(spans, "none", problem)
        if self._question.measure.is_open():
            return _Period(spans, "whole", problem)  # items are open now, whenever the record begins
        is_live = self._question.window.kind == "live"
        record = replace(self._coverage, complete_to=None) if is_live and not self._is_late(spans) else self._coverage
        level = record.level(spans, to_the_end=not is_live)
        is_quiet = problem is None and self._coverage.begins is None and self._is_last_hour(spans)
        return _Period(spans, "part" if is_quiet else level, problem)

    def _reported(self, figure: Figure, period: _Period) -> _Period:
        """The period, covered in part if its events arrived ahead of the heartbeats."""
        return period._replace(coverage="part") if figure.n > 0 and self._is_ahead(period) else period

    def _is_ahead(self, period: _Period) -> bool:
        """Whether any event of the period proves that the record covers a part of it."""
        begins, end = self._coverage.begins, max((span.end for span in period.spans), default=0)
        is_refused = period.problem is not None and period.problem.state == "no_data"
        return period.coverage == "none" and begins is not None and begins < end and not is_refused

    def _is_late(self, spans: Sequence[Span]) -> bool:
        """Whether a feed is further behind than allowed; otherwise a live window counts as covered up to its end."""
        until = min(microseconds(self._question.as_of), *(span.end for span in spans))
        return any(
            status.complete_to is not None and until - status.complete_to > allowed for status, allowed in self._needed
        )

    def _is_last_hour(self, spans: Sequence[Span]) -> bool:
        """Whether it covers at most the last hour, for which the heartbeats of a feed without events are enough."""
        window, as_of = self._question.window, self._question.as_of
        is_current = self._question.is_now and window.kind == "live" and window.end >= as_of
        return is_current and all(span.end - span.start <= LONGEST_HOUR_WINDOW for span in spans)

    def _reliability(self, figure: Figure, period: _Period) -> Reliability:
        if period.problem and period.problem.state == "no_data":
            return period.problem
        if period.coverage == "none":
            return self._not_covered(period)
        if stale := self._stale(period):
            return stale
        sufficiency = _sufficiency(self._question.measure, figure)
        if sufficiency.state == "live" and self._is_in_part(period):
            return Reliability("in_part", self._part_words(period))
        return sufficiency

    def _is_in_part(self, period: _Period) -> bool:
        """Whether too much is missing at its start for the figure to count as a full figure of the window."""
        begins, (start, _) = self._begins_late(period.spans), period.spans[0]
        return begins is not None and (self._question.window.kind == "report" or begins - start > LONGEST_HOUR_WINDOW)

    def _begins_late(self, spans: Sequence[Span]) -> int | None:
        """When the record begins, if the period starts before that."""
        is_late = not self._question.measure.is_open() and any(map(self._coverage.begins_late, spans))
        return self._coverage.begins if is_late else None

    def _not_covered(self, period: _Period) -> Reliability:
        """Why the record covers nothing of a period."""
        begins, end = self._coverage.begins, max((span.end for span in period.spans), default=0)
        if not period.spans:
            return Reliability("no_data", "The window contains none of these days.")
        if begins is None:
            return self._stale(period) or Reliability("no_data", self._no_facts())
        if begins >= end:
            at = instant(begins).astimezone(self._rules.force.zone())
            time_of_day = f" at {at:%H:%M}" if self._question.window.kind == "live" else ""
            return Reliability(
                "no_data", f"The record begins on {at.day} {at:%B %Y}{time_of_day}: there is no data before then."
            )
        complete_to = _local_words(self._coverage.complete_to or 0, self._rules)
        why = f"The record is complete only to {complete_to} and does not cover this period yet."
        return self._stale(period) or Reliability("no_data", why)

    def _stale(self, period: _Period) -> Reliability | None:
        """Why current figures cannot be relied on; None if they can."""
        return self._loading or period.problem

    def _no_facts(self) -> str:
        feeds = " and ".join(status.feed for status, _ in self._needed if status.first_event_at is None)
        return f"No facts have been received from {feeds} yet."

    def _part_words(self, period: _Period) -> str:
        """The time that a figure covers, if the record begins inside its period."""
        if period.coverage != "part" or self._question.measure.is_open():
            return ""
        begins = self._begins_late(period.spans)
        if begins is None:
            return ""
        until = min(period.spans[-1].end, microseconds(self._question.as_of))
        return (
            f"The record begins on {_local_words(begins, self._rules)}: "
            f"this figure covers only the time from then to {_local_words(until, self._rules)}."
        )


def _unique(named: Iterable[dict[str, str]]) -> list[dict[str, str]]:
    return [dict(items) for items in dict.fromkeys(tuple(each.items()) for each in named)]


def _local_words(at: int, rules: Rules) -> str:
    """A time in words, in the force's time zone."""
    local = instant(at).astimezone(rules.force.zone())
    return f"{local.day} {local:%B %Y at %H:%M}"


def _sufficiency(measure: Measure, figure: Figure) -> Reliability:
    """Whether a figure is calculated from enough outcomes."""
    if figure.value is None:
        return Reliability("no_data", NO_EVENTS)
    if figure.n < measure.minimum_n and measure.unit != "count":
        return Reliability("too_few", f"n is {figure.n}: fewer than {measure.minimum_n} is too few to rely on.")
    return Reliability("live", "")


def _needed(measure: Measure, feeds: Sequence[FeedStatus], rules: Rules) -> list[tuple[FeedStatus, int]]:
    """The feeds that a measure is calculated from, and after how many microseconds of silence each is stale."""
    statuses = {(status.topic, status.feed): status for status in feeds}
    return [
        (statuses.get((feed.topic, feed.name), FeedStatus(feed.name, feed.topic)), feed.stale_after_seconds * SECOND)
        for feed in measure.feeds(rules.force)
    ]


def _problem(
    question: Question, needed: Sequence[tuple[FeedStatus, int]], spans: Sequence[Span], rules: Rules, now: datetime
) -> Reliability | None:
    """Why no figure of a period can be relied on; None if there is no such reason."""
    measure = question.measure
    if isinstance(measure.statistic, External):
        return Reliability("no_data", measure.statistic.why)
    if not needed:
        return Reliability("no_data", f"No feed of {rules.force.name} provides this measure.")
    if measure.is_open() and not question.is_now:
        return Reliability("no_data", "Open items are not kept for past times: leave out --as-of.")
    end = spans[-1].end if spans else microseconds(question.window.end)
    by_feed = (_problem_of(question, end, status, allowed, rules, microseconds(now)) for status, allowed in needed)
    problems = [problem for problem in by_feed if problem]
    return next((problem for problem in problems if problem.state == "no_data"), problems[0] if problems else None)


def _problem_of(
    question: Question, end: int, status: FeedStatus, allowed: int, rules: Rules, now: int
) -> Reliability | None:
    as_of = microseconds(question.as_of)
    until = min(as_of, end)
    if status.complete_to is not None and status.heartbeat_at is not None and not is_later(status.complete_to, now):
        if until <= status.complete_to and not question.is_now:
            return None
        # A window that ends now is still in progress, so that a silent feed makes it stale.
        if end <= status.complete_to and end < as_of:
            return None
    return feed_problem(status, until, allowed, rules, now)
