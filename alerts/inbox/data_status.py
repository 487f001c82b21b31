"""Whether anybody watches: when an engine last said that data come in, kept beside the log for whoever reads the list."""

from datetime import datetime, timedelta

from msgspec import Struct

from facts.times import is_within

ALIVE = timedelta(seconds=75)
"""How long the word of an engine that data come in holds: engines give it at least twice in that time."""


class DataStatus(Struct, frozen=True):
    """The last word of an engine on the data of a force.

    Attributes:
        at: when it was given, by the inbox's clock.
        is_alive: it said that data come in, and not that they have stopped.
    """

    at: datetime
    is_alive: bool

    def is_watched(self, now: datetime) -> bool:
        """Whether an engine watches, and has data to watch."""
        return self.is_alive and is_within(self.at, now, ALIVE)
