"""The hours for which the number in custody is asked, on an ordinary day and in the nights when the clocks change."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from bluelamp.cli.occupancy import whole_hours

LONDON = ZoneInfo("Europe/London")


@pytest.mark.parametrize(
    ("last", "hours"),
    [
        ("2026-11-29 22:10", ["20:00 GMT", "21:00 GMT", "22:00 GMT"]),
        ("2026-10-25 02:30", ["01:00 BST", "01:00 GMT", "02:00 GMT"]),
        ("2026-03-29 03:30", ["00:00 GMT", "02:00 BST", "03:00 BST"]),
    ],
    ids=["ordinary", "the hour that is repeated", "the hour that is missing"],
)
def test_no_hour_of_the_night_of_a_clock_change_is_left_out(last: str, hours: list[str]) -> None:
    at = datetime.fromisoformat(last).replace(tzinfo=LONDON)
    assert [f"{each.astimezone(LONDON):%H:%M %Z}" for each in whole_hours(at, 3)] == hours
