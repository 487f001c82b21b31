"""Made-up extracts as forces export them, read by the mappings that come with Blue Lamp: every fact and every refusal.

Beside each extract stands what it must give, checked against it line by line by eye: the facts in order of event time in
UTC, then the refusals.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from producers.explain import Explanation, explain
from producers.extract import Extract, read_extract
from producers.packaged import packaged_mapping
from tests.producers.extracts import NOW
from tests.support.forces import shipped

FOLDER = Path(__file__).parent / "made_up"
NAMES = sorted(path.stem for path in FOLDER.glob("*.csv"))
_ENVELOPE = ("fact", "fact_id", "force", "at", "subject_id")


def extract_of(name: str) -> Extract:
    return read_extract(FOLDER / f"{name}.csv", packaged_mapping(name), now=NOW)


def explained(name: str) -> Explanation:
    return explain(FOLDER / f"{name}.csv", packaged_mapping(name), shipped("staffordshire"), now=NOW)


def lines(extract: Extract) -> Iterator[str]:
    """An extract as the files of what is wanted write it."""
    for fact in extract.facts:
        told: dict[str, Any] = msgspec.to_builtins(fact)
        own = [f"{name}={value}" for name, value in told.items() if name not in _ENVELOPE and value is not None]
        yield " ".join((told["at"], told["subject_id"][:16], told["fact"], *own))
    for each in extract.malformed:
        yield f"line {each.line}: {each.column or '-'}: {each.fault}"


@pytest.mark.parametrize("name", NAMES)
def test_every_fact_and_every_refusal_is_as_it_must_be(name: str) -> None:
    assert list(lines(extract_of(name))) == (FOLDER / f"{name}.txt").read_text().splitlines()


@pytest.mark.parametrize("name", NAMES)
def test_every_row_is_accounted_for_and_read_to_the_same_ids_again(name: str) -> None:
    extract = extract_of(name)
    parts = (extract.rows_read, extract.rows_excluded, extract.rows_repeated, extract.rows_malformed)
    lines_of_header = 0 if extract.mapping.source.columns else 1
    assert extract.rows == sum(parts) == len((FOLDER / f"{name}.csv").read_text().splitlines()) - lines_of_header
    assert len({fact.fact_id for fact in extract.facts}) == len(extract.facts)
    assert extract_of(name) == extract


@pytest.mark.parametrize("name", NAMES)
def test_a_dry_run_says_what_became_of_every_column_and_agrees_with_the_reading(name: str) -> None:
    told = explained(name)
    columns = packaged_mapping(name).source.columns
    header = columns or (FOLDER / f"{name}.csv").read_text().partition("\n")[0].split(",")
    assert sorted(column.column for column in told.columns) == sorted(header)
    assert {fact.fact: fact.count for fact in told.facts} == told.extract.counts()
    assert told.extract == extract_of(name)
    assert all(fact.unlisted == {} for fact in told.facts), "the mappings that come along use the profile's words"


def test_a_dry_run_names_what_is_not_used_and_where_refusals_lie() -> None:
    columns = {column.column: column for column in explained("telephony").columns}
    assert columns["Agent"].became == ()
    assert columns["Answered"].became == ("ContactAnswered.at", "whether ContactAnswered happened")
    assert columns["Answered"].refused == {"out_of_order": 1}
    assert (columns["Answered"].rows, columns["Offered"].rows) == (11, 13)


def test_a_dry_run_counts_contradictions_that_the_measures_will_count() -> None:
    before = {fact.fact: fact.before for fact in explained("command_and_control_incidents").facts}
    assert {fact: count for fact, count in before.items() if count} == {"UnitArrived": 1}


def test_a_dry_run_names_words_that_the_profile_does_not_list() -> None:
    told = explain(FOLDER / "telephony.csv", packaged_mapping("telephony"), shipped("san_francisco_fire"), now=NOW)
    (offered, *_) = told.facts
    assert offered.unlisted == {"queue": ("triage", "emergency", "local")}
    assert offered.words["line"] == {"101": 5, "999": 2}
