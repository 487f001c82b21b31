"""How many of the facts read recently were quarantined, from counters that only grow."""

from collections import deque
from typing import NamedTuple

from msgspec import Struct, field

KEPT_SECONDS = 900.0


class Counted(NamedTuple):
    """The counters of one topic: the facts read, and those among them that were quarantined."""

    read: int
    quarantined: int


class QuarantineRate(Struct):
    """The facts that arrived in the last 15 minutes, by topic.

    Attributes:
        history: by topic, earlier counters with their times (seconds of a steady clock), oldest first.
    """

    history: dict[str, deque[tuple[float, Counted]]] = field(default_factory=dict)

    def add(self, topic: str, counted: Counted, now: float) -> Counted:
        """Add the present counters; returns their increase since the oldest ones in the history."""
        known = self.history.setdefault(topic, deque())
        if known and counted.read < known[-1][1].read:
            known.clear()  # the state was rebuilt
        known.append((now, counted))
        while now - known[0][0] > KEPT_SECONDS:
            known.popleft()
        oldest = known[0][1]
        return Counted(counted.read - oldest.read, counted.quarantined - oldest.quarantined)
