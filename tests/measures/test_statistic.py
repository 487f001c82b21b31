"""Tests that statistics of histograms are exact, against plain lists and fractions."""

from collections import Counter
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from measures.statistic import mean, quantile, ratio, total, within

values = st.lists(st.integers(0, 5000), min_size=1, max_size=200)


def expected_quantile(numbers: list[int], share: Fraction) -> Fraction:
    """The quantile, linear between order statistics, in fractions."""
    ordered = sorted(numbers)
    position = (len(ordered) - 1) * share
    lower = ordered[int(position)]
    upper = ordered[min(int(position) + 1, len(ordered) - 1)]
    return lower + (upper - lower) * (position - int(position))


@given(values, st.sampled_from([(1, 2), (9, 10), (1, 4), (99, 100), (0, 1), (1, 1)]), st.sampled_from([1, 10]))
def test_quantiles_are_those_of_the_sorted_list(numbers: list[int], share: tuple[int, int], per_second: int) -> None:
    expected = float(expected_quantile(numbers, Fraction(*share)) / per_second)
    assert quantile(Counter(numbers), *share, per_second) == expected


@given(values, st.sampled_from([1, 10]))
def test_the_mean_is_the_exact_sum_divided_once(numbers: list[int], per_second: int) -> None:
    assert mean(Counter(numbers), per_second) == float(Fraction(sum(numbers), len(numbers) * per_second))


@given(values, st.integers(0, 5000))
def test_within_includes_the_limit_only_if_inclusive(numbers: list[int], limit: int) -> None:
    histogram = Counter(numbers)
    assert within(histogram, limit) == sum(number <= limit for number in numbers)
    assert within(histogram, limit, inclusive=False) == sum(number < limit for number in numbers)
    assert total(histogram) == len(numbers)


def test_without_values_there_is_no_figure_and_never_0_or_100_per_cent() -> None:
    assert mean({}, 1) is None
    assert quantile({}, 1, 2, 1) is None
    assert ratio(0, 0) is None
    assert ratio(0, 3) == 0
