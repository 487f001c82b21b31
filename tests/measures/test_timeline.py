"""Tests which facts of a subject count: withdrawn and replaced facts do not, and have no effect themselves."""

import re
import time
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime, timedelta
from itertools import pairwise, permutations
from pathlib import Path
from typing import get_args

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from facts.call_taker import CallTakerFact
from facts.contact import ContactAnswered, ContactFact
from facts.custody import CustodyFact
from facts.fact import FactWithdrawn, SubjectFact
from facts.incident import IncidentFact
from facts.occurrence import OccurrenceFact
from facts.union import TOPICS, topic_of
from facts.wire import decode
from measures import timeline as timeline_module
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


EXAMPLES = Path(__file__).parents[2] / "facts" / "examples"
SEMANTICS = Path(__file__).parents[2] / "docs" / "understand" / "semantics.md"
UNIONS = [get_args(union) for union in (ContactFact, IncidentFact, CustodyFact, OccurrenceFact, CallTakerFact)]


@pytest.mark.parametrize("kinds", UNIONS, ids=TOPICS)
def test_facts_of_one_instant_are_in_order_of_meaning_whatever_their_ids(kinds: tuple[type[SubjectFact], ...]) -> None:
    """Each type comes before the next one, although its id is the greater."""
    for before, after in pairwise(kinds):
        timeline: Timeline = {}
        for kind, fact_id in ((before, "z"), (after, "a")):
            add(timeline, example(kind, fact_id))
        assert [type(each) for each in effective(timeline)] == [before, after]


def example(kind: type[SubjectFact], fact_id: str) -> SubjectFact:
    """The published example of a type of fact, at one time and with an id."""
    record = (EXAMPLES / f"{kind.__name__}.json").read_bytes()
    topic = topic_of(kind)  # type: ignore[arg-type]
    assert topic is not None
    ((_, found),) = decode(record, topic, datetime(2026, 1, 1, tzinfo=UTC)).facts
    assert isinstance(found, SubjectFact)
    return replace(found, fact_id=fact_id, subject_id="s", at=START)


def test_the_semantics_list_the_same_order() -> None:
    text = SEMANTICS.read_text("utf-8")
    listed = re.findall(
        r"`([A-Z]\w+)`",
        text[text.index("  - contacts: `ContactOffered`") : text.index("- A record written in a transaction")],
    )
    assert listed == [kind.__name__ for kinds in UNIONS for kind in kinds]


FACT_IDS = [f"f{number}" for number in range(7)]


def as_it_was(disputed_by: dict[str, set[str]]) -> set[str]:
    """The facts in force, found slowly: every fact is looked at again in every step."""
    in_force: set[str] = set()
    withdrawn: set[str] = set()
    while len(in_force | withdrawn) < len(disputed_by):
        undecided = disputed_by.keys() - in_force - withdrawn
        confirmed = {each for each in undecided if disputed_by[each] <= withdrawn}
        if not confirmed:
            withdrawn |= {each for each in undecided if each in reached_from(each, disputed_by, undecided)}
        in_force |= confirmed
        withdrawn |= {each for each, others in disputed_by.items() if others & in_force}
    return in_force


def reached_from(start: str, edges: dict[str, set[str]], among: AbstractSet[str]) -> set[str]:
    """Everything that a fact leads to."""
    reached: set[str] = set()
    ahead = edges[start] & among
    while ahead:
        reached |= ahead
        ahead = {other for each in ahead for other in edges[each] & among} - reached
    return reached


@settings(max_examples=300)
@given(st.dictionaries(st.sampled_from(FACT_IDS), st.tuples(*[st.sampled_from([None, *FACT_IDS])] * 2), min_size=1))
def test_corrections_and_withdrawals_are_resolved_as_the_plain_way_does(
    targets: dict[str, tuple[str | None, str | None]],
) -> None:
    facts: Timeline = {
        name: undo(name, withdraws, corrects) if withdraws else fact(name, corrects)
        for name, (withdraws, corrects) in targets.items()
    }
    in_force = as_it_was(timeline_module._disputed_by(facts))  # noqa: SLF001 - only how they are followed has changed
    assert {each.fact_id for each in effective(facts)} == {name for name in in_force if targets[name][0] is None}


@pytest.mark.parametrize("kind", ["chain", "cycle", "fan"])
def test_a_subject_with_20_000_corrections_is_resolved_at_once(kind: str) -> None:
    """It took minutes, and no other subject of its partition was counted meanwhile."""
    many = 20_000
    before = {"chain": 1, "cycle": 1, "fan": many}[kind]
    facts: Timeline = {
        f"f{number}": fact(f"f{number}", f"f{max(number - before, 0)}" if number else None) for number in range(many)
    }
    if kind == "cycle":
        facts["f0"] = fact("f0", f"f{many - 1}")
    began = time.process_time()
    counted = len(effective(facts))
    assert time.process_time() - began < 5
    assert counted == {"chain": many // 2, "cycle": 0, "fan": many - 1}[kind]
