"""Tests the forecast: its weekly pattern, level, bank holidays, clock changes and range, and how it is scored."""

import random
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import cache

import pytest

from measures.forecast import LEAST_WEEKS, WEEKS, Case, Expected, Forecast, cases, count_range, score
from measures.outcome import instant, microseconds
from measures.pane import HOUR
from measures.rules import Rules
from tests.support.forces import shipped

RULES = Rules(shipped("staffordshire"))
ZONE = RULES.force.zone()
WEEK = 7 * 24


def hour_of(day: date, at: int = 0) -> int:
    """The number of a local hour."""
    return microseconds(datetime.combine(day, time(at), ZONE)) // HOUR


def pattern(hour: int) -> int:
    """A count that depends only on the local weekday and hour."""
    local = instant(hour * HOUR).astimezone(ZONE)
    return 3 * local.hour + 10 * local.weekday()


def local_weekday(hour: int) -> int:
    return instant(hour * HOUR).astimezone(ZONE).weekday()


def counts(origin: int, weeks: float, count: Callable[[int], int] = pattern) -> dict[int, int]:
    return {hour: count(hour) for hour in range(origin - round(weeks * WEEK), origin)}


QUIET = hour_of(date(2026, 11, 30))
"""A Monday with no bank holiday in the ten weeks before, in which the clocks go back."""


def test_a_pattern_that_repeats_is_forecast_exactly_by_local_time() -> None:
    made = Forecast(counts(QUIET, WEEKS), QUIET, RULES)
    for hour in range(QUIET, QUIET + WEEK):
        expected = made.hour(hour)
        assert expected is not None
        assert expected.mean == pytest.approx(pattern(hour))
        halves = [made.half_hour(half) for half in (2 * hour, 2 * hour + 1)]
        assert sum(each.mean for each in halves if each) == pytest.approx(expected.mean)
    assert made.dispersion == 0.0


def test_an_hour_is_divided_towards_its_busier_neighbour() -> None:
    made = Forecast(counts(QUIET, WEEKS), QUIET, RULES)
    noon = 2 * (QUIET + 12)
    first, second = made.half_hour(noon), made.half_hour(noon + 1)
    assert first is not None
    assert second is not None
    assert (first.mean, second.mean) == pytest.approx((18 - 6 / 16, 18 + 6 / 16))


@pytest.mark.parametrize(("weeks", "known"), [(0, 0), (3.99, 3), (LEAST_WEEKS, 4)])
def test_too_few_weeks_give_no_forecast_and_say_so(weeks: float, known: int) -> None:
    made = Forecast(counts(QUIET, weeks), QUIET, RULES)
    is_enough = known >= LEAST_WEEKS
    assert (made.hour(QUIET) is not None, made.half_hour(2 * QUIET) is not None) == (is_enough, is_enough)
    reason = f"A forecast needs at least 4 weeks of hours; the record has {known}."
    assert made.unknown_words() == (made.reason or "The record covers this hour of the week too few times.")
    assert made.reason == ("" if is_enough else reason)


def test_hours_that_the_record_does_not_cover_are_unknown_and_not_zero() -> None:
    known = counts(QUIET, WEEKS)
    with_gap = {hour: count for hour, count in known.items() if not 0 <= hour - (QUIET - 2 * WEEK) < 24}
    mean = Forecast(with_gap, QUIET, RULES).hour(QUIET + 10)
    assert mean is not None
    assert mean.mean == pytest.approx(pattern(QUIET + 10))
    never_at_ten = {hour: count for hour, count in known.items() if pattern(hour) != 30 or local_weekday(hour)}
    made = Forecast(never_at_ten, QUIET, RULES)
    assert (made.hour(QUIET + 10), made.half_hour(2 * QUIET + 20)) == (None, None)
    assert made.hour(QUIET + 11) is not None


def test_an_hour_known_from_fewer_hours_or_contacts_is_more_doubtful() -> None:
    made = Forecast(counts(QUIET, WEEKS), QUIET, RULES)
    assert made.doubt(QUIET + 10) == pytest.approx(1 / (30 * WEEKS))
    assert made.doubt(QUIET + 20) == pytest.approx(1 / (60 * WEEKS))
    assert Forecast(counts(QUIET, 5), QUIET, RULES).doubt(QUIET + 10) == pytest.approx(1 / (30 * 5))
    assert made.doubt(QUIET) == 0.0, "nothing is expected at midnight"


def test_hours_from_the_origin_on_are_not_used() -> None:
    known = counts(QUIET, WEEKS)
    later = {QUIET + hour: 1000 for hour in range(WEEK)}
    assert Forecast({**known, **later}, QUIET, RULES).hour(QUIET) == Forecast(known, QUIET, RULES).hour(QUIET)


def test_the_level_follows_the_last_weeks() -> None:
    def grown(hour: int) -> int:
        return 10 if hour < QUIET - 2 * WEEK else 20

    expected = Forecast(counts(QUIET, WEEKS, grown), QUIET, RULES).hour(QUIET)
    assert expected is not None
    mean = (7 * 10 + 2 * 20) / 9
    assert mean * 1.2 < expected.mean < 20


BOXING_DAY, NEW_YEAR = date(2025, 12, 26), date(2026, 1, 1)


@pytest.mark.parametrize(("first", "factor"), [(date(2025, 12, 25), None), (NEW_YEAR, 0.5)])
def test_a_bank_holiday_is_forecast_from_bank_holidays_and_has_no_range(first: date, factor: float | None) -> None:
    def halved(hour: int) -> int:
        day = instant(hour * HOUR).astimezone(ZONE).date()
        return 20 if day in (date(2025, 12, 25), BOXING_DAY, NEW_YEAR) else 40

    origin = hour_of(first)
    made = Forecast(counts(origin, WEEKS, halved), origin, RULES)
    holiday, day_after = made.hour(origin), made.hour(hour_of(date(2026, 1, 2)))
    assert made.holiday_factor == factor
    assert holiday is not None
    assert holiday == Expected(pytest.approx(40.0 * (factor or 1)), None, None)  # type: ignore[arg-type]
    assert not holiday.contains(40)
    assert day_after is not None
    assert day_after.mean == pytest.approx(40.0), "bank holidays are not part of the usual week"
    assert day_after.low is not None
    assert ("have no bank holiday" in made.holiday_words()) == (factor is None)


@cache
def probabilities(mean: float, variance: float) -> list[float]:
    """The distribution of counts, by drawing them: a Poisson count whose mean itself has a gamma distribution."""
    chance, found = random.Random(5), [0] * 400
    for _ in range(20_000):
        rate = (
            chance.gammavariate(mean * mean / (variance - mean), (variance - mean) / mean) if variance > mean else mean
        )
        at, count = chance.expovariate(1), 0
        while at < rate:
            at, count = at + chance.expovariate(1), count + 1
        found[count] += 1
    return [each / 20_000 for each in found]


@pytest.mark.parametrize("mean", [0.1, 0.7, 2.0, 9.0, 30.0])
@pytest.mark.parametrize("wider", [1.0, 1.3, 2.5])
def test_the_range_contains_four_counts_in_five_as_nearly_as_whole_numbers_allow(mean: float, wider: float) -> None:
    low, high = count_range(mean, mean * wider)
    drawn = probabilities(mean, mean * wider)
    inside = sum(drawn[low : high + 1])
    step = max(drawn)
    assert abs(inside - 0.8) <= max(step / 2, 0.02) or (low == 0 and inside > 0.8)
    assert low <= mean + 1
    assert high >= mean - 1


def test_a_range_of_nothing_and_of_very_much() -> None:
    assert count_range(0.0, 0.0) == (0, 0)
    low, high = count_range(20_000.0, 20_000.0)
    assert [20_000 - low, high - 20_000] == pytest.approx([1.28 * 141] * 2, abs=4)


def chance_counts(seed: int, first: int, after: int) -> Iterator[tuple[int, int]]:
    """Poisson counts of half-hours whose mean depends on the local hour."""
    chance = random.Random(seed)
    for half in range(2 * first, 2 * after):
        hour = instant(half * HOUR // 2).astimezone(ZONE).hour
        yield half, sum(chance.random() < (2 + hour) / 100 for _ in range(50))


def test_the_backtest_of_chance_is_better_than_last_week_and_its_range_holds() -> None:
    first, after = QUIET - 12 * WEEK, QUIET
    halves = dict(chance_counts(3, first, after))
    hours = {hour: halves[2 * hour] + halves[2 * hour + 1] for hour in range(first, after)}
    days = [(hour_of(day), hour_of(day + timedelta(days=1))) for day in (date(2026, 11, 8 + 3 * n) for n in range(7))]
    for found in (score(cases(hours, days, RULES, halves)), score(cases(hours, days, RULES))):
        assert found is not None
        assert found.error < 0.85 * found.naive_error
        assert found.inside is not None
        assert 0.72 < found.inside < 0.88


def test_a_case_compares_with_the_same_local_time_a_week_before() -> None:
    """The clocks went back on 25 October."""
    monday = hour_of(date(2026, 10, 26))
    hours = counts(monday + 24, WEEKS + 1, lambda hour: hour - monday + 2000)
    (first, *_) = cases(hours, [(monday, monday + 24)], RULES)
    assert (first.actual, first.week_before) == (2000, 2000 - WEEK - 1)
    assert datetime(2026, 10, 26, tzinfo=UTC) == instant(monday * HOUR)


def test_the_score() -> None:
    found = [Case(Expected(10.0, 8, 12), 12, 4), Case(Expected(5.0, 4, 6), 2, 2), Case(Expected(3.0, None, None), 3, 6)]
    result = score(found)
    assert result is not None
    assert (result.cases, result.error, result.naive_error, result.inside) == (3, 5 / 3, 11 / 3, 0.5)
    assert score([]) is None
    assert score(found[2:]) == (1, 0.0, 3.0, None)
