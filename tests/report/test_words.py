"""Figures as text: rounded once, half up, from exact values; differences of unrounded figures; percentage points."""

from fractions import Fraction

import pytest

from dashboards.report.words import COUNT, Unit, change_text, difference_text, figure_text

SECONDS, MINUTES, CLOCK, PERCENT = Unit("seconds", 2), Unit("minutes", 1), Unit("clock"), Unit("percent", 2)


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [
        (Fraction(252917), COUNT, "252,917"),
        (Fraction("10.005"), SECONDS, "10.01"),
        (Fraction("10.00499"), SECONDS, "10.00"),
        (Fraction(527), MINUTES, "8.8"),
        (Fraction(1, 3), PERCENT, "33.33%"),
        (Fraction(63793), CLOCK, "17:43:13"),
        (Fraction("359.5"), CLOCK, "0:06:00"),
        (Fraction(0), PERCENT, "0.00%"),
        (None, COUNT, "-"),
    ],
)
def test_a_figure_is_rounded_once_half_up(value: Fraction | None, unit: Unit, words: str) -> None:
    assert figure_text(value, unit) == words


def test_a_difference_is_between_unrounded_figures() -> None:
    """Case I11 of the report: 10.01 and 10.28, and a difference of -0.28."""
    now, before = Fraction("10.0051"), Fraction("10.2849")
    assert (figure_text(now, SECONDS), figure_text(before, SECONDS)) == ("10.01", "10.28")
    assert difference_text(now - before, SECONDS) == "\N{MINUS SIGN}0.28"


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [
        (Fraction("0.129"), PERCENT, "+12.90 pp"),
        (Fraction("-0.0011"), PERCENT, "\N{MINUS SIGN}0.11 pp"),
        (Fraction("-0.00001"), PERCENT, "0.00 pp"),
        (Fraction("0.00001"), PERCENT, "0.00 pp"),
        (Fraction(-26241), COUNT, "\N{MINUS SIGN}26,241"),
        (Fraction(-43200), CLOCK, "\N{MINUS SIGN}12:00:00"),
        (Fraction(1946), COUNT, "+1,946"),
        (Fraction(0), COUNT, "0"),
    ],
)
def test_a_difference_has_its_sign_and_is_in_points_for_shares(value: Fraction, unit: Unit, words: str) -> None:
    assert difference_text(value, unit) == words


def test_a_change_is_relative_and_in_per_cent() -> None:
    assert change_text(Fraction(-26241, 238487)) == "\N{MINUS SIGN}11.00%"
    assert change_text(None) == "-"
