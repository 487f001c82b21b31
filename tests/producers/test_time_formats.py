"""How systems write times: zones' names, epochs, serials, twelve-hour clocks, 24:00; and chains of times in one row."""

import time
from datetime import timedelta
from pathlib import Path

import pytest

from facts.errors import MappingError
from facts.incident import IncidentOpened, UnitArrived, UnitDispatched
from producers.extract import Extract
from producers.mapping import load_mapping
from tests.producers.extracts import at, read

MAPPING = """
name = "stages"
force = "staffordshire"
topic = "incidents"
feed = "dispatch"

[source]
format = "csv"
times = ["%d/%m/%Y %H:%M:%S"]
time_zone = "Europe/London"

[subject]
key = ["incident"]

[[facts]]
fact = "IncidentOpened"
per = "subject"
at = "opened"
fields = { grade = { constant = "1" } }

[[facts]]
fact = "UnitDispatched"
per = "subject"
at = "sent"
after = "opened"
when = [{ column = "sent", present = true }]
fields = { unit = { constant = "first" } }

[[facts]]
fact = "UnitArrived"
per = "subject"
at = "arrived"
after = "sent"
when = [{ column = "arrived", present = true }]
fields = { unit = { constant = "first" } }
"""


def changed(*pairs: tuple[str, str]) -> str:
    mapping = MAPPING
    for old, new in pairs:
        assert old in mapping, "the test changes nothing"
        mapping = mapping.replace(old, new)
    return mapping


def stages(directory: Path, opened: str, sent: str = "", arrived: str = "", *, mapping: str = MAPPING) -> Extract:
    text = f'incident,opened,sent,arrived\ni-1,"{opened}","{sent}","{arrived}"\n'
    return read(directory, mapping, text)


def times(extract: Extract) -> list[str]:
    """When the incident was opened, a unit sent, and arrived, in UTC; a fault instead, if there is one."""
    if extract.malformed:
        return [f"{each.column}: {each.fault}" for each in extract.malformed]
    read_times = {type(fact): fact.at for fact in extract.facts}
    kinds = (IncidentOpened, UnitDispatched, UnitArrived)
    return [f"{read_times[kind]:%Y-%m-%d %H:%M:%S.%f}".removesuffix(".000000") for kind in kinds if kind in read_times]


def in_format(*forms: str) -> str:
    return changed(('times = ["%d/%m/%Y %H:%M:%S"]', f"times = {list(forms)}"))


@pytest.mark.parametrize("machine", ["Europe/London", "America/New_York", "Asia/Tokyo"])
@pytest.mark.parametrize(
    ("written", "read_as"),
    [
        ("01/07/2024 12:00:00 GMT", "2024-07-01 12:00:00"),
        ("01/07/2024 12:00:00 UTC", "2024-07-01 12:00:00"),
        ("01/07/2024 13:00:00 BST", "2024-07-01 12:00:00"),
        ("27/10/2024 01:30:00 BST", "2024-10-27 00:30:00"),
        ("27/10/2024 01:30:00 GMT", "2024-10-27 01:30:00"),
        ("01/07/2024 12:00:00 EDT", "opened: bad_time"),
        ("01/07/2024 12:00:00 GMT+1", "opened: bad_time"),
        ("01/07/2024 12:00:00", "opened: bad_time"),
    ],
)
def test_the_name_of_a_zone_is_understood_whatever_the_zone_of_the_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, machine: str, written: str, read_as: str
) -> None:
    monkeypatch.setenv("TZ", machine)
    time.tzset()
    try:
        assert times(stages(tmp_path, written, mapping=in_format("%d/%m/%Y %H:%M:%S %Z"))) == [read_as]
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize(
    ("form", "written", "read_as"),
    [
        # Numbers since 1970 are what their size says they are.
        ("epoch", "1733130000", "2024-12-02 09:00:00"),
        ("epoch", "1733130000.250", "2024-12-02 09:00:00.250000"),
        ("epoch", "1733130000250", "2024-12-02 09:00:00.250000"),
        ("epoch", "1733130000000.0", "2024-12-02 09:00:00"),
        ("epoch", "1733130000250000", "2024-12-02 09:00:00.250000"),
        ("epoch", "1733130000250000000", "2024-12-02 09:00:00.250000"),
        ("epoch", "-1", "opened: bad_time"),
        ("epoch", "1.73313E+12", "opened: lost_digits"),
        # Days as a spreadsheet counts them, local, with the fraction rounded to what was meant.
        ("excel", "45628.5451388889", "2024-12-02 13:05:00"),
        ("excel", "45628.545138888891", "2024-12-02 13:05:00"),
        ("excel", "45628.54514", "2024-12-02 13:05:00"),
        ("excel", "45628.545139", "2024-12-02 13:05:00"),
        ("excel", "45628.5451446759", "2024-12-02 13:05:00.500000"),
        ("excel", "45628", "2024-12-02 00:00:00"),
        ("excel", "45474.5", "2024-07-01 11:00:00"),
        ("excel", "45628 0.5451388889", "2024-12-02 13:05:00"),
        ("excel", "1733130000", "opened: bad_time"),
        ("excel", "12", "opened: bad_time"),
        # A twelve-hour clock, as written by hand, by Excel and by newer libraries (U+202F).
        ("%m/%d/%Y %I:%M:%S %p", "12/02/2024 1:05:00 PM", "2024-12-02 13:05:00"),
        ("%m/%d/%Y %I:%M:%S %p", "12/02/2024 1:05:00\u202fPM", "2024-12-02 13:05:00"),
        ("%m/%d/%Y %I:%M:%S %p", "12/02/2024\u00a01:05:00 pm", "2024-12-02 13:05:00"),
        ("%m/%d/%Y %I:%M:%S %p", "12/02/2024 1:05:00 p.m.", "2024-12-02 13:05:00"),
        ("%m/%d/%Y %I:%M:%S %p", "12/02/2024 12:05:00 AM", "2024-12-02 00:05:00"),
        ("%m/%d/%Y %I:%M:%S %p", "12/02/2024 13:05:00 PM", "opened: bad_time"),
        # The end of the day.
        ("%d/%m/%Y %H:%M:%S", "02/12/2024 24:00:00", "2024-12-03 00:00:00"),
        ("%d/%m/%Y %H:%M", "31/12/2024 24:00", "2025-01-01 00:00:00"),
        ("%d/%m/%Y %H:%M:%S", "02/12/2024 24:00:01", "opened: bad_time"),
        ("%d/%m/%Y %H:%M:%S", "02/12/2024 24:30:00", "opened: bad_time"),
        ("iso", "2024-12-02T24:00:00", "2024-12-03 00:00:00"),
        ("iso", "2024-07-01T24:00:00Z", "2024-07-02 00:00:00"),
        # Offsets, with and without a colon or a space.
        ("iso", "2024-12-02T09:00:00+0100", "2024-12-02 08:00:00"),
        ("iso", "2024-12-02T09:00:00+01", "2024-12-02 08:00:00"),
        ("iso", "2024-12-02 09:00:00 +0100", "2024-12-02 08:00:00"),
        ("iso", "2024-12-02 09:00:00 Z", "2024-12-02 09:00:00"),
        ("%d/%m/%Y %H:%M:%S %z", "02/12/2024 09:00:00 +0100", "2024-12-02 08:00:00"),
        ("iso", "2024-12-02T09:00:00.1234567Z", "2024-12-02 09:00:00.123456"),
        ("iso", "1712123112000", "opened: bad_time"),
        # The day of the week must be that of the date.
        ("%a %d/%m/%Y %H:%M", "Mon 02/12/2024 09:00", "2024-12-02 09:00:00"),
        ("%A %d %B %Y %H:%M", "monday 2 December 2024 09:00", "2024-12-02 09:00:00"),
        ("%a %d/%m/%Y %H:%M", "Tue 02/12/2024 09:00", "opened: bad_time"),
    ],
)
def test_a_time_is_read_as_what_it_is_or_refused(tmp_path: Path, form: str, written: str, read_as: str) -> None:
    assert times(stages(tmp_path, written, mapping=in_format(form))) == [read_as]


@pytest.mark.parametrize(
    ("form", "written", "advice"),
    [
        ("iso", "45628.5451388889", "'excel'"),
        ("iso", "1733130000250", "'epoch'"),
        ("epoch", "2024-12-02 09:00", "'iso'"),
        ("iso", "2024-12-02 9:05:00", "'%Y-%m-%d %H:%M:%S'"),
        ("%d/%m/%Y %H:%M:%S", "02/12/2024 1:05:00 PM", "'%d/%m/%Y %I:%M:%S %p'"),
        ("%d/%m/%Y %H:%M:%S", "02/12/2024 09:05", "'%d/%m/%Y %H:%M'"),
        ("%d/%m/%Y %H:%M", "02/12/24 09:05", "'%d/%m/%y %H:%M'"),
        ("%d/%m/%Y %H:%M", "02.12.2024 09:05", "'%d.%m.%Y %H:%M'"),
        ("%d/%m/%Y %H:%M", "02/12/2024 09:05:10", "'%d/%m/%Y %H:%M:%S'"),
        ("%d/%m/%Y %H:%M", "02/12/2024 09:05 BST", "'%d/%m/%Y %H:%M %Z'"),
        ("%d/%m/%Y %H:%M", "12/31/2024 09:05", "day and month are exchanged"),
        ("iso", "2016-12-31T23:59:60Z", "leap second"),
        ("%d/%m/%Y %H:%M:%S", "01/01/2017 10:59:60", "leap second"),
        ("iso", "-1", "`source.absent`"),
        ("iso", "n/k", "`source.absent`"),
        ("iso", "seventeen 2", ""),
    ],
)
def test_a_time_that_cannot_be_read_says_which_format_to_add(
    tmp_path: Path, form: str, written: str, advice: str
) -> None:
    (malformed,) = stages(tmp_path, written, mapping=in_format(form)).malformed
    assert advice in malformed.what
    assert written not in malformed.what


@pytest.mark.parametrize(
    ("form", "what"),
    [
        ("%d/%m/%Y %d %H:%M", "is invalid or has no date"),
        ("%d/%m/%Y %H:%M:%S %p", "mixes the 12-hour and the 24-hour clock"),
        ("%d/%m/%Y %I:%M:%S", "mixes the 12-hour and the 24-hour clock"),
        ("%d/%m/%Y %H:%M week %W", "%W"),
        ("%d/%m/%Y %H:%M %U", "%U"),
        ("%d/%m/%Y %H:%M (%j)", "%j"),
        ("%u %d/%m/%Y %H:%M", "%u"),
        ("%x %X", "%X, %x"),
        ("%c", "%c"),
    ],
)
def test_a_format_that_would_drop_part_of_a_time_is_refused(form: str, what: str) -> None:
    with pytest.raises(MappingError) as caught:
        load_mapping(in_format(form), "stages.toml")
    assert what in caught.value.what
    assert caught.value.hint


def test_formats_that_exchange_day_and_month_are_not_listed_together() -> None:
    """Most dates fit both, and would be read in the first."""
    with pytest.raises(MappingError, match="the other way round"):
        load_mapping(in_format("%m/%d/%Y %I:%M %p", "%d/%m/%Y %H:%M"), "stages.toml")
    load_mapping(in_format("%m/%d/%Y %I:%M %p", "%m/%d/%Y %H:%M", "%d-%m-%Y %H:%M", "%d/%m/%y %H:%M"), "stages.toml")


OF_DAY = changed(('time_zone = "Europe', 'times_of_day = ["%H:%M:%S", "excel"]\ntime_zone = "Europe'))
NEW_YORK = changed(("Europe/London", "America/New_York"))
TWO_CLOCKS = OF_DAY.replace('after = "opened"', 'after = "opened"\ntolerance_seconds = 5')


@pytest.mark.parametrize(
    ("mapping", "written", "read_as"),
    [
        # The clocks go back: dispatched in the second 01:xx, so arrived in it as well.
        (
            MAPPING,
            ("27/10/2024 01:55:00", "27/10/2024 01:05:00", "27/10/2024 01:10:00"),
            ["2024-10-27 00:55:00", "2024-10-27 01:05:00", "2024-10-27 01:10:00"],
        ),
        (
            NEW_YORK,
            ("03/11/2024 01:55:00", "03/11/2024 01:05:00", "03/11/2024 01:10:00"),
            ["2024-11-03 05:55:00", "2024-11-03 06:05:00", "2024-11-03 06:10:00"],
        ),
        (
            MAPPING,
            ("27/10/2024 00:50:00", "27/10/2024 01:10:00", "27/10/2024 01:20:00"),
            ["2024-10-26 23:50:00", "2024-10-27 00:10:00", "2024-10-27 00:20:00"],
        ),
        # The time in between is missing: then the one before it counts.
        (
            MAPPING,
            ("27/10/2024 01:55:00", "", "27/10/2024 01:10:00"),
            ["2024-10-27 00:55:00", "2024-10-27 01:10:00"],
        ),
        # Times of day after times of day.
        (
            OF_DAY,
            ("02/12/2024 23:50:00", "23:58:00", "00:07:00"),
            ["2024-12-02 23:50:00", "2024-12-02 23:58:00", "2024-12-03 00:07:00"],
        ),
        (
            OF_DAY,
            ("02/12/2024 12:30:00", "23:58:00", "00:59:00"),
            ["2024-12-02 12:30:00", "2024-12-02 23:58:00", "2024-12-03 00:59:00"],
        ),
        (OF_DAY, ("02/12/2024 23:50:00", "", "00:07:00"), ["2024-12-02 23:50:00", "2024-12-03 00:07:00"]),
        (OF_DAY, ("02/12/2024 23:50:00", "24:00:00"), ["2024-12-02 23:50:00", "2024-12-03 00:00:00"]),
        (OF_DAY, ("02/12/2024 09:00:00", "0.5451388889"), ["2024-12-02 09:00:00", "2024-12-02 13:05:00"]),
        # Another clock, a few seconds behind: not a day later, and not before.
        (TWO_CLOCKS, ("02/12/2024 09:00:00", "08:59:57"), ["2024-12-02 09:00:00", "2024-12-02 09:00:00"]),
        (TWO_CLOCKS, ("03/12/2024 00:00:02", "23:59:59"), ["2024-12-03 00:00:02", "2024-12-03 00:00:02"]),
        (TWO_CLOCKS, ("02/12/2024 09:00:00", "02/12/2024 08:59:57"), ["2024-12-02 09:00:00", "2024-12-02 09:00:00"]),
        (TWO_CLOCKS, ("02/12/2024 09:00:00", "02/12/2024 08:59:54"), ["2024-12-02 09:00:00", "2024-12-02 08:59:54"]),
        (TWO_CLOCKS, ("02/12/2024 09:00:00", "08:59:54"), ["sent: out_of_order"]),
        (OF_DAY, ("02/12/2024 09:00:00", "08:59:57"), ["sent: out_of_order"]),
    ],
)
def test_times_of_one_row_are_read_along_their_chain(
    tmp_path: Path, mapping: str, written: tuple[str, ...], read_as: list[str]
) -> None:
    assert times(stages(tmp_path, *written, mapping=mapping)) == read_as


def test_a_field_is_read_like_the_time_of_its_column(tmp_path: Path) -> None:
    mapping = """
name = "suite"
force = "staffordshire"
topic = "custody"
feed = "custody"
source = { format = "csv", times = ["%d/%m/%Y %H:%M"], times_of_day = ["%H:%M"], time_zone = "Europe/London" }
subject = { key = ["No"] }
[[facts]]
fact = "DetaineeArrived"
per = "subject"
at = "Arrived"
after = "Arrested"
fields = { suite = { constant = "north" }, child = { constant = false }, relevant_time = { column = "Arrived" } }
"""
    extract = read(tmp_path, mapping, "No,Arrested,Arrived\nr-1,02/12/2024 23:50,00:20\n")
    assert extract.malformed == ()
    assert {getattr(fact, "relevant_time", None) for fact in extract.facts} == {at("2024-12-03 00:20")}


@pytest.mark.parametrize(
    ("written", "noted"),
    [
        (("27/10/2024 01:30:00",), {"repeated_hour": {"opened": 1}}),
        (("27/10/2024 00:30:00", "27/10/2024 01:10:00"), {"repeated_hour": {"sent": 1}}),
        (("27/10/2024 02:30:00",), {}),
        (("26/10/2024 01:30:00",), {}),
        (("27/10/2024 01:55:00", "27/10/2024 01:05:00"), {"repeated_hour": {"opened": 1}}),
    ],
)
def test_a_repeated_time_that_nothing_decides_is_counted(
    tmp_path: Path, written: tuple[str, ...], noted: dict[str, dict[str, int]]
) -> None:
    assert stages(tmp_path, *written).notes == noted


def test_a_time_moved_to_the_one_it_follows_is_counted(tmp_path: Path) -> None:
    assert stages(tmp_path, "02/12/2024 09:00:00", "08:59:57", mapping=TWO_CLOCKS).notes == {"moved": {"sent": 1}}


@pytest.mark.parametrize(
    ("written", "read_as"),
    [
        ("02/12/2024 00:00:00", ["2024-12-02 08:00:00"]),
        ("01/07/2024 00:00:00", ["2024-12-02 08:00:00"]),
        ("02/12/2024 24:00:00", ["2024-12-02 08:00:00"]),
        ("00:00:00", ["2024-12-02 08:00:00"]),
        ("02/12/2024 08:07:00", ["2024-12-02 08:00:00", "2024-12-02 08:07:00"]),
    ],
)
def test_midnight_may_mean_not_known_in_one_column(tmp_path: Path, written: str, read_as: list[str]) -> None:
    mapping = OF_DAY.replace("times_of_day", 'absent_times_of_day.arrived = ["00:00"]\ntimes_of_day')
    assert times(stages(tmp_path, "02/12/2024 08:00:00", "", written, mapping=mapping)) == read_as
    assert times(stages(tmp_path, "02/12/2024 00:00:00", mapping=mapping)) == ["2024-12-02 00:00:00"]


@pytest.mark.parametrize(
    ("old", "new", "path"),
    [
        ('after = "opened"', 'after = "arrived"', "$.facts[1].after"),
        ('after = "opened"', 'after = "sent"', "$.facts[1].after"),
        ('after = "opened"', 'after = "opened"\ntolerance_seconds = -1', "$.facts[1].tolerance_seconds"),
        ("times =", 'absent_times_of_day.arrived = ["midnight"]\ntimes =', "$.source.absent_times_of_day.arrived"),
    ],
)
def test_an_error_in_a_mapping_gives_its_place(old: str, new: str, path: str) -> None:
    with pytest.raises(MappingError) as caught:
        load_mapping(changed((old, new)), "stages.toml")
    assert caught.value.where == f"stages.toml, {path}"


def test_a_mixed_row_of_a_twelve_hour_extract_is_read_as_written(tmp_path: Path) -> None:
    """A cell without AM or PM in such an extract is on the 24-hour clock: 6:00 is not the evening."""
    mapping = in_format("%m/%d/%Y %I:%M:%S %p", "%m/%d/%Y %H:%M:%S")
    extract = stages(tmp_path, "12/02/2024 5:59:00 AM", "12/02/2024 6:00:00", "12/02/2024 18:00:00", mapping=mapping)
    assert times(extract) == ["2024-12-02 05:59:00", "2024-12-02 06:00:00", "2024-12-02 18:00:00"]


def test_no_reading_is_shared_between_rows_that_differ(tmp_path: Path) -> None:
    rows = ["i-1,27/10/2024 01:55:00,27/10/2024 01:05:00,", "i-2,27/10/2024 00:55:00,27/10/2024 01:05:00,"]
    extract = read(tmp_path, MAPPING, "\n".join(("incident,opened,sent,arrived", *rows, "")))
    sent = {fact.subject_id: fact.at for fact in extract.facts if isinstance(fact, UnitDispatched)}
    assert sent["i-1"] - sent["i-2"] == timedelta(hours=1)
