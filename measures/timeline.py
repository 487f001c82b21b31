"""The set of facts of one subject: adding a fact twice, or in another order, changes nothing."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from facts.fact import EndedByHand, FactWithdrawn, SubjectFact
from facts.union import order_of
from facts.wire import canonical

Timeline = dict[str, SubjectFact]
"""A subject's facts by their id."""

MOST_FACTS = 5_000
"""A subject has no more facts than this: each further one would take longer to fold and to store than the one before it."""
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


def is_full_for(timeline: Timeline, fact: SubjectFact) -> bool:
    """Whether a subject has as many facts as one may have, and this would be another one."""
    return len(timeline) >= MOST_FACTS and fact.fact_id not in timeline


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
    decision = _Decision(disputed_by)
    decision.confirm()
    undecided = timeline.keys() - decision.in_force - decision.withdrawn
    if undecided:
        decision.withdraw(_cycles(disputed_by, undecided))
        decision.confirm()
    return [timeline[fact_id] for fact_id in decision.in_force if not isinstance(timeline[fact_id], FactWithdrawn)]


class _Decision:
    """Which facts are in force and which are withdrawn, as far as that is decided.

    Each fact and each dispute is read once: a subject with thousands of corrections must not stop a worker.

    Args:
        disputed_by: each fact to those that dispute it.
    """

    def __init__(self, disputed_by: dict[str, set[str]]) -> None:
        self.in_force, self.withdrawn = set[str](), set[str]()
        self._disputes: dict[str, list[str]] = {fact_id: [] for fact_id in disputed_by}
        for fact_id, others in disputed_by.items():
            for other in others:
                self._disputes[other].append(fact_id)
        self._left = {fact_id: len(others) for fact_id, others in disputed_by.items()}
        self._undisputed = [fact_id for fact_id, count in self._left.items() if not count]

    def confirm(self) -> None:
        """Confirm every fact that is no longer disputed, and withdraw what these facts dispute."""
        while self._undisputed:
            fact_id = self._undisputed.pop()
            self.in_force.add(fact_id)
            self.withdraw({other for other in self._disputes[fact_id] if other not in self.withdrawn})

    def withdraw(self, facts: set[str]) -> None:
        """Withdraw facts, which then dispute nothing."""
        self.withdrawn |= facts
        for fact_id in facts:
            for other in self._disputes[fact_id]:
                self._left[other] -= 1
                if not self._left[other] and other not in self.withdrawn:
                    self._undisputed.append(other)


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
    search = _Search({fact_id: disputed_by[fact_id] & undecided for fact_id in undecided})
    return {
        fact_id
        for component in search.components()
        for fact_id in component
        if len(component) > 1 or fact_id in disputed_by[fact_id]
    }


class _Search:
    """The search for facts that reach each other (Tarjan's algorithm, without recursion).

    Args:
        edges: from each fact to others.
    """

    def __init__(self, edges: dict[str, set[str]]) -> None:
        self._edges = edges
        self._order: dict[str, int] = {}
        self._low: dict[str, int] = {}
        self._stack: list[str] = []
        self._waiting: set[str] = set()
        self._path: list[tuple[str, Iterator[str]]] = []

    def components(self) -> Iterator[set[str]]:
        """The sets of facts that reach each other; every fact is in one."""
        for start in self._edges:
            if start not in self._order:
                self._enter(start)
            while self._path:
                fact_id, others = self._path[-1]
                other = next(others, None)
                if other is None:
                    yield from self._leave()
                elif other not in self._order:
                    self._enter(other)
                elif other in self._waiting:
                    self._low[fact_id] = min(self._low[fact_id], self._order[other])

    def _enter(self, fact_id: str) -> None:
        self._order[fact_id] = self._low[fact_id] = len(self._order)
        self._stack.append(fact_id)
        self._waiting.add(fact_id)
        self._path.append((fact_id, iter(self._edges[fact_id])))

    def _leave(self) -> Iterator[set[str]]:
        fact_id, _ = self._path.pop()
        if self._path:
            above = self._path[-1][0]
            self._low[above] = min(self._low[above], self._low[fact_id])
        if self._low[fact_id] == self._order[fact_id]:
            component = set[str]()
            while fact_id not in component:
                component.add(self._stack.pop())
            self._waiting -= component
            yield component
