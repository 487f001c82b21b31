"""A telephony extract as JSON lines, with one row for each contact and day-first dates."""

from pathlib import Path

import pytest

from facts.contact import ContactAbandoned, ContactAnswered, ContactConcluded, ContactOffered
from facts.errors import MappingError
from producers.values import Fault
from tests.producers.extracts import at, read

MAPPING = """
name = "telephony"
force = "staffordshire"
topic = "contacts"
feed = "telephony"

[source]
format = "json_lines"
times = ["%d/%m/%Y %H:%M:%S"]
time_zone = "Europe/London"
absent = ["-"]

[subject]
key = ["call.id"]
prefix = "tel-"

[[facts]]
fact = "ContactOffered"
per = "subject"
at = "offered"
[facts.fields]
line = { column = "call.line", values = { "9" = "999", "1" = "101" } }
queue = { column = "queue" }

[[facts]]
fact = "ContactAnswered"
per = "subject"
at = "answered"
when = [{ column = "answered", present = true }]
[facts.fields]
queue = { column = "queue" }

[[facts]]
fact = "ContactAbandoned"
per = "subject"
at = "ended"
when = [{ column = "answered", present = false }, { column = "hung_up", equals = "true" }]
[facts.fields]
queue = { column = "queue" }

[[facts]]
fact = "ContactConcluded"
per = "subject"
at = "ended"
when = [{ column = "answered", present = true }]
[facts.fields]
queue = { column = "queue" }
result = { column = "outcome", values = { "R" = "resolved", "L" = "to_local" }, otherwise = "other" }
"""

ANSWERED = """{"call": {"id": 71, "line": 9}, "queue": "emergency", "offered": "01/07/2024 23:59:58",
 "answered": "02/07/2024 00:00:05", "ended": "02/07/2024 00:04:00", "hung_up": false, "outcome": "R"}""".replace(
    "\n", ""
)
ABANDONED = """{"call": {"id": 72, "line": 1}, "queue": "triage", "offered": "02/07/2024 08:00:00",
 "answered": "-", "ended": "02/07/2024 08:03:00", "hung_up": true, "outcome": null, "notes": ["x"]}""".replace("\n", "")


def test_each_row_gives_the_facts_of_one_contact(tmp_path: Path) -> None:
    extract = read(tmp_path, MAPPING, f"{ANSWERED}\n\n{ABANDONED}\n")
    assert extract.malformed == ()
    assert extract.rows == 2
    assert [type(fact) for fact in extract.facts] == [
        ContactOffered,
        ContactAnswered,
        ContactConcluded,
        ContactOffered,
        ContactAbandoned,
    ]
    offered, answered, concluded, offered_too, abandoned = extract.facts
    assert isinstance(offered, ContactOffered)
    assert (offered.subject_id, offered.line, offered.queue) == ("tel-71", "999", "emergency")
    assert (offered.at, answered.at) == (at("2024-07-01 22:59:58"), at("2024-07-01 23:00:05"))
    assert isinstance(concluded, ContactConcluded)
    assert concluded.result == "resolved"
    assert isinstance(offered_too, ContactOffered)
    assert (offered_too.line, offered_too.queue) == ("101", "triage")
    assert isinstance(abandoned, ContactAbandoned)
    assert (abandoned.subject_id, abandoned.at) == ("tel-72", at("2024-07-02 07:03"))


@pytest.mark.parametrize(
    ("line", "column", "fault"),
    [
        ("{", "", "not_readable"),
        ("[1, 2]", "", "not_readable"),
        ('"call"', "", "not_readable"),
        (ABANDONED.replace("72", "NaN"), "", "not_readable"),
        (ABANDONED.replace("72", "[72]"), "call.id", "bad_value"),
        (ABANDONED.replace("72", "null"), "call.id", "missing_value"),
        (ABANDONED.replace('"line": 1', '"line": 7'), "call.line", "unknown_value"),
        (ABANDONED.replace("02/07/2024 08:00:00", "07/31/2024 08:00:00"), "offered", "bad_time"),
        (ABANDONED.replace('"queue": "triage", ', ""), "queue", "missing_value"),
    ],
)
def test_a_malformed_line_is_listed(tmp_path: Path, line: str, column: str, fault: Fault) -> None:
    extract = read(tmp_path, MAPPING, f"{ANSWERED}\n{line}\n")
    assert (extract.malformed[0].line, extract.malformed[0].column, extract.malformed[0].fault) == (2, column, fault)
    assert [fact for fact in extract.facts if getattr(fact, "subject_id", "") == "tel-71"]


def test_invalid_bytes_make_only_their_own_line_malformed(tmp_path: Path) -> None:
    extract = read(tmp_path, MAPPING, f"{ABANDONED.replace('triage', 'trïage')}\n{ANSWERED}\n".encode("cp1252"))
    assert [(each.line, each.fault) for each in extract.malformed] == [(1, "bad_encoding")]
    assert len(extract.facts) == 3


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MappingError, match="empty"):
        read(tmp_path, MAPPING, "")


def test_a_misspelt_column_is_listed_as_empty(tmp_path: Path) -> None:
    mapping = MAPPING.replace('column = "hung_up"', 'column = "hungup"')
    assert "hungup" in read(tmp_path, mapping, f"{ANSWERED}\n{ABANDONED}\n").columns_empty
