"""Tests which facts of a subject count: withdrawn and replaced facts do not, and have no effect themselves."""

from datetime import UTC, datetime, timedelta
from itertools import permutations

import msgspec
import pytest

from facts.contact import ContactAnswered
from facts.fact import FactWithdrawn, SubjectFact
from measures.timeline import Timeline, add, effective

START = datetime(2024, 12, 1, tzinfo=UTC)


def fact(fact_id: str, corrects: str | None = None, minutes: int = 0, queue: str = "triage") -> SubjectFact:
    """A fact that may correct another."""
    at = START + timedelta(minutes=minutes)
    return ContactAnswered(fact_id=fact_id, force="f", at=at, subject_id="s", queue=queue, corrects=corrects)


def undo(fact_id: str, withdraws: str, corrects: str | None = None) -> SubjectFact:
    """A fact that withdraws another."""
    return FactWithdrawn(fact_id=fact_id, force="f", at=START, subject_id="s", withdraws=withdraws, corrects=corrects)


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ([fact("a")], "a"),
        ([fact("a"), undo("w", "a")], ""),
        ([fact("a"), undo("w", "x")], "a"),
        ([fact("a"), fact("b", "a")], "b"),
        ([fact("a"), fact("b", "a"), undo("w", "b")], "a"),
        ([fact("a"), undo("w", "a"), undo("v", "w")], "a"),
        ([fact("a"), undo("w", "a"), undo("v", "w"), undo("u", "v")], ""),
        ([fact("a"), fact("b", "a"), fact("c", "a")], "bc"),
        ([fact("a", "a")], ""),
        ([fact("a", "b"), fact("b", "a")], ""),
        ([fact("a", "b"), fact("b", "a"), fact("c")], "c"),
        ([fact("a", "b"), fact("b", "c"), fact("c", "a"), undo("w", "a")], "b"),
        ([undo("v", "w"), undo("w", "v", corrects="c"), fact("c")], "c"),
    ],
)
def test_the_effective_facts_do_not_depend_on_the_order(facts: list[SubjectFact], expected: str) -> None:
    for order in permutations(facts):
        timeline: Timeline = {}
        for each in order:
            add(timeline, each)
        assert "".join(each.fact_id for each in effective(timeline)) == expected


def test_of_two_facts_with_one_id_the_later_is_kept_and_then_the_greater() -> None:
    facts = [fact("a"), fact("a", minutes=1), fact("a", minutes=1, queue="zone")]
    for order in permutations(facts):
        timeline: Timeline = {}
        for each in order:
            add(timeline, each)
        assert list(timeline.values()) == facts[-1:]


def recorded(fact: SubjectFact, minute: int) -> SubjectFact:
    """The same fact, recorded at a minute."""
    return msgspec.structs.replace(fact, recorded_at=START + timedelta(minutes=minute))


def test_of_two_facts_with_one_id_the_one_recorded_later_is_kept() -> None:
    """A fact that does not say when it was recorded gives way, whatever its time; equal records go by time."""
    facts = [
        fact("a", minutes=9, queue="zone"),
        recorded(fact("a", minutes=5, queue="zone"), 10),
        recorded(fact("a", minutes=1), 11),
        recorded(fact("a", minutes=2), 11),
    ]
    for order in permutations(facts):
        timeline: Timeline = {}
        for each in order:
            add(timeline, each)
        assert list(timeline.values()) == facts[-1:]


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ([recorded(fact("a"), 1), recorded(undo("w", "a"), 2)], ""),
        ([recorded(fact("a"), 2), recorded(undo("w", "a"), 2)], ""),
        ([recorded(fact("a"), 3), recorded(undo("w", "a"), 2)], "a"),
        ([recorded(fact("a"), 3), undo("w", "a")], ""),
        ([fact("a"), recorded(undo("w", "a"), 2)], ""),
        ([recorded(fact("a"), 1), recorded(undo("w", "a"), 2), recorded(fact("a"), 3)], "a"),
        ([recorded(fact("a"), 1), recorded(undo("w", "a"), 4), recorded(fact("a"), 3)], ""),
        ([recorded(fact("a"), 3), recorded(fact("b", "a"), 2)], "a"),
        ([recorded(fact("a"), 3), recorded(fact("b", "a"), 2), undo("w", "a")], "b"),
        ([recorded(fact("a", "b"), 1), recorded(fact("b", "a"), 2)], "b"),
    ],
)
def test_a_fact_recorded_after_its_withdrawal_or_correction_counts(facts: list[SubjectFact], expected: str) -> None:
    for order in permutations(facts):
        timeline: Timeline = {}
        for each in order:
            add(timeline, each)
        assert "".join(each.fact_id for each in effective(timeline)) == expected


def test_add_returns_whether_the_set_changed() -> None:
    timeline: Timeline = {}
    assert [add(timeline, each) for each in (fact("a"), fact("a"), fact("b"))] == [True, False, True]
