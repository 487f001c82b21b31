"""The forecast of a day for one queue, made at its first midnight, and how good the forecasts of the days before it were."""

from collections.abc import Iterator
from datetime import date, timedelta
from functools import lru_cache

from dashboards.board.shared.day import Interval, day_words, whole_day
from dashboards.board.shared.interval_queues import IntervalColumn
from dashboards.board.shared.page import View
from measures.forecast import HALF_HOUR, WEEKS_READ, Expected, Forecast, Score, cases, score
from measures.outcome import microseconds
from measures.pane import HOUR
from measures.rules import Rules

_DAYS_SCORED = 14
_Counts = tuple[tuple[int, int], ...]
"""Hours, by their number since 1970, each with its count: what a forecast is a function of."""


class DayForecast:
    """The forecast of the contacts offered on a day; blocking.

    Args:
        column: the column that counts them.
        day: the local day.
        view: what is read.

    Attributes:
        score: how the forecasts of the two weeks before compare with what happened, by hours; None if there were none.
        made: the forecast.
    """

    def __init__(self, column: IntervalColumn, day: date, view: View) -> None:
        rules, zone = view.reader.rules[view.force], view.profile.zone()
        self._day = day
        counts = view.reader.hour_counts(column.measure, view.force, WEEKS_READ, column.where)
        first = [
            microseconds(whole_day(day - timedelta(days=back), zone).start) // HOUR for back in range(_DAYS_SCORED + 1)
        ]
        before: _Counts = tuple((hour, count) for hour, count in counts.items() if hour < first[0])
        self.made = _made(before, first[0], rules)
        self.score = _scored(before, tuple(zip(first[1:], first, strict=False)), rules)

    def expected(self, interval: Interval) -> Expected | None:
        """What is expected of an interval of half an hour or an hour; None if it is not known."""
        start, end = (microseconds(at) for at in interval)
        return self.made.half_hour(start // HALF_HOUR) if end - start == HALF_HOUR else self.made.hour(start // HOUR)

    def holiday_words(self, interval: Interval) -> str:
        """Why there is no range, on a bank holiday; empty on other days."""
        is_holiday = self.made.is_bank_holiday(microseconds(interval.start) // HOUR)
        return self.made.holiday_words() if is_holiday else ""

    def says(self) -> Iterator[str]:
        """What the forecast is made from, and how far it can be relied on, in sentences."""
        if self.made.reason:
            yield f"Forecast: unknown. {self.made.reason}"
            return
        yield (
            f"Forecast: made at the start of {day_words(self._day)}, from the {self.made.weeks} weeks of hours before it. "
            "The range should contain four counts in five."
        )
        if self.score is not None:
            yield _score_words(self.score)


def _score_words(found: Score) -> str:
    inside = "" if found.inside is None else f" {found.inside * 100:.0f}% of the counts were inside the range."
    return (
        f"Over the {_DAYS_SCORED} days before, forecasts made in this way were wrong by {found.error:.1f} contacts an hour "
        f"on average; the count of the same hour a week earlier was wrong by {found.naive_error:.1f}.{inside}"
    )


@lru_cache(maxsize=64)
def _made(counts: _Counts, origin: int, rules: Rules) -> Forecast:
    return Forecast(dict(counts), origin, rules)


@lru_cache(maxsize=64)
def _scored(counts: _Counts, days: tuple[tuple[int, int], ...], rules: Rules) -> Score | None:
    return score(cases(dict(counts), days, rules))
