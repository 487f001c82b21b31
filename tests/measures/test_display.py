"""Tests that values are formatted with a unit and rounded half up."""

import pytest

from measures.display import short_words, words
from measures.measure import Unit


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        (None, "ratio", "-"),
        (0, "count", "0"),
        (212246, "count", "212,246"),
        (0.4117, "ratio", "41.2%"),
        (0.00045, "ratio", "0.0%"),
        (0.0005, "ratio", "0.1%"),
        (1.0, "ratio", "100.0%"),
        (10.05, "seconds", "10.1 s"),
        (59.94, "seconds", "59.9 s"),
        (59.95, "seconds", "1 min 00 s"),
        (1011, "seconds", "16 min 51 s"),
        (3599.5, "seconds", "1 h 0 min"),
        (10_145, "seconds", "2 h 49 min"),
        (63793, "seconds", "17 h 43 min"),
        (86_370, "seconds", "1 day 0 h"),
        (1_112_517, "seconds", "12 days 21 h"),
    ],
)
def test_a_value_is_formatted_as_people_expect(value: float | None, unit: Unit, expected: str) -> None:
    assert words(value, unit) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0, "0 s"),
        (0.5, "0.5 s"),
        (10, "10 s"),
        (30.0, "30 s"),
        (60, "1 min"),
        (65, "1 min 05 s"),
        (600, "10 min"),
        (3600, "1 h"),
        (5400, "1 h 30 min"),
        (36_000, "10 h"),
        (172_800, "2 days"),
        (180_000, "2 days 2 h"),
    ],
)
def test_a_short_span_leaves_out_what_is_0(seconds: float, expected: str) -> None:
    assert short_words(seconds) == expected
