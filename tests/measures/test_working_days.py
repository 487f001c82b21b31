"""Working days of England and Wales, against a table; and the end of the second one by the local clock."""

from datetime import UTC, date, datetime

import pytest

from measures.outcome import instant, microseconds
from measures.rules import Rules
from measures.working_days import bank_holidays, working_day_after
from tests.support.forces import STRICT, shipped

_YEARS = """
2011 01-03 04-22 04-25 04-29 05-02 05-30 08-29 12-26 12-27
2015 01-01 04-03 04-06 05-04 05-25 08-31 12-25 12-28
2016 01-01 03-25 03-28 05-02 05-30 08-29 12-26 12-27
2017 01-02 04-14 04-17 05-01 05-29 08-28 12-25 12-26
2018 01-01 03-30 04-02 05-07 05-28 08-27 12-25 12-26
2019 01-01 04-19 04-22 05-06 05-27 08-26 12-25 12-26
2020 01-01 04-10 04-13 05-08 05-25 08-31 12-25 12-28
2021 01-01 04-02 04-05 05-03 05-31 08-30 12-27 12-28
2022 01-03 04-15 04-18 05-02 06-02 06-03 08-29 09-19 12-26 12-27
2023 01-02 04-07 04-10 05-01 05-08 05-29 08-28 12-25 12-26
2024 01-01 03-29 04-01 05-06 05-27 08-26 12-25 12-26
2025 01-01 04-18 04-21 05-05 05-26 08-25 12-25 12-26
2026 01-01 04-03 04-06 05-04 05-25 08-31 12-25 12-28
2027 01-01 03-26 03-29 05-03 05-31 08-30 12-27 12-28
2028 01-03 04-14 04-17 05-01 05-29 08-28 12-25 12-26
2035 01-01 03-23 03-26 05-07 05-28 08-27 12-25 12-26
"""
"""Year, then month and day of each bank holiday, as published for England and Wales."""


@pytest.mark.parametrize("line", _YEARS.strip().splitlines())
def test_bank_holidays_of_a_year(line: str) -> None:
    year, *days = line.split()
    assert bank_holidays(int(year), "england_and_wales") == {date.fromisoformat(f"{year}-{day}") for day in days}


@pytest.mark.parametrize(
    ("day", "second"),
    [
        ("2024-12-02", "2024-12-04"),  # a Monday
        ("2024-12-05", "2024-12-09"),  # a Thursday
        ("2024-12-06", "2024-12-10"),  # a Friday, then the Saturday and the Sunday after it
        ("2024-12-07", "2024-12-10"),
        ("2024-12-08", "2024-12-10"),
        ("2024-03-28", "2024-04-03"),  # before Good Friday
        ("2024-12-24", "2024-12-30"),  # Christmas Eve
        ("2024-12-25", "2024-12-30"),
        ("2021-12-24", "2021-12-30"),  # Christmas on a Saturday
        ("2024-12-31", "2025-01-03"),
    ],
)
def test_the_second_working_day_after_a_day(day: str, second: str) -> None:
    after = working_day_after(date.fromisoformat(day).toordinal(), 2, "england_and_wales")
    assert date.fromordinal(after) == date.fromisoformat(second)


@pytest.mark.parametrize(
    ("recorded", "ended"),
    [
        ("2024-12-02T09:00", "2024-12-05T00:00"),
        ("2024-06-03T22:59", "2024-06-05T23:00"),  # still Monday in local time
        ("2024-06-03T23:00", "2024-06-06T23:00"),  # already Tuesday in local time
        ("2024-10-25T12:00", "2024-10-30T00:00"),  # across the repeated hour
    ],
)
def test_working_days_end_at_a_local_midnight(recorded: str, ended: str) -> None:
    end = Rules(STRICT).working_days_end(microseconds(datetime.fromisoformat(f"{recorded}+00:00")), 2)
    assert end is not None
    assert instant(end) == datetime.fromisoformat(ended).replace(tzinfo=UTC)


def test_a_force_without_bank_holidays_has_no_targets_in_working_days() -> None:
    assert Rules(shipped("san_francisco_fire")).working_days_end(0, 2) is None
