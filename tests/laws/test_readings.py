"""Tests of properties of all measures: the order, duplication and batching of facts never change a reading."""

import random
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from facts.fact import Fact, FactWithdrawn, SubjectFact
from facts.union import Topic
from measures.catalogue import CATALOGUE
from measures.measure import External
from measures.outcome import Outcome
from measures.pane import Deltas, FirstKept, difference
from measures.reading import Figure
from measures.rules import Rules
from measures.timeline import Timeline
from tests.support.examples import examples
from tests.support.facts import heartbeat
from tests.support.forces import STRICT, rules
from tests.support.memory import MemoryState, deliver
from tests.support.stories import AS_OF, FORCE, START, TopicFact, chances, records, withdrawal

RULES = rules(STRICT)
WINDOWS = ("15m", "60m", "24h", "7d", "today", "shift", "this_month", "2024-10-26/2024-10-27")
_thorough = settings(max_examples=examples(20, 50))

_every_cell = settings(_thorough, max_examples=examples(5, 12))

Windows = tuple[str, ...]
_some_windows = st.permutations(WINDOWS).map(lambda windows: tuple(windows[:2]))
"""Two windows for an example: reading every measure over all of them takes longer than all else."""

Sheet = dict[tuple[str, str, tuple[str, ...]], list[Figure]]


def sheet(state: MemoryState, windows: Windows) -> Sheet:
    """Every measure over some windows, in total and broken down by all of its dimensions."""
    return {
        (measure.name, window, by): state.figures(measure, window, AS_OF, by)
        for measure in CATALOGUE.values()
        if not isinstance(measure.statistic, External)
        for window in windows
        for by in ((), measure.dimensions())
    }


def state_after(facts: list[TopicFact], partitions: int = 1, batch: int = 1) -> MemoryState:
    """The state after facts in the given order."""
    state = MemoryState(RULES, FORCE, partitions)
    deliver(state, facts, batch)
    return state


_ORDER = (records(), chances(), st.integers(1, 9), st.integers(1, 4))


def _law_of_order(facts: list[TopicFact], chance: random.Random, batch: int, partitions: int) -> None:
    shuffled = [*facts, *chance.sample(facts, k=len(facts) // 2)]
    chance.shuffle(shuffled)
    state = state_after(shuffled, partitions, batch)
    assert state.numbers() == state_after(facts).numbers()
    assert state.least_count() >= 1


@given(*_ORDER)
@_thorough
def test_order_duplication_batches_and_partitions_change_nothing(
    facts: list[TopicFact], chance: random.Random, batch: int, partitions: int
) -> None:
    _law_of_order(facts, chance, batch, partitions)


@given(records(), chances(), st.integers(1, 9), st.integers(2, 4))
@_thorough
def test_the_partition_that_a_client_chooses_changes_nothing(
    facts: list[TopicFact], chance: random.Random, batch: int, partitions: int
) -> None:
    """Clients may use another hash, round robin, or several partitions for one subject: misplaced facts are moved."""
    state = MemoryState(RULES, FORCE, partitions)
    deliver(state, facts, batch, place=lambda topic, _: chance.choice(state.partitions[topic]))
    state.move()
    assert state.numbers() == state_after(facts).numbers()


@given(records(), chances(), _some_windows)
@_every_cell
def test_order_and_duplication_change_no_cell_of_any_measure(
    facts: list[TopicFact], chance: random.Random, windows: Windows
) -> None:
    shuffled = [*facts, *facts]
    chance.shuffle(shuffled)
    assert sheet(state_after(shuffled, 3, 2), windows) == sheet(state_after(facts), windows)


@given(records(), _some_windows)
@_every_cell
def test_a_share_is_within_its_bounds_and_is_its_bounds_if_everything_is_recorded(
    facts: list[TopicFact], windows: Windows
) -> None:
    for (name, _, _), figures in sheet(state_after(facts), windows).items():
        for each in figures if CATALOGUE[name].is_share() else ():
            _check_bounds(each)


def _check_bounds(each: Figure) -> None:
    assert each.unrecorded is not None
    if each.value is None or each.low is None or each.high is None:
        assert (each.value, each.low, each.high, each.n) == (None, None, None, 0)
        return
    assert 0 <= each.low <= each.value <= each.high <= 1
    assert each.unrecorded or each.low == each.value == each.high


_WITHDRAWN = (records(), records(), chances())


def _law_of_withdrawal(kept: list[TopicFact], others: list[TopicFact], chance: random.Random) -> None:
    added: list[TopicFact] = []
    for number, (topic, fact) in enumerate(others):
        target = _some_id(kept, fact, chance)
        extra = msgspec.structs.replace(fact, fact_id=f"extra-{number}", corrects=target)
        added += [(topic, extra), (topic, withdrawal(fact, f"undo-{number}", extra.fact_id, fact.at))]
    mixed = [*kept, *added]
    chance.shuffle(mixed)
    state = state_after(mixed, 2, 3)
    assert state.numbers() == state_after(kept).numbers()
    assert state.least_count() >= 1


def _some_id(kept: list[TopicFact], fact: SubjectFact, chance: random.Random) -> str | None:
    known = [other.fact_id for _, other in kept if other.subject_id == fact.subject_id]
    return chance.choice([*known, None])


@given(*_WITHDRAWN)
@_thorough
def test_withdrawn_facts_leave_no_trace(kept: list[TopicFact], others: list[TopicFact], chance: random.Random) -> None:
    """Facts added to the same subjects with ids of their own, and withdrawn in any order, leave no trace."""
    _law_of_withdrawal(kept, others, chance)


@given(records(), st.integers(0, 40))
@_thorough
def test_a_new_owner_after_a_worker_died_gets_the_same_counts(facts: list[TopicFact], cut: int) -> None:
    """A new owner starts from the state only."""
    state = state_after(facts[:cut])
    for partitions in state.partitions.values():
        for partition in partitions:
            partition.forget()
    deliver(state, facts[cut:])
    assert state.numbers() == state_after(facts).numbers()


@given(records(), st.lists(st.integers(0, 40), max_size=3), _some_windows)
@_every_cell
def test_heartbeats_drop_only_panes_that_are_no_longer_read(
    facts: list[TopicFact], places: list[int], windows: Windows
) -> None:
    mixed: list[tuple[Topic, Fact]] = list(facts)
    for number, place in enumerate(places):
        for feed in STRICT.feeds:
            mixed.insert(
                place, (feed.topic, heartbeat(feed.name, START + timedelta(hours=number), seq=number, replay=True))
            )
    state = MemoryState(RULES, FORCE)
    deliver(state, mixed, 2)
    assert sheet(state, windows) == sheet(state_after(facts), windows)


def _only_adds(before: object, after: list[Outcome], known: Rules, into: Deltas, kept: FirstKept) -> None:
    """A broken fold that never subtracts."""
    difference([], after, known, into, kept)


def _unresolved(timeline: Timeline) -> list[SubjectFact]:
    """A broken timeline that ignores withdrawals and corrections."""
    return [fact for fact in timeline.values() if not isinstance(fact, FactWithdrawn)]


def _first_come(timeline: Timeline, fact: SubjectFact) -> bool:
    """A broken timeline that keeps the first fact with an id."""
    return timeline.setdefault(fact.fact_id, fact) is fact


@pytest.mark.filterwarnings("ignore:Generating overly large repr")  # of the example that shows the fault
@pytest.mark.parametrize(
    ("place", "mutant", "law", "given_to"),
    [
        ("streams.fold.difference", _only_adds, _law_of_order, _ORDER),
        ("measures.outcomes.effective", _unresolved, _law_of_order, _ORDER),
        ("streams.fold.add", _first_come, _law_of_order, _ORDER),
        ("measures.outcomes.effective", _unresolved, _law_of_withdrawal, _WITHDRAWN),
    ],
)
def test_a_broken_product_violates_the_properties(
    place: str,
    mutant: object,
    law: Callable[..., None],
    given_to: tuple[st.SearchStrategy[Any], ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(place, mutant)
    # The same examples each time, so that a planted fault that is not found can be investigated.
    quick = settings(_thorough, max_examples=500, phases=[Phase.generate], database=None, derandomize=True)
    with pytest.raises((AssertionError, ExceptionGroup)):
        quick(given(*given_to)(law))()
