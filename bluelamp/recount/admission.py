"""Which facts of the log are counted, at their position in the log (semantics section 1)."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Literal

from bluelamp.recount.partitioning import recounted_partition
from bluelamp.recount.times import DAY, HOUR, SECOND, microseconds, moment_of
from facts.feed import FeedHeartbeat
from facts.force import Force
from facts.union import AnyFact, Topic

HORIZON = timedelta(days=792)
"""A fact is too late when it is older than the settled time of its partition by more than this."""
_APART = 5 * SECOND
_LONG_BEFORE = 2 * DAY
_TURN = HOUR
_LONGEST_PAUSE = 25 * HOUR
_NOTHING = microseconds(datetime.min.replace(tzinfo=UTC))

Refusal = Literal["unlisted_force", "too_late", "wrong_partition"]


class Settled:
    """The settled time of a feed on a partition: the time up to which the feed is certainly complete. Times are in microseconds.

    A turn begins with a heartbeat. The first heartbeat received at least an hour later settles the `complete_to` of that heartbeat.
    """

    def __init__(self) -> None:
        self.to = _NOTHING
        self._begun_to = self._begun_at = self._last = _NOTHING

    def add(self, complete_to: int, received_at: int) -> bool:
        """Add the next heartbeat of the feed, with the time on its record. Returns whether it has settled anything."""
        before, pause = self.to, received_at - self._last
        if complete_to - received_at > _APART:
            complete_to = _NOTHING  # a heartbeat cannot cover the future
        if received_at - complete_to >= _LONG_BEFORE:
            self.to = max(self.to, complete_to)
        self._last = received_at
        if not -_APART <= pause <= _LONGEST_PAUSE:  # the pause before the first is longer
            self._begun_to, self._begun_at = complete_to, received_at
        elif received_at - self._begun_at >= _TURN:
            self.to = max(self.to, self._begun_to)
            self._begun_to, self._begun_at = complete_to, received_at
        return self.to != before


class Admission:
    """Decides which facts are not counted, from the facts and heartbeats of each partition in log order.

    Args:
        forces: the profiles.
        partitions: the number of partitions of each topic; one for a topic that is missing.
    """

    def __init__(self, forces: Iterable[Force], partitions: Mapping[str, int]) -> None:
        self._feeds, self._partitions = _feeds(forces), partitions
        self._settled: dict[tuple[Topic, int, str], dict[str, Settled]] = {}
        self._oldest: dict[tuple[Topic, int, str], datetime] = {}
        self._own: dict[tuple[Topic, int, str], set[str]] = {}

    def refusal(
        self, fact: AnyFact, topic: Topic, partition: int, received_at: datetime, *, is_moved: bool
    ) -> Refusal | None:
        """Why a fact is not counted; None if it is. A heartbeat also updates the settled time.

        Args:
            fact: the next fact of its partition.
            topic: its topic.
            partition: the number of its partition.
            received_at: the time on its record.
            is_moved: whether it was first received on another partition, where it was decided whether it was too late.
        """
        if fact.force not in self._feeds:
            return "unlisted_force"
        place = (topic, partition, fact.force)
        if isinstance(fact, FeedHeartbeat):
            self._add(fact, place, received_at)
            return None
        oldest = self._oldest.get(place)
        if oldest is not None and fact.at < oldest and not is_moved:
            return "too_late"
        own = self._own.setdefault(place, set())
        if fact.subject_id in own:
            return None
        if recounted_partition(fact.subject_id, self._partitions.get(topic, 1)) != partition:
            return "wrong_partition"
        own.add(fact.subject_id)
        return None

    def _add(self, heartbeat: FeedHeartbeat, place: tuple[Topic, int, str], received_at: datetime) -> None:
        topic, partition, _ = place
        settled = self.settled_of((heartbeat.force, heartbeat.feed), topic, partition)
        if settled and settled.add(microseconds(heartbeat.complete_to), microseconds(received_at)):
            self.settle(heartbeat.force, topic, partition)

    def is_listed(self, force: str) -> bool:
        """Whether there is a profile of a force."""
        return force in self._feeds

    def settled_of(self, feed: tuple[str, str], topic: Topic, partition: int) -> Settled | None:
        """The settled time of a feed, by force and name, that has sent a heartbeat; None if the profile does not list it for the topic."""
        force, name = feed
        if name not in self._feeds[force].get(topic, ()):
            return None
        return self._settled.setdefault((topic, partition, force), {}).setdefault(name, Settled())

    def settle(self, force: str, topic: Topic, partition: int) -> None:
        """Work out again which facts of a force are too late on a partition, because a feed has settled a time."""
        place = topic, partition, force
        feeds, listed = self._settled[place], self._feeds[force][topic]
        least = min(each.to for each in feeds.values())
        if len(feeds) == len(listed) and least > _NOTHING:
            self._oldest[place] = moment_of(least) - HORIZON


def _feeds(forces: Iterable[Force]) -> dict[str, dict[Topic, frozenset[str]]]:
    return {
        force.name: {
            topic: frozenset(feed.name for feed in force.feeds if feed.topic == topic)
            for topic in {feed.topic for feed in force.feeds}
        }
        for force in forces
    }
