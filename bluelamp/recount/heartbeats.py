"""Counts runs of heartbeats: what the heartbeats of a run say together, and which of them have to be checked one by one."""

from collections.abc import Iterator

from bluelamp.recount.admission import Admission, Settled
from bluelamp.recount.coverage import FeedCoverage, possible
from bluelamp.recount.recount import Loaded
from facts.heartbeat_run import HeartbeatRun, Sender, complete_to_of, sender_of
from facts.union import Topic

FeedKey = tuple[str, str]
"""A force and one of its feeds."""


def unusual(
    run: HeartbeatRun, topic: Topic, partition: int, admission: Admission, coverage: FeedCoverage, loaded: Loaded
) -> Iterator[int]:
    """Count the heartbeats of a run, except those that have to be checked one by one. Yields their places, in order.

    Each heartbeat may settle a time, and the order decides. For the coverage, the latest time of each feed counts, and where its record begins
    by its last heartbeat.

    Args:
        run: the run.
        topic: its topic.
        partition: its partition.
        admission: learns what is settled.
        coverage: learns how far each feed is complete.
        loaded: the numbers of records and heartbeats.
    """
    known = _Known(topic, partition, admission, coverage)
    counted = 0
    for place, milliseconds in enumerate(run.timestamps):
        value, layout, received_at = run.values[place], run.layouts[place], milliseconds * 1000
        sender = sender_of(value, layout)
        complete_to = None if sender is None else complete_to_of(value, layout, sender, received_at)
        if sender is None or complete_to is None or not admission.is_listed(sender.feed[0]):
            known.cover()
            yield place
        else:
            counted += 1
            known.add(sender, complete_to, received_at)
    known.cover()
    loaded.records += counted
    loaded.heartbeats += counted


class _Known:
    """What heartbeats of a run say, until a coverage learns it."""

    def __init__(self, topic: Topic, partition: int, admission: Admission, coverage: FeedCoverage) -> None:
        self._topic, self._partition = topic, partition
        self._admission, self._coverage = admission, coverage
        self._settled: dict[FeedKey, Settled | None] = {}
        self._latest: dict[FeedKey, int] = {}
        self._last: dict[FeedKey, Sender] = {}

    def add(self, sender: Sender, complete_to: int, received_at: int) -> None:
        """Add the next heartbeat."""
        key = sender.feed
        if key not in self._settled:
            self._settled[key] = self._admission.settled_of(key, self._topic, self._partition)
        feed = self._settled[key]
        if feed is not None and feed.add(complete_to, received_at):
            self._admission.settle(key[0], self._topic, self._partition)
        self._latest[key] = max(possible(complete_to, received_at), self._latest.get(key, 0))
        self._last[key] = sender

    def cover(self) -> None:
        """Let the coverage learn it."""
        for (force, name), sender in self._last.items():
            feed = force, self._topic, name
            self._coverage.add_complete(feed, self._partition, self._latest[sender.feed], sender.complete_from)
        self._latest.clear()
        self._last.clear()
