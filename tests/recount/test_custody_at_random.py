"""Tests that the product and the recount find the same in thousands of made-up custody numbers, however they are reported."""

import random
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime

from bluelamp.recount.load import LogRecord, from_records
from facts.fact import SubjectFact
from facts.wire import encode
from measures.occupancy import occupancy
from measures.outcome import KINDS, instant
from measures.outcomes import outcomes_of
from measures.pane import HOUR, Deltas, Pane, difference, loaded
from measures.rules import Rules
from measures.timeline import Timeline, add, effective
from tests.support.custody_at_random import custody_numbers
from tests.support.forces import STRICT
from tests.support.memory import RECEIVED

START = datetime(2024, 12, 2, 9, tzinfo=UTC)
RULES = Rules(STRICT)
_KINDS = [kind.name for kind in KINDS.values() if kind.topic == "custody"]


def product(facts: Sequence[SubjectFact]) -> Counter[tuple[object, ...]]:
    """What the product counts for one custody number."""
    timeline: Timeline = {}
    for fact in facts:
        add(timeline, fact)
    found = outcomes_of("custody", timeline, RULES)
    finished = Counter[tuple[object, ...]](
        (each.kind, each.at, each.began, each.dimensions, each.value) for each in found.finished
    )
    return finished + Counter(
        (each.kind, each.since, each.began, each.due, each.dimensions, "open") for each in found.open
    )


def recounted(numbers: Sequence[Sequence[SubjectFact]]) -> Counter[tuple[object, ...]]:
    """What the recount counts for several custody numbers."""
    facts = [fact for number in numbers for fact in number]
    with from_records(
        (LogRecord("custody", 0, place, RECEIVED, encode([each])) for place, each in enumerate(facts)), [STRICT]
    ) as recount:
        found = Counter[tuple[object, ...]]()
        for kind in _KINDS:
            found.update(
                (kind, each.decided, each.began, each.dimensions, each.value) for each in recount.finished(kind)
            )
            found.update(
                (kind, each.since, each.began, each.due, each.dimensions, "open") for each in recount.open(kind)
            )
    return found


def test_every_custody_number_counts_for_the_same_in_both() -> None:
    numbers = list(custody_numbers(2000, STRICT.name, START, random.Random(14)))
    ours = Counter[tuple[object, ...]]()
    for number in numbers:
        ours += product(number)
    theirs = recounted(numbers)
    assert ours == theirs, _first_that_differs(numbers)
    assert {kind for kind, *_ in ours} == set(_KINDS)


def test_the_number_in_custody_at_every_past_hour_is_the_same_forwards_and_backwards() -> None:
    numbers = list(custody_numbers(600, STRICT.name, START, random.Random(9)))
    deltas: Deltas = {}
    now = Counter[str]()
    for number in numbers:
        timeline: Timeline = {}
        for fact in number:
            add(timeline, fact)
        found = outcomes_of("custody", timeline, RULES)
        difference([], found.finished, RULES, deltas)
        now.update(item.dimensions[0] for item in found.open if item.kind == "in_custody")
    panes: list[tuple[int, Pane]] = [
        (slot, {kind: loaded({name: str(count) for name, count in counts.items()}, "day", slot).get(slot, {})})
        for kind, of_kind in deltas.items()
        for slot, counts in of_kind["hour"].items()
    ]
    hours = range(min(slot for slot, _ in panes), max(slot for slot, _ in panes) + 2)
    ours = occupancy(now, panes, hours)
    facts = [fact for number in numbers for fact in number]
    records = [LogRecord("custody", 0, place, RECEIVED, encode([each])) for place, each in enumerate(facts)]
    with from_records(records, [STRICT]) as recount:
        assert ours == {hour: recount.occupancy(STRICT.name, instant(hour * HOUR)) for hour in hours}
        assert recount.occupancy(STRICT.name, instant((hours[0] - 1) * HOUR)) is None, "before the record"
    assert ours[hours[0]] == {}
    assert max(sum(suites.values()) for suites in ours.values()) > 100


def _first_that_differs(numbers: Sequence[Sequence[SubjectFact]]) -> str:
    """The facts of a custody number that differs, found by halves, and what each side counts for it."""
    while len(numbers) > 1:
        half = numbers[: len(numbers) // 2]
        whole = Counter[tuple[object, ...]]()
        for number in half:
            whole += product(number)
        numbers = half if whole != recounted(half) else numbers[len(half) :]
    (number,) = numbers
    ours, theirs = product(number), recounted([number])
    story = "\n".join(map(repr, effective({fact.fact_id: fact for fact in number})))
    return f"{story}\nonly the product: {ours - theirs}\nonly the recount: {theirs - ours}"
