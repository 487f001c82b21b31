"""Tests that the product and the independent recount, written separately from the same definitions, never differ."""

import random
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from bluelamp.recount import load
from bluelamp.recount.load import LogRecord, from_records
from bluelamp.recount.recount import Recount
from facts.fact import FactWithdrawn
from facts.union import Topic
from facts.wire import encode
from measures import timeline
from measures.catalogue import CATALOGUE
from measures.measure import External
from measures.outcome import KINDS, microseconds
from tests.support.examples import examples
from tests.support.facts import concluded, declined
from tests.support.fault_table import Fault
from tests.support.forces import STRICT, rules
from tests.support.memory import RECEIVED, MemoryState, deliver
from tests.support.stories import AS_OF, FORCE, TopicFact, chances, records

RULES = rules(STRICT)
REPORTS = ("this_month", "last_month", "12m", "yesterday", "last_week", "last_28_days", "2024-10-26/2024-10-28")
WINDOWS = ("15m", "60m", "24h", "7d", "today", "shift", "2024-10-26T23:10/2024-10-27T01:40", *REPORTS)
# No shrinking: a database for every attempt would take minutes, and the first example is enough.
_settings = settings(
    max_examples=examples(4, 10),
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)


def recounted(facts: list[TopicFact]) -> Recount:
    """The recount of facts, with one record for each fact."""
    return from_records(_records(facts), [STRICT])


def _records(facts: list[TopicFact]) -> Iterator[LogRecord]:
    offsets: Counter[Topic] = Counter()
    for topic, fact in facts:
        yield LogRecord(topic, 0, offsets[topic], RECEIVED, encode([fact]))
        offsets[topic] += 1


def state_after(facts: list[TopicFact]) -> MemoryState:
    """The product's state after facts."""
    state = MemoryState(RULES, FORCE)
    deliver(state, facts, 3)
    return state


@given(records())
@_settings
def test_every_outcome_of_every_kind_is_the_same(facts: list[TopicFact]) -> None:
    assert _quarantined(facts) == 0


def test_a_declined_callback_begins_no_contact() -> None:
    """Random facts showed this once: without an offer, the product let the contact begin when the callback was declined."""
    facts: list[Any] = [("contacts", declined("09:00")), ("contacts", concluded("09:05"))]
    assert _quarantined(facts) == 0


def test_a_subject_has_the_same_facts_up_to_the_most_that_it_may_have(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load.MOST_FACTS == timeline.MOST_FACTS == 5_000
    for module in (load, timeline):
        monkeypatch.setattr(module, "MOST_FACTS", 4)
    quarantined: list[int] = []

    @given(records())
    @settings(_settings, max_examples=4)
    def compare(facts: list[TopicFact]) -> None:
        quarantined.append(_quarantined(facts))

    compare()
    assert sum(quarantined) > 10


def _quarantined(facts: list[TopicFact]) -> int:
    """Compare every outcome; returns how many facts were too many for their subjects."""
    state = state_after(facts)
    refused = Counter[str]()
    for (partition,) in state.partitions.values():
        for change in partition.changes:
            refused.update(each.refusal.reason for each in change.quarantined)
    subjects = [each for (partition,) in state.partitions.values() for each in partition.fold.subjects.values()]
    with recounted(facts) as recount:
        for kind in KINDS:
            ours = Counter(
                (o.at, o.began, o.dimensions, o.value) for s in subjects for o in s.outcomes.finished if o.kind == kind
            )
            theirs = Counter((o.decided, o.began, o.dimensions, o.value) for o in recount.finished(kind))
            assert ours == theirs, kind
            open_items = Counter(
                (o.since, o.began, o.due, o.unrecorded_from, o.dimensions)
                for s in subjects
                for o in s.outcomes.open
                if o.kind == kind
            )
            assert open_items == Counter(
                (o.since, o.began, o.due, o.unrecorded_from, o.dimensions) for o in recount.open(kind)
            ), kind
        assert recount.loaded.left_out == refused
    return refused["too_many_facts"]


_QUESTIONS = (records(), chances())


@pytest.mark.injects(9, 10)
@given(*_QUESTIONS)
@_settings
def test_every_cell_of_any_question_is_the_same(fault: Fault, facts: list[TopicFact], chance: random.Random) -> None:
    fault.compared(_compared(facts, chance))
    fault.fired(1, 9)
    fault.fired(sum(isinstance(fact, FactWithdrawn) or fact.corrects is not None for _, fact in facts), 10)


def _compared(facts: list[TopicFact], chance: random.Random) -> int:
    """Compare the answers to one random question about each measure; returns the number of cells compared."""
    cells, state = 0, state_after(facts)
    with recounted(facts) as recount:
        for measure in CATALOGUE.values():
            if isinstance(measure.statistic, External):
                continue
            window, names = chance.choice(WINDOWS), measure.dimensions()
            by = tuple(chance.sample(names, k=min(len(names), chance.randrange(3))))
            if window in REPORTS and not measure.is_open() and chance.random() < 0.5:
                by = (*by, chance.choice(["day", "month"]))
            ours = [_cell(each) for each in state.figures(measure, window, AS_OF, by)]
            theirs = [_cell(each) for each in recount.answer(measure, FORCE, window, AS_OF, by=by)]
            assert ours == theirs, (measure.name, window, by)
            cells += len(ours)
    return cells


def _law_of_questions(facts: list[TopicFact], chance: random.Random) -> None:
    assert _compared(facts, chance) > 0


@pytest.mark.filterwarnings("ignore:Generating overly large repr")  # of the example that shows the fault
def test_dropping_panes_by_the_wall_clock_violates_the_property(monkeypatch: pytest.MonkeyPatch) -> None:
    """Panes are dropped by event time, from heartbeats: by the wall clock, a history would lose its minutes while it loads."""
    monkeypatch.setattr("streams.fold.settled_mark", lambda *_: microseconds(RECEIVED))
    with pytest.raises((AssertionError, ExceptionGroup)):
        settings(_settings, database=None, derandomize=True)(given(*_QUESTIONS)(_law_of_questions))()


def _cell(cell: Any) -> tuple[Any, ...]:
    spread = cell.spread
    numbers = (spread.mean, spread.median, spread.p90, dict(spread.within)) if spread else None
    return cell.dimensions, cell.value, cell.n, cell.met, numbers, cell.low, cell.high, cell.unrecorded
