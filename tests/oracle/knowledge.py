"""What is known of every subject and when: the facts of it that are in force after each one that was told."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from facts.fact import FactWithdrawn, SubjectFact
from facts.union import Topic
from producers.simulate.reporting import ReportedFact

FOREVER = 1 << 62
SECOND = 1_000_000


class Known(NamedTuple):
    """What is known of one subject for a while.

    Attributes:
        topic: of its facts.
        facts: those in force, in order of `at`, then of id.
        since: when the last of them was told, in microseconds since 1970.
        until: when the next one was, likewise.
    """

    topic: Topic
    facts: Sequence[SubjectFact]
    since: int
    until: int


def knowledge(told: Iterable[ReportedFact]) -> Iterator[Known]:
    """All that was ever known, from what was told in order of telling."""
    subjects: dict[tuple[Topic, str], list[ReportedFact]] = {}
    for each in told:
        if isinstance(each.fact, SubjectFact):
            subjects.setdefault((each.topic, each.fact.subject_id), []).append(each)
    for (topic, _), of_subject in subjects.items():
        yield from _known(topic, of_subject)


def _known(topic: Topic, told: Sequence[ReportedFact]) -> Iterator[Known]:
    heard: dict[str, SubjectFact] = {}
    moments = [*(microseconds(each.at) for each in told[1:]), FOREVER]
    for each, until in zip(told, moments, strict=True):
        fact = each.fact
        assert isinstance(fact, SubjectFact)
        other = heard.get(fact.fact_id)
        assert other is None or other == fact, f"{fact.fact_id} was told in two ways; no scenario does that"
        heard[fact.fact_id] = fact
        yield Known(topic, in_force(heard), microseconds(each.at), until)


def in_force(heard: Mapping[str, SubjectFact]) -> list[SubjectFact]:
    """The facts that have not fallen (semantics section 1), without the withdrawals."""
    strikers: dict[str, list[SubjectFact]] = {}
    for fact in heard.values():
        struck = {fact.corrects, fact.withdraws if isinstance(fact, FactWithdrawn) else None} - {None}
        for name in struck:
            strikers.setdefault(str(name), []).append(fact)

    def has_fallen(fact: SubjectFact) -> bool:
        # Facts in a ring would recurse for ever: no scenario has one, and a RecursionError would say so.
        return any(not has_fallen(striker) for striker in strikers.get(fact.fact_id, ()))

    standing = (fact for fact in heard.values() if not isinstance(fact, FactWithdrawn) and not has_fallen(fact))
    return sorted(standing, key=lambda fact: (fact.at, fact.fact_id))


def microseconds(second: float) -> int:
    """An instant of the simulation, in seconds since 1970, as whole microseconds."""
    return round(second * SECOND)
