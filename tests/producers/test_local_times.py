"""Times as systems write them: times of day, repeated hours, seconds since 1970, durations; and unusual files."""

from datetime import datetime
from pathlib import Path

import pytest

from facts.errors import MappingError
from producers.extract import Extract
from producers.mapping import load_mapping
from producers.values import Fault
from tests.producers.extracts import at, read

MAPPING = """
name = "calls"
force = "staffordshire"
topic = "contacts"
feed = ["telephony_999", "telephony_101"]

[source]
format = "csv"
times = ["%d/%m/%Y %H:%M:%S", "epoch"]
times_of_day = ["%H:%M:%S"]
time_zone = "Europe/London"
repeated_hour = "first"
absent_in.answered = ["0"]

[subject]
key = ["call"]

[[facts]]
fact = "ContactOffered"
per = "subject"
at = "offered"
[facts.fields]
line = { constant = "101" }
queue = { constant = "triage" }

[[facts]]
fact = "ContactAnswered"
per = "subject"
at = "answered"
after = "offered"
when = [{ column = "answered", present = true }]
[facts.fields]
queue = { constant = "triage" }

[[facts]]
fact = "ContactConcluded"
per = "subject"
at = "offered"
plus = "lasted"
when = [{ column = "lasted", present = true }]
[facts.fields]
queue = { constant = "triage" }
result = { constant = "other" }
"""


def call(directory: Path, offered: str, answered: str = "", lasted: str = "", mapping: str = MAPPING) -> Extract:
    return read(directory, mapping, f"call,offered,answered,lasted\nc-1,{offered},{answered},{lasted}\n")


def answered_at(extract: Extract) -> datetime:
    (found,) = [fact.at for fact in extract.facts if type(fact).__name__ == "ContactAnswered"]
    return found


def fault(extract: Extract) -> tuple[str, Fault]:
    (found,) = extract.malformed
    assert extract.facts == ()
    return found.column, found.fault


@pytest.mark.parametrize(
    ("offered", "answered", "expected"),
    [
        ("01/12/2024 09:00:00", "09:00:10", "2024-12-01 09:00:10"),
        ("01/12/2024 23:59:59", "00:00:01", "2024-12-02 00:00:01"),
        ("31/12/2024 23:59:59", "00:00:01", "2025-01-01 00:00:01"),
        ("01/12/2024 09:00:00", "09:00:00", "2024-12-01 09:00:00"),
        ("01/12/2024 09:00:00", "21:00:00", "2024-12-01 21:00:00"),
        # The night when the clocks go back: 01:00 to 02:00 occurs twice.
        ("27/10/2024 00:59:50", "01:00:05", "2024-10-27 00:00:05"),
        ("27/10/2024 01:59:55", "01:00:03", "2024-10-27 01:00:03"),
        ("27/10/2024 01:30:00", "01:30:00", "2024-10-27 00:30:00"),
        ("26/10/2024 23:30:00", "02:10:00", "2024-10-27 02:10:00"),
        ("27/10/2024 01:59:55", "27/10/2024 01:00:03", "2024-10-27 01:00:03"),
        # The night when they go forward.
        ("31/03/2024 00:59:59", "02:00:01", "2024-03-31 01:00:01"),
        # A full date is read as written, even if it contradicts: the measures count contradictions.
        ("01/12/2024 09:00:00", "01/12/2024 08:59:00", "2024-12-01 08:59:00"),
        ("27/10/2024 09:00:00", "27/10/2024 01:30:00", "2024-10-27 00:30:00"),
    ],
)
def test_a_time_of_day_is_the_first_one_at_or_after_the_earlier_time(
    tmp_path: Path, offered: str, answered: str, expected: str
) -> None:
    assert answered_at(call(tmp_path, offered, answered)) == at(expected)


@pytest.mark.parametrize("answered", ["08:59:59", "21:00:01"])
def test_a_time_of_day_too_long_after_the_earlier_time_is_refused(tmp_path: Path, answered: str) -> None:
    assert fault(call(tmp_path, "01/12/2024 09:00:00", answered)) == ("answered", "out_of_order")


def test_the_mapping_sets_the_longest_gap(tmp_path: Path) -> None:
    within = MAPPING.replace('after = "offered"', 'after = "offered"\nwithin_seconds = 600')
    assert answered_at(call(tmp_path, "01/12/2024 09:00:00", "09:10:00", mapping=within)) == at("2024-12-01 09:10:00")
    assert fault(call(tmp_path, "01/12/2024 09:00:00", "09:10:01", mapping=within))[1] == "out_of_order"


def test_a_time_of_day_in_the_skipped_hour_is_refused(tmp_path: Path) -> None:
    assert fault(call(tmp_path, "31/03/2024 00:59:59", "01:30:00")) == ("answered", "no_such_local_time")


def test_the_earlier_time_can_decide_a_repeated_time_even_if_those_are_refused(tmp_path: Path) -> None:
    """The earlier time must itself be unambiguous, as seconds since 1970 are."""
    strict = MAPPING.replace('repeated_hour = "first"', 'repeated_hour = "refuse"')
    seconds = str(int(at("2024-10-27 00:59:55").timestamp()))
    assert answered_at(call(tmp_path, seconds, "01:00:03", mapping=strict)) == at("2024-10-27 01:00:03")
    assert fault(call(tmp_path, "27/10/2024 01:59:55", mapping=strict)) == ("offered", "repeated_local_time")
    assert fault(call(tmp_path, "27/10/2024 00:30:00", "01:00:03", mapping=strict))[1] == "repeated_local_time"


@pytest.mark.parametrize(("text", "expected"), [("1733047181", "09:59:41"), ("1733047181.25", "09:59:41.25")])
def test_seconds_since_1970_are_in_utc(tmp_path: Path, text: str, expected: str) -> None:
    assert call(tmp_path, text).facts[0].at == at(f"2024-12-01 {expected}")


@pytest.mark.parametrize("text", ["-5", "1e9", "17330471811733047181", "1.2.3", "09:00:00", "nan", "inf"])
def test_an_invalid_time_is_refused(tmp_path: Path, text: str) -> None:
    column, reason = fault(call(tmp_path, text))
    assert column == "offered"
    assert reason in ("bad_time", "missing_value")


@pytest.mark.parametrize(
    ("lasted", "expected"),
    [("10", "09:00:10"), ("0", "09:00:00"), ("2.5", "09:00:02.5"), ("01:05", "09:01:05"), ("1:00:05", "10:00:05")],
)
def test_a_duration_is_added(tmp_path: Path, lasted: str, expected: str) -> None:
    (_, concluded) = sorted(
        call(tmp_path, "01/12/2024 09:00:00", lasted=lasted).facts, key=lambda fact: type(fact).__name__, reverse=True
    )
    assert concluded.at == at(f"2024-12-01 {expected}")


@pytest.mark.parametrize("lasted", ["-1", "x", "1:2:3:4", "", "1e3"])
def test_an_invalid_duration_is_refused(tmp_path: Path, lasted: str) -> None:
    extract = call(tmp_path, "01/12/2024 09:00:00", lasted=lasted)
    assert [each.fault for each in extract.malformed] == (["bad_value"] if lasted else [])


def test_a_column_may_have_its_own_value_for_absent(tmp_path: Path) -> None:
    assert [type(fact).__name__ for fact in call(tmp_path, "01/12/2024 09:00:00", "0").facts] == ["ContactOffered"]
    assert fault(call(tmp_path, "0"))[0] == "offered"


NO_HEADER = MAPPING.replace(
    'format = "csv"', 'format = "csv"\ndelimiter = "|"\nquote = ""\ncolumns = ["call", "offered", "answered", "lasted"]'
)


def test_a_file_without_a_header_or_quotes_can_be_read(tmp_path: Path) -> None:
    filled = NO_HEADER.replace('format = "csv"', 'format = "csv"\nshort_rows = "fill"')
    text = 'c-1|1733047181|"\nc-2|1733047181\nc-3|1733047182||4|5\n'
    extract = read(tmp_path, filled, text)
    assert [fact.fact_id for fact in extract.facts if type(fact).__name__ == "ContactOffered"]
    assert [(each.line, each.fault) for each in extract.malformed] == [(1, "bad_time"), (3, "ragged_row")]
    assert read(tmp_path, NO_HEADER, "c-2|1733047181\n").malformed[0].fault == "ragged_row"


@pytest.mark.parametrize(
    ("old", "new", "path"),
    [
        ('times_of_day = ["%H:%M:%S"]', 'times_of_day = ["%d %H:%M"]', "$.source.times_of_day[0]"),
        ('times_of_day = ["%H:%M:%S"]', 'times_of_day = ["%M:%S"]', "$.source.times_of_day[0]"),
        ('format = "csv"', 'format = "csv"\ncolumns = ["call", "offered", "answered"]', "$.source.columns"),
        ('format = "csv"', 'format = "csv"\ncolumns = ["call", "call"]', "$.source.columns"),
        ('format = "csv"', 'format = "json_lines"\nshort_rows = "fill"', "$.source.columns"),
        ('after = "offered"', 'after = "offered"\nwithin_seconds = 86401', "$.facts[1].within_seconds"),
        ('["telephony_999", "telephony_101"]', "[]", "$.feed"),
    ],
)
def test_an_error_in_a_mapping_gives_its_place(old: str, new: str, path: str) -> None:
    assert old in MAPPING
    with pytest.raises(MappingError) as caught:
        load_mapping(MAPPING.replace(old, new), "calls.toml")
    assert caught.value.where == f"calls.toml, {path}"
