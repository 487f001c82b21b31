"""The explanation of a figure: its subjects and facts add up to it."""

import json
from collections.abc import Iterable, Iterator
from datetime import timedelta

import pytest
from redis import Redis

from bluelamp.recount.cell import Finished, RecountOpenItem
from bluelamp.recount.interval import LiveInterval, interval
from bluelamp.recount.load import from_records
from bluelamp.recount.needed import needed
from bluelamp.recount.recount import Recount
from bluelamp.recount.times import day_start
from bluelamp.verify.compare import Query, StateReadings, every_query, read_state
from bluelamp.verify.explain import Explained, explain, lines
from bluelamp.verify.state_and_log import NotCompared
from facts.errors import QuestionError
from measures.catalogue import CATALOGUE
from measures.outcome import KINDS
from measures.rules import Rules
from streams.readings import Reader
from tests.support import december, planted
from tests.support.stores import apply_memory, call, state_server

FORCE = "staffordshire"
UNREAD = NotCompared("The state server does not answer.")
WINDOWS = ("2024-11-30/2024-12-02", "24h")
# In the middle of the second day, while callers wait and incidents are open.
NOON = december.AS_OF.replace(year=2024, month=12, day=1)


@pytest.fixture(scope="module")
def kept() -> Iterator[Recount]:
    with december.recount(keeps_facts=True) as made:
        yield made


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    """A state server with the facts of two days."""
    with state_server(tmp_path_factory.mktemp("explained")) as server:
        call(server.url, lambda store: apply_memory(store, december.memory()))
        with Redis.from_url(server.url, decode_responses=True) as client:
            yield client


def shown(redis: Redis, query: Query) -> StateReadings:
    """The readings of the state, with a new reader."""
    reader = Reader(redis, "test", {FORCE: Rules(december.force())}, lambda: december.AS_OF)
    return read_state(reader, FORCE, [query], NOON)


def test_the_outcomes_of_every_figure_add_up_to_it(kept: Recount) -> None:
    seen = 0
    for query in every_query(WINDOWS[:1], december.force()):
        if query.by in ((), ("area",)):
            for each in explain(kept, FORCE, query, NOON, UNREAD, limit=0):
                assert each.agrees, each
                seen += each.listed > 0
    assert seen > 100


def test_each_outcome_has_its_subject_and_facts(kept: Recount) -> None:
    query = Query(
        measure=CATALOGUE["grade_1_opened_to_arrived_median_seconds"], window=WINDOWS[0], where={"area": ("stafford",)}
    )
    (explained,) = explain(kept, FORCE, query, NOON, UNREAD)
    assert explained.listed == explained.n == len(explained.parts) > 5
    for part in explained.parts:
        facts = [json.loads(bytes(fact)) for fact in part.facts if fact not in part.not_counted]
        assert {fact["subject_id"] for fact in facts} == {part.subject_id}
        moments = {
            name: min(fact["at"] for fact in facts if fact["fact"] == name)
            for name in ("IncidentOpened", "UnitArrived")
        }
        assert facts[0]["area"] == "stafford"
        assert moments["UnitArrived"].startswith(part.at.strftime("%Y-%m-%dT%H:%M:%S"))
        assert part.at - part.began - timedelta(seconds=part.value or 0) < timedelta(seconds=0.51)


def test_a_share_marks_the_outcomes_that_count_towards_it(kept: Recount) -> None:
    query = Query(measure=CATALOGUE["contact_999_abandoned_ratio"], window=WINDOWS[0])
    (explained,) = explain(kept, FORCE, query, NOON, UNREAD)
    assert {(part.kind, part.is_met) for part in explained.parts} == {("leg_answered", False), ("leg_abandoned", True)}
    assert sum(part.is_met or False for part in explained.parts) == explained.met


def test_a_corrected_fact_is_listed_and_does_not_count(kept: Recount) -> None:
    query = Query(measure=CATALOGUE["incident_resourced_count"], window=WINDOWS[0])
    (explained,) = explain(kept, FORCE, query, NOON, UNREAD)
    corrected = [part for part in explained.parts if part.not_counted]
    assert corrected
    ids = {
        json.loads(bytes(fact)).get("corrects") or json.loads(bytes(fact)).get("withdraws")
        for fact in corrected[0].facts
    }
    assert ids & {json.loads(bytes(fact))["fact_id"] for fact in corrected[0].not_counted}


def test_the_lines_have_the_figure_its_outcomes_and_the_verdict(kept: Recount, redis: Redis) -> None:
    query = Query(measure=CATALOGUE["arrest_count"], window=WINDOWS[0])
    (explained,) = explain(kept, FORCE, query, NOON, shown(redis, query), limit=3)
    first, *parts, more, sum_, verdict = lines(explained, query.measure, has_facts=False)
    assert first == f"Arrests  {explained.n} (n {explained.n})"
    assert [line.split()[0] for line in parts] == [part.subject_id for part in explained.parts]
    assert more.startswith(f"  and {(explained.n or 0) - 3} more")
    assert sum_ == f"  Adding up {explained.n} outcomes from the log gives this figure."
    assert verdict == "  The state has the same figure."
    assert explained.is_confirmed()
    assert sum("DetaineeArrived" in line for line in lines(explained, query.measure, has_facts=True)) == 3


# A minute in which targets fall due, an hour four weeks later in which ends begin to count as unrecorded, and a day.
PARTS = ("2024-12-01T11:11/2024-12-01T11:12", "2024-12-29T02:00/2024-12-29T06:00", "2024-12-01/2024-12-02")


KINDS_WITH_SPANS = [each.name for each in KINDS.values() if each.topic in ("contacts", "incidents")]


@pytest.fixture(scope="module")
def counted(kept: Recount) -> dict[str, tuple[list[Finished], list[RecountOpenItem]]]:
    """Every outcome and open item, by kind."""
    return {kind: (kept.finished(kind), kept.open(kind)) for kind in KINDS_WITH_SPANS}


@pytest.mark.parametrize("window", PARTS)
def test_the_subjects_that_a_window_needs_give_all_of_its_outcomes(
    counted: dict[str, tuple[list[Finished], list[RecountOpenItem]]], window: str
) -> None:
    force = december.force()
    spans = needed(CATALOGUE["incident_count"], window, force, december.AS_OF)
    found = interval(window, force, december.AS_OF)
    is_live = isinstance(found, LiveInterval)
    start, end = found if isinstance(found, LiveInterval) else (day_start(each, force.zone()) for each in found)
    times = ("decided", "due", "unrecorded_from") if is_live else ("began",)

    def inside(items: Iterable[Finished | RecountOpenItem]) -> list[Finished | RecountOpenItem]:
        return [each for each in items if any(start <= (getattr(each, time, None) or 0) < end for time in times)]

    with december.recount(spans=spans) as part:
        found_in = {kind: inside((*part.finished(kind), *part.open(kind))) for kind in KINDS_WITH_SPANS}
        assert 0 < len(part.finished("incident_opened")) < len(counted["incident_opened"][0])
    assert found_in == {kind: inside((*ended, *still)) for kind, (ended, still) in counted.items()}
    assert sum(map(len, found_in.values())) > 5


def test_open_items_and_deadlines_need_every_subject() -> None:
    for name in ("contact_999_waiting_count", "arrest_count", "occurrence_count"):
        assert needed(CATALOGUE[name], "24h", december.force(), NOON) is None


def test_a_recount_without_facts_cannot_list_subjects() -> None:
    with from_records([], [december.force()]) as counted, pytest.raises(QuestionError, match="kept no facts"):
        counted.subjects([1])


# --- and whether the state has the same -----------------------------------------------------------------------------


def explained_by_state(kept: Recount, redis: Redis, query: Query) -> list[Explained]:
    """A figure of two days, compared with the state."""
    return explain(kept, FORCE, query, NOON, shown(redis, query), limit=1)


def test_the_state_has_every_figure_of_the_log(kept: Recount, redis: Redis) -> None:
    for name in (
        "incident_count",
        "contact_999_answer_mean_seconds",
        "contact_999_abandoned_ratio",
        "triage_to_999_ratio",
    ):
        for by in ((), ("day",)):
            found = explained_by_state(kept, redis, Query(measure=CATALOGUE[name], window=WINDOWS[0], by=by))
            assert found
            assert all(each.is_confirmed() for each in found), found


def test_a_changed_count_is_reported_with_both_figures(kept: Recount, redis: Redis) -> None:
    query = Query(measure=CATALOGUE["incident_count"], window=WINDOWS[0], by=("area",))
    count = next(
        each for each in planted.counts(redis, "test", FORCE)["incident_opened"] if each.words[2] == "stafford"
    )
    with planted.replaced(redis, count.key, count.field, str(count.number + 1)):
        found = {each.dimensions["area"]: each for each in explained_by_state(kept, redis, query)}
    altered = found.pop("stafford")
    assert all(each.is_confirmed() for each in found.values())
    assert (altered.agrees, altered.compared.verdict) == (True, "differs")
    *_, verdict = lines(altered, query.measure, has_facts=False)
    n = altered.n or 0
    assert verdict == f"  DIFFERENT: the state has {n + 1} (n {n + 1}), the log has {n} (n {n})."


def test_figures_that_only_one_side_has_differ(kept: Recount, redis: Redis) -> None:
    query = Query(measure=CATALOGUE["incident_count"], window=WINDOWS[0], by=("area",))
    invented = planted.invented(planted.counts(redis, "test", FORCE)["incident_opened"][0])
    key = planted.counts(redis, "test", FORCE)["incident_opened"][0].key
    with planted.replaced(redis, key, invented, "3"):
        found = {each.dimensions["area"]: each for each in explained_by_state(kept, redis, query)}
    *_, verdict = lines(found["invented"], query.measure, has_facts=False)
    assert verdict == "  DIFFERENT: the state has 3 (n 3), the log has 0 (n 0)."
    nothing_shown = StateReadings(FORCE, NOON, {}, [(query, [])], {})
    for each in explain(kept, FORCE, query, NOON, nothing_shown, limit=1):
        *_, verdict = lines(each, query.measure, has_facts=False)
        assert verdict.startswith("  DIFFERENT: the state has no figure, the log has ")


def test_a_difference_hidden_by_rounding_is_printed_to_the_last_digit(kept: Recount, redis: Redis) -> None:
    query = Query(measure=CATALOGUE["opened_to_arrived_median_seconds"], window=WINDOWS[0])
    spans = planted.counts(redis, "test", FORCE)["opened_to_arrived"]
    longest = max(spans, key=lambda each: each.value)
    longer = longest.field.rpartition("|")[0] + f"|{longest.value + 1}"
    with planted.replaced(redis, longest.key, longest.field, None), planted.replaced(redis, longest.key, longer, "1"):
        (found,) = explained_by_state(kept, redis, query)
    *_, verdict = lines(found, query.measure, has_facts=False)
    assert "DIFFERENT" in verdict
    assert " To the last digit: state " in verdict


def test_a_state_that_cannot_be_read_confirms_nothing(kept: Recount) -> None:
    query = Query(measure=CATALOGUE["arrest_count"], window=WINDOWS[0])
    (found,) = explain(kept, FORCE, query, NOON, UNREAD, limit=1)
    assert not found.is_confirmed()
    *_, verdict = lines(found, query.measure, has_facts=False)
    assert verdict == "  NOT COMPARED with the state: The state server does not answer."


def test_an_incomplete_log_confirms_nothing(redis: Redis) -> None:
    query = Query(measure=CATALOGUE["arrest_count"], window=WINDOWS[0])
    with from_records([], [december.force()], keeps_facts=True) as empty:
        empty.loaded.missing_before = {("custody", 0): 7}
        (found,) = explained_by_state(empty, redis, query)
    assert found.compared.verdict == "not compared"
    assert "custody:0: 0 to 6" in found.compared.reason


def test_a_promised_time_may_be_long_after_every_fact() -> None:
    """A promise made three days ago is broken now, although no new fact says so."""
    names = ("callback_kept_ratio", "callback_connected_within_24_hours_ratio")
    kept, connected = (needed(CATALOGUE[name], "60m", december.force(), NOON) for name in names)
    assert kept is None
    assert connected is not None, "a day is within the longest clock"
