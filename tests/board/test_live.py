"""What watchers of the board are told: each snapshot once, a sign of life for each further look, and failures as such."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

import pytest
from redis import Redis
from redis.exceptions import ConnectionError as Unreachable

from bluelamp.embedded.state import StateServer
from dashboards.board.live import Live
from dashboards.board.snapshot import Snapshot, take
from facts.incident import IncidentOpened
from streams.readings import Reader
from tests.support.forces import STRICT, rules
from tests.support.memory import RECEIVED, deliver, heartbeat
from tests.support.stores import apply_memory, call
from tests.support.story import Story

FORCE = "strict"


def snapshot(as_of: str) -> Snapshot:
    """One that differs by its time."""
    return Snapshot(
        force="f", as_of=as_of, is_replay=False, is_simulated=False, troubles=[], feeds=[], rows=[], uncarried=[]
    )


def told(*looks: Callable[[], Snapshot]) -> list[str]:
    """What one watcher is told at its arrival, and at each look."""

    async def run() -> list[str]:
        waiting = iter(looks)

        def look() -> Snapshot:
            return next(waiting)()

        live = Live(look, lambda _: None)
        events = live.watch()
        heard = [await anext(events), await anext(events)]
        for _ in looks:
            await live.turn()
            heard.append(await anext(events))
        with pytest.raises(TimeoutError):
            # Nobody looks any more: now the page must hear nothing, and say so.
            await asyncio.wait_for(anext(events), 0.1)
        return [each.partition("\n")[0] for each in heard]

    return asyncio.run(run())


def fail(error: Exception) -> Callable[[], Snapshot]:
    """A look that fails."""

    def look() -> Snapshot:
        raise error

    return look


def test_a_watcher_hears_of_every_look_and_of_nothing_else() -> None:
    one, other = snapshot("one"), snapshot("other")
    heard = told(lambda: one, lambda: one, lambda: other)
    assert heard == [
        "retry: 1000",
        "event: waiting",
        "event: snapshot",
        "event: alive",
        "event: snapshot",
    ]


def test_what_cannot_be_read_is_told_and_ends_by_itself() -> None:
    one = snapshot("one")
    heard = told(lambda: one, fail(Unreachable()), fail(OSError()), fail(ValueError()), lambda: one)
    assert heard[2:] == [
        "event: snapshot",
        "event: unreachable",
        "event: alive",
        "event: unreadable",
        "event: snapshot",
    ]


@pytest.mark.parametrize(
    ("day", "clock", "since"),
    [("2024-12-03", "09:41", "since 09:41"), ("2024-12-02", "16:00", "since 2 Dec")],
    ids=["today", "yesterday"],
)
def test_a_window_that_reaches_back_before_the_record_says_since_when(
    state_backend: StateServer, day: str, clock: str, since: str
) -> None:
    story = Story(STRICT, day)
    story.tell(IncidentOpened, clock, grade="1", group="crime")
    present = Story(STRICT, "2024-12-03").moment("12:00")
    deliver(story.state, [(feed.topic, heartbeat(FORCE, feed.name, present)) for feed in STRICT.feeds])
    with Redis.from_url(state_backend.url, decode_responses=True) as client:
        client.flushall()
        call(state_backend.url, lambda store: apply_memory(store, story.state))
        reader = Reader(client, "test", rules(STRICT), lambda: RECEIVED + timedelta(seconds=10))
        rows = {row.name: row.tiles for row in take(reader, FORCE).rows}
    tiles = rows["incident_count"]
    assert tiles["24h"].since == since
    assert (tiles["60m"].since, tiles["24h"].text) == ("", "1")
