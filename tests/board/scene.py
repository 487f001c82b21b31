"""A scenario on the board: published step by step, through the fold and the state server to the reader."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime

from redis import Redis

from bluelamp.embedded.state import StateServer
from facts.feed import FeedHeartbeat
from facts.union import TOPICS, AnyFact, Topic
from facts.wire import encode
from producers.simulate.playing import play
from streams.readings import Reader
from streams.store import StateStore
from tests.board.day import FORCE, PROFILE, RULES, serving
from tests.simulate.worlds import remembered
from tests.support.memory import MemoryState
from tests.support.stores import apply_all, call

_BATCH = 2000


class Scene:
    """A scenario that is published live, with a clock that the test sets.

    Args:
        state: a state server; its content is deleted.
        scenario: by name.
        start: its first day; the scenario's unless given.
    """

    def __init__(self, state: StateServer, scenario: str, start: date | None = None) -> None:
        self.simulation = remembered(scenario, start=start)
        self.now = datetime.fromtimestamp(self.simulation.end_of(0), PROFILE.zone())
        self._memory = MemoryState(RULES, FORCE)
        self._url = state.url
        self._values: dict[Topic, list[bytes]] = {topic: [] for topic in TOPICS}
        self.client = Redis.from_url(state.url, decode_responses=True)
        self.client.flushall()
        self.reader = Reader(self.client, "test", RULES, lambda: self.now)

    def publish(self, fact: AnyFact, topic: Topic | None = None) -> None:
        """Part of the sink of a simulation."""
        assert topic is not None
        self._values[topic].append(encode([fact]))

    def heartbeat(self, heartbeat: FeedHeartbeat, topic: Topic) -> None:
        """Part of the sink of a simulation; after the earlier facts."""
        self.publish(heartbeat, topic)

    def flush(self) -> None:
        """Part of the sink of a simulation: write everything to the state."""
        for topic, (partition,) in self._memory.partitions.items():
            values = self._values[topic]
            done = len(partition.changes)
            for first in range(0, len(values), _BATCH):
                partition.feed(values[first : first + _BATCH], self.now)
            self._apply(topic, done)
            values.clear()

    def _apply(self, topic: Topic, done: int) -> None:
        changes = self._memory.partitions[topic][0].changes[done:]

        async def apply(store: StateStore) -> None:
            applied = await apply_all(store, changes, topic, {FORCE: PROFILE.fingerprint()})
            assert {each.outcome for each in applied} <= {"applied"}
            await store.announce(topic, 1)

        call(self._url, apply)

    def continue_to(self, text: str, *, fold: int = 0) -> None:
        """Publish everything up to a local time, which becomes the present; `fold` as in datetime."""
        since, self.now = self.now.timestamp(), datetime.fromisoformat(text).replace(tzinfo=PROFILE.zone(), fold=fold)
        play(
            self.simulation,
            self,
            speed="live",
            until=self.now.timestamp(),
            now=lambda: self.now,
            monotonic=time.monotonic,
            wait=lambda _: False,
            since=since,
        )

    @contextmanager
    def served(self) -> Iterator[str]:
        """The board; yields its address."""
        with serving(self.reader) as address:
            yield address
        self.client.close()
