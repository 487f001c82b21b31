"""Whether alerts are monitored: when an engine last reported that data arrive, kept with the log for every reader."""

from datetime import datetime, timedelta

from msgspec import Struct

from facts.times import is_within

ALIVE = timedelta(seconds=75)
"""How long an engine's heartbeat counts: engines send at least two in this time."""


class DataStatus(Struct, frozen=True):
    """An engine's last report about the data of a force.

    Attributes:
        at: when the inbox received it, by the inbox's clock.
        is_alive: it reported that data arrive, not that they have stopped.
    """

    at: datetime
    is_alive: bool

    def is_monitored(self, now: datetime) -> bool:
        """Whether an engine is running and has data to evaluate."""
        return self.is_alive and is_within(self.at, now, ALIVE)
