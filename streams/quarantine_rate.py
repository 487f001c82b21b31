"""How much of what was read lately had to be quarantined, from counters that only grow."""

from collections import deque
from typing import NamedTuple

from msgspec import Struct, field

KEPT_SECONDS = 900.0


class Counted(NamedTuple):
    """The counters of one topic: facts read, and how many of them were quarantined."""

    read: int
    quarantined: int


class QuarantineRate(Struct):
    """What came in over the last quarter of an hour, topic by topic.

    Attributes:
        history: by topic, the counters at earlier looks with their times (seconds of a steady clock), oldest first.
    """

    history: dict[str, deque[tuple[float, Counted]]] = field(default_factory=dict)

    def take(self, topic: str, counted: Counted, now: float) -> Counted:
        """Take up counters as they are now; answer with what was added since the oldest look that is kept."""
        known = self.history.setdefault(topic, deque())
        if known and counted.read < known[-1][1].read:
            known.clear()  # the state was built anew
        known.append((now, counted))
        while now - known[0][0] > KEPT_SECONDS:
            known.popleft()
        oldest = known[0][1]
        return Counted(counted.read - oldest.read, counted.quarantined - oldest.quarantined)
