"""The set of facts of one subject: adding a fact twice, or in another order, changes nothing."""

from collections.abc import Iterable
from datetime import UTC, datetime

from facts.fact import EndedByHand, FactWithdrawn, SubjectFact
from facts.union import order_of
from facts.wire import canonical

Timeline = dict[str, SubjectFact]
"""A subject's facts by their id."""

_NOT_STATED = datetime.min.replace(tzinfo=UTC)


def add(timeline: Timeline, fact: SubjectFact) -> bool:
    """Add a fact in place, and return whether the set changed.

    Of two different facts with one id, the one recorded later is kept (a fact that does not say when it was recorded counts
    as the earlier; then the one with the later time, then the one with the greater canonical bytes), so that the order of
    arrival does not matter.
    """
    stored = timeline.get(fact.fact_id)
    if stored is None or (stored != fact and _rank(fact) > _rank(stored)):
        timeline[fact.fact_id] = fact
        return True
    return False


def effective(timeline: Timeline) -> list[SubjectFact]:
    """The facts that count, in the order of `order_of`: neither withdrawn nor replaced by a correction.

    A fact that does not count cannot withdraw or replace another: withdrawing a correction restores the fact that it
    replaced. A fact recorded after its withdrawal or correction counts, and the withdrawal or correction does not. Facts
    that withdraw each other in a cycle do not count.
    """
    facts: Iterable[SubjectFact] = timeline.values()
    for fact in facts:
        if fact.corrects or type(fact) is FactWithdrawn:
            facts = _resolved(timeline)
            break
    return sorted(facts, key=order_of)


def without_ends_by_hand(facts: list[SubjectFact]) -> tuple[list[SubjectFact], list[EndedByHand]]:
    """The facts that a source recorded, and the ends that people gave, each in the same order."""
    by_hand = [fact for fact in facts if type(fact) is EndedByHand]
    return ([fact for fact in facts if type(fact) is not EndedByHand] if by_hand else facts), by_hand


def _rank(fact: SubjectFact) -> tuple[datetime, datetime, bytes]:
    return fact.recorded_at or _NOT_STATED, fact.at, canonical(fact)


def _target(fact: SubjectFact) -> str | None:
    return fact.withdraws if isinstance(fact, FactWithdrawn) else fact.corrects


def _resolved(timeline: Timeline) -> Iterable[SubjectFact]:
    """The facts in force, found step by step: a fact is in force once everything that disputes it is withdrawn."""
    disputed_by = _disputed_by(timeline)
    in_force: set[str] = set()
    withdrawn: set[str] = set()
    while len(in_force | withdrawn) < len(timeline):
        decided = in_force | withdrawn
        confirmed = {fact_id for fact_id in disputed_by if fact_id not in decided and disputed_by[fact_id] <= withdrawn}
        if not confirmed:
            withdrawn |= _cycles(disputed_by, set(timeline) - decided)
        in_force |= confirmed
        withdrawn |= {fact_id for fact_id, others in disputed_by.items() if others & in_force}
    return [timeline[fact_id] for fact_id in in_force if not isinstance(timeline[fact_id], FactWithdrawn)]


def _disputed_by(timeline: Timeline) -> dict[str, set[str]]:
    """Each fact to the facts that withdraw or replace it, or that were recorded after they were withdrawn by it."""
    disputed_by: dict[str, set[str]] = {fact_id: set() for fact_id in timeline}
    for fact_id, fact in timeline.items():
        for target in {_target(fact), fact.corrects}:
            if target in disputed_by:
                loser, winner = (fact_id, target) if timeline[target].is_recorded_after(fact) else (target, fact_id)
                disputed_by[loser].add(winner)
    return disputed_by


def _cycles(disputed_by: dict[str, set[str]], undecided: set[str]) -> set[str]:
    """The undecided facts that are part of a cycle, that is, dispute themselves directly or through others."""
    cyclic: set[str] = set()
    for start in undecided:
        reached: set[str] = set()
        edge = disputed_by[start] & undecided
        while edge:
            reached |= edge
            edge = {other for fact_id in edge for other in disputed_by[fact_id] & undecided} - reached
        if start in reached:
            cyclic.add(start)
    return cyclic
