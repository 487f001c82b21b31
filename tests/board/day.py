"""A simulated day of a force in a state server, and the board on it, with a clock that stays at one moment."""

import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from datetime import date, datetime, timedelta
from typing import Any

import uvicorn
from redis import Redis
from starlette.types import ASGIApp

from bluelamp.embedded.state import StateServer
from dashboards.board.app import NO_MOUNTS, board
from dashboards.board.forces import ForceBoards
from dashboards.board.region.page import region
from dashboards.board.shared.background import BackgroundReadings
from dashboards.board.shared.page import ReadAlerts, View, no_log_ends
from facts.feed import FeedHeartbeat
from facts.wire import encode
from producers.simulate.parameters import packaged
from producers.simulate.scenario import NORMAL, load_scenario
from producers.simulate.simulation import Simulation
from streams.readings import Reader
from streams.store import StateStore
from tests.support.facts import heartbeat
from tests.support.forces import rules, shipped
from tests.support.memory import MemoryState
from tests.support.stores import apply_all, call

FORCE = "staffordshire"
PROFILE = shipped(FORCE)
RULES = rules(PROFILE)
START = date(2024, 12, 2)
MOMENT = datetime(2024, 12, 3, 15, 40, 20, tzinfo=PROFILE.zone())
_BATCH = 2000


class Day:
    """The facts of a day and two thirds, and a reader of them as of one moment.

    Args:
        state: an empty state server.
        facts: other facts than those of the simulated day, each with its topic.
    """

    def __init__(self, state: StateServer, facts: Iterable[tuple[str, Any]] | None = None) -> None:
        self.facts = list(_facts() if facts is None else facts)
        memory = MemoryState(RULES, FORCE)
        for topic, (partition,) in memory.partitions.items():
            values = [encode([fact]) for each, fact in self.facts if each == topic]
            for first in range(0, len(values), _BATCH):
                partition.feed(values[first : first + _BATCH], MOMENT)
        send_heartbeats(memory, MOMENT)
        keep(memory, state.url)
        self.client = Redis.from_url(state.url, decode_responses=True)
        self.reader = Reader(self.client, "test", RULES, lambda: MOMENT)
        self.view = View(self.reader, FORCE, BackgroundReadings(self.reader, FORCE, time.monotonic), no_log_ends)

    def served(
        self, mounts: Mapping[str, ASGIApp] = NO_MOUNTS, alerts: ReadAlerts | None = None
    ) -> AbstractContextManager[str]:
        """The board; yields its address."""
        return serving(self.reader, mounts, alerts)


@contextmanager
def serving(
    reader: Reader, mounts: Mapping[str, ASGIApp] = NO_MOUNTS, alerts: ReadAlerts | None = None
) -> Iterator[str]:
    """The board of the force on a reader, with mounted applications; yields its address. The page Region has the force twice."""
    one = board(reader, FORCE, mounts, alerts=alerts)
    view = View(reader, FORCE, BackgroundReadings(reader, FORCE, time.monotonic), no_log_ends)
    application = ForceBoards({FORCE: one, "again": one}, region([view, view._replace(root="/forces/again")]))
    server = uvicorn.Server(uvicorn.Config(application, port=0, log_config=None, timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, name="board")
    thread.start()
    try:
        while not server.started:
            time.sleep(0.02)
        (listening,) = server.servers[0].sockets
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


def send_heartbeats(memory: MemoryState, moment: datetime) -> None:
    """Send a heartbeat of every feed, complete to a moment."""
    for topic, (partition,) in memory.partitions.items():
        partition.feed(
            [encode([_heartbeat(feed.name, moment)]) for feed in PROFILE.feeds if feed.topic == topic], moment
        )


def keep(memory: MemoryState, url: str) -> None:
    """Write the folded state to the state server, under the name `test`."""
    fingerprints = {FORCE: PROFILE.fingerprint()}

    async def apply(store: StateStore) -> None:
        for topic, (partition,) in memory.partitions.items():
            await apply_all(store, partition.changes, topic, fingerprints)
            await store.announce(topic, 1)

    call(url, apply)


def _facts() -> Iterator[tuple[str, Any]]:
    simulation = Simulation(force=PROFILE, parameters=packaged(), scenario=load_scenario(NORMAL), seed=41, start=START)
    return ((each.topic, each.fact) for each in simulation.reported_before(MOMENT.timestamp()))


def _heartbeat(feed: str, moment: datetime) -> FeedHeartbeat:
    return heartbeat(
        feed,
        moment - timedelta(seconds=1),
        fact_id=f"heartbeat-{feed}",
        force=FORCE,
        at=moment,
        seq=1_000_000,
        simulated=True,
    )
