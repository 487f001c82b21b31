"""The supplied sample: what its mapping makes of it, counted again by plain code without mappings."""

import csv
import os
from collections import Counter
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from facts.fact import SubjectFact
from facts.force import parse
from facts.incident import IncidentClosed, IncidentOpened, IncidentRegraded, UnitArrived, UnitDispatched, UnitStoodDown
from producers.declaration import columns_used
from producers.extract import Extract, read_extract
from producers.packaged import packaged_mapping, packaged_sample
from tests.producers.cut_sample import cut_sample
from tests.producers.extracts import NOW

SAN_FRANCISCO = "san_francisco_fire"
ORIGINAL = "BLUELAMP_SAN_FRANCISCO_ORIGINAL"
ATTENDED = {
    "Code 2 Transport",
    "Code 3 Transport",
    "Fire",
    "Medical Examiner",
    "Patient Declined Transport",
    "Against Medical Advice",
}

Rows = list[dict[str, str]]


@pytest.fixture(scope="module")
def extract() -> Extract:
    return read_extract(packaged_sample(SAN_FRANCISCO), packaged_mapping(SAN_FRANCISCO), now=NOW)


@pytest.fixture(scope="module")
def rows() -> Rows:
    return list(csv.DictReader(packaged_sample(SAN_FRANCISCO).read_text("utf-8").splitlines()))


def local_time(text: str) -> datetime:
    local = datetime.strptime(text, "%m/%d/%Y %I:%M:%S %p").replace(tzinfo=ZoneInfo("America/Los_Angeles"))
    return local.astimezone(UTC)


def test_every_row_is_read(extract: Extract) -> None:
    assert (extract.rows, extract.rows_read, extract.malformed, extract.columns_empty) == (7704, 7704, (), ())


def test_the_number_of_facts_matches_the_rows(extract: Extract, rows: Rows) -> None:
    incidents = {row["Incident Number"] for row in rows}
    regraded = {row["Incident Number"] for row in rows if row["Priority"] != row["Original Priority"]}
    counted = {
        "IncidentOpened": len(incidents),
        "IncidentRegraded": len(regraded),
        "UnitDispatched": len(rows),
        "UnitArrived": sum(bool(row["On Scene DtTm"]) for row in rows),
        "UnitStoodDown": sum(bool(row["Available DtTm"]) for row in rows),
        "IncidentClosed": len({row["Incident Number"] for row in rows if row["Available DtTm"]}),
    }
    assert extract.counts() == counted
    assert counted == {
        "IncidentOpened": 3560,
        "IncidentRegraded": 155,
        "UnitDispatched": 7704,
        "UnitArrived": 6150,
        "UnitStoodDown": 7699,
        "IncidentClosed": 3555,
    }


def test_the_facts_of_units_match_the_rows(extract: Extract, rows: Rows) -> None:
    columns = {UnitDispatched: "Dispatch DtTm", UnitArrived: "On Scene DtTm", UnitStoodDown: "Available DtTm"}
    units = Counter(
        (type(fact), fact.subject_id, fact.unit, fact.at)
        for fact in extract.facts
        if isinstance(fact, UnitDispatched | UnitArrived | UnitStoodDown)
    )
    assert units == Counter(
        (kind, row["Incident Number"], row["Unit ID"], local_time(row[column]))
        for row in rows
        for kind, column in columns.items()
        if row[column]
    )


def test_the_facts_of_incidents_match_the_rows(extract: Extract, rows: Rows) -> None:
    slugs = {
        "Potentially Life-Threatening": "potentially_life_threatening",
        "Non Life-threatening": "non_life_threatening",
        "Alarm": "alarm",
        "Fire": "fire",
        "": None,
    }
    opened = {fact.subject_id: fact for fact in extract.facts if isinstance(fact, IncidentOpened)}
    regraded = {fact.subject_id: fact for fact in extract.facts if isinstance(fact, IncidentRegraded)}
    for row in rows:
        fact = opened[row["Incident Number"]]
        assert (fact.at, fact.grade) == (local_time(row["Received DtTm"]), row["Original Priority"])
        assert (fact.group, fact.area) == (slugs[row["Call Type Group"]], row["Battalion"])
        if row["Priority"] != row["Original Priority"]:
            change = regraded[row["Incident Number"]]
            assert (change.at, change.grade) == (local_time(row["Entry DtTm"]), row["Priority"])


def test_an_incident_closes_with_its_last_unit(extract: Extract, rows: Rows) -> None:
    last: dict[str, datetime] = {}
    result: dict[str, str] = {}
    for row in (row for row in rows if row["Available DtTm"]):
        number, end = row["Incident Number"], row["Call Final Disposition"]
        last[number] = max(last.get(number, local_time(row["Available DtTm"])), local_time(row["Available DtTm"]))
        result[number] = "cancelled" if end == "Cancelled" else "attended" if end in ATTENDED else "other"
    closed = {fact.subject_id: (fact.at, fact.result) for fact in extract.facts if isinstance(fact, IncidentClosed)}
    assert closed == {number: (last[number], result[number]) for number in last}


def test_every_fact_is_there_once_and_in_order(extract: Extract) -> None:
    assert len({fact.fact_id for fact in extract.facts}) == len(extract.facts)
    assert [fact.at for fact in extract.facts] == sorted(fact.at for fact in extract.facts)
    assert {fact.force for fact in extract.facts} == {SAN_FRANCISCO}
    assert all(isinstance(fact, SubjectFact) for fact in extract.facts)


def test_the_profile_lists_every_word_of_the_sample(extract: Extract) -> None:
    force = parse(files("facts").joinpath("forces", f"{SAN_FRANCISCO}.toml").read_text("utf-8"), SAN_FRANCISCO)
    opened = [fact for fact in extract.facts if isinstance(fact, IncidentOpened)]
    regraded = [fact for fact in extract.facts if isinstance(fact, IncidentRegraded)]
    assert {fact.grade for fact in opened} | {fact.grade for fact in regraded} <= {
        grade.label for grade in force.grades
    }
    assert {fact.area for fact in opened} <= {area.label for area in force.areas}
    assert {fact.group for fact in opened} - {None} == {group.label for group in force.groups}
    assert (extract.mapping.feed, extract.mapping.topic) in {(feed.name, feed.topic) for feed in force.feeds}
    assert extract.mapping.source.time_zone == force.time_zone


def test_the_sample_has_only_the_columns_that_its_mapping_uses(rows: Rows) -> None:
    assert set(rows[0]) == set(columns_used(packaged_mapping(SAN_FRANCISCO)))


def test_the_sample_is_cut_from_the_original(tmp_path: Path) -> None:
    """Only columns were removed. This needs the published file."""
    original = os.environ.get(ORIGINAL)
    if not original:
        pytest.skip(f"set {ORIGINAL} to the path of the published extract")
    cut_sample(Path(original), tmp_path / "cut.csv")
    assert (tmp_path / "cut.csv").read_bytes() == packaged_sample(SAN_FRANCISCO).read_bytes()
