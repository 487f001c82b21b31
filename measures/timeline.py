"""The set of facts of one subject: adding a fact twice, or in another order, changes nothing."""

from collections.abc import Iterable

from facts.fact import FactWithdrawn, SubjectFact
from facts.wire import canonical

Timeline = dict[str, SubjectFact]
"""A subject's facts by their id."""


def add(timeline: Timeline, fact: SubjectFact) -> bool:
    """Add a fact in place; say whether the set changed.

    Two different facts under one id are a fault of the producer. The one that happened later stands (then the one
    with the greater canonical bytes), so that the order of arrival cannot matter.
    """
    known = timeline.get(fact.fact_id)
    if known is None or (known != fact and _rank(fact) > _rank(known)):
        timeline[fact.fact_id] = fact
        return True
    return False


def effective(timeline: Timeline) -> list[SubjectFact]:
    """The facts that count, in order of event time: neither withdrawn nor replaced by a correction.

    A fact that does not count cannot itself withdraw or replace another: a withdrawn correction brings back what it
    had replaced. Facts that withdraw each other in a ring count for nothing.
    """
    undisputed = not any(_target(fact) for fact in timeline.values())
    return sorted(timeline.values() if undisputed else _standing(timeline), key=lambda fact: (fact.at, fact.fact_id))


def _rank(fact: SubjectFact) -> tuple[object, bytes]:
    return fact.at, canonical(fact)


def _target(fact: SubjectFact) -> str | None:
    return fact.withdraws if isinstance(fact, FactWithdrawn) else fact.corrects


def _standing(timeline: Timeline) -> Iterable[SubjectFact]:
    against = _against(timeline)
    standing: set[str] = set()
    fallen: set[str] = set()
    while len(standing | fallen) < len(timeline):
        rising = {fact_id for fact_id in against if fact_id not in standing | fallen and against[fact_id] <= fallen}
        if not rising:
            fallen |= _rings(against, set(timeline) - standing - fallen)
        standing |= rising
        fallen |= {fact_id for fact_id, others in against.items() if others & standing}
    return [timeline[fact_id] for fact_id in standing if not isinstance(timeline[fact_id], FactWithdrawn)]


def _against(timeline: Timeline) -> dict[str, set[str]]:
    """By fact, the facts that withdraw or replace it."""
    against: dict[str, set[str]] = {fact_id: set() for fact_id in timeline}
    for fact_id, fact in timeline.items():
        for target in {_target(fact), fact.corrects}:
            if target in against:
                against[target].add(fact_id)
    return against


def _rings(against: dict[str, set[str]], undecided: set[str]) -> set[str]:
    """Those of the undecided that stand against themselves by way of others: rings count for nothing."""
    ringed: set[str] = set()
    for start in undecided:
        reached: set[str] = set()
        edge = against[start] & undecided
        while edge:
            reached |= edge
            edge = {other for each in edge for other in against[each] & undecided} - reached
        if start in reached:
            ringed.add(start)
    return ringed
