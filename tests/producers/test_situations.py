"""Situations that people reported about real files: each comes out right, or is refused with a sentence that says what to do."""

import gzip
from pathlib import Path

import pytest

from facts.errors import MappingError
from facts.fact import SubjectFact
from producers.extract import Extract, read_extract
from producers.mapping import load_mapping
from producers.packaged import packaged_mapping
from tests.producers.extracts import NOW

INCIDENT_COLUMNS = (
    "Incident,Opened,Grade,Opening Group,Closing Group,LPT,DA,Qualifier,Final Grade,Regraded,Dispatched,Arrived,Video,Closed,Result,"
    "Duplicate Of,Entered"
)


SMALL = """
name = "small"
force = "staffordshire"
topic = "incidents"
feed = "command_and_control"
source = { format = "csv", times = ["%d/%m/%Y %H:%M"], time_zone = "Europe/London" }
subject = { key = ["number"] }
[[facts]]
fact = "IncidentOpened"
per = "subject"
at = "opened"
fields = { grade = { constant = "1" } }
"""


def read_by(directory: Path, mapping: str, text: str) -> Extract:
    path = directory / "extract.csv"
    path.write_text(text)
    return read_extract(path, packaged_mapping(mapping), now=NOW)


def reported(extract: Extract, subject: str) -> list[str]:
    """What is reported of a subject, in order of event time."""
    own = [fact for fact in extract.facts if isinstance(fact, SubjectFact) and fact.subject_id.endswith(subject)]
    return [f"{fact.at:%H:%M} {type(fact).__name__} {getattr(fact, 'result', '')}".rstrip() for fact in own]


def test_an_incident_written_again_with_another_result_is_closed_with_the_later_one(tmp_path: Path) -> None:
    first = "K7,2025-11-28 21:00:00,G2,ASB,ASB,TA,N,,G2,,,,,2025-11-28 21:03:00,TEL,,2025-11-28 21:05"
    again = first.replace("TEL,,2025-11-28 21:05", "DUP,K6,2025-11-29 06:00")
    extract = read_by(tmp_path, "command_and_control_incidents", f"{INCIDENT_COLUMNS}\n{first}\n{again}\n")
    assert reported(extract, "K7") == ["21:00 IncidentOpened", "21:03 IncidentClosed duplicate"]
    assert (extract.malformed, extract.rows_replaced) == ((), 1)


def test_an_incident_on_the_night_of_the_clocks_has_one_reading_of_the_repeated_hour(tmp_path: Path) -> None:
    row = (
        "K8,2025-10-26 01:50:00,G1,ASB,ASB,TA,N,,G1,,2025-10-26 01:05:00,2025-10-26 01:20:00,,2025-10-26 01:40:00,ATT,,"
    )
    extract = read_by(tmp_path, "command_and_control_incidents", f"{INCIDENT_COLUMNS}\n{row}\n")
    expected = ["00:50 IncidentOpened", "01:05 UnitDispatched", "01:20 UnitArrived", "01:40 IncidentClosed attended"]
    assert reported(extract, "K8") == expected
    assert extract.notes == {"repeated_hour": {"Opened": 1}}


def test_other_rows_of_a_queue_log_and_a_bar_at_the_end_do_no_harm(tmp_path: Path) -> None:
    log = (
        "1733130000|a.1|police-101|NONE|SURVEY|1|2|3|4|5|6|7|\n"
        "1733130001|a.1|police-101|NONE|ENTERQUEUE||01632960001|1\n"
        "1733130004|a.1|police-101|PJSIP/2001|CONNECT|3|a.2|2\n"
        "1733130050|a.1|police-101|PJSIP/2001|BLINDTRANSFER|100|police|3|46|1|\n"
        "1733130060|b.1|police-999|NONE|ENTERQUEUE||01632960003|1\n"
        "1733130070|b.1|police-999|NONE|WITHDRAW|1|1|10|supervisor|5|6|7|8|9|10|11\n"
    )
    extract = read_by(tmp_path, "asterisk_queue_log", log)
    assert reported(extract, "a.1") == [
        "09:00 ContactOffered",
        "09:00 ContactAnswered",
        "09:00 ContactConcluded transferred",
    ]
    assert (extract.rows_excluded, [each.fault for each in extract.malformed]) == (1, ["ragged_row"])
    assert "cells where the header has" in extract.malformed[0].what


@pytest.mark.parametrize(
    ("times", "written", "words"),
    [
        ('"%d/%m/%Y %H:%M"', "2.02512E+14,02/12/2025 09:00", "format its column as text"),
        ('"epoch"', "K1,1.76413E+12", "format its column as text"),
        ('"%d/%m/%Y %H:%M"', "K1,12/31/2025 09:00", "is not a time of the form %d/%m/%Y %H:%M"),
        ('"%d/%m/%Y %H:%M"', "K1,30/03/2025 01:30", "skipped when it went forward"),
        ('"%d/%m/%Y %H:%M"', 'K1,"02/12/2025 09:00', "reading continues at the next line"),
    ],
)
def test_what_cannot_be_read_says_what_to_do_and_costs_its_own_row(
    tmp_path: Path, times: str, written: str, words: str
) -> None:
    mapping = load_mapping(
        f"""
name = "small"
force = "staffordshire"
topic = "incidents"
feed = "command_and_control"
source = {{ format = "csv", times = [{times}, "iso"], time_zone = "Europe/London" }}
subject = {{ key = ["number"] }}
[[facts]]
fact = "IncidentOpened"
per = "subject"
at = "opened"
fields = {{ grade = {{ constant = "1" }} }}
""",
        "small.toml",
    )
    path = tmp_path / "extract.csv"
    path.write_text(f"number,opened\n{written}\nK2,2025-12-02 09:00\n")
    extract = read_extract(path, mapping, now=NOW)
    assert list(extract.subjects) == ["K2"]
    (malformed,) = extract.malformed
    assert words in malformed.what


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ('[{"number": "K1"}]\n', "jq -c '.[]' FILE"),
        ('\n[\n  {"number": "K1"}\n]\n', "jq -c '.[]' FILE"),
        ('{\n  "number": "K1"\n}\n', "jq -c . FILE"),
    ],
)
def test_json_that_is_not_one_object_a_line_says_how_to_make_it_so(tmp_path: Path, written: str, words: str) -> None:
    source = 'format = "json_lines", times = ["iso"]'
    text = SMALL.replace('format = "csv", times = ["%d/%m/%Y %H:%M"]', source)
    assert source in text
    mapping = load_mapping(text, "objects.toml")
    path = tmp_path / "extract.json"
    path.write_text(written)
    with pytest.raises(MappingError) as refused:
        read_extract(path, mapping, now=NOW)
    assert words in str(refused.value.hint)


@pytest.mark.parametrize("before", ["sep=;\n", "SEP=;\r\n", "\n \n"])
def test_lines_that_excel_writes_before_the_header_are_skipped(tmp_path: Path, before: str) -> None:
    mapping = load_mapping(SMALL.replace("time_zone", 'delimiter = ";", time_zone'), "small.toml")
    (tmp_path / "extract.csv").write_text(f"{before}number;opened\nK1;02/12/2025 09:00\n")
    extract = read_extract(tmp_path / "extract.csv", mapping, now=NOW)
    assert (len(extract.facts), extract.malformed) == (1, ())


def test_a_compressed_file_and_an_invalid_key_say_what_to_do(tmp_path: Path) -> None:
    mapping, path = load_mapping(SMALL, "small.toml"), tmp_path / "extract.csv"
    path.write_bytes(gzip.compress(b"number,opened\nK1,02/12/2025 09:00\n"))
    with pytest.raises(MappingError, match="compressed"):
        read_extract(path, mapping, now=NOW)
    for key in ("K 1", "07976787301", "K" * 80):
        path.write_text(f"number,opened\n{key},02/12/2025 09:00\n")
        (malformed,) = read_extract(path, mapping, now=NOW).malformed
        assert "`digest = true`" in malformed.what
        assert key not in malformed.what
    path.write_text("number,opened\nK1,02/12/2035 09:00\n")
    (malformed,) = read_extract(path, mapping, now=NOW).malformed
    assert malformed.what == "is before 1990 or in the future"
