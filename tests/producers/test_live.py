"""Reading row by row gives the same facts as reading the whole extract, once corrections are applied."""

import random
from pathlib import Path
from typing import Any

import msgspec
import pytest

from facts.fact import FactWithdrawn, SubjectFact
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
    """The content of the facts that no other fact corrects or withdraws, without their ids."""
    corrected = {fact.corrects for fact in facts if isinstance(fact, SubjectFact)}
    withdrawals = [fact for fact in facts if isinstance(fact, FactWithdrawn)]
    ended = corrected | {fact.withdraws for fact in withdrawals} | {fact.fact_id for fact in withdrawals}
    return {content(fact) for fact in facts if fact.fact_id not in ended}


def content(fact: AnyFact) -> str:
    fields: dict[str, Any] = {"fact": type(fact).__name__, **msgspec.to_builtins(fact)}
    return msgspec.json.encode(
        {k: v for k, v in fields.items() if k not in ("fact_id", "corrects")}, order="sorted"
    ).decode()


def test_a_third_of_the_sample_read_row_by_row_gives_the_facts_of_the_whole(tmp_path: Path) -> None:
    mapping = packaged_mapping("san_francisco_fire")
    path = tmp_path / "week.csv"
    path.write_bytes(b"".join(packaged_sample("san_francisco_fire").read_bytes().splitlines(keepends=True)[:2_500]))
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
    assert [type(fact).__name__ for fact in facts] == ["UnitDispatched", "IncidentOpened", "UnitDispatched"]
    assert [(each.line, each.fault) for each in malformed] == [(3, "rows_disagree")]


REPLACING = (
    INCIDENTS[: INCIDENTS.index("[rows]")]
    + """
[rows]
later = "replace"
exclude.domestic = ["cancelled"]

[[facts]]
fact = "IncidentOpened"
per = "subject"
at = "opened"
[facts.fields]
grade = { column = "grade" }

[[facts]]
fact = "IncidentClosed"
per = "subject"
at = "dispatched"
when = [{ column = "dispatched", present = true }]
[facts.fields]
result = { constant = "attended" }
"""
)


@pytest.mark.parametrize(
    ("changes", "in_the_end"),
    [
        ([GOOD_ROW, GOOD_ROW.replace(",1,", ",2,")], ["IncidentClosed", "IncidentOpened"]),
        ([GOOD_ROW, GOOD_ROW.replace("01/12/2024 09:05", "")], ["IncidentOpened"]),
        ([GOOD_ROW, GOOD_ROW.replace("01/12/2024 09:05", ""), GOOD_ROW], ["IncidentClosed", "IncidentOpened"]),
        ([GOOD_ROW, GOOD_ROW.replace("09:05", "09:04"), GOOD_ROW], ["IncidentClosed", "IncidentOpened"]),
        ([GOOD_ROW, GOOD_ROW.replace(",Y", ",cancelled")], []),
        ([GOOD_ROW, GOOD_ROW.replace(",Y", ",cancelled"), GOOD_ROW], ["IncidentClosed", "IncidentOpened"]),
        ([GOOD_ROW, GOOD_ROW.replace("09:05", "29:05")], ["IncidentClosed", "IncidentOpened"]),
    ],
)
def test_a_later_row_replaces_the_earlier_one_in_a_replay_and_in_a_growing_file(
    tmp_path: Path, changes: list[str], in_the_end: list[str]
) -> None:
    """What the later row no longer says is withdrawn too; a later row that cannot be read changes nothing."""
    mapping = load_mapping(REPLACING, "small.toml")
    path = tmp_path / "rows.csv"
    path.write_text("\n".join((HEADER, *changes)) + "\n")
    facts, _ = read_row_by_row(path, mapping)
    whole = read_extract(path, mapping, now=NOW)
    assert sorted(type(fact).__name__ for fact in whole.facts) == in_the_end
    assert in_force(facts) == {content(fact) for fact in whole.facts}
    assert len({fact.fact_id for fact in facts}) == len(facts)
    assert read_row_by_row(path, mapping)[0] == facts
    parts = (whole.rows_read, whole.rows_excluded, whole.rows_replaced, whole.rows_malformed)
    assert whole.rows == len(changes) == sum(parts)


def test_a_growing_file_publishes_a_row_whole_or_not_at_all(tmp_path: Path) -> None:
    impossible = GOOD_ROW.replace("01/12/2024 09:05", "30/12/1899 00:00")
    no_grade_yet = GOOD_ROW.replace("i-1", "i-2").replace(",1,", ",,")
    graded = GOOD_ROW.replace("i-1", "i-2").replace("E1", "E2")
    path = tmp_path / "rows.csv"
    path.write_text(f"{HEADER}\n{impossible}\n{no_grade_yet}\n{graded}\n")
    facts, malformed = read_row_by_row(path, load_mapping(INCIDENTS, "small.toml"))
    assert [(each.line, each.fault) for each in malformed] == [(2, "bad_value"), (3, "missing_value")]
    assert sorted(type(fact).__name__ for fact in facts) == ["IncidentOpened", "UnitDispatched", "UnitDispatched"]
    assert {getattr(fact, "subject_id", "") for fact in facts} == {"i-2"}


def test_reading_continues_after_a_malformed_row(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("\n".join((HEADER, GOOD_ROW.replace("09:00", "29:00"), GOOD_ROW)) + "\n")
    facts, malformed = read_row_by_row(path, load_mapping(INCIDENTS, "small.toml"))
    assert (len(facts), [each.line for each in malformed]) == (2, [2])
