"""Publishes an extract's facts in order of event time, at a given speed, with its feeds' heartbeats."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Literal

from msgspec import Struct

from facts.errors import SettingError
from facts.feed import FeedHeartbeat
from facts.union import AnyFact
from producers.extract import Extract
from producers.row_facts import digest
from producers.sink import Sink

Speed = float | Literal["max"]
"""Seconds of event time published in each second, or `max` for full speed."""

_SPEED_LIMIT = 1_000_000.0
_HEARTBEATS_PER_SECOND = 2
_HEARTBEAT_INTERVAL_AT_FULL_SPEED = timedelta(hours=6)
_LONG_GAP = timedelta(days=2)
_AFTER_THE_LAST = timedelta(seconds=1)
_STEPS_BETWEEN_STOP_CHECKS = 500
_FACTS_BETWEEN_PROGRESS = 1000


class ReplayProgress(Struct, frozen=True, kw_only=True):
    """How much of an extract has been published and is in the log.

    Attributes:
        facts: number of facts.
        heartbeats: number of heartbeats.
        complete_to: the event time in the last heartbeat; None if nothing was published.
        is_whole: whether the extract was published to its end.
    """

    facts: int
    heartbeats: int
    complete_to: datetime | None
    is_whole: bool


def parse_speed(text: str) -> Speed:
    """Read a speed: `max`, or a number such as 60.

    Raises:
        SettingError: the text is not a speed.
    """
    if text == "max":
        return "max"
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if 0 < speed <= _SPEED_LIMIT:
        return speed
    hint = "Give `max`, or how many times faster than real time: 1, 60, 3600."
    raise SettingError(f"{text!r} is not a speed.", where="--speed", hint=hint)


def play(
    extract: Extract,
    sink: Sink,
    *,
    speed: Speed,
    monotonic: Callable[[], float],
    wait: Callable[[float], bool],
    progress: Callable[[int, int], None] | None = None,
    fast_until: datetime | None = None,
    complete_to: datetime | None = None,
) -> ReplayProgress:
    """Publish an extract, and return once the log has it.

    Args:
        extract: the extract; its facts are in order of event time.
        sink: the publisher, which stays open.
        speed: `max`, or seconds of event time published in each second.
        monotonic: a monotonic clock, in seconds.
        wait: waits up to a number of seconds and returns True once asked to stop, like `threading.Event.wait`.
        progress: called from time to time, and at the end, with the number of facts published and the number in all.
        fast_until: everything before this event time is published at full speed.
        complete_to: the end of the period that the extract covers. The last heartbeat is then of this time, and says that the
            feed has ended; by default it is just after the last fact.

    Raises:
        SettingError: the extract has facts at or after `complete_to`.
        PublishError: some facts may not have reached the log.
    """
    check_complete_to(extract, complete_to)
    player, pace = _ExtractPlayer(extract, sink, progress), Pace(speed, monotonic, wait, fast_until)
    for event_time, fact in _schedule(extract.facts, speed, fast_until, complete_to):
        if not pace.reach(event_time):
            # Stopped: everything before this time has been published.
            player.send_heartbeat(event_time)
            break
        if fact:
            player.publish(fact)
        else:
            player.send_heartbeat(event_time, is_last=event_time == complete_to)
    sink.flush()
    return player.result()


def check_complete_to(extract: Extract, complete_to: datetime | None) -> None:
    """Check that an extract's period ends after its last fact.

    Raises:
        SettingError: it does not.
    """
    if complete_to and extract.facts and extract.facts[-1].at >= complete_to:
        later = sum(fact.at >= complete_to for fact in extract.facts)
        what = f"{later:,} facts of the extract are at or after {complete_to}; the last is at {extract.facts[-1].at}."
        hint = "Give the end of the period that the extract covers, or correct the time of those rows."
        raise SettingError(what, where="--complete-to", hint=hint)


def _schedule(
    facts: Sequence[AnyFact], speed: Speed, fast_until: datetime | None, complete_to: datetime | None
) -> Iterator[tuple[datetime, AnyFact | None]]:
    """Event times in order, each with the fact to publish or None for heartbeats; heartbeats come first and last."""
    for last in facts[-1:]:
        heartbeat_at = facts[0].at
        for fact in facts:
            while heartbeat_at <= fact.at:
                yield heartbeat_at, None
                heartbeat_at = _next_heartbeat(heartbeat_at, speed, fast_until)
                if fact.at - heartbeat_at > _LONG_GAP and _is_fast(heartbeat_at, speed, fast_until):
                    # Nothing happened in between, so one heartbeat says as much as many.
                    heartbeat_at = min(fact.at, fast_until) if fast_until and speed != "max" else fact.at
            yield fact.at, fact
        yield complete_to or min(_next_heartbeat(last.at, speed, fast_until), last.at + _AFTER_THE_LAST), None
    if complete_to and not facts:
        yield complete_to, None


def _is_fast(at: datetime, speed: Speed, fast_until: datetime | None) -> bool:
    return speed == "max" or (fast_until is not None and at < fast_until)


def _next_heartbeat(at: datetime, speed: Speed, fast_until: datetime | None) -> datetime:
    if speed == "max":
        return at + _HEARTBEAT_INTERVAL_AT_FULL_SPEED
    if fast_until and at < fast_until:
        return min(at + _HEARTBEAT_INTERVAL_AT_FULL_SPEED, fast_until)
    return at + timedelta(seconds=speed / _HEARTBEATS_PER_SECOND)


class Pace:
    """Keeps event time in step with real time.

    Args:
        speed: `max`, or seconds of event time published in each second.
        monotonic: a monotonic clock, in seconds.
        wait: waits up to a number of seconds and returns True once asked to stop, like `threading.Event.wait`.
        fast_until: event times before this one are reached at once.
    """

    def __init__(
        self,
        speed: Speed,
        monotonic: Callable[[], float],
        wait: Callable[[float], bool],
        fast_until: datetime | None = None,
    ) -> None:
        self._speed, self._monotonic, self._wait, self._fast_until = speed, monotonic, wait, fast_until
        self._began: tuple[float, datetime] | None = None
        self._steps = 0

    def reach(self, event_time: datetime) -> bool:
        """Wait for an event time; False if asked to stop."""
        ahead_seconds = self._ahead_seconds(event_time)
        self._steps += 1
        if ahead_seconds > 0:
            return not self._wait(ahead_seconds)
        return self._steps % _STEPS_BETWEEN_STOP_CHECKS > 0 or not self._wait(0)

    def _ahead_seconds(self, event_time: datetime) -> float:
        if self._speed == "max" or (self._fast_until and event_time < self._fast_until):
            return 0.0
        now = self._monotonic()
        began, first = self._began = self._began or (now, event_time)
        return began + (event_time - first).total_seconds() / self._speed - now


class _ExtractPlayer:
    """Publishes facts and heartbeats, and counts them."""

    def __init__(self, extract: Extract, sink: Sink, progress: Callable[[int, int], None] | None) -> None:
        self._extract, self._sink, self._progress = extract, sink, progress
        self._facts = self._heartbeats = 0
        self._complete_to: datetime | None = None

    def publish(self, fact: AnyFact) -> None:
        """Publish the next fact."""
        self._sink.publish(fact, self._extract.mapping.topic)
        self._facts += 1
        if self._facts % _FACTS_BETWEEN_PROGRESS == 0:
            self._report_progress()

    def send_heartbeat(self, complete_to: datetime, *, is_last: bool = False) -> None:
        """Send a heartbeat of each feed: everything before this time has been published, and perhaps nothing more will come."""
        mapping = self._extract.mapping
        for feed in mapping.feeds:
            heartbeat = FeedHeartbeat(
                fact_id=digest("FeedHeartbeat", mapping.name, str(self._heartbeats), complete_to.isoformat()),
                force=mapping.force,
                at=complete_to,
                feed=feed,
                seq=self._heartbeats,
                complete_to=complete_to,
                replay=True,
                ended=is_last,
            )
            self._sink.heartbeat(heartbeat, mapping.topic)
            self._heartbeats += 1
        self._complete_to = complete_to
        self._report_progress()

    def result(self) -> ReplayProgress:
        """What has been published."""
        return ReplayProgress(
            facts=self._facts,
            heartbeats=self._heartbeats,
            complete_to=self._complete_to,
            is_whole=self._facts == len(self._extract.facts),
        )

    def _report_progress(self) -> None:
        if self._progress:
            self._progress(self._facts, len(self._extract.facts))
