"""The gateway's limits, and the token bucket that limits each sender's rate."""

from collections.abc import Callable

from msgspec import Struct

from facts.wire import RECORD_LIMIT_BYTES


class Limits(Struct, frozen=True, kw_only=True):
    """The limits of a request and of a sender.

    Attributes:
        body_bytes: the most bytes in one request.
        body_seconds: the longest a request may take to arrive.
        batch_facts: the most facts in one request.
        facts_per_second: a sender's sustained rate; a request counts as at least one fact.
        waiting_facts: the most facts that may wait for the log, from all senders together.
        delivery_seconds: the longest a request waits for the log.
        retry_seconds: how long a sender should wait before it tries again after a 503.
    """

    body_bytes: int = RECORD_LIMIT_BYTES
    body_seconds: float = 10.0
    batch_facts: int = 1000
    facts_per_second: float = 500.0
    waiting_facts: int = 20_000
    delivery_seconds: float = 5.0
    retry_seconds: int = 5

    @property
    def burst_facts(self) -> float:
        """The most facts an idle sender may send at once: at least a whole batch."""
        return max(self.facts_per_second, float(self.batch_facts))


class Bucket:
    """A token bucket: allows a burst of facts, then a steady rate.

    Args:
        limits: give the burst and the rate.
        monotonic: a monotonic clock, in seconds.
    """

    def __init__(self, limits: Limits, monotonic: Callable[[], float]) -> None:
        self._limits, self._monotonic = limits, monotonic
        self._left = limits.burst_facts
        self._filled_at = monotonic()

    def spend(self, facts: int) -> float:
        """Spend allowance for a number of facts: 0.0 if there was enough, otherwise the seconds until there is."""
        self._fill()
        missing = facts - self._left
        if missing > 0:
            return missing / self._limits.facts_per_second
        self._left -= facts
        return 0.0

    def _fill(self) -> None:
        now = self._monotonic()
        refilled = self._left + (now - self._filled_at) * self._limits.facts_per_second
        self._left, self._filled_at = min(refilled, self._limits.burst_facts), now
