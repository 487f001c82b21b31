"""Which facts of the log are counted, at their position in the log (semantics section 1)."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Literal, NamedTuple

from bluelamp.recount.partitioning import recounted_partition
from facts.feed import FeedHeartbeat
from facts.force import Force
from facts.union import AnyFact, Topic

HORIZON = timedelta(days=792)
"""A fact is too late when it is older than the settled time of its partition by more than this."""
_APART = timedelta(seconds=5)
_LONG_BEFORE = timedelta(days=2)
_TURN = timedelta(hours=1)
_LONGEST_PAUSE = timedelta(hours=25)
_NOTHING = datetime.min.replace(tzinfo=UTC)

Refusal = Literal["unlisted_force", "too_late", "wrong_partition"]


class _Beat(NamedTuple):
    """The `complete_to` of a heartbeat, and the time on its record."""

    complete_to: datetime
    received_at: datetime


class _Settled:
    """The settled time of a feed on a partition: the time up to which the feed is certainly complete.

    A turn begins with a heartbeat. The first heartbeat received at least an hour later settles the `complete_to` of that heartbeat.
    """

    def __init__(self) -> None:
        self.to = _NOTHING
        self._begun: _Beat | None = None
        self._last = _NOTHING

    def add(self, beat: _Beat) -> None:
        """Add the next heartbeat of the feed."""
        if beat.complete_to - beat.received_at > _APART:
            beat = beat._replace(complete_to=_NOTHING)  # a heartbeat cannot cover the future
        if beat.received_at - beat.complete_to >= _LONG_BEFORE:
            self.to = max(self.to, beat.complete_to)
        begun, pause = self._begun, beat.received_at - self._last
        self._last = beat.received_at
        if begun is None or not -_APART <= pause <= _LONGEST_PAUSE:
            self._begun = beat
        elif beat.received_at - begun.received_at >= _TURN:
            self.to = max(self.to, begun.complete_to)
            self._begun = beat


class Admission:
    """Decides which facts are not counted, from the facts and heartbeats of each partition in log order.

    Args:
        forces: the profiles.
        partitions: the number of partitions of each topic; one for a topic that is missing.
    """

    def __init__(self, forces: Iterable[Force], partitions: Mapping[str, int]) -> None:
        self._feeds, self._partitions = _feeds(forces), partitions
        self._settled: dict[tuple[Topic, int, str], dict[str, _Settled]] = {}
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
        topic, _, force = place
        listed = self._feeds[force].get(topic, frozenset())
        if heartbeat.feed not in listed:
            return
        feeds = self._settled.setdefault(place, {})
        feeds.setdefault(heartbeat.feed, _Settled()).add(_Beat(heartbeat.complete_to, received_at))
        least = min(each.to for each in feeds.values())
        if len(feeds) == len(listed) and least > _NOTHING:
            self._oldest[place] = least - HORIZON


def _feeds(forces: Iterable[Force]) -> dict[str, dict[Topic, frozenset[str]]]:
    return {
        force.name: {
            topic: frozenset(feed.name for feed in force.feeds if feed.topic == topic)
            for topic in {feed.topic for feed in force.feeds}
        }
        for force in forces
    }
