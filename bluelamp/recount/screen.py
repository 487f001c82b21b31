"""Which facts of the log are counted at all, at their place in the log (semantics section 1)."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Literal

from facts.feed import FeedHeartbeat
from facts.force import Force
from facts.union import AnyFact, Topic

HORIZON = timedelta(days=792)
"""A fact older than what its partition is complete to by more than this is too late."""

Refusal = Literal["unlisted_force", "too_late"]


class Screen:
    """Hears the heartbeats of each partition in log order and says which facts are not counted.

    Args:
        forces: the profiles there are.
    """

    def __init__(self, forces: Iterable[Force]) -> None:
        self._feeds = _feeds(forces)
        self._heard: dict[tuple[Topic, int, str], dict[str, datetime]] = {}
        self._oldest: dict[tuple[Topic, int, str], datetime] = {}

    def refusal(self, fact: AnyFact, topic: Topic, partition: int) -> Refusal | None:
        """Why a fact is not counted, or None; a heartbeat is heard on the way.

        Args:
            fact: the next fact of its partition.
            topic: the topic it came by.
            partition: the number of the partition.
        """
        if fact.force not in self._feeds:
            return "unlisted_force"
        place = (topic, partition, fact.force)
        if isinstance(fact, FeedHeartbeat):
            self._hear(fact, place)
            return None
        oldest = self._oldest.get(place)
        return "too_late" if oldest is not None and fact.at < oldest else None

    def _hear(self, heartbeat: FeedHeartbeat, place: tuple[Topic, int, str]) -> None:
        topic, _, force = place
        listed = self._feeds[force].get(topic, frozenset())
        if heartbeat.feed not in listed:
            return
        heard = self._heard.setdefault(place, {})
        # A feed that starts anew may say less than it has said: what it was complete to once it stays complete to.
        heard[heartbeat.feed] = max(heartbeat.complete_to, heard.get(heartbeat.feed, heartbeat.complete_to))
        if len(heard) == len(listed):
            self._oldest[place] = min(heard.values()) - HORIZON


def _feeds(forces: Iterable[Force]) -> dict[str, dict[Topic, frozenset[str]]]:
    return {
        force.name: {
            topic: frozenset(feed.name for feed in force.feeds if feed.topic == topic)
            for topic in {feed.topic for feed in force.feeds}
        }
        for force in forces
    }
