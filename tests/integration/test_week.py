"""The San Francisco week through Kafka, Faust and Redis: every cell equals the independent recount."""

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from bluelamp.recount.log import from_log
from bluelamp.verify.compare import Query, RecountComparison, compare, every_query, read_state
from facts.incident import IncidentRegraded
from facts.union import AnyFact
from measures.catalogue import find
from producers.extract import read_extract
from producers.packaged import packaged_mapping, packaged_sample
from producers.publish import BACKFILL
from streams.readings import Reader
from tests.integration.conftest import FORCE, REAL_IN_FAULTS, Parts
from tests.support.command_line import json_of
from tests.support.fault_table import Fault
from tests.support.system import System

WEEK = "2016-12-31/2017-01-08"
SPANS = ("opened_to_dispatched", "dispatched_to_arrived", "opened_to_arrived")
MIDWEEK = datetime.fromisoformat("2017-01-04T12:00:00-08:00")


def run(system: System, *arguments: str) -> Any:
    """The JSON output of a command."""
    return json_of(system.environment(), *arguments)


LIVE = ("60m", "24h", "shift")
EVERY = (WEEK, "15m", "7d", "today", "this_month", "last_month")


def compare_with_recount(
    system: System, reader: Reader | None = None, windows: tuple[str, ...] = LIVE
) -> RecountComparison:
    """Compare the state with a recount of the log: spans by grade, area and day; every measure over the week and these windows."""
    rules = system.rules[FORCE]
    source = reader or system.reader()
    by = ("grade", "area", "day")
    cells = [
        Query(measure=find(f"{span}_{statistic}"), window=WEEK, by=by)
        for span in SPANS
        for statistic in ("median_seconds", "within_target_ratio")
    ]
    whole = [each for each in every_query([WEEK], rules.force) if not each.by] + list(every_query(windows, rules.force))
    source.refresh()
    now = read_state(source, FORCE, [*cells, *whole], source.present(FORCE))
    midweek = read_state(source, FORCE, list(every_query(["60m"], rules.force)), MIDWEEK)
    with from_log(system.settings.kafka, [each.force for each in system.rules.values()]) as recount:
        found, past = compare(now, recount), compare(midweek, recount)
    return RecountComparison(found.cells + past.cells, found.differences + past.differences)


def counts(reader: Reader, **where: str) -> dict[str, int]:
    """The number of incidents of the week by grade."""
    limits = {name: (word,) for name, word in where.items()}
    return {
        each.dimensions["grade"]: each.n or 0
        for each in reader.read("incident_count", WEEK, by=("grade",), where=limits, force=FORCE)
    }


def facts() -> list[AnyFact]:
    """The facts of the sample."""
    when = datetime.fromisoformat("2026-01-01T00:00:00Z")
    mapping = packaged_mapping(FORCE)
    return list(read_extract(packaged_sample(FORCE), mapping, now=when).facts)


@pytest.mark.injects(8)
def test_every_cell_of_the_week_equals_the_recount(system: System, parts: Parts, fault: Fault) -> None:
    system.start_workers(2)
    replayed = run(system, "replay", "sample", "--speed", "max")
    assert (replayed["rows"], replayed["facts_by_type"]["IncidentOpened"], replayed["malformed"]) == (7704, 3560, [])
    system.settle()
    found = compare_with_recount(system, windows=EVERY if parts.name == "embedded" else LIVE)
    fault.compared(found.cells, len(found.differences))
    assert found.differences == []
    assert found.cells > (3000 if parts.name == "embedded" else 2000)
    reader = system.reader()
    assert sum(counts(reader).values()) == 3560
    assert reader.read("incident_regraded_count", WEEK, force=FORCE)[0].value == 155
    answer = run(system, "read", "opened_to_arrived_median_seconds", "--window", WEEK, "--by", "grade,area,day")
    assert len(answer) > 100
    assert {"value", "n", "state", "spread", "dimensions"} <= set(answer[0])
    compared = run(system, "audit", "--window", WEEK)
    assert compared["differences"] == []

    before = reader.read("opened_to_arrived_median_seconds", WEEK, by=("grade", "area", "day"), force=FORCE)
    run(system, "replay", "sample", "--speed", "max")
    system.settle()
    assert system.count("duplicates") == system.count("facts") == replayed["facts"]
    fault.fired(system.count("duplicates"))
    after = reader.read("opened_to_arrived_median_seconds", WEEK, by=("grade", "area", "day"), force=FORCE)
    assert [(each.dimensions, each.value, each.n, each.spread) for each in after] == [
        (each.dimensions, each.value, each.n, each.spread) for each in before
    ]
    assert compare_with_recount(system, reader).differences == []


@REAL_IN_FAULTS
def test_shuffled_facts_give_the_same_figures(system: System) -> None:
    shuffled = facts()
    random.Random(7).shuffle(shuffled)
    system.start_workers(1)
    with system.publisher(BACKFILL) as publisher:
        for fact in shuffled:
            publisher.publish(fact)
    run(system, "replay", "sample", "--speed", "max")  # this sends heartbeats, and every fact a second time
    system.settle()
    assert system.count("duplicates") == len(shuffled)
    assert compare_with_recount(system).differences == []


@REAL_IN_FAULTS
def test_a_regrade_moves_the_incident_to_the_other_grade_and_keeps_the_sum(system: System) -> None:
    system.start_workers(1)
    run(system, "replay", "sample", "--speed", "max")
    system.settle()
    reader = system.reader()
    before = counts(reader)
    incident = next(
        fact for fact in facts() if type(fact).__name__ == "IncidentOpened" and getattr(fact, "grade", "") == "2"
    )
    with system.publisher() as publisher:
        publisher.publish(
            IncidentRegraded(
                fact_id="a-regrade-of-our-own",
                force=FORCE,
                at=incident.at + timedelta(hours=1),
                subject_id=str(getattr(incident, "subject_id", "")),
                grade="E",
            )
        )
    system.settle()
    after = counts(reader)
    assert sum(after.values()) == sum(before.values()) == 3560
    assert (after["E"] - before["E"], after["2"] - before["2"]) == (1, -1)
    assert compare_with_recount(system, reader).differences == []


@REAL_IN_FAULTS
@pytest.mark.injects(2)
@pytest.mark.parametrize("workers", [3])
def test_more_workers_can_join_during_the_work(new_system: Callable[[], System], workers: int, fault: Fault) -> None:
    """Two states are built from one log: one by one worker, the other by several that join while the first works."""
    one, several = new_system(), new_system()
    one.start_workers(1)
    several.start_workers(1)
    run(one, "replay", "sample", "--speed", "max")
    several.start_workers(workers - 1)
    one.settle()
    several.settle()
    found = compare_with_recount(several)
    fault.fired(workers - 1)
    fault.compared(found.cells, len(found.differences))
    assert compare_with_recount(one).differences == found.differences == []
