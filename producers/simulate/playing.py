"""Playing a simulation: at once, at a speed, or as history that becomes live, with the heartbeats of its feeds."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Literal, Protocol

from msgspec import Struct

from facts.feed import FeedHeartbeat
from facts.union import AnyFact, Topic
from producers.replay import Pace, Speed
from producers.simulate.months import instant
from producers.simulate.reporting import Told
from producers.simulate.simulation import Simulation, feeds_of

_HEARTBEATS_A_SECOND = 0.5
_HEARTBEAT_EVERY_SECONDS = 6 * 3600.0
"""Between heartbeats of what is told as fast as it goes."""
_FACTS_BETWEEN_PROGRESS = 2000


class Sink(Protocol):
    """Where facts are played to: a publisher."""

    def publish(self, fact: AnyFact, topic: Topic | None = None) -> None:
        """Take a fact."""

    def heartbeat(self, heartbeat: FeedHeartbeat, topic: Topic) -> None:
        """Take a heartbeat, after the facts before it."""

    def flush(self) -> None:
        """Return when the log has everything taken."""


class Played(Struct, frozen=True, kw_only=True):
    """What was played, and is in the log.

    Attributes:
        facts: how many.
        heartbeats: how many.
        told_to: up to when everything was told.
        is_whole: it was played to the end that was asked for.
    """

    facts: int
    heartbeats: int
    told_to: datetime
    is_whole: bool


class Reach(Protocol):
    """Waits for event times."""

    def reach(self, event_time: datetime) -> bool:
        """Wait until an event time has come; False when told to stop."""


class LivePace:
    """Keeps event time in step with the wall clock: what lies in the past is told as fast as it goes.

    Args:
        now: the wall clock.
        wait: waits so many seconds, or less when it is told to stop, and answers whether it was: an event's `wait`.
    """

    def __init__(self, now: Callable[[], datetime], wait: Callable[[float], bool]) -> None:
        self._now, self._wait = now, wait

    def reach(self, event_time: datetime) -> bool:
        """Wait until an event time has come; False when told to stop."""
        return not self._wait(max(0.0, (event_time - self._now()).total_seconds()))

    def behind_seconds(self, second: float) -> float:
        """How far an event time lies in the past."""
        return self._now().timestamp() - second


def play(
    simulation: Simulation,
    sink: Sink,
    *,
    speed: Speed | Literal["live"],
    until: float | None,
    now: Callable[[], datetime],
    monotonic: Callable[[], float],
    wait: Callable[[float], bool],
    progress: Callable[[Played], None] | None = None,
) -> Played:
    """Play a simulation into a sink, and return when the log has it.

    Args:
        simulation: what is played, from its first day.
        sink: a publisher, which stays open.
        speed: `max`, seconds of event time in a second of ours, or `live`: history as fast as it goes, then with the clock.
        until: what would be told from then on is not, in seconds since 1970; None for going on for ever.
        now: the wall clock.
        monotonic: a clock that is never put back, in seconds.
        wait: waits so many seconds, or less when it is told to stop, and answers whether it was: an event's `wait`.
        progress: told now and then how far it has come.

    Raises:
        PublishError: something did not arrive.
        SettingError: the simulation does not fit its force.
    """
    live = LivePace(now, wait) if speed == "live" else None
    pace: Reach = live or Pace(speed if speed != "live" else 1.0, monotonic, wait)
    playing = _Playing(simulation, sink, is_replay=live is None, progress=progress)
    beats = _Beats(speed, live)
    for second, told in _programme(simulation, until, beats):
        if not pace.reach(instant(second)):
            playing.beat(second)
            break
        if told:
            playing.tell(told)
        else:
            playing.beat(second)
    else:
        playing.is_whole = True
    sink.flush()
    return playing.played()


class _Beats:
    """When the next heartbeat is due."""

    def __init__(self, speed: Speed | Literal["live"], live: LivePace | None) -> None:
        self._speed, self._live = speed, live

    def after(self, second: float) -> float:
        if self._speed == "max":
            return second + _HEARTBEAT_EVERY_SECONDS
        if self._live:
            # History is told in long strides, the last of which ends at the present.
            behind_seconds = self._live.behind_seconds(second)
            return second + min(_HEARTBEAT_EVERY_SECONDS, max(behind_seconds, 1 / _HEARTBEATS_A_SECOND))
        return second + float(self._speed) / _HEARTBEATS_A_SECOND


def _programme(simulation: Simulation, until: float | None, beats: _Beats) -> Iterator[tuple[float, Told | None]]:
    """What is told when: the facts, and before, between and after them heartbeats (None)."""
    beat = simulation.end_of(0)
    told_before = simulation.told() if until is None else simulation.told_before(until)
    for told in told_before:
        while beat <= told.at:
            yield beat, None
            beat = beats.after(beat)
        yield told.at, told
    while until is not None and beat < until:
        yield beat, None
        beat = beats.after(beat)
    if until is not None:
        yield until, None


class _Playing:
    """How far a simulation was played."""

    def __init__(
        self, simulation: Simulation, sink: Sink, *, is_replay: bool, progress: Callable[[Played], None] | None
    ) -> None:
        self._simulation, self._sink, self._is_replay, self._progress = simulation, sink, is_replay, progress
        self._effects = simulation.effects()
        self._feeds = {feed: topic for (topic, _), feed in feeds_of(simulation.force).items()}
        self._sequence = dict.fromkeys(self._feeds, 0)
        self._facts = self._heartbeats = 0
        self._told_to = simulation.end_of(0)
        self.is_whole = False

    def tell(self, told: Told) -> None:
        """Tell the next fact."""
        self._sink.publish(told.fact, told.topic)
        self._facts += 1
        self._told_to = told.at
        if self._progress and self._facts % _FACTS_BETWEEN_PROGRESS == 0:
            self._progress(self.played())

    def beat(self, second: float) -> None:
        """Tell for each feed that speaks how far it is complete: everything up to there was told before."""
        self._told_to = max(self._told_to, second)
        complete_to = instant(second - self._simulation.reporting().delay_seconds_max)
        for feed, topic in self._feeds.items():
            if not self._effects.has_backlog(feed, second):
                heartbeat = FeedHeartbeat(
                    fact_id=f"{self._simulation.tag()}h-{feed}-{int(second * 10)}",
                    force=self._simulation.force.name,
                    at=complete_to,
                    feed=feed,
                    seq=self._sequence[feed],
                    complete_to=complete_to,
                    replay=self._is_replay,
                    simulated=True,
                )
                self._sink.heartbeat(heartbeat, topic)
                self._sequence[feed] += 1
                self._heartbeats += 1

    def played(self) -> Played:
        """What was played."""
        told_to = datetime.fromtimestamp(self._told_to, UTC)
        return Played(facts=self._facts, heartbeats=self._heartbeats, told_to=told_to, is_whole=self.is_whole)
