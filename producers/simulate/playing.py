"""Playing a simulation: at once, at a speed, or as history that becomes live, with the heartbeats of its feeds."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Literal, Protocol, cast

from msgspec import Struct

from facts.feed import FeedHeartbeat
from facts.union import AnyFact, Topic
from producers.replay import Pace, Speed
from producers.simulate.months import utc_time
from producers.simulate.reporting import ReportedFact
from producers.simulate.simulation import Simulation, feeds_of

_HEARTBEATS_A_SECOND = 0.5
_HEARTBEAT_EVERY_SECONDS = 6 * 3600.0
"""Between heartbeats of what is told as fast as it goes."""
_HISTORY_SECONDS = 30.0
"""What is told so long after it happened is history, and is told as such."""
_FAR_SECONDS = 5.0
"""Live heartbeats are never this far apart."""
_KEPT_EVERY_SECONDS = 1.0


class Sink(Protocol):
    """Where facts are played to: a publisher."""

    def publish(self, fact: AnyFact, topic: Topic | None = None) -> None:
        """Take a fact."""

    def heartbeat(self, heartbeat: FeedHeartbeat, topic: Topic) -> None:
        """Take a heartbeat, after the facts before it."""

    def flush(self) -> None:
        """Return when the log has everything taken."""


class SimulationProgress(Struct, frozen=True, kw_only=True):
    """What was played, and is in the log.

    Attributes:
        facts: how many.
        heartbeats: how many.
        told_to: up to when everything was told.
        is_whole: it was played to the end that was asked for.
    """

    facts: int
    heartbeats: int
    reported_to: datetime
    is_whole: bool


class LivePace:
    """Keeps event time in step with the wall clock: what lies in the past is told as fast as it goes.

    Args:
        now: the wall clock.
        wait: waits up to a number of seconds and returns True once asked to stop, like `threading.Event.wait`.
    """

    def __init__(self, now: Callable[[], datetime], wait: Callable[[float], bool]) -> None:
        self._now, self._wait = now, wait

    def reach(self, event_time: datetime, meanwhile: Callable[[float], None]) -> bool:
        """Wait until an event time has come; False when asked to stop.

        Args:
            event_time: of what is sent next.
            meanwhile: called now and then with the present, in seconds since 1970, while that time is far off: the clock was
                set back.
        """
        while (ahead_seconds := (event_time - self._now()).total_seconds()) > _FAR_SECONDS:
            if self._wait(1 / _HEARTBEATS_A_SECOND):
                return False
            meanwhile(self._now().timestamp())
        return not self._wait(max(0.0, ahead_seconds))

    def behind_seconds(self, second: float) -> float:
        """How far an event time lies in the past."""
        return self._now().timestamp() - second

    def history_to(self, second: float) -> datetime | None:
        """How far the history goes that an event time lies in; None when it lies in the present."""
        return self._now() if self.behind_seconds(second) > _HISTORY_SECONDS else None


def play(
    simulation: Simulation,
    sink: Sink,
    *,
    speed: Speed | Literal["live"],
    until: float | None,
    now: Callable[[], datetime],
    monotonic: Callable[[], float],
    wait: Callable[[float], bool],
    since: float | None = None,
    fast_until: datetime | None = None,
    keep: Callable[[SimulationProgress], None] | None = None,
) -> SimulationProgress:
    """Play a simulation into a sink, and return when the log has it.

    Args:
        simulation: what is played, from its first day.
        sink: a publisher, which stays open.
        speed: `max`, seconds of event time in a second of ours, or `live`: history as fast as it goes, then with the clock.
        until: what would be told from then on is not, in seconds since 1970; None for going on for ever.
        now: the wall clock.
        monotonic: a monotonic clock, in seconds.
        wait: waits up to a number of seconds and returns True once asked to stop, like `threading.Event.wait`.
        since: what was told before is in the log already, and is not told again; in seconds since 1970.
        fast_until: what is told before it is told as fast as it goes, and only the rest at the speed.
        keep: told once a second, and at the end, how far the log has it all.

    Raises:
        PublishError: something did not arrive.
        SettingError: the simulation does not fit its force.
    """
    live = LivePace(now, wait) if speed == "live" else None
    begins = max(simulation.end_of(0), since or 0.0)
    playing = _Playing(simulation, sink, live, begins)
    reach = _reaching(live, playing) or Pace(cast(Speed, speed), monotonic, wait, fast_until).reach
    kept = _Kept(keep, monotonic)
    silences = [spell.start for spell in simulation.effects().spells("feed_silent")]
    beats = _Beats(speed, live, fast_until, silences)
    for second, told in _programme(simulation, begins, until, beats):
        if not reach(utc_time(second)):
            playing.beat(min(second, now().timestamp()) if live else second)
            break
        if told:
            playing.tell(told)
        else:
            playing.beat(second)
            if kept.is_due():
                sink.flush()
                kept.tell(playing.played())
    else:
        playing.is_whole = True
    sink.flush()
    kept.tell(playing.played())
    return playing.played()


def _reaching(live: LivePace | None, playing: "_Playing") -> Callable[[datetime], bool] | None:
    """Waits for event times by the clock. If it is set back, everything up to the present was sent, and heartbeats say so."""
    return None if live is None else lambda event_time: live.reach(event_time, playing.beat)


class _Kept:
    """When it is time to say how far the log has everything."""

    def __init__(self, keep: Callable[[SimulationProgress], None] | None, monotonic: Callable[[], float]) -> None:
        self._keep, self._monotonic, self._at = keep, monotonic, monotonic()

    def is_due(self) -> bool:
        return self._keep is not None and self._monotonic() - self._at >= _KEPT_EVERY_SECONDS

    def tell(self, played: SimulationProgress) -> None:
        self._at = self._monotonic()
        if self._keep:
            self._keep(played)


class _Beats:
    """When the next heartbeat is due.

    Args:
        speed: of the playing.
        live: its pace, when that is the clock's.
        fast_until: up to where it goes as fast as it can.
        silences: when feeds fall silent; each speaks just before, so that it is known since when.
    """

    def __init__(
        self,
        speed: Speed | Literal["live"],
        live: LivePace | None,
        fast_until: datetime | None,
        silences: Sequence[float],
    ) -> None:
        self._speed, self._live = speed, live
        self._fast_until = fast_until.timestamp() if fast_until else float("-inf")
        self._last_words = [silence - 1 for silence in silences]

    def after(self, second: float) -> float:
        stride = self._stride(second)
        if stride <= 1 / _HEARTBEATS_A_SECOND:
            return second + stride  # who speaks so often has always just spoken
        return min([second + stride, *(last for last in self._last_words if last > second)])

    def _stride(self, second: float) -> float:
        if self._speed == "max":
            return _HEARTBEAT_EVERY_SECONDS
        if second < self._fast_until:
            return min(_HEARTBEAT_EVERY_SECONDS, self._fast_until - second)
        if self._live:
            # History is told in long strides, the last of which ends at the present.
            behind_seconds = self._live.behind_seconds(second)
            return min(_HEARTBEAT_EVERY_SECONDS, max(behind_seconds, 1 / _HEARTBEATS_A_SECOND))
        return float(self._speed) / _HEARTBEATS_A_SECOND


def _programme(
    simulation: Simulation, begins: float, until: float | None, beats: _Beats
) -> Iterator[tuple[float, ReportedFact | None]]:
    """What is told when: the facts, and before, between and after them heartbeats (None)."""
    beat = begins
    reported_before = simulation.told() if until is None else simulation.reported_before(until)
    for told in reported_before:
        if told.at < begins:
            continue
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

    def __init__(self, simulation: Simulation, sink: Sink, live: LivePace | None, begins: float) -> None:
        self._simulation, self._sink, self._live = simulation, sink, live
        self._effects = simulation.effects()
        self._feeds = {feed: topic for (topic, _), feed in feeds_of(simulation.force).items()}
        self._sequence = dict.fromkeys(self._feeds, 0)
        self._facts = self._heartbeats = 0
        self._told_to = begins
        self.is_whole = False

    def tell(self, told: ReportedFact) -> None:
        """Tell the next fact."""
        self._sink.publish(told.fact, told.topic)
        self._facts += 1
        self._told_to = told.at

    def beat(self, second: float) -> None:
        """Tell for each feed that speaks how far it is complete: everything up to there was told before."""
        self._told_to = max(self._told_to, second)
        complete_to = utc_time(second - self._simulation.reporting().delay_seconds_max)
        for feed, topic in self._feeds.items():
            if not self._effects.has_backlog(feed, second):
                heartbeat = FeedHeartbeat(
                    fact_id=f"{self._simulation.tag()}h-{feed}-{int(second * 10)}",
                    force=self._simulation.force.name,
                    at=complete_to,
                    feed=feed,
                    seq=self._sequence[feed],
                    complete_to=complete_to,
                    replay=self._live is None,
                    history_to=self._live.history_to(second) if self._live else None,
                    simulated=True,
                )
                self._sink.heartbeat(heartbeat, topic)
                self._sequence[feed] += 1
                self._heartbeats += 1

    def played(self) -> SimulationProgress:
        """What was played."""
        reported_to = datetime.fromtimestamp(self._told_to, UTC)
        return SimulationProgress(
            facts=self._facts, heartbeats=self._heartbeats, reported_to=reported_to, is_whole=self.is_whole
        )
