"""A feed that publishes in real time: facts moved to the present, some each second, and heartbeats."""

import threading
import time
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import cast

import msgspec

from bluelamp.recount.log import from_log
from bluelamp.verify.compare import RecountComparison, compare, every_query, read_state
from bluelamp.wiring.clock import wall
from facts.feed import FeedHeartbeat
from facts.union import AnyFact
from producers.publish import Publisher
from tests.support.facts import heartbeat
from tests.support.system import System

BEAT_SECONDS = 0.5
WINDOWS = ("60m", "24h", "7d", "this_month", "last_month")
_EVERY_SECONDS = 0.05


def later(fact: AnyFact, by: timedelta) -> AnyFact:
    """The same fact, later by this much."""
    times = {name: value + by for name in fact.__struct_fields__ if isinstance(value := getattr(fact, name), datetime)}
    return msgspec.structs.replace(fact, **times)


def until_now(facts: Sequence[AnyFact]) -> list[AnyFact]:
    """The same facts, moved so that the last one happened just now."""
    by = wall() - max(fact.at for fact in facts)
    return [later(fact, by) for fact in facts]


def beat(force: str, feed: str, seq: int) -> FeedHeartbeat:
    """A heartbeat of a live feed that has sent everything up to now."""
    now = wall()
    return heartbeat(feed, now, fact_id=f"beat-{seq}", force=force, seq=seq)


def compare_now(system: System, force: str, windows: Iterable[str] = WINDOWS) -> RecountComparison:
    """Compare every measure over windows that end now, whole and by each dimension, with a recount of the log."""
    reader = system.reader()
    reader.refresh()
    readings = read_state(reader, force, list(every_query(windows, system.rules[force].force)), reader.present(force))
    with from_log(system.settings.log(), [each.force for each in system.rules.values()]) as recount:
        return compare(readings, recount)


class LiveFeed(threading.Thread):
    """Publishes incidents steadily until it is stopped, and then a last heartbeat.

    Args:
        publisher: closed at the end.
        force: the force of the feed.
        feed: the feed's name.
        facts: published one after another; when all are published, only heartbeats follow.
        rate: facts per second.

    Attributes:
        published: the number of facts published so far.
        rate: facts per second, approximately.
        is_silent: whether it publishes nothing, not even heartbeats.
        clock_wrong_by: how far the producer's clock is ahead, which shifts the times of facts and heartbeats.
    """

    def __init__(self, publisher: Publisher, force: str, feed: str, facts: Sequence[AnyFact], rate: float) -> None:
        super().__init__(name="live-feed", daemon=True)
        self._publisher, self._force, self._feed, self._facts = publisher, force, feed, facts
        self.published = 0
        self.clock_wrong_by = timedelta(0)
        self.rate = rate
        self.is_silent = False
        self._seq = 0
        self._stopping = threading.Event()

    def run(self) -> None:
        """Publish until stopped."""
        beaten, due = time.monotonic(), 0.0
        with self._publisher:
            while not self._stopping.wait(_EVERY_SECONDS):
                if self.is_silent:
                    continue
                due = min(due + self.rate * _EVERY_SECONDS, len(self._facts))
                for fact in self._facts[self.published : int(due)]:
                    self._publisher.publish(later(fact, self.clock_wrong_by))
                    self.published += 1
                if (now := time.monotonic()) - beaten >= BEAT_SECONDS:
                    self._beat()
                    beaten = now
            self._beat()

    def _beat(self) -> None:
        self._seq += 1
        heartbeat = later(beat(self._force, self._feed, self._seq), self.clock_wrong_by)
        self._publisher.heartbeat(cast(FeedHeartbeat, heartbeat), "incidents")

    def stop(self) -> None:
        """Stop publishing, and wait until the log has everything."""
        self._stopping.set()
        self.join()
