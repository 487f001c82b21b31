"""What makes a figure: its subjects and facts, which come to it when they are added up one by one."""

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest

from bluelamp.comparison import Query, every_query
from bluelamp.explaining import explain, lines
from bluelamp.recount.load import from_records
from bluelamp.recount.recount import Recount
from facts.errors import QuestionError
from measures.catalogue import CATALOGUE
from tests.support import december

FORCE = "staffordshire"
WINDOWS = ("2024-11-30/2024-12-02", "24h")
# In the middle of the second day, while callers wait and jobs stand open.
NOON = december.AS_OF.replace(year=2024, month=12, day=1)


@pytest.fixture(scope="module")
def kept() -> Iterator[Recount]:
    with december.recount(keeps_facts=True) as made:
        yield made


def test_every_figure_of_every_measure_is_what_its_outcomes_come_to(kept: Recount) -> None:
    seen = 0
    for query in every_query(WINDOWS, december.force()):
        if query.by in ((), ("area",), ("queue",)):
            for each in explain(kept, FORCE, query, NOON, limit=0):
                assert each.agrees, each
                seen += each.listed > 0
    assert seen > 300


def test_each_part_names_its_subject_and_the_facts_that_made_it(kept: Recount) -> None:
    query = Query(
        measure=CATALOGUE["grade_1_opened_to_arrived_median_seconds"], window=WINDOWS[0], where={"area": ("stafford",)}
    )
    (explained,) = explain(kept, FORCE, query, NOON)
    assert explained.listed == explained.n == len(explained.parts) > 5
    for part in explained.parts:
        facts = [json.loads(bytes(fact)) for fact in part.facts if fact not in part.fallen]
        assert {fact["subject_id"] for fact in facts} == {part.subject_id}
        moments = {
            name: min(fact["at"] for fact in facts if fact["fact"] == name)
            for name in ("IncidentOpened", "UnitArrived")
        }
        assert facts[0]["area"] == "stafford"
        assert moments["UnitArrived"].startswith(part.at.strftime("%Y-%m-%dT%H:%M:%S"))
        assert part.at - part.began - timedelta(seconds=part.value or 0) < timedelta(seconds=0.51)


def test_a_share_marks_those_that_are_so(kept: Recount) -> None:
    query = Query(measure=CATALOGUE["contact_999_abandoned_ratio"], window=WINDOWS[0])
    (explained,) = explain(kept, FORCE, query, NOON)
    assert {(part.kind, part.is_met) for part in explained.parts} == {("leg_answered", False), ("leg_abandoned", True)}
    assert sum(part.is_met or False for part in explained.parts) == explained.met


def test_what_was_corrected_is_told_and_does_not_count(kept: Recount) -> None:
    query = Query(measure=CATALOGUE["incident_resourced_count"], window=WINDOWS[0])
    (explained,) = explain(kept, FORCE, query, NOON)
    corrected = [part for part in explained.parts if part.fallen]
    assert corrected
    ids = {
        json.loads(bytes(fact)).get("corrects") or json.loads(bytes(fact)).get("withdraws")
        for fact in corrected[0].facts
    }
    assert ids & {json.loads(bytes(fact))["fact_id"] for fact in corrected[0].fallen}


def test_in_words_it_says_the_figure_its_parts_and_that_they_agree(kept: Recount) -> None:
    query = Query(measure=CATALOGUE["arrest_count"], window=WINDOWS[0])
    (explained,) = explain(kept, FORCE, query, NOON, limit=3)
    first, *parts, more, verdict = lines(explained, query.measure, has_facts=False)
    assert first == f"Arrests  {explained.n} (n {explained.n})"
    assert [line.split()[0] for line in parts] == [part.subject_id for part in explained.parts]
    assert more.startswith(f"  and {explained.n - 3} more")
    assert verdict == f"  {explained.n} outcomes, added up one by one: the same."
    assert sum("DetaineeArrived" in line for line in lines(explained, query.measure, has_facts=True)) == 3


def test_a_recount_that_kept_no_facts_says_so() -> None:
    with from_records([], [december.force()]) as counted, pytest.raises(QuestionError, match="kept no facts"):
        counted.subjects([1])
