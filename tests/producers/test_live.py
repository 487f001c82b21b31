"""Reading row by row gives the same facts as reading the whole extract, once corrections are applied."""

import random
from pathlib import Path
from typing import Any

import msgspec
import pytest

from facts.fact import SubjectFact
from facts.union import AnyFact
from producers.declaration import Mapping, columns_used
from producers.extract import Malformed, read_extract
from producers.live import RowFollower
from producers.mapping import load_mapping
from producers.packaged import packaged_mapping, packaged_sample
from producers.rows import read_rows
from tests.producers.extracts import GOOD_ROW, HEADER, INCIDENTS, NOW

CLOSED = """
[[facts]]
fact = "IncidentClosed"
per = "subject"
at = "dispatched"
pick = "PICK"
when = [{ column = "dispatched", present = true }]
[facts.fields]
result = { constant = "attended" }
"""


def read_row_by_row(path: Path, mapping: Mapping) -> tuple[list[AnyFact], list[Malformed]]:
    """Read a file row by row."""
    follower, facts, malformed = RowFollower(mapping, lambda: NOW), [], []
    with path.open("rb") as stream:
        for row in read_rows(stream, mapping.source, frozenset(columns_used(mapping)), path.name):
            result = follower.read(row)
            facts += result.facts
            malformed += result.malformed
    return facts, malformed


def in_force(facts: list[AnyFact]) -> set[str]:
    """The content of the facts that no other fact corrects, without their ids."""
    corrected = {fact.corrects for fact in facts if isinstance(fact, SubjectFact)}
    return {content(fact) for fact in facts if fact.fact_id not in corrected}


def content(fact: AnyFact) -> str:
    fields: dict[str, Any] = {"fact": type(fact).__name__, **msgspec.to_builtins(fact)}
    return msgspec.json.encode(
        {k: v for k, v in fields.items() if k not in ("fact_id", "corrects")}, order="sorted"
    ).decode()


def test_the_sample_read_row_by_row_gives_the_facts_of_the_whole(tmp_path: Path) -> None:
    mapping = packaged_mapping("san_francisco_fire")
    path = tmp_path / "week.csv"
    path.write_bytes(packaged_sample("san_francisco_fire").read_bytes())
    facts, malformed = read_row_by_row(path, mapping)
    whole = read_extract(path, mapping, now=NOW)
    assert malformed == []
    assert len({fact.fact_id for fact in facts}) == len(facts)
    assert in_force(facts) == {content(fact) for fact in whole.facts}
    assert len(facts) > len(whole.facts), "a closure moves with each unit, so some facts must be corrections"


@pytest.mark.parametrize("pick", ["first", "last", "earliest", "latest"])
def test_corrections_lead_to_the_same_facts_whichever_row_is_picked(tmp_path: Path, pick: str) -> None:
    mapping = load_mapping(INCIDENTS + CLOSED.replace("PICK", pick), "small.toml")
    rng = random.Random(7)
    rows = [
        f"i-{number % 5},E{number},01/12/2024 09:00,01/12/2024 {rng.randint(10, 20)}:05,1,north,Y"
        for number in range(60)
    ]
    path = tmp_path / "rows.csv"
    path.write_text("\n".join((HEADER, *rows)) + "\n")
    facts, malformed = read_row_by_row(path, mapping)
    assert malformed == []
    assert in_force(facts) == {content(fact) for fact in read_extract(path, mapping, now=NOW).facts}
    assert read_row_by_row(path, mapping)[0] == facts


def test_if_rows_disagree_the_first_is_used_and_the_other_is_listed(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    other = GOOD_ROW.replace("E1", "E2").replace("north", "south")
    third = GOOD_ROW.replace("E1", "E3")
    path.write_text(f"{HEADER}\n{GOOD_ROW}\n{other}\n{third}\n")
    facts, malformed = read_row_by_row(path, load_mapping(INCIDENTS, "small.toml"))
    assert [type(fact).__name__ for fact in facts] == [
        "UnitDispatched",
        "IncidentOpened",
        "UnitDispatched",
        "UnitDispatched",
    ]
    assert [(each.line, each.fault) for each in malformed] == [(3, "rows_disagree")]


def test_reading_continues_after_a_malformed_row(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("\n".join((HEADER, GOOD_ROW.replace("09:00", "29:00"), GOOD_ROW)) + "\n")
    facts, malformed = read_row_by_row(path, load_mapping(INCIDENTS, "small.toml"))
    assert (len(facts), [each.line for each in malformed]) == (2, [2])
