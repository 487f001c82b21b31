"""A custody sergeant's day: at each of several times, the product has the same overdue clocks as the recount."""

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from bluelamp.recount.load import LogRecord, from_records
from facts.fact import SubjectFact
from facts.wire import encode
from measures.custody import ClockName, deadline_of
from measures.outcome import microseconds
from measures.outcomes import outcomes_of
from measures.rules import Rules
from measures.timeline import Timeline, add
from tests.support.forces import STRICT
from tests.support.sergeants_day import custody_numbers

START = datetime(2024, 10, 26, 6, tzinfo=UTC)
"""The clocks go back in the night."""
LOOKS = [START + timedelta(hours=hours, minutes=7) for hours in range(4, 72, 6)]
RULES = Rules(STRICT)
Overdue = set[tuple[str, str]]
"""The clock and the custody number."""


def product(facts: Sequence[SubjectFact], now: datetime) -> Overdue:
    """The clocks that the page shows as overdue, of one custody number."""
    timeline: Timeline = {}
    for fact in facts:
        add(timeline, fact)
    items = {item.kind: item for item in outcomes_of("custody", timeline, RULES).open}
    clocks: tuple[ClockName, ...] = ("review", "detention")
    dues = {clock: deadline_of(items, clock, microseconds(now)) for clock in clocks}
    return {(clock, facts[0].subject_id) for clock, due in dues.items() if due is not None and due < microseconds(now)}


def recounted(facts: Sequence[SubjectFact], now: datetime) -> Overdue:
    """The overdue clocks in the recount of what is known now."""
    records = [LogRecord("custody", 0, place, now, encode([fact])) for place, fact in enumerate(facts)]
    found: Overdue = set()
    with from_records(records, [STRICT], keeps_facts=True) as recount:
        for clock, kind in (("review", "review_due"), ("detention", "detention_limit")):
            for item in recount.open(kind):
                if item.due is not None and item.due < microseconds(now):
                    numbers = recount.subjects_open(item)
                    found |= {(clock, each.subject_id) for each in recount.subjects(numbers).values()}
    return found


def test_no_clock_is_falsely_overdue_and_none_is_missed_in_a_day_of_custody() -> None:
    chance = random.Random(3)
    numbers = list(custody_numbers(120, STRICT.name, START, chance))
    seen: Overdue = set()
    for now in LOOKS:
        known = [[fact for fact in facts if fact.at <= now] for facts in numbers]
        known = [chance.sample(facts, len(facts)) for facts in known if facts]
        ours = {each for facts in known for each in product(facts, now)}
        assert ours == recounted([fact for facts in known for fact in facts], now), now
        seen |= ours
    assert len({name for clock, name in seen if clock == "review"}) > 10
    assert len({name for clock, name in seen if clock == "detention"}) > 3
