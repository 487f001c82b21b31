"""The forecasts of a day for one queue, made at its first midnight, and how good the forecasts of the days before it were."""

from collections.abc import Iterator
from datetime import date, timedelta
from functools import lru_cache

from dashboards.board.shared.day import Interval, day_words, whole_day
from dashboards.board.shared.interval_queues import IntervalColumn
from dashboards.board.shared.page import View
from facts.planned_event import PlannedEvent, PlannedEvents
from measures.display import span_words
from measures.forecast import WEEKS_READ, Expected, Forecast, Score, brought_words, cases, event_time_words, score
from measures.handling_forecast import ExpectedTime, Handled, HandlingForecast, handling_cases
from measures.outcome import microseconds
from measures.pane import HALF_HOUR, HOUR
from measures.rules import Rules

_DAYS_SCORED = 14
_Counts = tuple[tuple[int, int], ...]
"""Hours, by their number since 1970, each with its count: a forecast depends on nothing else."""
_Times = tuple[tuple[int, Handled], ...]
"""Likewise, each with what was handled."""
_Days = tuple[tuple[int, int], ...]
"""The first hour of each day, and the hour after its last."""


class DayForecast:
    """The forecast of the contacts offered on a day; blocking.

    Args:
        column: the column that counts them.
        line: the line of the queue.
        day: the local day.
        view: what is read.

    Attributes:
        score: how the forecasts of the two weeks before compare with what happened, by hours; None if there were none.
        made: the forecast.
    """

    def __init__(self, column: IntervalColumn, line: str, day: date, view: View) -> None:
        rules, (origin, days) = view.reader.rules[view.force], _days_before(day, view)
        self._day, self._zone, events = day, view.profile.zone(), view.events().on(line)
        whole = whole_day(day, self._zone)
        self._events = tuple(events.between(whole.start, whole.end))
        counts = view.reader.hour_counts(column.measure, view.force, WEEKS_READ, column.where)
        before: _Counts = tuple((hour, count) for hour, count in counts.items() if hour < origin)
        self.made = _made(before, origin, rules, events)
        self.score = _scored(before, days, rules, events)

    def expected(self, interval: Interval) -> Expected | None:
        """What is expected of a half-hour; None if it is not known."""
        return self.made.half_hour(microseconds(interval.start) // HALF_HOUR)

    def note(self, interval: Interval) -> str:
        """Why a half-hour has no range: a bank holiday, or a planned event; empty if it has one."""
        return self.made.note(microseconds(interval.start) // HALF_HOUR)

    def events(self, interval: Interval) -> tuple[PlannedEvent, ...]:
        """The planned events of a half-hour."""
        return self.made.events(microseconds(interval.start) // HALF_HOUR)

    def says(self) -> Iterator[str]:
        """What the forecast is made from, and how far it can be relied on, in sentences."""
        if self.made.reason:
            yield f"Forecast: unknown. {self.made.reason}"
            return
        yield (
            f"Forecast: made at the start of {day_words(self._day)}, from the {self.made.weeks} weeks of hours before it. "
            "The range should contain four counts in five."
        )
        for each in self._events:
            yield f"Planned event: {event_time_words(each, self._zone)}. {brought_words(self.made.brought(each.name), self._zone)}"
        if self.score is not None:
            yield _score_words(self.score)


class DayHandling:
    """The forecast of the mean handling time on a day; blocking.

    Args:
        column: the column with the mean handling time.
        day: the local day.
        view: what is read.

    Attributes:
        score: how the forecasts of the two weeks before compare with what happened, by hours; None if there were none.
        made: the forecast.
    """

    def __init__(self, column: IntervalColumn, day: date, view: View) -> None:
        rules, (origin, days) = view.reader.rules[view.force], _days_before(day, view)
        times = view.reader.hour_times(column.measure, view.force, WEEKS_READ, column.where)
        before: _Times = tuple((hour, handled) for hour, handled in times.items() if hour < origin)
        self.made = _made_of_times(before, origin, rules)
        self.score = _scored_times(before, days, rules)

    def expected(self, interval: Interval) -> ExpectedTime | None:
        """What is expected of a half-hour; None if it is not known."""
        return self.made.half_hour(microseconds(interval.start) // HALF_HOUR)

    def says(self) -> Iterator[str]:
        """How far the forecast can be relied on, in sentences."""
        if self.made.reason:
            yield f"Forecast of handling time: unknown. {self.made.reason}"
        elif self.score is not None:
            error, naive = span_words(self.score.error), span_words(self.score.naive_error)
            inside = "" if self.score.inside is None else f" {self.score.inside * 100:.0f}% were inside the range."
            yield (
                f"Handling time: over the {_DAYS_SCORED} days before, forecasts of the mean of an hour were wrong by {error} on average; "
                f"that of the same hour a week earlier was wrong by {naive}.{inside}"
            )


def _days_before(day: date, view: View) -> tuple[int, _Days]:
    """The first hour of a day, and the days before it whose forecasts are scored."""
    zone = view.profile.zone()
    first = [
        microseconds(whole_day(day - timedelta(days=back), zone).start) // HOUR for back in range(_DAYS_SCORED + 1)
    ]
    return first[0], tuple(zip(first[1:], first, strict=False))


def _score_words(found: Score) -> str:
    inside = "" if found.inside is None else f" {found.inside * 100:.0f}% of the counts were inside the range."
    return (
        f"Over the {_DAYS_SCORED} days before, forecasts made in this way were wrong by {found.error:.1f} contacts an hour "
        f"on average; the count of the same hour a week earlier was wrong by {found.naive_error:.1f}.{inside}"
    )


@lru_cache(maxsize=64)
def _made(counts: _Counts, origin: int, rules: Rules, events: PlannedEvents) -> Forecast:
    return Forecast(dict(counts), origin, rules, events)


@lru_cache(maxsize=64)
def _scored(counts: _Counts, days: _Days, rules: Rules, events: PlannedEvents) -> Score | None:
    return score(cases(dict(counts), days, rules, events=events))


@lru_cache(maxsize=64)
def _made_of_times(times: _Times, origin: int, rules: Rules) -> HandlingForecast:
    return HandlingForecast(dict(times), origin, rules)


@lru_cache(maxsize=64)
def _scored_times(times: _Times, days: _Days, rules: Rules) -> Score | None:
    return score(handling_cases(dict(times), days, rules))
