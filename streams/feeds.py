"""What feeds have reported on one partition: how far they are complete, and when their last heartbeat arrived."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from facts.feed import FeedHeartbeat
from facts.force import Feed, Force
from measures.outcome import microseconds
from measures.reading import SKEW_MICROSECONDS, Doubt

_MICROSECOND = timedelta(microseconds=1)
SETTLING = timedelta(hours=1) // _MICROSECOND
"""How long a feed's heartbeats must continue before the claim of the first one is settled."""
PAUSE = timedelta(hours=25) // _MICROSECOND
"""A longer pause between two heartbeats may be a step of the log's clock. A feed may send one heartbeat a day."""
LONG_PAST = timedelta(days=2) // _MICROSECOND
"""A claim this far before the time of its own heartbeat is settled at once: no wrong clock produces one."""
NOTHING_SETTLED = 0


class FeedState(Struct):
    """What one feed has reported on one partition; times are in microseconds since 1970.

    Attributes:
        complete_to: everything up to this time was sent, as far as the claim is credible; 0 if none is.
        heartbeat_at: the time on the record of the last heartbeat.
        seq: the sequence number of that heartbeat.
        is_replay: the feed replays recorded facts.
        is_simulated: the feed has ever sent simulated facts. They stay in the figures, so this never becomes false.
        history_to: the feed is sending its history up to this time; None when it sends the present.
        history_from: the feed is also sending older history, newest first, back to this time; None when it sends none.
        complete_from: it has not yet sent everything before this time, so the record begins no earlier; None when it has.
        has_ended: it replays recorded facts and has published them all, so its silence is right.
        doubt: why the last heartbeat does not prove that the feed is alive.
        settled_to: everything up to this time was certainly sent; 0 while nothing is settled. It never goes back.
        turn_to: a turn is an hour of heartbeats; this is what its first heartbeat claimed, settled when the turn ends.
        turn_since: the time on the record of that first heartbeat.
    """

    complete_to: int
    heartbeat_at: int
    seq: int
    is_replay: bool
    is_simulated: bool = False
    history_to: int | None = None
    doubt: Doubt = ""
    settled_to: int = NOTHING_SETTLED
    turn_to: int = NOTHING_SETTLED
    turn_since: int = NOTHING_SETTLED
    has_ended: bool = False
    history_from: int | None = None
    complete_from: int | None = None

    def is_loading(self) -> bool:
        """Whether it is still sending its history."""
        return self.history_to is not None and self.complete_to < self.history_to

    def furthest(self) -> int:
        """The latest time that it claims to have reached."""
        return max(self.complete_to, self.history_to or 0, 0 if self.doubt else self.heartbeat_at)


def after_heartbeat(
    known: FeedState | None, heartbeat: FeedHeartbeat, received_at: int, *, is_by_log: bool
) -> FeedState:
    """The state of a feed after a heartbeat.

    Args:
        known: its state before; None for its first heartbeat.
        heartbeat: the heartbeat.
        received_at: the time on its record, in microseconds.
        is_by_log: the log set that time, not the producer.
    """
    claimed = microseconds(heartbeat.complete_to)
    history_to = microseconds(heartbeat.history_to) if heartbeat.history_to else None
    latest = received_at + SKEW_MICROSECONDS
    is_ahead = max(claimed, history_to or 0) > latest
    claimed, history_to = (claimed if claimed <= latest else NOTHING_SETTLED), (history_to if not is_ahead else None)
    if known and is_by_log:
        known = believed(known, received_at)
    settled_to, turn_to, turn_since = _settled(known, claimed, received_at)
    return FeedState(
        complete_to=max(claimed, known.complete_to) if known else claimed,
        heartbeat_at=received_at,
        seq=heartbeat.seq,
        is_replay=heartbeat.replay,
        is_simulated=heartbeat.simulated or (known is not None and known.is_simulated),
        history_to=history_to,
        doubt="producer" if not is_by_log else "ahead" if is_ahead else "",
        settled_to=settled_to,
        turn_to=turn_to,
        turn_since=turn_since,
        # A month that is replayed into a log with later facts does not end the feed that sends those.
        has_ended=heartbeat.replay and heartbeat.ended and (known is None or claimed >= known.complete_to),
        history_from=microseconds(heartbeat.history_from) if heartbeat.history_from else None,
        complete_from=microseconds(heartbeat.complete_from) if heartbeat.complete_from else None,
    )


def _settled(known: FeedState | None, claimed: int, received_at: int) -> tuple[int, int, int]:
    """What is settled after a heartbeat, and the current turn.

    Only the feed's own heartbeats decide, so that the recount agrees (semantics, section 1).
    """
    settled_to = known.settled_to if known else NOTHING_SETTLED
    if claimed <= received_at - LONG_PAST:
        settled_to = max(settled_to, claimed)
    if known is None or not -SKEW_MICROSECONDS <= received_at - known.heartbeat_at <= PAUSE:
        return settled_to, claimed, received_at
    if received_at - known.turn_since >= SETTLING:
        return max(settled_to, known.turn_to), claimed, received_at
    return settled_to, known.turn_to, known.turn_since


def believed(state: FeedState, now: int) -> FeedState:
    """The credible state of a feed at `now`: a claim about a later time falls back to what is settled.

    Args:
        state: the state of the feed.
        now: in microseconds.
    """
    latest = now + SKEW_MICROSECONDS
    if state.furthest() <= latest:
        return state
    return replace(
        state,
        # A clock that was wrong for a long time may even have settled a time in the future: then nothing is known.
        complete_to=next((to for to in (state.complete_to, state.settled_to) if to <= latest), NOTHING_SETTLED),
        history_to=state.history_to if (state.history_to or 0) <= latest else None,
        doubt=state.doubt or "future",
    )


class EventSpan(Struct, frozen=True):
    """The earliest and latest event times of one force on one partition, in microseconds since 1970.

    An event in the future counts at the time on its record.

    Attributes:
        first: the earliest.
        last: the latest.
        lines: when a contact was first offered on each line; the feeds of one topic begin at different times.
    """

    first: int
    last: int
    lines: dict[str, int] = {}

    def first_of(self, feed: Feed) -> int | None:
        """The earliest event of a feed: on its own lines if the profile lists any, otherwise of the whole topic."""
        if not feed.lines:
            return self.first
        return min((self.lines[line] for line in feed.lines if line in self.lines), default=None)


Event = tuple[int, str | None]
"""When a fact happened, in microseconds, and the line on which it offered a contact; None for any other fact."""


def with_events(span: EventSpan | None, happened: Sequence[Event], received_at: int, *, is_by_log: bool) -> EventSpan:
    """The event times after the facts of one record; all times in microseconds.

    Args:
        span: the event times before.
        happened: when the facts happened; at least one.
        received_at: the time on their record.
        is_by_log: the log set that time, not the producer; if the log's clock went back, so does the latest event time.
    """
    times = [min(at, received_at) for at, _ in happened]
    first, last = min(times), max(times)
    known = span or EventSpan(first, last)
    lines = known.lines
    for at, (_, line) in zip(times, happened, strict=True):
        if line is not None and at < lines.get(line, at + 1):
            lines = {**lines, line: at}
    last_before = min(known.last, received_at) if is_by_log else known.last
    return EventSpan(min(first, known.first), max(last, last_before), lines)


Feeds = dict[tuple[str, str], FeedState]
"""By force and feed."""


def filling_before(feeds: Feeds, force: Force, topic: str) -> int | None:
    """The time before which the feeds of a topic are still sending their history, in microseconds; None if none of them is."""
    states = (feeds.get((force.name, feed.name)) for feed in force.feeds if feed.topic == topic)
    return max((state.complete_from for state in states if state and state.complete_from is not None), default=None)


def watermark(feeds: Feeds, force: Force, topic: str) -> int | None:
    """Nothing older than this is expected of a force on a partition of a topic, in microseconds.

    It is the earliest `complete_to` of the feeds that the profile lists; None until each has sent a heartbeat.
    """
    return _least(feeds, force, topic, lambda state: state.complete_to)


def settled_mark(feeds: Feeds, force: Force, topic: str) -> int | None:
    """The watermark of what is settled. It decides which panes are dropped and which facts refused, so it never goes back."""
    return _least(feeds, force, topic, lambda state: state.settled_to)


def _least(feeds: Feeds, force: Force, topic: str, time_of: Callable[[FeedState], int]) -> int | None:
    listed = [feeds.get((force.name, feed.name)) for feed in force.feeds if feed.topic == topic]
    return min((time_of(state) if state else NOTHING_SETTLED for state in listed), default=NOTHING_SETTLED) or None


def encode_feeds(feeds: Feeds, events: Mapping[str, EventSpan]) -> Iterable[tuple[str, str]]:
    """Field names and texts for the state: `force|feed` for a feed, `force|` for event times."""
    for (force, feed), state in feeds.items():
        yield f"{force}|{feed}", msgspec.json.encode(state).decode()
    for force, span in events.items():
        yield f"{force}|", msgspec.json.encode(span).decode()


def decode_feeds(stored: Mapping[str, str]) -> tuple[Feeds, dict[str, EventSpan]]:
    """The feeds by force and name, and the event times by force, as stored."""
    feeds: Feeds = {}
    events: dict[str, EventSpan] = {}
    for name, text in stored.items():
        force, _, feed = name.partition("|")
        if feed:
            feeds[force, feed] = msgspec.json.decode(text, type=FeedState)
        else:
            events[force] = msgspec.json.decode(text, type=EventSpan)
    return feeds, events
