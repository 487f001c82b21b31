"""What happened, waiting to be told: facts in order of event time, each with the feed that carries it."""

from bisect import bisect_left
from collections.abc import Iterable
from operator import itemgetter

from facts.union import AnyFact

Happened = tuple[float, int, str, AnyFact]
"""When, in seconds since 1970; a running number; the feed; the fact."""

_when = itemgetter(0, 1)


class Ledger:
    """Facts that happened or will happen, until they are taken."""

    def __init__(self) -> None:
        self._facts: list[Happened] = []
        self._number = 0

    def add(self, at: float, feed: str, fact: AnyFact) -> None:
        """A fact happens; in any order."""
        self._number += 1
        self._facts.append((at, self._number, feed, fact))

    def take(self, before: float) -> Iterable[Happened]:
        """Every fact that happened before an instant, in order; they are then gone from here."""
        self._facts.sort(key=_when)
        count = bisect_left(self._facts, before, key=itemgetter(0))
        taken, self._facts = self._facts[:count], self._facts[count:]
        return taken

