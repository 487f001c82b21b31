"""Tests the readings of a custody clock: its pauses, its last time in time, and the nights on which clocks change.

The rules of PACE 1984 are in the table of `tests/support/custody_law.py`.
"""

from datetime import datetime

import pytest

from measures.clock import WITHOUT_EXTENSION, Clock
from measures.detention import Pause
from measures.outcome import instant, microseconds
from measures.pane import HOUR


@pytest.mark.parametrize(
    ("night", "start", "end"),
    [
        ("clocks go forward", "2024-03-30T13:00:00+00:00", "2024-03-31T14:00:00+01:00"),
        ("clocks go back", "2024-10-26T13:00:00+01:00", "2024-10-27T12:00:00+00:00"),
        ("neither", "2024-12-02T13:00:00+00:00", "2024-12-03T13:00:00+00:00"),
    ],
)
def test_a_day_is_twenty_four_elapsed_hours_on_every_night(night: str, start: str, end: str) -> None:
    due = Clock(microseconds(datetime.fromisoformat(start))).latest(WITHOUT_EXTENSION)
    assert due is not None
    assert instant(due) == datetime.fromisoformat(end), night


@pytest.mark.parametrize("at", [0, 1, 5, 9, 10, 11, 14, 15, 16, 40])
def test_the_latest_time_of_a_reading_is_the_last_at_which_the_clock_shows_it(at: int) -> None:
    """At the latest time of a reading the clock shows it, and a microsecond later it shows more."""
    clock = Clock(2, (Pause(0, 1), Pause(10, 15), Pause(15, 15)))
    latest = clock.latest(clock.reading(at))
    assert latest is not None
    assert clock.reading(latest) == clock.reading(at)
    assert clock.reading(latest + 1) == clock.reading(latest) + 1


def test_a_paused_clock_has_no_latest_time_for_more_than_it_shows() -> None:
    clock = Clock(0, (Pause(2 * HOUR, None),))
    assert clock.reading(90 * HOUR) == 2 * HOUR
    assert clock.latest(2 * HOUR) is None
    assert clock.latest(HOUR) == HOUR
