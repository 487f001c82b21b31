"""The sum over two forces equals the recount of one force that has the facts of both."""

from collections.abc import Sequence
from zlib import crc32

import pytest
from msgspec.structs import replace

from bluelamp.recount.load import from_records
from facts.fact import SubjectFact
from facts.union import AnyFact, Topic
from measures.catalogue import CATALOGUE
from measures.measure import Measure
from measures.reading import Question, histograms
from measures.region import Part, added
from measures.rules import Rules
from measures.window import resolve
from tests.measures.test_region import reading
from tests.support.every_kind import AS_OF, END, FIRST, facts, records
from tests.support.forces import STRICT
from tests.support.memory import MemoryState

WINDOW = f"{FIRST}/{END}"
Sent = Sequence[tuple[Topic, AnyFact]]


def of_another_force() -> Sent:
    """Facts like those of the first force, about fewer and other subjects, so that the average of both forces is another number."""
    return [
        (topic, replace(fact, subject_id=f"other-{fact.subject_id}", fact_id=f"other-{fact.fact_id}"))
        for topic, fact in facts()
        if isinstance(fact, SubjectFact) and crc32(fact.subject_id.encode()) % 3
    ]


def part(measure: Measure, state: MemoryState) -> Part:
    """A measure in one force."""
    (figure,) = state.figures(measure, WINDOW, AS_OF)
    found = reading(value=figure.value, n=figure.n, met=figure.met, unrecorded=figure.unrecorded)
    question = Question(measure, resolve(WINDOW, AS_OF, STRICT), AS_OF)
    return Part(STRICT.title, found, histograms(question, state, state.rules[STRICT.name]).get((), {}))


def state_of(sent: Sent) -> MemoryState:
    """The state of a force after these facts."""
    state = MemoryState({STRICT.name: Rules(STRICT)}, STRICT.name)
    for record in records(sent):
        assert record.value is not None
        state.partitions[record.topic][0].feed([record.value], record.received_at)
    return state


def test_a_region_is_the_recount_of_all_its_facts() -> None:
    others = of_another_force()
    states = [state_of(facts()), state_of(others)]
    known = 0
    with from_records(records([*facts(), *others]), [STRICT]) as recount:
        for measure in CATALOGUE.values():
            counted = recount.answer(measure, STRICT.name, WINDOW, AS_OF)
            if len(counted) != 1:
                continue  # other bodies publish the measure, or it has a figure for each band
            total = added(measure, [part(measure, each) for each in states])
            is_enough = measure.unit == "count" or counted[0].n >= measure.minimum_n
            due = counted[0].value if is_enough else None
            assert (total.n, total.value) == (counted[0].n, due if due is None else pytest.approx(due)), measure.name
            known += total.value is not None
    assert known > 40
