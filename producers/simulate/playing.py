"""Publishes a simulation at full speed, at a given speed or live, with its feeds' heartbeats."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Literal, cast

from msgspec import Struct

from facts.feed import FeedHeartbeat
from producers.replay import Pace, Speed
from producers.simulate.months import utc_time
from producers.simulate.reporting import ReportedFact
from producers.simulate.simulation import Simulation, feeds_of
from producers.sink import Sink

_HEARTBEATS_PER_SECOND = 0.2
_HEARTBEAT_INTERVAL_SECONDS = 6 * 3600.0
"""Event time between heartbeats at full speed."""
_HISTORY_SECONDS = 30.0
"""Facts published this long after they happened are marked as history."""
_FAR_SECONDS = 5.0
"""Longer than the time between live heartbeats."""
_PROGRESS_EVERY_SECONDS = 1.0


class SimulationProgress(Struct, frozen=True, kw_only=True):
    """How much of a simulation has been published and is in the log.

    Attributes:
        facts: number of facts.
        heartbeats: number of heartbeats.
        published_until: everything reported before this time has been published.
        is_whole: whether the simulation was published to the end asked for.
    """

    facts: int
    heartbeats: int
    published_until: datetime
    is_whole: bool


class HistoryReach(Struct, frozen=True):
    """How far history older than a live simulation is in the log, newest first.

    Attributes:
        back_to: where it will begin.
        reached: everything since this time is in the log.
    """

    back_to: datetime
    reached: datetime


class LivePace:
    """Keeps event time in step with the wall clock; event times in the past are reached at once.

    Args:
        now: the wall clock.
        wait: waits up to a number of seconds and returns True once asked to stop, like `threading.Event.wait`.
    """

    def __init__(self, now: Callable[[], datetime], wait: Callable[[float], bool]) -> None:
        self._now, self._wait = now, wait

    def reach(self, event_time: datetime, meanwhile: Callable[[float], None]) -> bool:
        """Wait for an event time; False if asked to stop.

        Args:
            event_time: the time of the next fact or heartbeat.
            meanwhile: called from time to time with the present, in seconds since 1970, if the event time is far ahead
                because the clock was set back.
        """
        while (ahead_seconds := (event_time - self._now()).total_seconds()) > _FAR_SECONDS:
            if self._wait(1 / _HEARTBEATS_PER_SECOND):
                return False
            meanwhile(self._now().timestamp())
        return not self._wait(max(0.0, ahead_seconds))

    def behind_seconds(self, second: float) -> float:
        """How far an event time is in the past."""
        return self._now().timestamp() - second

    def history_to(self, second: float) -> datetime | None:
        """The end of the history that an event time belongs to; None if the event time is not history."""
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
    on_progress: Callable[[SimulationProgress], None] | None = None,
    history: Callable[[], "HistoryReach | None"] = lambda: None,
) -> SimulationProgress:
    """Publish a simulation, and return once the log has it.

    Args:
        simulation: the simulation.
        sink: the publisher, which stays open.
        speed: `max`, seconds of event time published in each second, or `live`: history at full speed, then in real time.
        until: the time to end at, in seconds since 1970; None for no end.
        now: the wall clock.
        monotonic: a monotonic clock, in seconds.
        wait: waits up to a number of seconds and returns True once asked to stop, like `threading.Event.wait`.
        since: the time to resume from, in seconds since 1970; everything reported before it is already in the log.
        fast_until: everything reported before this time is published at full speed.
        on_progress: called once a second, and at the end, with how much is in the log.
        history: how far older history, which another process publishes, is in the log; None if there is none. Heartbeats report it.

    Raises:
        PublishError: some facts may not have reached the log.
        SettingError: the simulation cannot run.
    """
    live = LivePace(now, wait) if speed == "live" else None
    begins = max(simulation.end_of(0), since or 0.0)
    player = _Player(simulation, sink, live, begins, history)
    reach = _live_reach(live, player) or Pace(cast(Speed, speed), monotonic, wait, fast_until).reach
    reporter = _ProgressReporter(on_progress, monotonic)
    silences = [spell.start for spell in simulation.effects().spells("feed_silent")]
    heartbeats = _HeartbeatTimes(speed, live, fast_until, silences)
    for second, reported in _schedule(simulation, begins, until, heartbeats):
        if not reach(utc_time(second)):
            player.send_heartbeats(min(second, now().timestamp()) if live else second)
            break
        if reported:
            player.publish(reported)
        else:
            player.send_heartbeats(second)
            if reporter.is_due():
                sink.flush()
                reporter.report(player.result())
    else:
        player.is_whole = True
    sink.flush()
    reporter.report(player.result())
    return player.result()


def _live_reach(live: LivePace | None, player: "_Player") -> Callable[[datetime], bool] | None:
    """Waits for event times by the clock. If the clock is set back, heartbeats continue meanwhile."""
    return None if live is None else lambda event_time: live.reach(event_time, player.send_heartbeats)


class _ProgressReporter:
    """Reports progress once a second."""

    def __init__(
        self, on_progress: Callable[[SimulationProgress], None] | None, monotonic: Callable[[], float]
    ) -> None:
        self._on_progress, self._monotonic, self._reported_at = on_progress, monotonic, monotonic()

    def is_due(self) -> bool:
        return self._on_progress is not None and self._monotonic() - self._reported_at >= _PROGRESS_EVERY_SECONDS

    def report(self, progress: SimulationProgress) -> None:
        self._reported_at = self._monotonic()
        if self._on_progress:
            self._on_progress(progress)


class _HeartbeatTimes:
    """When the next heartbeats are due.

    Args:
        speed: the speed of the simulation.
        live: the live pace; None if the simulation is not live.
        fast_until: the time up to which the simulation runs at full speed.
        silences: when feeds fall silent; each sends a heartbeat just before, which shows when the silence began.
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
        self._before_silences = [silence - 1 for silence in silences]

    def after(self, second: float) -> float:
        stride = self._stride(second)
        if stride <= 1 / _HEARTBEATS_PER_SECOND:
            return second + stride  # heartbeats are so frequent that one always comes just before a silence
        return min([second + stride, *(last for last in self._before_silences if last > second)])

    def _stride(self, second: float) -> float:
        if self._speed == "max":
            return _HEARTBEAT_INTERVAL_SECONDS
        if second < self._fast_until:
            return min(_HEARTBEAT_INTERVAL_SECONDS, self._fast_until - second)
        if self._live:
            # In history the strides are long; the last one ends at the present.
            behind_seconds = self._live.behind_seconds(second)
            return min(_HEARTBEAT_INTERVAL_SECONDS, max(behind_seconds, 1 / _HEARTBEATS_PER_SECOND))
        return float(self._speed) / _HEARTBEATS_PER_SECOND


def _schedule(
    simulation: Simulation, begins: float, until: float | None, heartbeats: _HeartbeatTimes
) -> Iterator[tuple[float, ReportedFact | None]]:
    """Times in order, each with the report to publish or None for heartbeats; heartbeats come first and last.

    The first heartbeats come before anything is simulated, which takes a while: a feed without a heartbeat would count as silent.
    """
    yield begins, None
    heartbeat_at = heartbeats.after(begins)
    reports = simulation.reported() if until is None else simulation.reported_before(until)
    for reported in reports:
        if reported.at < begins:
            continue
        while heartbeat_at <= reported.at:
            yield heartbeat_at, None
            heartbeat_at = heartbeats.after(heartbeat_at)
        yield reported.at, reported
    while until is not None and heartbeat_at < until:
        yield heartbeat_at, None
        heartbeat_at = heartbeats.after(heartbeat_at)
    if until is not None:
        yield until, None


class _Player:
    """Publishes reports and heartbeats, and counts them."""

    def __init__(
        self,
        simulation: Simulation,
        sink: Sink,
        live: LivePace | None,
        begins: float,
        history: Callable[[], HistoryReach | None],
    ) -> None:
        self._simulation, self._sink, self._live, self._history = simulation, sink, live, history
        self._effects = simulation.effects()
        self._feeds = {feed: topic for (topic, _), feed in feeds_of(simulation.force).items()}
        self._sequence = dict.fromkeys(self._feeds, 0)
        self._facts = self._heartbeats = 0
        self._published_until = begins
        self.is_whole = False

    def publish(self, reported: ReportedFact) -> None:
        """Publish the next report."""
        self._sink.publish(reported.fact, reported.topic)
        self._facts += 1
        self._published_until = reported.at

    def send_heartbeats(self, second: float) -> None:
        """Send a heartbeat of each feed that is not silent: everything reported before this time has been published."""
        self._published_until = max(self._published_until, second)
        complete_to = utc_time(second - self._simulation.reporting().delay_seconds_max)
        history = self._history()
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
                    history_from=history.back_to if history else None,
                    complete_from=min(history.reached, complete_to) if history else None,
                    simulated=True,
                )
                self._sink.heartbeat(heartbeat, topic)
                self._sequence[feed] += 1
                self._heartbeats += 1

    def result(self) -> SimulationProgress:
        """What has been published."""
        published_until = datetime.fromtimestamp(self._published_until, UTC)
        return SimulationProgress(
            facts=self._facts, heartbeats=self._heartbeats, published_until=published_until, is_whole=self.is_whole
        )
