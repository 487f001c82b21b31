"""The audit: nothing differs until a field of the state is changed by hand; then it names the figure and its facts."""

import asyncio
import json
from collections.abc import Iterator
from datetime import date
from typing import cast

import pytest
from redis import Redis
from redis.asyncio import Redis as AsyncRedis

from bluelamp.embedded.state import StateServer
from bluelamp.recount.load import from_records
from bluelamp.recount.recount import Recount
from bluelamp.verify.audit import Audit, audit, lines, read_period
from facts.errors import IncompleteError, QuestionError
from measures.catalogue import CATALOGUE
from measures.measure import Measure
from measures.rules import Rules
from streams.readings import Reader
from streams.store import StateStore
from tests.support import december
from tests.support.stores import apply_memory

RULES = Rules(december.force())
FIRST, END = date(2024, 11, 30), date(2024, 12, 2)
FEW = [CATALOGUE[name] for name in ("incident_count", "opened_to_arrived_median_seconds", "bail_ratio")]
PANE = "test:{{incidents:0}}:pane:staffordshire:day:{}:{}"
OPEN = "test:{incidents:0}:open"


@pytest.fixture(scope="module")
def kept() -> Iterator[Recount]:
    with december.recount(keeps_facts=True) as made:
        yield made


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    """A state server with the facts of two days."""
    server = StateServer(tmp_path_factory.mktemp("audited"))
    server.start()

    async def apply() -> None:
        async with AsyncRedis.from_url(server.url, decode_responses=True) as client:
            await apply_memory(StateStore(client, "test"), december.memory())

    try:
        asyncio.run(apply())
        with Redis.from_url(server.url, decode_responses=True) as client:
            yield client
    finally:
        server.stop()


def audited(redis: Redis, kept: Recount, measures: list[Measure], first: date = FIRST) -> Audit:
    """An audit with a new reader, which has nothing in memory."""
    source = Reader(redis, "test", {RULES.force.name: RULES}, lambda: december.AS_OF)
    held = read_period(source, RULES.force, first, END, december.AS_OF, measures)
    return audit(held, kept, RULES, first, END)


def field_of(redis: Redis, pane: str, start: str = "") -> str:
    """A field of one kind in a day's pane that counts more than one."""
    counts = cast(dict[str, str], redis.hgetall(pane))
    return next(name for name in sorted(counts) if name.startswith(start) and int(counts[name]) > 1)


@pytest.mark.faults
def test_nothing_differs_in_an_intact_state(redis: Redis, kept: Recount) -> None:
    found = audited(redis, kept, list(CATALOGUE.values()), date(2024, 12, 1))
    assert found.is_clean(), "\n".join(lines(found))
    assert found.figures > 1000
    assert found.counts > 3000
    assert found.open_items > 500


def test_a_changed_field_is_named_with_its_figures_and_facts(redis: Redis, kept: Recount) -> None:
    pane = PANE.format(date(2024, 12, 1).toordinal(), "incident_opened")
    field = field_of(redis, pane, "2|domestic|")
    redis.hincrby(pane, field, 1)
    try:
        found = audited(redis, kept, FEW)
    finally:
        redis.hincrby(pane, field, -1)
    grade, group, area, domestic, category, value = field.split("|")
    (cell,) = found.differing_counts
    words = {"grade": grade, "group": group, "area": area, "domestic": domestic, "category": category}
    assert (cell.kind, cell.day, cell.words, cell.value) == ("incident_opened", date(2024, 12, 1), words, int(value))
    assert cell.state == cell.log + 1 == len(cell.behind) + 1
    for behind in cell.behind:
        (opened,) = [fact for fact in map(json.loads, map(bytes, behind.facts)) if fact["fact"] == "IncidentOpened"]
        assert (opened["subject_id"], opened["area"]) == (behind.subject_id, None if area == "none" else area)
    figures = {(each.measure, *each.dimensions.values()) for each in found.differing_figures}
    assert {
        ("incident_count",),
        ("incident_count", "2024-12"),
        ("incident_count", area),
        ("incident_count", "2", "2024-12"),
    } <= figures
    assert {name for name, *_ in figures} == {"incident_count"}
    assert ("incident_count", "2024-11") not in figures
    whole = next(each for each in found.differing_figures if each.measure == "incident_count" and not each.dimensions)
    value = whole.recounted[0]
    line = f"figure  incident_count  {FIRST}/{END}  state {value + 1} (n {value + 1:,}), log {value} (n {value:,})"
    assert line in lines(found)
    assert not found.differing_open
    assert any(
        line.startswith(f"count  incident_opened  2024-12-01  grade=2 group=domestic area={area}")
        for line in lines(found)
    )


def test_an_invented_count_and_a_missing_count_are_named(redis: Redis, kept: Recount) -> None:
    arrived, closed = (
        PANE.format(date(2024, 11, 30).toordinal(), kind) for kind in ("opened_to_arrived", "incident_closed")
    )
    invented, gone = "1|crime|stafford|no|none|999999", field_of(redis, closed)
    count = redis.hget(closed, gone)
    redis.hset(arrived, invented, 1)
    redis.hdel(closed, gone)
    try:
        found = audited(redis, kept, [])
    finally:
        redis.hdel(arrived, invented)
        redis.hset(closed, gone, str(count))
    cells = {cell.kind: cell for cell in found.differing_counts}
    assert (cells["opened_to_arrived"].state, cells["opened_to_arrived"].log, cells["opened_to_arrived"].behind) == (
        1,
        0,
        (),
    )
    assert (cells["incident_closed"].state, cells["incident_closed"].log) == (0, int(str(count)))
    assert "    The log has no facts for it." in lines(found)


def test_a_missing_open_item_is_named_with_its_subject(redis: Redis, kept: Recount) -> None:
    held = cast(dict[str, str], redis.hgetall(OPEN))
    key = min(held)
    redis.hdel(OPEN, key)
    try:
        found = audited(redis, kept, FEW)
    finally:
        redis.hset(OPEN, key, held[key])
    assert {(cell.state, cell.log) for cell in found.differing_open} == {(0, 1)}
    assert {behind.subject_id for cell in found.differing_open for behind in cell.behind} == {key.split("|")[1]}
    assert not found.differing_counts


def test_an_empty_period_is_refused(redis: Redis) -> None:
    source = Reader(redis, "test", {RULES.force.name: RULES}, lambda: december.AS_OF)
    with pytest.raises(QuestionError, match="no day"):
        read_period(source, RULES.force, END, FIRST, december.AS_OF, FEW)


def test_a_log_that_lost_its_beginning_cannot_be_audited(redis: Redis) -> None:
    source = Reader(redis, "test", {RULES.force.name: RULES}, lambda: december.AS_OF)
    held = read_period(source, RULES.force, FIRST, END, december.AS_OF, [])
    with from_records([], [RULES.force], keeps_facts=True) as empty:
        empty.loaded.missing_before = {("incidents", 0): 7}
        with pytest.raises(IncompleteError, match="The beginning of the log has been deleted"):
            audit(held, empty, RULES, FIRST, END)


def test_a_log_that_ends_before_the_state_cannot_be_audited(redis: Redis) -> None:
    source = Reader(redis, "test", {RULES.force.name: RULES}, lambda: december.AS_OF)
    held = read_period(source, RULES.force, FIRST, END, december.AS_OF, [])
    with from_records([], [RULES.force], keeps_facts=True) as empty:
        empty.loaded.missing_after = {("incidents", 0): (5, 7)}
        with pytest.raises(IncompleteError, match="ends before the applied offset") as refused:
            audit(held, empty, RULES, FIRST, END)
    assert refused.value.where == "incidents:0: 5 to 6"


def test_what_was_not_compared_is_listed_and_an_empty_audit_is_not_clean() -> None:
    nothing = Audit(
        force="strict", start=FIRST, end=END, as_of=december.AS_OF, figures=0, counts=0, open_items=0, records=0, behind=3,
        left_out={"too_late": 2, "bad_json": 1}, differing_figures=(), differing_counts=(), differing_open=(),
    )  # fmt: skip
    assert not nothing.is_clean()
    said = list(lines(nothing))
    assert not [line for line in said if "0 differ" in line]
    assert "Not compared: 3 log records not yet in the state." in said
    assert "Not compared: 3 quarantined facts, not counted in any figure (bad_json 1, too_late 2)." in said
