"""Made-up extracts as forces export them, read by the supplied mappings: every fact and every malformed row.

A text file next to each extract lists what it must give, checked by hand line by line: the facts in order of event time in
UTC, then the malformed rows.
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
    return explain([FOLDER / f"{name}.csv"], packaged_mapping(name), shipped("staffordshire"), now=NOW)


def lines(extract: Extract) -> Iterator[str]:
    """An extract in the format of the text files."""
    for fact in extract.facts:
        fields: dict[str, Any] = msgspec.to_builtins(fact)
        own = [f"{name}={value}" for name, value in fields.items() if name not in _ENVELOPE and value is not None]
        yield " ".join((fields["at"], fields["subject_id"][:16], fields["fact"], *own))
    for each in extract.malformed:
        yield f"line {each.line}: {each.column or '-'}: {each.fault}"


@pytest.mark.parametrize("name", NAMES)
def test_every_fact_and_malformed_row_is_as_listed(name: str) -> None:
    assert list(lines(extract_of(name))) == (FOLDER / f"{name}.txt").read_text().splitlines()


@pytest.mark.parametrize("name", NAMES)
def test_every_row_is_counted_and_gives_the_same_ids_again(name: str) -> None:
    extract = extract_of(name)
    parts = (extract.rows_read, extract.rows_excluded, extract.rows_repeated, extract.rows_replaced)
    lines_of_header = 0 if extract.mapping.source.columns else 1
    assert (
        extract.rows
        == sum(parts) + extract.rows_malformed
        == len((FOLDER / f"{name}.csv").read_text().splitlines()) - lines_of_header
    )
    assert len({fact.fact_id for fact in extract.facts}) == len(extract.facts)
    assert extract_of(name) == extract


@pytest.mark.parametrize("name", NAMES)
def test_a_dry_run_covers_every_column_and_agrees_with_the_extract(name: str) -> None:
    explanation = explained(name)
    columns = packaged_mapping(name).source.columns
    header = columns or (FOLDER / f"{name}.csv").read_text().partition("\n")[0].split(",")
    assert sorted(column.column for column in explanation.columns) == sorted(header)
    assert {fact.fact: fact.count for fact in explanation.facts} == explanation.extract.counts()
    assert explanation.extract == extract_of(name)
    assert all(fact.unlisted == {} for fact in explanation.facts), "supplied mappings use only words of the profile"


def test_a_dry_run_lists_unused_columns_and_the_faults_of_each_column() -> None:
    columns = {column.column: column for column in explained("telephony").columns}
    assert columns["Agent"].became == ()
    assert columns["Answered"].became == ("ContactAnswered.at", "whether ContactAnswered happened")
    assert columns["Answered"].refused == {"out_of_order": 1}
    assert (columns["Answered"].rows, columns["Offered"].rows) == (11, 13)


def test_a_dry_run_counts_contradictions() -> None:
    before = {fact.fact: fact.before for fact in explained("command_and_control_incidents").facts}
    assert {fact: count for fact, count in before.items() if count} == {"UnitArrived": 1}


def test_a_dry_run_lists_words_that_the_profile_does_not() -> None:
    explanation = explain(
        [FOLDER / "telephony.csv"], packaged_mapping("telephony"), shipped("san_francisco_fire"), now=NOW
    )
    (offered, *_) = explanation.facts
    assert offered.unlisted == {"queue": ("triage", "emergency", "local")}
    assert offered.words["line"] == {"101": 5, "999": 2}
