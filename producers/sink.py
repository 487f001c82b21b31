"""The interface of the publisher, as replays, simulations, adapters and the gateway use it."""

from collections.abc import Sequence
from typing import Protocol

from facts.feed import FeedHeartbeat
from facts.union import AnyFact, Topic


class Sink(Protocol):
    """Accepts facts for the log. The publisher is a sink; tests use others."""

    def publish(self, fact: AnyFact, topic: Topic | None = None) -> None:
        """Accept a fact. The topic is needed only for a withdrawal."""

    def heartbeat(self, heartbeat: FeedHeartbeat, topic: Topic) -> None:
        """Accept a heartbeat, to be sent after every fact accepted before it."""

    def flush(self) -> None:
        """Return once the log has everything accepted so far."""


class SubjectSink(Sink, Protocol):
    """A sink that accepts the facts about one subject together."""

    def publish_together(self, facts: Sequence[AnyFact], topic: Topic | None = None) -> None:
        """Accept facts about one subject, which count at the same moment."""
