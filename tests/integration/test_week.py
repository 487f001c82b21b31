"""The San Francisco week through Kafka, Faust and Redis: every cell equals the independent recount."""

import random
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from zlib import crc32

import pytest

from bluelamp.recount.log import from_log
from bluelamp.verify.compare import Query, RecountComparison, compare, every_query, read_state
from facts.incident import IncidentOpened, IncidentRegraded
from facts.union import AnyFact
from measures.catalogue import find
from producers.extract import read_extract
from producers.packaged import packaged_mapping, packaged_sample
from producers.publish import BACKFILL
from streams.readings import Reader
from tests.integration.conftest import EMBEDDED_IN_FAULTS, FORCE, REAL_IN_FAULTS, Parts
from tests.support.command_line import json_of
from tests.support.facts import heartbeat
from tests.support.fault_table import Fault
from tests.support.system import System

WEEK = "2016-12-31/2017-01-08"
SPANS = ("opened_to_dispatched", "dispatched_to_arrived", "opened_to_arrived")
MIDDAY = datetime.fromisoformat("2017-01-01T12:00:00-08:00")


def run(system: System, *arguments: str) -> Any:
    """The JSON output of a command."""
    return json_of(system.environment(), *arguments)


SOME = (WEEK, "24h", "today")
EVERY = (*SOME, "15m", "60m", "7d", "shift", "this_month", "last_month")
"""`make faults` compares every window, on the embedded servers."""


def compare_with_recount(
    system: System, reader: Reader | None = None, windows: tuple[str, ...] = ("24h",)
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
    of_an_hour = [each for each in every_query(["60m"], rules.force) if not each.by]
    midday = read_state(source, FORCE, of_an_hour, MIDDAY)
    with from_log(system.settings.kafka, [each.force for each in system.rules.values()]) as recount:
        found, past = compare(now, recount), compare(midday, recount)
    return RecountComparison(found.cells + past.cells, found.differences + past.differences)


def counts(reader: Reader, **where: str) -> dict[str, int]:
    """The number of incidents of the week by grade."""
    limits = {name: (word,) for name, word in where.items()}
    return {
        each.dimensions["grade"]: each.n or 0
        for each in reader.read("incident_count", WEEK, by=("grade",), where=limits, force=FORCE)
    }


@cache
def _extract() -> tuple[AnyFact, ...]:
    when = datetime.fromisoformat("2026-01-01T00:00:00Z")
    return tuple(read_extract(packaged_sample(FORCE), packaged_mapping(FORCE), now=when).facts)


def facts() -> list[AnyFact]:
    """The facts of the sample."""
    return list(_extract())


def first_days(number: int = 2, *, one_in: int = 1) -> list[AnyFact]:
    """The facts of the first days of the sample, of every incident or of a share of them, in order of time."""
    end = datetime.fromisoformat("2016-12-31T00:00:00-08:00") + timedelta(days=number)
    chosen = (
        fact for fact in facts() if fact.at < end and crc32(getattr(fact, "subject_id", "").encode()) % one_in == 0
    )
    return sorted(chosen, key=lambda fact: fact.at)


def publish(system: System, published: Iterable[AnyFact], *, times: int = 1) -> None:
    """Send facts to the log this often, then a heartbeat."""
    sent = list(published)
    with system.publisher(BACKFILL) as publisher:
        for fact in sent * times:
            publisher.publish(fact)
        end = max(fact.at for fact in sent) + timedelta(seconds=1)
        publisher.heartbeat(heartbeat("dispatch", end, force=FORCE, replay=True), "incidents")


@EMBEDDED_IN_FAULTS
@pytest.mark.injects(8)
def test_every_cell_of_the_week_equals_the_recount(system: System, parts: Parts, fault: Fault) -> None:
    system.start_workers(2)
    replayed = run(system, "replay", "sample", "--speed", "max")
    assert (replayed["rows"], replayed["facts_by_type"]["IncidentOpened"], replayed["malformed"]) == (7704, 3560, [])
    system.settle()
    found = compare_with_recount(system, windows=EVERY if parts.name == "embedded" else SOME)
    fault.compared(found.cells, len(found.differences))
    assert found.differences == []
    assert found.cells > 2000
    reader = system.reader()
    assert sum(counts(reader).values()) == 3560
    assert reader.read("incident_regraded_count", WEEK, force=FORCE)[0].value == 155
    answer = run(system, "read", "opened_to_arrived_median_seconds", "--window", WEEK, "--by", "grade,area,day")
    assert len(answer) > 100
    assert {"value", "n", "state", "spread", "dimensions"} <= set(answer[0])

    before = reader.read("opened_to_arrived_median_seconds", WEEK, by=("grade", "area", "day"), force=FORCE)
    publish(system, facts())
    system.settle()
    assert system.count("duplicates") == system.count("facts") == replayed["facts"]
    fault.fired(system.count("duplicates"))
    after = reader.read("opened_to_arrived_median_seconds", WEEK, by=("grade", "area", "day"), force=FORCE)
    assert [(each.dimensions, each.value, each.n, each.spread) for each in after] == [
        (each.dimensions, each.value, each.n, each.spread) for each in before
    ]
    assert compare_with_recount(system, reader).differences == []


def figures(system: System) -> list[tuple[str, str, object, int | None]]:
    """Every figure of the last day, by the name of its measure and its words."""
    reader = system.reader()
    reader.refresh()
    queries = every_query(["24h"], system.rules[FORCE].force)
    readings = read_state(reader, FORCE, list(queries), reader.present(FORCE)).results
    return [
        (query.measure.name, str(each.dimensions), each.value, each.n) for query, found in readings for each in found
    ]


@pytest.mark.faults
def test_shuffled_facts_give_the_same_figures(system: System) -> None:
    """In `make test`, tests/laws shuffles facts instead, without a log or a state server."""
    shuffled = first_days()
    random.Random(7).shuffle(shuffled)
    system.start_workers(1)
    publish(system, shuffled, times=2)
    system.settle()
    assert system.count("duplicates") == len(shuffled) > 7000
    assert compare_with_recount(system).differences == []


@REAL_IN_FAULTS
def test_a_regrade_moves_the_incident_to_the_other_grade_and_keeps_the_sum(system: System) -> None:
    system.start_workers(1)
    publish(system, first_days())
    system.settle()
    reader = system.reader()
    before = counts(reader)
    incident = next(fact for fact in first_days() if isinstance(fact, IncidentOpened) and fact.grade == "2")
    regraded = IncidentRegraded(
        fact_id="a-regrade-of-our-own",
        force=FORCE,
        at=incident.at + timedelta(hours=1),
        subject_id=incident.subject_id,
        grade="E",
    )
    publish(system, [regraded])
    system.settle()
    after = counts(reader)
    assert sum(after.values()) == sum(before.values()) > 800
    assert (after["E"] - before["E"], after["2"] - before["2"]) == (1, -1)
    assert compare_with_recount(system, reader).differences == []


@pytest.mark.faults
@pytest.mark.injects(2)
@pytest.mark.parametrize("workers", [3])
def test_more_workers_can_join_during_the_work(new_system: Callable[[], System], workers: int, fault: Fault) -> None:
    """Two states are built from one log: one by one worker, the other by several that join while the first works."""
    one, several = new_system(), new_system()
    one.start_workers(1)
    several.start_workers(1)
    publish(one, first_days())
    several.start_workers(workers - 1)
    one.settle()
    several.settle()
    found = compare_with_recount(several)
    fault.fired(workers - 1)
    fault.compared(found.cells, len(found.differences))
    assert found.differences == []
    assert figures(one) == figures(several)
