"""The heartbeats given to the oracle and to the product equal those that a live simulation sends."""

from datetime import UTC, datetime

from msgspec.structs import replace

from facts.feed import FeedHeartbeat
from facts.union import AnyFact, Topic
from producers.simulate.playing import play
from producers.simulate.scenario import parse_scenario
from tests.oracle.broadcast import heartbeats
from tests.oracle.knowledge import SECOND, microseconds
from tests.oracle.meaning import Beat
from tests.simulate.worlds import simulation

_SILENCE = """
title = "A feed falls silent for three minutes"
start = 2024-11-12
days = 1
supervisor = []
inspector = []
[[effects]]
touches = "feed_silent"
feed = "telephony_999"
hour = 0.05
hours = 0.05
"""


class Clock:
    """A wall clock that advances whenever the program waits."""

    def __init__(self, second: float) -> None:
        self.second = second

    def now(self) -> datetime:
        """The time now."""
        return datetime.fromtimestamp(self.second, UTC)

    def wait(self, seconds: float) -> bool:
        """Wait; nobody asks to stop."""
        self.second += seconds
        return False


class Sink:
    """Accepts everything that is played, and records the heartbeats."""

    def __init__(self, clock: Clock) -> None:
        self.beats, self._clock = list[Beat](), clock

    def publish(self, fact: AnyFact, topic: Topic | None = None) -> None:
        """Ignore a fact."""

    def heartbeat(self, heartbeat: FeedHeartbeat, topic: Topic) -> None:
        """Record a heartbeat."""
        at, complete_to = microseconds(self._clock.second), microseconds(heartbeat.complete_to.timestamp())
        self.beats.append(Beat(heartbeat.feed, at, complete_to))

    def flush(self) -> None:
        """Nothing to do."""


def test_heartbeats_are_those_of_a_simulation_played_live() -> None:
    world = replace(simulation("feed_outage"), scenario=parse_scenario(_SILENCE, "silence"))
    start = world.end_of(0)
    clock = Clock(start)
    sink = Sink(clock)
    play(
        world, sink, speed="live", until=start + 1200, now=clock.now, monotonic=lambda: clock.second, wait=clock.wait
    )  # fmt: skip
    played = [beat for beat in sink.beats if beat.at < microseconds(start + 1200)]
    assert [(beat.feed, _seconds(beat.at)) for beat in played] == [
        (beat.feed, _seconds(beat.at)) for beat in heartbeats(world, start, start + 1200)
    ]
    assert {beat.at - beat.complete_to for beat in heartbeats(world, start, start + 1200)} == {5 * SECOND}
    assert max(abs(beat.at - beat.complete_to - 5 * SECOND) for beat in played) < SECOND // 100


def _seconds(at: int) -> int:
    return round(at / SECOND)
