"""Which facts of the log are counted at all, at their place in the log (semantics section 1)."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Literal

from bluelamp.recount.belonging import belongs_on
from facts.feed import FeedHeartbeat
from facts.force import Force
from facts.union import AnyFact, Topic

HORIZON = timedelta(days=792)
"""A fact older than what its partition is complete to by more than this is too late."""

Refusal = Literal["unlisted_force", "too_late", "wrong_partition"]


class Screen:
    """Hears the heartbeats of each partition in log order and says which facts are not counted.

    Args:
        forces: the profiles there are.
        partitions: topic to how many partitions it has; one for a topic that is not named.
    """

    def __init__(self, forces: Iterable[Force], partitions: Mapping[str, int]) -> None:
        self._feeds, self._partitions = _feeds(forces), partitions
        self._heard: dict[tuple[Topic, int, str], dict[str, datetime]] = {}
        self._oldest: dict[tuple[Topic, int, str], datetime] = {}

    def refusal(self, fact: AnyFact, topic: Topic, partition: int, *, is_moved: bool) -> Refusal | None:
        """Why a fact is not counted, or None; a heartbeat is heard on the way.

        Args:
            fact: the next fact of its partition.
            topic: the topic it came by.
            partition: the number of the partition.
            is_moved: it was first received on another partition: whether it was too late was judged there.
        """
        if fact.force not in self._feeds:
            return "unlisted_force"
        place = (topic, partition, fact.force)
        if isinstance(fact, FeedHeartbeat):
            self._hear(fact, place)
            return None
        oldest = self._oldest.get(place)
        if oldest is not None and fact.at < oldest and not is_moved:
            return "too_late"
        is_own = belongs_on(fact.subject_id, self._partitions.get(topic, 1)) == partition
        return None if is_own else "wrong_partition"

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
