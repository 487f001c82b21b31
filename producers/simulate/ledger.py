"""Facts that have happened and are not yet reported, by the hour of their event time."""

from facts.union import AnyFact

Happened = tuple[float, int, str, AnyFact]
"""Event time in seconds since 1970, a serial number, the feed, and the fact."""
_HOUR_SECONDS = 3600


class Ledger:
    """Facts that have happened or will happen, until they are removed.

    Custody and incidents are planned weeks ahead. Facts are stored by the hour, so only those removed need sorting.
    """

    def __init__(self) -> None:
        self._hours: dict[int, list[Happened]] = {}
        self._number = 0

    def add(self, at: float, feed: str, fact: AnyFact) -> None:
        """Add a fact; facts may be added in any order."""
        self._number += 1
        hour = int(at) // _HOUR_SECONDS
        facts = self._hours.get(hour)
        if facts is None:
            facts = self._hours[hour] = []
        facts.append((at, self._number, feed, fact))

    def is_empty(self) -> bool:
        """Whether every fact has been removed."""
        return not self._hours

    def remove_before(self, before: float) -> list[Happened]:
        """Remove every fact before a time, which must be a whole hour, and return them in order."""
        removed: list[Happened] = []
        last = int(before) // _HOUR_SECONDS
        for hour in sorted(hour for hour in self._hours if hour < last):
            facts = self._hours.pop(hour)
            facts.sort()  # serial numbers are unique, so facts themselves are never compared
            removed += facts
        return removed
