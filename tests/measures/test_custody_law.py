"""Tests the table of custody law over pure functions, with facts in random order, and against the independent recount."""

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from bluelamp.recount.load import LogRecord, from_records
from facts.custody import DetaineeArrived, WarrantIssued
from facts.fact import SubjectFact
from facts.wire import encode
from measures.outcome import KINDS, OpenItem
from measures.outcomes import outcomes_of
from measures.rules import Rules
from measures.timeline import Timeline, add
from tests.support.custody_law import CASES, Case, facts_of, seen
from tests.support.forces import STRICT

START = datetime(2024, 12, 2, 9, tzinfo=UTC)
RULES = Rules(STRICT)
_OPEN = [kind.name for kind in KINDS.values() if kind.topic == "custody"]


def product(facts: Sequence[SubjectFact]) -> list[OpenItem]:
    """The open items of a custody number, apart from what its record lacks or contradicts."""
    timeline: Timeline = {}
    for fact in facts:
        add(timeline, fact)
    found = outcomes_of("custody", timeline, RULES).open
    return [each for each in found if each.kind not in ("detention_incomplete", "detention_contradiction")]


def test_the_table_has_at_least_eighty_cases_and_each_is_named_once() -> None:
    assert len(CASES) >= 80
    assert len({case.name for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_the_law_says(case: Case) -> None:
    for seed in range(5):
        found = product(facts_of(case, STRICT.name, START, "d1", random.Random(seed)))
        assert seen(found, START) == case.seen, case.section


def test_the_recount_says_the_same_in_every_case() -> None:
    numbers = [
        facts_of(case, STRICT.name, START, f"d{place}", random.Random(place)) for place, case in enumerate(CASES)
    ]
    facts = [fact for number in numbers for fact in number]
    received = START + timedelta(days=30)
    records = [LogRecord("custody", 0, place, received, encode([fact])) for place, fact in enumerate(facts)]
    with from_records(records, [STRICT]) as recount:
        theirs = [
            OpenItem(each.kind, each.since, each.began, each.due, each.dimensions)
            for kind in _OPEN
            for each in recount.open(kind)
            if kind not in ("detention_incomplete", "detention_contradiction")
        ]
    ours = [each for number in numbers for each in product(number)]
    assert sorted(theirs, key=repr) == sorted(ours, key=repr)


def test_an_arrest_needs_a_relevant_time_and_a_warrant_a_length() -> None:
    fields = {"fact_id": "a", "force": STRICT.name, "at": START, "subject_id": "d1"}
    with pytest.raises(ValueError, match="relevant_time"):
        DetaineeArrived(**fields, suite="one", child=False)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="length"):
        WarrantIssued(**fields, hours=0)  # type: ignore[arg-type]
