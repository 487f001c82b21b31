"""Which facts do not count because they are corrected or withdrawn, followed through chains and cycles (semantics section 1)."""

from collections import defaultdict, deque
from collections.abc import Iterable

Links = dict[int, set[int]]


def not_counted(removals: Iterable[tuple[int, int]]) -> set[int]:
    """The facts that do not count.

    A fact is removed when a fact that counts corrects or withdraws it. A removed fact removes nothing. Facts that only
    remove each other, in a cycle, do not count, and remove nothing else.

    Args:
        removals: pairs of facts, as numbers: the first corrects or withdraws the second.
    """
    removers, targets = _links(removals)
    undecided = set(removers) | set(targets)
    open_removers = {fact: len(removers[fact]) for fact in undecided}
    removed: set[int] = set()
    counting = [fact for fact in undecided if not open_removers[fact]]
    while undecided:
        _settle(counting, targets, open_removers, undecided, removed)
        # Every fact that is still undecided has an undecided remover, so following removers back leads to a cycle.
        cycle = _cycle_behind(next(iter(undecided)), removers, undecided) if undecided else set()
        removed |= cycle
        undecided -= cycle
        counting = _released(cycle, targets, open_removers, undecided)
    return removed


def _links(removals: Iterable[tuple[int, int]]) -> tuple[Links, Links]:
    removers: Links = defaultdict(set)
    targets: Links = defaultdict(set)
    for remover, target in removals:
        removers[target].add(remover)
        targets[remover].add(target)
    return removers, targets


def _settle(
    counting: list[int], targets: Links, open_removers: dict[int, int], undecided: set[int], removed: set[int]
) -> None:
    """Decide the facts that no undecided fact removes, and every fact that this decides in turn."""
    decided = deque(counting)
    while decided:
        fact = decided.popleft()
        undecided.discard(fact)
        now_removed = targets[fact] & undecided
        removed |= now_removed
        undecided -= now_removed
        decided.extend(_released(now_removed, targets, open_removers, undecided))


def _released(now_removed: set[int], targets: Links, open_removers: dict[int, int], undecided: set[int]) -> list[int]:
    """The undecided facts that have no remover left, now that these facts are removed."""
    released = []
    for fact in now_removed:
        for target in targets[fact] & undecided:
            open_removers[target] -= 1
            if not open_removers[target]:
                released.append(target)
    return released


def _cycle_behind(fact: int, removers: Links, undecided: set[int]) -> set[int]:
    """A cycle with no undecided remover outside it, found by following removers back from a fact."""
    behind = _all_behind(fact, removers, undecided)
    while True:
        # Move to a fact with fewer facts behind it, until every fact has all the others behind it.
        smaller = next(
            (less for less in (_all_behind(one, removers, undecided) for one in behind) if less < behind), None
        )
        if smaller is None:
            return behind
        behind = smaller


def _all_behind(fact: int, removers: Links, undecided: set[int]) -> set[int]:
    found: set[int] = set()
    ahead = [fact]
    while ahead:
        new = (removers[ahead.pop()] & undecided) - found
        found |= new
        ahead.extend(new)
    return found
