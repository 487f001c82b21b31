"""Playing an extract: its facts in order of event time, at a speed, with the heartbeats of its feed."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Literal, Protocol

from msgspec import Struct

from facts.errors import SettingError
from facts.feed import FeedHeartbeat
from facts.union import AnyFact, Topic
from producers.extract import Extract
from producers.row_facts import digest

Speed = float | Literal["max"]
"""Seconds of event time in a second of ours, or as fast as it goes."""

_SPEED_LIMIT = 1_000_000.0
_HEARTBEATS_A_SECOND = 2
_HEARTBEAT_EVERY_AT_MAX = timedelta(hours=6)
_AFTER_THE_LAST = timedelta(seconds=1)
_STEPS_BETWEEN_LOOKS = 500
_FACTS_BETWEEN_PROGRESS = 1000


class Sink(Protocol):
    """Where facts are played to: a publisher."""

    def publish(self, fact: AnyFact) -> None:
        """Take a fact."""

    def heartbeat(self, heartbeat: FeedHeartbeat, topic: Topic) -> None:
        """Take a heartbeat, after the facts before it."""

    def flush(self) -> None:
        """Return when the log has everything taken."""


class ReplayProgress(Struct, frozen=True, kw_only=True):
    """What was played, and is in the log.

    Attributes:
        facts: how many.
        heartbeats: how many.
        complete_to: the event time reached, as the last heartbeat said; None when nothing was played.
        is_whole: the extract was played to its end, and not stopped before.
    """

    facts: int
    heartbeats: int
    complete_to: datetime | None
    is_whole: bool


def parse_speed(text: str) -> Speed:
    """A speed as a person writes it: `max`, or a number such as 60.

    Raises:
        SettingError: it is neither.
    """
    if text == "max":
        return "max"
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if 0 < speed <= _SPEED_LIMIT:
        return speed
    hint = "Give `max`, or how many times faster than it happened: 1, 60, 3600."
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
) -> ReplayProgress:
    """Play an extract into a sink, and return when the log has it.

    Args:
        extract: what is played; its facts are in order of event time.
        sink: a publisher, which stays open.
        speed: `max`, or seconds of event time in a second of ours.
        monotonic: a monotonic clock, in seconds.
        wait: waits up to a number of seconds and returns True once asked to stop, like `threading.Event.wait`.
        progress: told now and then, and at the end, how many facts of how many were played.
        fast_until: what happened before it is played as fast as it goes, and only the rest at the speed.

    Raises:
        PublishError: something did not arrive.
    """
    playing, pace = _Playing(extract, sink, progress), Pace(speed, monotonic, wait, fast_until)
    for event_time, fact in _programme(extract.facts, speed, fast_until):
        if not pace.reach(event_time):
            # Stopped: all that is older was told.
            playing.beat(event_time)
            break
        if fact:
            playing.tell(fact)
        else:
            playing.beat(event_time)
    sink.flush()
    return playing.played()


def _programme(
    facts: Sequence[AnyFact], speed: Speed, fast_until: datetime | None
) -> Iterator[tuple[datetime, AnyFact | None]]:
    """What is told when, in event time: the facts, and before, between and after them heartbeats (None)."""
    for last in facts[-1:]:
        beat = facts[0].at
        for fact in facts:
            while beat <= fact.at:
                yield beat, None
                beat = _next_beat(beat, speed, fast_until)
            yield fact.at, fact
        yield min(_next_beat(last.at, speed, fast_until), last.at + _AFTER_THE_LAST), None


def _next_beat(beat: datetime, speed: Speed, fast_until: datetime | None) -> datetime:
    if speed == "max":
        return beat + _HEARTBEAT_EVERY_AT_MAX
    if fast_until and beat < fast_until:
        return min(beat + _HEARTBEAT_EVERY_AT_MAX, fast_until)
    return beat + timedelta(seconds=speed / _HEARTBEATS_A_SECOND)


class Pace:
    """Keeps event time in step with ours.

    Args:
        speed: `max`, or seconds of event time in a second of ours.
        monotonic: a monotonic clock, in seconds.
        wait: waits up to a number of seconds and returns True once asked to stop, like `threading.Event.wait`.
        fast_until: what happened before it is played as fast as it goes.
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
        """Wait until an event time has come; False when told to stop."""
        ahead_seconds = self._ahead_seconds(event_time)
        self._steps += 1
        if ahead_seconds > 0:
            return not self._wait(ahead_seconds)
        return self._steps % _STEPS_BETWEEN_LOOKS > 0 or not self._wait(0)

    def _ahead_seconds(self, event_time: datetime) -> float:
        if self._speed == "max" or (self._fast_until and event_time < self._fast_until):
            return 0.0
        now = self._monotonic()
        began, first = self._began = self._began or (now, event_time)
        return began + (event_time - first).total_seconds() / self._speed - now


class _Playing:
    """How far an extract was played."""

    def __init__(self, extract: Extract, sink: Sink, progress: Callable[[int, int], None] | None) -> None:
        self._extract, self._sink, self._progress = extract, sink, progress
        self._facts = self._heartbeats = 0
        self._complete_to: datetime | None = None

    def tell(self, fact: AnyFact) -> None:
        """Tell the next fact."""
        self._sink.publish(fact)
        self._facts += 1
        if self._facts % _FACTS_BETWEEN_PROGRESS == 0:
            self._say()

    def beat(self, complete_to: datetime) -> None:
        """Tell that nothing older is still to come."""
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
            )
            self._sink.heartbeat(heartbeat, mapping.topic)
            self._heartbeats += 1
        self._complete_to = complete_to
        self._say()

    def played(self) -> ReplayProgress:
        """What was played."""
        return ReplayProgress(
            facts=self._facts,
            heartbeats=self._heartbeats,
            complete_to=self._complete_to,
            is_whole=self._facts == len(self._extract.facts),
        )

    def _say(self) -> None:
        if self._progress:
            self._progress(self._facts, len(self._extract.facts))
