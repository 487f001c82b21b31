"""Keys: a key used again, shortened by a spreadsheet, or composed of several parts, in one file or several."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from facts.errors import MappingError
from facts.fact import SubjectFact
from producers.declaration import columns_used
from producers.extract import Extract, read_extracts, strays_of
from producers.keys import subject_of
from producers.live import Openings, RowFacts, RowFollower
from producers.mapping import load_mapping
from producers.row_facts import digest
from producers.rows import read_rows as read_source_rows
from producers.times import LocalClock
from producers.values import Fault, MalformedError
from tests.producers.extracts import NOW, at, read

INCIDENTS = """
name = "numbered"
force = "staffordshire"
topic = "incidents"
feed = "dispatch"
source = { format = "csv", times = ["%d/%m/%Y %H:%M"], time_zone = "Europe/London" }
subject = { key = ["number"], digest = true }

[[facts]]
fact = "IncidentOpened"
per = "subject"
at = "opened"
fields = { grade = { constant = "1" } }

[[facts]]
fact = "IncidentClosed"
per = "subject"
at = "closed"
when = [{ column = "closed", present = true }]
fields = { result = { constant = "attended" } }
"""
BY_DAY = INCIDENTS.replace('key = ["number"]', 'key = [{ day_of = "opened" }, "number"]')
CALLS = """
name = "calls"
force = "staffordshire"
topic = "contacts"
feed = "telephony_101"
source = { format = "csv", times = ["%d/%m/%Y %H:%M"], time_zone = "Europe/London" }
subject = { key = ["number"] }
rows = { key = ["opened"] }

[[facts]]
fact = "ContactOffered"
per = "row"
at = "opened"
fields = { line = { constant = "101" }, queue = { constant = "triage" } }
"""
FIRST = datetime(2024, 12, 2, 9, 0)  # noqa: DTZ001 - as the extract writes it


def day(number: int, incidents: int = 10, moved: timedelta = timedelta(0)) -> list[str]:
    """Rows of one day, numbered from 1."""
    rows = []
    for index in range(1, incidents + 1):
        opened = FIRST + timedelta(days=number, minutes=index) + moved
        rows.append(f"{index},{opened:%d/%m/%Y %H:%M},{opened + timedelta(minutes=50):%d/%m/%Y %H:%M}")
    return rows


def numbered(directory: Path, rows: list[str], mapping: str = INCIDENTS) -> Extract:
    return read(directory, mapping, "\n".join(("number,opened,closed", *rows, "")))


@pytest.mark.parametrize("pick", ["", 'pick = "first"', 'pick = "last"', 'pick = "earliest"'])
def test_a_number_that_begins_again_each_day_is_refused_and_says_what_to_do(tmp_path: Path, pick: str) -> None:
    """Thirty incidents of three days, numbered from 1 each day, are neither read as ten nor left out without an error."""
    mapping = INCIDENTS.replace('per = "subject"', f'per = "subject"\n{pick}')
    extract = numbered(tmp_path, [*day(0), *day(1), *day(2)], mapping)
    keys = extract.keys()
    assert (extract.facts, keys.subjects, keys.reused) == ((), 0, 10)
    assert (extract.rows_malformed, extract.faults()) == (30, {"reused_key": 30})
    assert '{ day_of = "opened" }' in extract.malformed[0].what
    assert "24 hours after the row at line 2" in extract.malformed[0].what


def test_a_key_with_the_day_distinguishes_them(tmp_path: Path) -> None:
    extract = numbered(tmp_path, [*day(0), *day(1), *day(2)], BY_DAY)
    keys = extract.keys()
    assert (keys.one_for_each, keys.subjects, keys.largest) == ("day of opened and number", 30, 1)
    assert extract.counts() == {"IncidentOpened": 30, "IncidentClosed": 30}
    assert extract.malformed == ()


def test_the_day_of_a_key_is_the_local_day(tmp_path: Path) -> None:
    """00:10 in London in summer is 23:10 of the day before in UTC."""
    mapping = BY_DAY.replace(", digest = true", "")
    extract = numbered(tmp_path, ["7,01/07/2024 00:10,"], mapping)
    assert list(extract.subjects) == ["2024-07-01-7"]
    missing = numbered(tmp_path, ["7,,"], mapping)
    assert [(each.column, each.fault) for each in missing.malformed] == [("opened", "missing_value")]


def test_a_call_number_used_again_is_refused_though_a_contact_may_be_offered_twice(tmp_path: Path) -> None:
    legs = numbered(tmp_path, ["1,02/12/2024 09:00,", "1,02/12/2024 09:04,", "1,02/12/2024 11:00,"], CALLS)
    assert (legs.keys().subjects, legs.keys().largest, legs.malformed) == (1, 3, ())
    again = numbered(tmp_path, [*day(0, 3), *day(1, 3)], CALLS)
    assert (again.keys().reused, again.faults()) == (3, {"reused_key": 6})
    allowed = numbered(
        tmp_path, [*day(0, 3), *day(1, 3)], CALLS.replace('["number"]', '["number"], opened_within_hours = 48')
    )
    assert (allowed.keys().reused, allowed.keys().subjects) == (0, 3)


def test_a_second_opening_close_by_is_counted(tmp_path: Path) -> None:
    mapping = INCIDENTS.replace('per = "subject"', 'per = "subject"\npick = "first"')
    extract = numbered(tmp_path, [*day(0, 2), *day(0, 1, timedelta(hours=2))], mapping)
    keys = extract.keys()
    assert (keys.subjects, keys.largest, keys.second_openings, keys.reused) == (2, 2, 1, 0)
    assert numbered(tmp_path, [*day(0, 2), *day(0, 1)], mapping).keys().second_openings == 0


@pytest.mark.parametrize("number", ["2.02412E+14", "2,02412E+14", "2.02412e+14", "2.02412E14", "2E+14", "-1.5E+10"])
def test_a_number_shortened_by_a_spreadsheet_is_not_a_key(tmp_path: Path, number: str) -> None:
    """Two hundred numbers become one text."""
    rows = [f'"{number}",02/12/2024 09:{minute:02},' for minute in range(20)]
    for mapping in (INCIDENTS, BY_DAY, CALLS):
        extract = numbered(tmp_path, rows, mapping)
        assert (extract.facts, extract.keys().lost_digits) == ((), 20)
        assert "format its column as text" in extract.malformed[0].what
        assert number not in str(extract.malformed[0])


@pytest.mark.parametrize(
    "column", ["rows = { key = ['number'], distinct_by = ['number'] }", "rows = { key = ['number'] }"]
)
def test_a_shortened_number_is_refused_in_every_key(tmp_path: Path, column: str) -> None:
    mapping = CALLS.replace('rows = { key = ["opened"] }', column).replace(
        'key = ["number"] }', 'key = ["opened"] , digest = true }'
    )
    extract = numbered(tmp_path, ["2.02412E+14,02/12/2024 09:00,", "2.02412E+14,02/12/2024 09:01,"], mapping)
    assert extract.faults() == {"lost_digits": 2}


@pytest.mark.parametrize("number", ["202412000000001", "12E3", "E+1", "1E5", "ABC-1.5E", "2024-0001"])
def test_other_keys_are_read(tmp_path: Path, number: str) -> None:
    assert numbered(tmp_path, [f"{number},02/12/2024 09:00,"]).malformed == ()


@pytest.mark.parametrize(
    ("numbers", "lost"),
    [
        (["1E5", "100001", "100002"], 1),
        (["1e5", "1e5", "2e5", "99999"], 3),
        (["1E5", "1E5"], 2),
        (["1E5", "2E5"], 0),
        (["1E5", "A12", "100001"], 0),
        (["12E3", "100001"], 0),
    ],
)
def test_a_short_number_in_scientific_notation_is_known_by_the_keys_around_it(
    tmp_path: Path, numbers: list[str], lost: int
) -> None:
    rows = [f"{number},02/12/2024 09:{minute:02}," for minute, number in enumerate(numbers)]
    extract = numbered(tmp_path, rows, INCIDENTS.replace('per = "subject"', 'per = "subject"\npick = "first"'))
    assert extract.faults() == ({"lost_digits": lost} if lost else {})
    assert (
        len(extract.facts) == len(set(numbers))
        if not lost
        else len(extract.subjects) == sum(number.isdigit() for number in numbers)
    )


@pytest.mark.parametrize(
    ("numbers", "from_one"),
    [
        (range(1, 11), True),
        (range(3, 40, 3), True),
        (range(1, 4), False),
        (range(202412001, 202412020), False),
        ([1, 2, 3, 4, 5000], False),
        (["1", "2", "3", "4", "5a"], False),
    ],
)
def test_numbers_that_may_begin_again_each_day_are_reported(
    tmp_path: Path, numbers: Iterable[object], from_one: bool
) -> None:
    """Days that are replayed one after another cannot be compared: only the numbers show it."""
    rows = [f"{number},02/12/2024 09:00," for number in numbers]
    assert numbered(tmp_path, rows).keys().from_one == from_one
    assert not numbered(tmp_path, rows, BY_DAY).keys().from_one


def test_a_number_that_begins_again_in_each_rotated_file_is_refused(tmp_path: Path) -> None:
    mapping = load_mapping(INCIDENTS, "n.toml")

    def followed(rows: list[str], before: Openings | None = None) -> tuple[RowFollower, list[RowFacts]]:
        follower = RowFollower(mapping, lambda: NOW, before)
        chunks = [("\n".join(("number,opened,closed", *rows)) + "\n").encode()]
        found = read_source_rows(chunks, mapping.source, frozenset(columns_used(mapping)), "day.csv")
        return follower, [follower.read(row) for row in found]

    first, given = followed(day(0, 3))
    assert [len(each.facts) for each in given] == [2, 2, 2]
    _, again = followed([*day(1, 3), day(0, 3)[2]], first.openings)
    assert [[each.fault for each in row.malformed] for row in again[:3]] == [["reused_key"]] * 3
    assert "of the file before" in again[0].malformed[0].what
    assert again[3].malformed == [], "the same incident, written again after the rotation"


def test_several_files_are_read_as_one_and_faults_name_theirs(tmp_path: Path) -> None:
    for name, rows in (("mon.csv", [*day(0, 2), "x,never,"]), ("tue.csv", day(1, 1))):
        (tmp_path / name).write_text("\n".join(("number,opened,closed", *rows, "")))
    extract = read_extracts([tmp_path / "mon.csv", tmp_path / "tue.csv"], load_mapping(INCIDENTS, "n.toml"), now=NOW)
    listed: list[tuple[str, int, Fault, int]] = [(m.file, m.line, m.fault, m.rows) for m in extract.malformed]
    assert sorted(listed) == [("mon.csv", 4, "bad_time", 1), ("tue.csv", 2, "reused_key", 2)]
    assert "line 2 of mon.csv" in " ".join(str(each) for each in extract.malformed)
    assert (extract.rows, extract.rows_malformed, extract.keys().subjects) == (4, 3, 1)


def test_a_part_of_a_key_must_be_a_column_or_a_day() -> None:
    with pytest.raises(MappingError):
        load_mapping(INCIDENTS.replace('key = ["number"]', 'key = [{ day = "opened" }]'), "n.toml")


def test_a_few_facts_far_from_all_others_are_reported() -> None:
    days = [at("2024-12-02") + timedelta(hours=hour) for hour in range(48)]
    stray = strays_of([at("2005-12-02"), *days])
    assert stray
    assert (stray.count, stray.days, stray.first) == (1, 6940, at("2005-12-02"))
    assert strays_of(days) is None
    assert strays_of([]) is None
    halves = [*days, *(each + timedelta(days=90) for each in days)]
    assert strays_of(halves) is None, "two periods in one extract are not strays"


@pytest.mark.parametrize("closing", ['4,"02/12/2024 09:08,', '4,02/12/2024 09:08",', '4,02/12/2024 09:08,"'])
def test_two_stray_quotes_in_a_file_of_few_columns_do_not_swallow_the_rows_between(
    tmp_path: Path, closing: str
) -> None:
    between = [f"{10 + minute},02/12/2024 09:{minute:02}," for minute in range(3)]
    extract = numbered(tmp_path, ['3,"02/12/2024 09:07,', *between, closing, "5,02/12/2024 09:09,"])
    assert {fact.subject_id for fact in extract.facts if isinstance(fact, SubjectFact)} >= {
        digest(number) for number in ("10", "11", "12", "5")
    }
    assert extract.rows == 6


def test_a_key_with_bytes_that_are_not_text_is_malformed() -> None:
    """Found by damaging extracts at random: in a row that a mapping leaves out, it ended the replay."""
    mapping = load_mapping(INCIDENTS, "numbered.toml")
    with pytest.raises(MalformedError, match="not text"):
        subject_of(mapping, {"number": "\udc95"}, LocalClock(mapping))
    assert subject_of(mapping, {"number": "\u0095"}, LocalClock(mapping))
