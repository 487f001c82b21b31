"""Which facts fall by corrections and withdrawals, followed through to the end (semantics section 1)."""

from collections import defaultdict, deque
from collections.abc import Iterable

Links = dict[int, set[int]]


def not_counted(strikes: Iterable[tuple[int, int]]) -> set[int]:
    """The facts that are not in force.

    A fact falls when a fact that stands strikes it; one that has fallen strikes nothing. Facts that fall only by each
    other, in a ring, count for nothing: they are not in force, and they make nothing else fall.

    Args:
        strikes: pairs of facts, as numbers: the first withdraws or replaces the second.
    """
    strikers, struck = _links(strikes)
    undecided = set(strikers) | set(struck)
    left = {fact: len(strikers[fact]) for fact in undecided}
    fallen: set[int] = set()
    unstruck = [fact for fact in undecided if not left[fact]]
    while undecided:
        _settle(unstruck, struck, left, undecided, fallen)
        # What is still undecided is struck by something undecided: somewhere behind it lies a ring.
        ring = _ring_behind(next(iter(undecided)), strikers, undecided) if undecided else set()
        fallen |= ring
        undecided -= ring
        unstruck = _released(ring, struck, left, undecided)
    return fallen


def _links(strikes: Iterable[tuple[int, int]]) -> tuple[Links, Links]:
    strikers: Links = defaultdict(set)
    struck: Links = defaultdict(set)
    for striker, victim in strikes:
        strikers[victim].add(striker)
        struck[striker].add(victim)
    return strikers, struck


def _settle(unstruck: list[int], struck: Links, left: dict[int, int], undecided: set[int], fallen: set[int]) -> None:
    """Let the facts that nothing strikes any more stand, and follow what that makes fall and stand in turn."""
    stands = deque(unstruck)
    while stands:
        fact = stands.popleft()
        undecided.discard(fact)
        falls = struck[fact] & undecided
        fallen |= falls
        undecided -= falls
        stands.extend(_released(falls, struck, left, undecided))


def _released(falls: set[int], struck: Links, left: dict[int, int], undecided: set[int]) -> list[int]:
    """The undecided facts that nothing strikes any more, now that these have fallen."""
    released = []
    for fact in falls:
        for victim in struck[fact] & undecided:
            left[victim] -= 1
            if not left[victim]:
                released.append(victim)
    return released


def _ring_behind(fact: int, strikers: Links, undecided: set[int]) -> set[int]:
    """A ring that nothing undecided strikes from outside, found by walking back from a fact."""
    behind = _all_behind(fact, strikers, undecided)
    while True:
        # Of all that lies behind, go on to a fact that has less behind it, until every one has all the others.
        smaller = next(
            (less for less in (_all_behind(one, strikers, undecided) for one in behind) if less < behind), None
        )
        if smaller is None:
            return behind
        behind = smaller


def _all_behind(fact: int, strikers: Links, undecided: set[int]) -> set[int]:
    found: set[int] = set()
    ahead = [fact]
    while ahead:
        new = (strikers[ahead.pop()] & undecided) - found
        found |= new
        ahead.extend(new)
    return found
