"""Roster files: what they say, what is refused, and when they are read again."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from msgspec.structs import replace

from bluelamp.wiring.plans import roster_of
from bluelamp.wiring.settings import Settings
from facts.errors import SettingError
from facts.roster import Roster, parse_roster
from tests.support.forces import shipped

_FORCE = shipped("staffordshire")
_HEADER = "day,start,skill,rostered\n"


def _parsed(*rows: str) -> Roster:
    return parse_roster(_HEADER + "\n".join(rows), "north.csv", _FORCE)


def test_a_half_hour_has_the_number_of_each_skill_listed_and_no_other() -> None:
    roster = _parsed("2024-07-01,07:30,local_calls,9", "2024-07-01, 07:30 ,triage,0", "", "2024-07-01,08:00,triage,2")
    assert roster.at(datetime(2024, 7, 1, 6, 59, 59, tzinfo=UTC)) == {"local_calls": 9, "triage": 0}
    assert roster.at(datetime(2024, 7, 1, 7, 0, tzinfo=UTC)) == {"triage": 2}
    assert roster.at(datetime(2024, 7, 1, 6, 29, tzinfo=UTC)) == {}


def test_a_repeated_local_time_counts_twice_and_a_skipped_one_not_at_all() -> None:
    autumn, spring = _parsed("2024-10-27,01:30,triage,2"), _parsed("2024-03-31,01:30,triage,2")
    assert sorted(autumn.planned) == [datetime(2024, 10, 27, hour, 30, tzinfo=UTC) for hour in (0, 1)]
    assert spring.planned == {}


@pytest.mark.parametrize(
    ("row", "what"),
    [
        ("2024-07-01,07:30,night,9", "There is no skill 'night'"),
        ("2024-07-01,07:30,triage,-1", "'-1' is not a number"),
        ("2024-07-01,07:30,triage,2.5", "'2.5' is not a number"),
        ("2024-07-01,07:30,triage,", "'' is not a number"),
        (f"2024-07-01,07:30,triage,{'9' * 5000}", "is not a number of call takers"),
        (f"2024-07-01,07:30,triage,{'9' * 200_000}", "This is not CSV: field larger than field limit"),
        ("2024-07-01,07:15,triage,2", "07:15 does not start a half-hour"),
        ("2024-07-01,07:30+01:00,triage,2", "does not start a half-hour of local time"),
        ("01/07/2024,07:30,triage,2", "is not a date and a time"),
        ("2024-07-01,07:30,triage", "The row has 3 cells, not 4"),
        ("2024-07-01,08:00,triage,3", "has two rows for the skill 'triage'"),
    ],
)
def test_a_wrong_row_is_refused_with_its_line(row: str, what: str) -> None:
    with pytest.raises(SettingError, match="line 3") as caught:
        _parsed("2024-07-01,08:00,triage,3", row)
    assert what in caught.value.what


@pytest.mark.parametrize("text", ["", "skill,day,start,rostered\n", "x" * 200_000])
def test_another_header_is_refused(text: str) -> None:
    with pytest.raises(SettingError, match="line 1"):
        parse_roster(text, "north.csv", _FORCE)


def test_the_file_is_read_again_when_it_changes_and_an_old_roster_is_never_used(tmp_path: Path) -> None:
    assert roster_of(Settings(), _FORCE)() is None
    read, path = roster_of(Settings(rosters=str(tmp_path)), _FORCE), tmp_path / "staffordshire.csv"
    assert "cannot be read: No such file" in str(read())
    path.write_text(_HEADER + "2024-07-01,08:00,triage,3\n")
    first = read()
    assert isinstance(first, Roster)
    assert read() is first
    path.write_text(_HEADER + "2024-07-01,08:00,triage,4\n")
    os.utime(path, ns=(1, 1))  # as large as before, and perhaps within the same tick of the file system's clock
    changed = read()
    assert isinstance(changed, Roster)
    assert list(changed.planned.values()) == [{"triage": 4}]
    path.write_text(_HEADER + "2024-07-01,08:00,triage,many\n")
    assert read() == "The roster is not valid: staffordshire.csv, line 2: 'many' is not a number of call takers."
    path.write_bytes(b"\xff\xfe")
    assert read() == "The roster staffordshire.csv is not UTF-8 text."


def test_a_date_beyond_the_calendar_is_refused() -> None:
    force = replace(_FORCE, time_zone="America/Los_Angeles")
    with pytest.raises(SettingError, match="line 2") as caught:
        parse_roster(_HEADER + "9999-12-31,23:30,triage,2\n", "north.csv", force)
    assert "is not a date and a time" in caught.value.what
