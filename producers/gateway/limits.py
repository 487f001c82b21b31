"""How much the gateway takes, and the bucket that holds each sender to its rate."""

from collections.abc import Callable

from msgspec import Struct

from facts.wire import RECORD_LIMIT_BYTES


class Limits(Struct, frozen=True, kw_only=True):
    """How much the gateway takes.

    Attributes:
        body_bytes: the most in one request.
        body_seconds: the longest a request may take to arrive.
        batch_facts: the most facts in one request.
        facts_per_second: what a sender may tell for any length of time; every request counts as one at least.
        waiting_facts: the most that wait for the log at once, all senders together.
        delivery_seconds: the longest a request waits for the log.
        retry_seconds: after how long a sender that was put off should try again.
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
        """What a sender that was silent may tell at once: a whole batch at least."""
        return max(self.facts_per_second, float(self.batch_facts))


class Bucket:
    """Lets so many facts through at once, and so many a second after that.

    Args:
        limits: how many.
        monotonic: a monotonic clock, in seconds.
    """

    def __init__(self, limits: Limits, monotonic: Callable[[], float]) -> None:
        self._limits, self._monotonic = limits, monotonic
        self._left = limits.burst_facts
        self._filled_at = monotonic()

    def take(self, facts: int) -> float:
        """Take room for facts; 0.0 when there was, else the seconds until there will be, and nothing is taken."""
        self._fill()
        missing = facts - self._left
        if missing > 0:
            return missing / self._limits.facts_per_second
        self._left -= facts
        return 0.0

    def _fill(self) -> None:
        now = self._monotonic()
        grown = self._left + (now - self._filled_at) * self._limits.facts_per_second
        self._left, self._filled_at = min(grown, self._limits.burst_facts), now
