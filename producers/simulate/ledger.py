"""What happened, waiting to be told: facts by the hour of their event time, each with the feed that carries it."""

from facts.union import AnyFact

Happened = tuple[float, int, str, AnyFact]
"""When, in seconds since 1970; a running number; the feed; the fact."""
_HOUR_SECONDS = 3600


class Ledger:
    """Facts that happened or will happen, until they are taken.

    Custody and incidents are known weeks ahead: by the hour, only what is taken need be put in order.
    """

    def __init__(self) -> None:
        self._hours: dict[int, list[Happened]] = {}
        self._number = 0

    def add(self, at: float, feed: str, fact: AnyFact) -> None:
        """A fact happens; in any order."""
        self._number += 1
        hour = int(at) // _HOUR_SECONDS
        facts = self._hours.get(hour)
        if facts is None:
            facts = self._hours[hour] = []
        facts.append((at, self._number, feed, fact))

    def take(self, before: float) -> list[Happened]:
        """Every fact that happened before an instant, which is a whole hour, in order; they are then gone from here."""
        taken: list[Happened] = []
        last = int(before) // _HOUR_SECONDS
        for hour in sorted(hour for hour in self._hours if hour < last):
            facts = self._hours.pop(hour)
            facts.sort()  # no two have the same number: facts themselves are never compared
            taken += facts
        return taken
