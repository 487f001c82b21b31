"""Tests that windows follow the force's local time and calendar, including the nights when the clocks change."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from facts.errors import QuestionError
from measures.outcome import microseconds
from measures.pane import HOUR, MINUTE
from measures.window import WINDOWS, Window, resolve, shift_at, weeks_before
from tests.support.forces import STRICT, shipped

LONDON = ZoneInfo("Europe/London")
BOTH_NIGHTS = [datetime(2026, 3, 29, 12, 34, 56, tzinfo=LONDON), datetime(2026, 10, 25, 12, 34, 56, tzinfo=LONDON)]


def window(name: str, *moment: int) -> Window:
    """The window of a name at a London time."""
    return resolve(name, datetime(*moment, tzinfo=LONDON), STRICT)  # type: ignore[arg-type,misc]


def bounds(name: str, *moment: int) -> tuple[str, str]:
    """The start and end of a window in London time."""
    found = window(name, *moment)
    return f"{found.start:%Y-%m-%d %H:%M}", f"{found.end:%Y-%m-%d %H:%M}"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("15m", ("2026-06-10 10:22", "2026-06-10 10:38")),
        ("60m", ("2026-06-10 09:37", "2026-06-10 10:38")),
        ("24h", ("2026-06-09 10:37", "2026-06-10 10:38")),
        ("7d", ("2026-06-03 10:00", "2026-06-10 10:38")),
        ("today", ("2026-06-10 00:00", "2026-06-10 10:38")),
        ("shift", ("2026-06-10 07:00", "2026-06-10 10:38")),
        ("this_month", ("2026-06-01 00:00", "2026-06-11 00:00")),
        ("last_month", ("2026-05-01 00:00", "2026-06-01 00:00")),
        ("12m", ("2025-06-01 00:00", "2026-06-01 00:00")),
        ("previous_12m", ("2024-06-01 00:00", "2025-06-01 00:00")),
        ("yesterday", ("2026-06-09 00:00", "2026-06-10 00:00")),
        ("last_week", ("2026-06-01 00:00", "2026-06-08 00:00")),
        ("last_28_days", ("2026-05-13 00:00", "2026-06-10 00:00")),
        ("2026-06-09T22:15/2026-06-10T04:00", ("2026-06-09 22:15", "2026-06-10 04:00")),
        ("2025-10-26T01:30/2025-10-26T02:00", ("2025-10-26 01:30", "2025-10-26 02:00")),
        ("2026-02-28/2026-03-01", ("2026-02-28 00:00", "2026-03-01 00:00")),
    ],
)
def test_every_window_has_the_start_and_end_of_its_name(name: str, expected: tuple[str, str]) -> None:
    assert bounds(name, 2026, 6, 10, 10, 37, 42) == expected


def test_a_window_at_a_whole_minute_ends_there() -> None:
    assert bounds("15m", 2026, 6, 10, 10, 37) == ("2026-06-10 10:22", "2026-06-10 10:37")


def test_windows_in_january_reach_into_the_year_before() -> None:
    assert bounds("last_month", 2025, 1, 21, 9, 0) == ("2024-12-01 00:00", "2025-01-01 00:00")
    assert bounds("12m", 2025, 1, 21, 9, 0) == ("2024-01-01 00:00", "2025-01-01 00:00")
    assert bounds("previous_12m", 2025, 1, 21, 9, 0) == ("2023-01-01 00:00", "2024-01-01 00:00")


@pytest.mark.parametrize(("moment", "hours"), [(BOTH_NIGHTS[0], 23), (BOTH_NIGHTS[1], 25)])
def test_the_days_on_which_the_clocks_change_have_23_and_25_hours(moment: datetime, hours: int) -> None:
    tomorrow = (moment + timedelta(days=1)).replace(hour=0, minute=0, second=0)
    today = resolve("today", tomorrow - timedelta(minutes=1), STRICT)
    assert tomorrow.astimezone(UTC) - today.start.astimezone(UTC) == timedelta(hours=hours)
    rolling = resolve("24h", moment, STRICT)
    assert rolling.end.astimezone(UTC) - rolling.start.astimezone(UTC) == timedelta(hours=24, minutes=1)


@pytest.mark.parametrize(
    ("hour", "minute", "start"),
    [(7, 0, "07:00"), (18, 29, "07:00"), (18, 30, "18:30"), (3, 0, "18:30"), (6, 59, "18:30")],
)
def test_the_shift_is_the_one_that_started_last(hour: int, minute: int, start: str) -> None:
    """The strict force's shifts overlap by half an hour in the evening."""
    assert bounds("shift", 2026, 6, 10, hour, minute, 30)[0].endswith(start)


@pytest.mark.parametrize("name", WINDOWS)
@pytest.mark.parametrize("moment", [*BOTH_NIGHTS, datetime(2024, 2, 29, 23, 59, 59, 999999, tzinfo=LONDON)])
def test_segments_cover_the_window_once_without_a_gap(name: str, moment: datetime) -> None:
    found = resolve(name, moment, STRICT)
    if found.kind == "report":
        (segment,) = found.segments
        assert (segment.first, segment.last) == (found.start.toordinal(), found.end.toordinal())
        return
    reached = microseconds(found.start)
    for segment in found.segments:
        unit = MINUTE if segment.grain == "minute" else HOUR
        assert segment.first * unit == reached
        assert segment.first < segment.last
        reached = segment.last * unit
    assert reached == microseconds(found.end)
    assert moment < found.end


@pytest.mark.parametrize(
    "name",
    [
        "1h",
        "tomorrow",
        "2024-02-30/2024-03-01",
        "2024-03-01/2024-03-01",
        "2024-03-02/2024-03-01",
        "2024-11-01/2300-12-01",
        "2024-11-01T25:00/2024-11-02T00:00",
        "2024-11-01T10:00/2024-11-01T10:00",
        "2024-11-01T10:00/2300-11-01T10:00",
        "2024-11-01T10:00:30/2024-11-01T11:00:00",
        "2024-11-01T10:00/2024-11-02",
        "2026-06-10T10:37/2026-06-10T12:00",
    ],
)
def test_an_unknown_or_empty_window_is_refused_with_a_hint(name: str) -> None:
    with pytest.raises(QuestionError) as caught:
        window(name, 2026, 6, 10, 10, 37)
    assert caught.value.hint


def test_the_same_time_weeks_before_is_in_local_time() -> None:
    london = shipped("staffordshire")
    after = datetime(2024, 11, 5, 7, tzinfo=UTC)
    assert weeks_before(after, 1, london) == datetime(2024, 10, 29, 7, tzinfo=UTC)
    assert weeks_before(after, 2, london) == datetime(2024, 10, 22, 6, tzinfo=UTC), "07:00 in summer time"


def test_the_shift_before_is_the_one_up_to_the_start_of_the_current_shift() -> None:
    force = shipped("staffordshire")
    night = shift_at(datetime(2024, 12, 3, 2, tzinfo=UTC), force)
    assert (night.shift.label, night.start, night.end) == (
        "night",
        datetime(2024, 12, 2, 23, tzinfo=UTC),
        datetime(2024, 12, 3, 7, tzinfo=UTC),
    )
    assert shift_at(night.start - timedelta(microseconds=1), force).shift.label == "late"
    assert shift_at(night.end, force).shift.label == "early"
