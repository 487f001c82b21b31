"""Rows as they come give what the whole extract gives: the same facts, or corrections that leave the same standing."""

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


def lived(path: Path, mapping: Mapping) -> tuple[list[AnyFact], list[Malformed]]:
    """What a file tells row by row."""
    live, facts, malformed = RowFollower(mapping, lambda: NOW), [], []
    with path.open("rb") as stream:
        for row in read_rows(stream, mapping.source, frozenset(columns_used(mapping)), path.name):
            taken = live.read(row)
            facts += taken.facts
            malformed += taken.malformed
    return facts, malformed


def standing(facts: list[AnyFact]) -> set[str]:
    """What the facts say that nothing corrects, their ids left out."""
    corrected = {fact.corrects for fact in facts if isinstance(fact, SubjectFact)}
    return {content(fact) for fact in facts if fact.fact_id not in corrected}


def content(fact: AnyFact) -> str:
    told: dict[str, Any] = {"fact": type(fact).__name__, **msgspec.to_builtins(fact)}
    return msgspec.json.encode(
        {k: v for k, v in told.items() if k not in ("fact_id", "corrects")}, order="sorted"
    ).decode()


def test_the_sample_week_told_row_by_row_stands_as_the_whole(tmp_path: Path) -> None:
    mapping = packaged_mapping("san_francisco_fire")
    path = tmp_path / "week.csv"
    path.write_bytes(packaged_sample("san_francisco_fire").read_bytes())
    facts, malformed = lived(path, mapping)
    whole = read_extract(path, mapping, now=NOW)
    assert malformed == []
    assert len({fact.fact_id for fact in facts}) == len(facts)
    assert standing(facts) == {content(fact) for fact in whole.facts}
    assert len(facts) > len(whole.facts), "closures that move with each unit were never corrected"


@pytest.mark.parametrize("pick", ["first", "last", "earliest", "latest"])
def test_whichever_row_counts_the_last_correction_stands(tmp_path: Path, pick: str) -> None:
    mapping = load_mapping(INCIDENTS + CLOSED.replace("PICK", pick), "small.toml")
    chance = random.Random(7)
    rows = [
        f"i-{number % 5},E{number},01/12/2024 09:00,01/12/2024 {chance.randint(10, 20)}:05,1,north,Y"
        for number in range(60)
    ]
    path = tmp_path / "rows.csv"
    path.write_text("\n".join((HEADER, *rows)) + "\n")
    facts, malformed = lived(path, mapping)
    assert malformed == []
    assert standing(facts) == {content(fact) for fact in read_extract(path, mapping, now=NOW).facts}
    assert lived(path, mapping)[0] == facts


def test_where_rows_must_agree_the_first_stands_and_the_other_is_listed(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    other = GOOD_ROW.replace("E1", "E2").replace("north", "south")
    third = GOOD_ROW.replace("E1", "E3")
    path.write_text(f"{HEADER}\n{GOOD_ROW}\n{other}\n{third}\n")
    facts, malformed = lived(path, load_mapping(INCIDENTS, "small.toml"))
    assert [type(fact).__name__ for fact in facts] == [
        "UnitDispatched",
        "IncidentOpened",
        "UnitDispatched",
        "UnitDispatched",
    ]
    assert [(each.line, each.fault) for each in malformed] == [(3, "rows_disagree")]


def test_a_malformed_row_tells_nothing_and_the_next_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("\n".join((HEADER, GOOD_ROW.replace("09:00", "29:00"), GOOD_ROW)) + "\n")
    facts, malformed = lived(path, load_mapping(INCIDENTS, "small.toml"))
    assert (len(facts), [each.line for each in malformed]) == (2, [2])
