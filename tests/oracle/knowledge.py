"""What is known of every subject, and when: its facts in force after each report."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from facts.fact import FactWithdrawn, SubjectFact
from facts.union import Topic, order_of
from producers.simulate.reporting import ReportedFact

FOREVER = 1 << 62
SECOND = 1_000_000


class Known(NamedTuple):
    """What is known of one subject for a while.

    Attributes:
        topic: the topic of its facts.
        facts: the facts in force, in order (semantics section 1).
        since: when the last of them was reported, in microseconds since 1970.
        until: when the next fact was reported, in the same unit.
    """

    topic: Topic
    facts: Sequence[SubjectFact]
    since: int
    until: int


def knowledge(reported: Iterable[ReportedFact]) -> Iterator[Known]:
    """Everything that was ever known, from facts in the order in which they were reported."""
    subjects: dict[tuple[Topic, str], list[ReportedFact]] = {}
    for each in reported:
        if isinstance(each.fact, SubjectFact):
            subjects.setdefault((each.topic, each.fact.subject_id), []).append(each)
    for (topic, _), of_subject in subjects.items():
        yield from _known(topic, of_subject)


def _known(topic: Topic, reported: Sequence[ReportedFact]) -> Iterator[Known]:
    received: dict[str, SubjectFact] = {}
    moments = [*(microseconds(each.at) for each in reported[1:]), FOREVER]
    for each, until in zip(reported, moments, strict=True):
        fact = each.fact
        assert isinstance(fact, SubjectFact)
        other = received.get(fact.fact_id)
        assert other is None or other == fact, f"{fact.fact_id} was reported with two contents; no scenario does that"
        received[fact.fact_id] = fact
        yield Known(topic, in_force(received), microseconds(each.at), until)


def in_force(received: Mapping[str, SubjectFact]) -> list[SubjectFact]:
    """The facts that are not withdrawn or replaced (semantics section 1), without the withdrawals themselves."""
    removed_by: dict[str, list[SubjectFact]] = {}
    for fact in received.values():
        removed = {fact.corrects, fact.withdraws if isinstance(fact, FactWithdrawn) else None} - {None}
        for name in removed:
            removed_by.setdefault(str(name), []).append(fact)

    def is_removed(fact: SubjectFact) -> bool:
        # Facts that remove each other in a circle would recurse for ever: no scenario has any, and a RecursionError would show it.
        return any(not is_removed(other) for other in removed_by.get(fact.fact_id, ()))

    kept = (fact for fact in received.values() if not isinstance(fact, FactWithdrawn) and not is_removed(fact))
    return sorted(kept, key=order_of)


def microseconds(second: float) -> int:
    """A time of the simulation, in seconds since 1970, as whole microseconds."""
    return round(second * SECOND)
