"""A view of the strict force after a story has been written to a state server."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from redis import Redis

from bluelamp.embedded.state import StateServer
from dashboards.board.shared.background import BackgroundReadings
from dashboards.board.shared.page import View, no_log_ends
from streams.readings import Reader
from tests.support.facts import heartbeat
from tests.support.forces import STRICT, rules
from tests.support.memory import RECEIVED, deliver
from tests.support.stores import apply_memory, call
from tests.support.story import Story

FORCE = STRICT.name


@contextmanager
def viewed(server: StateServer, story: Story, present: datetime) -> Iterator[View]:
    """What pages read after a story, at its present."""
    deliver(story.state, [(feed.topic, heartbeat(feed.name, present, replay=True)) for feed in STRICT.feeds])
    with Redis.from_url(server.url, decode_responses=True) as client:
        client.flushall()
        call(server.url, lambda store: apply_memory(store, story.state))
        reader = Reader(client, "test", rules(STRICT), lambda: RECEIVED + timedelta(seconds=10))
        yield View(reader, FORCE, BackgroundReadings(reader, FORCE, time.monotonic), no_log_ends)
