"""Tests control charts: limits and signals of published and hand-worked examples, and properties of any series."""

from collections.abc import Sequence
from datetime import date, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as some

from facts.errors import QuestionError
from measures.chart import LONG, NEAR, TO_LIMIT, Chart, ChartPoint, Rule, Side, Signal, chart, exact, periods

FIRST = date(2023, 1, 2)


def day(place: int) -> date:
    """The Monday of a week of the series."""
    return FIRST + timedelta(weeks=place)


def drawn(values: Sequence[float | str | Fraction | None], recalculated: Sequence[int] = ()) -> Chart:
    """The chart of weekly values; text gives exact values."""
    points = [ChartPoint(day(place), None if each is None else Fraction(each)) for place, each in enumerate(values)]
    return chart(points, [day(place) for place in recalculated])


def signals_of(found: Chart, rule: Rule) -> list[tuple[Side, list[int]]]:
    """The signals of a rule, each with the places of its points."""
    return [
        (signal.side, [(start - FIRST).days // 7 for start in signal.points])
        for signal in found.signals
        if signal.rule == rule
    ]


def test_limits_of_the_nist_handbook_s_batches() -> None:
    """NIST/SEMATECH e-Handbook 6.3.2.2.1: flow rates of ten batches; mean 50.81, mean moving range 1.8778."""
    (step,) = drawn(["49.6", "47.6", "49.9", "51.3", "47.8", "51.2", "52.6", "52.4", "53.6", "52.1"]).steps
    assert (step.n, step.centre, step.moving_range) == (10, Fraction("50.81"), Fraction("16.9") / 9)
    # The handbook prints 55.8041 and 45.8159 from 3 / 1.128; 2.66 is that rounded.
    assert float(step.upper() or 0) == pytest.approx(55.8041, abs=0.001)
    assert float(step.lower() or 0) == pytest.approx(45.8159, abs=0.001)
    assert step.is_provisional()


def test_limits_and_the_one_signal_of_a_published_making_data_count_example() -> None:
    """NHSRplotthedots, "Deviations from Excel defaults": as the Excel tool draws it, 6.95, 1.94 and -3.06."""
    found = drawn([1, 2, 1, 2, 10, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1])
    (step,) = found.steps
    lines = [round(float(line), 2) for line in (step.upper(), step.centre, step.lower()) if line is not None]
    assert lines == [6.95, 1.94, -3.06]
    assert not step.is_provisional()
    assert signals_of(found, "outside") == [("high", [4])]
    assert len(found.signals) == 1


@pytest.mark.parametrize(
    ("values", "rule", "expected"),
    [
        # Seven low and seven high values with a mean of 4.5 are two runs of seven; six are not a run.
        ([4] * 7 + [5] * 7, "run", [("low", [*range(7)]), ("high", [*range(7, 14)])]),
        ([4] * 6 + [5] * 6, "run", []),
        ([4] * 3 + [4.5] + [4] * 4 + [5] * 7, "run", [("high", [8, 9, 10, 11, 12, 13, 14])]),
        # Six rises make seven points. Five rises are not enough, and equal values end a trend.
        ([3, 1, 2, 3, 4, 5, 6, 7, 2], "trend", [("high", [1, 2, 3, 4, 5, 6, 7])]),
        ([9, 1, 2, 3, 4, 5, 6, 2], "trend", []),
        ([0, 1, 2, 3, 3, 4, 5, 6], "trend", []),
        ([8, 7, 6, 5, 4, 3, 2, 1], "trend", [("low", [*range(8)])]),
        ([1, 2, 3, 4, None, 5, 6, 7, 8], "trend", []),
    ],
)
def test_runs_and_trends_worked_by_hand(
    values: list[float | None], rule: Rule, expected: list[tuple[Side, list[int]]]
) -> None:
    assert signals_of(drawn(values), rule) == expected


def test_two_of_three_near_a_limit_worked_by_hand() -> None:
    """The mean is 0 and the moving ranges are those in the assertion below."""
    values = [0, -1, 0, 4, 3, 4, -1, -2, -1, -2, -1, -2, -1]
    found = drawn(values)
    (step,) = found.steps
    assert step.centre == 0
    assert step.moving_range == Fraction(1 + 1 + 4 + 1 + 1 + 5 + 1 + 1 + 1 + 1 + 1 + 1, 12) == Fraction(19, 12)
    # The limit is 2.66 x 19/12 = 4.21 and two thirds of it is 2.81, so 4, 3 and 4 are near it and inside.
    assert signals_of(found, "near") == [("high", [3, 4, 5])]
    assert signals_of(found, "outside") == []


def test_a_single_near_point_or_points_on_both_sides_are_not_a_signal() -> None:
    assert signals_of(drawn([4, -1, 4, -1, -1, -1, -2, 0, -1, -1]), "near") == []


def test_recalculated_limits_have_their_date_and_no_rule_looks_across_it() -> None:
    values = [10, 11, 10, 11, 10, 11, 10, 11, 20, 21, 20, 21, 20, 21, 20, 21]
    (whole,), (before, after) = drawn(values).steps, drawn(values, [8]).steps
    assert whole.centre == Fraction("15.5")
    assert (before.since, before.n, before.centre) == (day(0), 8, Fraction("10.5"))
    assert (after.since, after.n, after.centre) == (day(8), 8, Fraction("20.5"))
    assert {each.rule for each in drawn(values).signals} == {"outside", "run"}
    assert drawn(values, [8]).signals == ()
    assert drawn(values, [8]).step_of(day(7)) == before
    assert drawn(values, [8]).step_of(day(8)) == after


@pytest.mark.parametrize("dates", [[FIRST], [FIRST + timedelta(days=8)], [day(99)]])
def test_a_recalculation_date_that_starts_no_later_period_is_refused(dates: list[date]) -> None:
    with pytest.raises(QuestionError, match="begins on"):
        chart([ChartPoint(day(place), Fraction(place)) for place in range(9)], dates)


def test_what_a_signal_means_depends_on_which_way_is_good() -> None:
    low = Signal("run", "low", (FIRST,))
    assert [low.meaning(good) for good in ("lower", "higher", "neither")] == ["improvement", "concern", "change"]


def test_periods_are_whole_months_or_weeks() -> None:
    assert periods("month", date(2025, 1, 31), 2) == [
        (date(2024, 11, 1), date(2024, 12, 1)),
        (date(2024, 12, 1), date(2025, 1, 1)),
    ]
    assert periods("week", date(2025, 1, 5), 1) == [(date(2024, 12, 23), date(2024, 12, 30))]
    assert periods("week", date(2025, 1, 6), 1) == [(date(2024, 12, 30), date(2025, 1, 6))]


def test_a_share_is_exact_and_a_missing_value_has_no_point() -> None:
    assert exact(1 / 3, 1, 3) == Fraction(1, 3)
    assert exact(0.5, None, 3) == Fraction(1, 2)
    assert exact(None, 0, 0) is None


SERIES = some.lists(some.integers(-20, 20), min_size=1, max_size=40)


def flagged(values: Sequence[int], rule: Rule) -> set[int]:
    """The indexes that a rule flags, checked literally for every stretch of points."""
    mean = Fraction(sum(values), len(values))
    gaps = [abs(values[place + 1] - values[place]) for place in range(len(values) - 1)]
    reach = TO_LIMIT * Fraction(sum(gaps), len(gaps)) if gaps else None
    found: set[int] = set()
    if rule == "outside":
        return {place for place, each in enumerate(values) if reach is not None and abs(each - mean) > reach}
    length = 3 if rule == "near" else LONG
    for first in range(len(values) - length + 1):
        places = range(first, first + length)
        some_values = [values[place] for place in places]
        above, below = all(each > mean for each in some_values), all(each < mean for each in some_values)
        if rule == "run" and (above or below):
            found.update(places)
        if rule == "trend" and some_values in (sorted(set(some_values)), sorted(set(some_values), reverse=True)):
            found.update(places)
        if rule == "near" and reach is not None and (above or below):
            close = [place for place in places if NEAR * reach < abs(values[place] - mean) <= reach]
            found.update(close if len(close) >= 2 else [])
    return found


@given(SERIES, some.sampled_from(["outside", "run", "trend", "near"]))
def test_signals_are_the_points_that_the_rules_flag_literally(values: list[int], rule: Rule) -> None:
    places = [place for _, points in signals_of(drawn(values), rule) for place in points]
    assert set(places) == flagged(values, rule)


@given(SERIES, some.fractions(min_value=Fraction(1, 9), max_value=9), some.fractions(-99, 99))
def test_scale_and_origin_do_not_change_signals(values: list[int], scale: Fraction, origin: Fraction) -> None:
    found, other = drawn(values), drawn([scale * each + origin for each in values])
    assert other.signals == found.signals
    (one,), (two,) = found.steps, other.steps
    assert one.centre is not None
    assert two.centre == scale * one.centre + origin


@given(SERIES)
def test_turning_a_series_upside_down_only_changes_the_sides(values: list[int]) -> None:
    turned = {(each.rule, "low" if each.side == "high" else "high", each.points) for each in drawn(values).signals}
    assert {(each.rule, each.side, each.points) for each in drawn([-each for each in values]).signals} == turned


@given(SERIES, SERIES)
def test_each_recalculation_is_a_chart_of_its_own(before: list[int], after: list[int]) -> None:
    joined = drawn([*before, *after], [len(before)])
    apart = drawn([*[None] * len(before), *after]).signals
    assert joined.signals == (*drawn(before).signals, *apart)
