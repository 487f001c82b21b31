"""Tests bands: the calculation of the limits, and the same hour of the week when the clocks change."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from measures.band import Band, band, same_hours
from measures.measure import Unit
from tests.support.forces import STRICT

ZONE = ZoneInfo("Europe/London")


@pytest.mark.parametrize(
    ("values", "unit", "expected"),
    [
        ([10, 12, 11, 13, 12], "count", Band(12 - 3.145 * 1.5, 12, 12 + 3.145 * 1.5, 5)),
        ([10, 12, 11, 13], "count", None),
        ([5, 5, 5, 5, 5], "count", None),
        ([0, 0, 0, 0, 3, 0, 0, 0], "count", Band(0.0, 0, 2.66 * 6 / 7, 8)),
        ([0.05, 0.04, 0.06, 0.05, 0.05, 0.07], "ratio", Band(0.05 - 3.145 * 0.01, 0.05, 0.05 + 3.145 * 0.01, 6)),
        ([0.9, 0.5, 1.0, 0.6, 0.95], "ratio", Band(0.0, 0.9, 1.0, 5)),
    ],
)
def test_the_limits_of_an_individuals_chart(values: list[float], unit: Unit, expected: Band | None) -> None:
    found = band(values, unit)
    assert (found is None) == (expected is None)
    if found and expected:
        assert (found.lower, found.expected, found.upper) == pytest.approx(
            (expected.lower, expected.expected, expected.upper)
        )
        assert found.weeks == expected.weeks


def test_one_unusual_week_does_not_move_the_limits() -> None:
    calm = band([20, 22, 21, 23, 22, 21, 20, 22], "count")
    odd = band([20, 22, 21, 23, 400, 21, 20, 22], "count")
    assert calm is not None
    assert odd is not None
    assert odd.upper < 35


def hours(as_of: str) -> list[str]:
    """The hours used, in local time."""
    moment = datetime.fromisoformat(as_of).replace(tzinfo=ZONE)
    return [window.start.isoformat() for window in same_hours(moment, STRICT)]


def test_the_hour_is_the_one_with_most_of_the_last_sixty_minutes() -> None:
    assert hours("2024-12-03T10:29:00")[-1] == "2024-11-26T09:00:00+00:00"
    assert hours("2024-12-03T10:31:00")[-1] == "2024-11-26T10:00:00+00:00"
    assert len(hours("2024-12-03T10:29:00")) == 8


def test_the_hour_follows_local_time_across_a_clock_change() -> None:
    found = hours("2024-11-05T10:45:00")
    assert found[-1] == "2024-10-29T10:00:00+00:00"
    assert found[-2] == "2024-10-22T10:00:00+01:00"


def test_a_skipped_hour_is_left_out_and_a_repeated_hour_is_used_once() -> None:
    spring = hours("2024-04-07T01:45:00")
    assert "2024-03-31" not in {each[:10] for each in spring}
    assert len(spring) == 7
    autumn = [each for each in hours("2024-11-03T01:45:00") if each.startswith("2024-10-27")]
    assert autumn == ["2024-10-27T01:00:00+01:00"]
