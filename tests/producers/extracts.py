"""Small extracts and mappings for the tests, given as text."""

from datetime import UTC, datetime
from pathlib import Path

from producers.extract import Extract, read_extract
from producers.mapping import load_mapping

NOW = datetime(2026, 1, 1, tzinfo=UTC)

INCIDENTS = """
name = "small"
force = "staffordshire"
topic = "incidents"
feed = "dispatch"

[source]
format = "csv"
times = ["%d/%m/%Y %H:%M", "iso"]
time_zone = "Europe/London"
absent = ["NULL"]

[subject]
key = ["incident"]

[rows]
key = ["unit"]

[[facts]]
fact = "IncidentOpened"
per = "subject"
at = "opened"
[facts.fields]
grade = { column = "grade" }
area = { column = "area" }
domestic = { column = "domestic", values = { "Y" = true, "N" = false } }

[[facts]]
fact = "UnitDispatched"
per = "row"
at = "dispatched"
when = [{ column = "dispatched", present = true }]
[facts.fields]
unit = { column = "unit" }
"""
HEADER = "incident,unit,opened,dispatched,grade,area,domestic"
GOOD_ROW = "i-1,E1,01/12/2024 09:00,01/12/2024 09:05,1,north,Y"


def read(directory: Path, mapping: str, text: str | bytes, *, now: datetime = NOW) -> Extract:
    """Read an extract given as text, by a mapping."""
    path = directory / "extract.txt"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_extract(path, load_mapping(mapping, "small.toml"), now=now)


def read_rows(directory: Path, *rows: str, mapping: str = INCIDENTS) -> Extract:
    """Read rows of the small extract."""
    return read(directory, mapping, "\n".join((HEADER, *rows)) + "\n")


def at(text: str) -> datetime:
    """A time in UTC, as in `at("2024-12-01 09:00")`."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
