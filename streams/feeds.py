"""What feeds have said of themselves on one partition: how far they are complete, and when a heartbeat last arrived."""

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from facts.feed import FeedHeartbeat
from facts.force import Feed, Force
from measures.outcome import microseconds
from measures.reading import SKEW_MICROSECONDS, Doubt
from measures.window import MINUTES_KEPT

_MICROSECOND = timedelta(microseconds=1)
SETTLING = timedelta(hours=1) // _MICROSECOND
"""How long a feed's heartbeats must continue before the promise of the first one is settled."""
PAUSE = timedelta(hours=25) // _MICROSECOND
"""A longer pause between two heartbeats may be a step of the log's clock. A feed may send one heartbeat a day."""
LONG_PAST = MINUTES_KEPT // _MICROSECOND
"""A promise that lies so far before the time of its own heartbeat is settled at once: no wrong clock produces one."""
NOTHING_SETTLED = 0


class FeedState(Struct):
    """What one feed has said on one partition, in microseconds since 1970.

    Attributes:
        complete_to: everything up to here was sent, as far as can be believed; 0 if nothing can.
        heartbeat_at: the time on the record of the last heartbeat.
        seq: of that heartbeat.
        is_replay: it plays recorded facts.
        is_simulated: it has ever told what did not happen. That is in the figures for good, whatever is said later.
        history_to: it tells its history up to here; None when it tells the present.
        doubt: why the last heartbeat does not prove that the feed is alive.
        settled_to: everything up to here was certainly sent; 0 while nothing is settled. It never goes back.
        turn_to: the promise of the heartbeat that began the present turn; it is settled when the turn ends.
        turn_since: the time on the record of that heartbeat.
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

    def is_loading(self) -> bool:
        """Whether what it has told is its history, and not yet all of it."""
        return self.history_to is not None and self.complete_to < self.history_to

    def furthest(self) -> int:
        """The latest time that it claims to have reached."""
        return max(self.complete_to, self.history_to or 0, 0 if self.doubt else self.heartbeat_at)


def after(known: FeedState | None, heartbeat: FeedHeartbeat, received_at: int, *, is_by_log: bool) -> FeedState:
    """The state of a feed after a heartbeat.

    Args:
        known: its state before; None for its first heartbeat.
        heartbeat: the heartbeat.
        received_at: the time on its record, in microseconds.
        is_by_log: the log set that time, not the producer.
    """
    said = microseconds(heartbeat.complete_to)
    history_to = microseconds(heartbeat.history_to) if heartbeat.history_to else None
    latest = received_at + SKEW_MICROSECONDS
    is_ahead = max(said, history_to or 0) > latest
    said, history_to = (said if said <= latest else NOTHING_SETTLED), (history_to if not is_ahead else None)
    if known and is_by_log:
        known = believed(known, received_at)
    settled_to, turn_to, turn_since = _settled(known, said, received_at)
    return FeedState(
        complete_to=max(said, known.complete_to) if known else said,
        heartbeat_at=received_at,
        seq=heartbeat.seq,
        is_replay=heartbeat.replay,
        is_simulated=heartbeat.simulated or (known is not None and known.is_simulated),
        history_to=history_to,
        doubt="producer" if not is_by_log else "ahead" if is_ahead else "",
        settled_to=settled_to,
        turn_to=turn_to,
        turn_since=turn_since,
    )


def _settled(known: FeedState | None, said: int, received_at: int) -> tuple[int, int, int]:
    """What is settled after a heartbeat, and the turn under way.

    Only the feed's own heartbeats decide, so that the recount agrees (semantics, section 1).
    """
    settled_to = known.settled_to if known else NOTHING_SETTLED
    if said <= received_at - LONG_PAST:
        settled_to = max(settled_to, said)
    if known is None or not -SKEW_MICROSECONDS <= received_at - known.heartbeat_at <= PAUSE:
        return settled_to, said, received_at
    if received_at - known.turn_since >= SETTLING:
        return max(settled_to, known.turn_to), said, received_at
    return settled_to, known.turn_to, known.turn_since


def believed(state: FeedState, now: int) -> FeedState:
    """What can be believed of a feed when it is no later than `now`: claims about later times fall back to what is settled.

    Args:
        state: of the feed.
        now: in microseconds.
    """
    latest = now + SKEW_MICROSECONDS
    if state.furthest() <= latest:
        return state
    return replace(
        state,
        # A clock that was wrong for long may even have settled a time in the future: then nothing is known.
        complete_to=next((to for to in (state.complete_to, state.settled_to) if to <= latest), NOTHING_SETTLED),
        history_to=state.history_to if (state.history_to or 0) <= latest else None,
        doubt=state.doubt or "future",
    )


class EventSpan(Struct, frozen=True):
    """The earliest and latest event times of one force on one partition, in microseconds since 1970.

    An event in the future is taken to be of the time on its record.

    Attributes:
        first: the earliest.
        last: the latest.
        lines: of contacts, the earliest that one was offered on each line: feeds of one topic begin at different times.
    """

    first: int
    last: int
    lines: dict[str, int] = {}

    def first_of(self, feed: Feed) -> int | None:
        """The earliest event of a feed's own: of the lines that it carries where it names any, else of all."""
        if not feed.lines:
            return self.first
        return min((self.lines[line] for line in feed.lines if line in self.lines), default=None)


def seen(span: EventSpan | None, at: int, received_at: int, *, is_by_log: bool, line: str | None = None) -> EventSpan:
    """The event times after a fact; all times in microseconds.

    Args:
        span: the event times before.
        at: when the fact happened.
        received_at: the time on its record.
        is_by_log: the log set that time, not the producer: if the log's clock went back, the latest event time follows.
        line: on which a contact was offered; None for any other fact.
    """
    at = min(at, received_at)
    known = span or EventSpan(at, at)
    last = min(known.last, received_at) if is_by_log else known.last
    lines = known.lines if line is None else {**known.lines, line: min(at, known.lines.get(line, at))}
    return EventSpan(min(at, known.first), max(at, last), lines)


Feeds = dict[tuple[str, str], FeedState]
"""By force and feed."""


def watermark(feeds: Feeds, force: Force, topic: str) -> int | None:
    """Nothing older than this is expected of a force on a partition of a topic, in microseconds.

    It is the least that the feeds listed in the profile have said; None until every one has been heard.
    """
    return _least(feeds, force, topic, lambda state: state.complete_to)


def settled_mark(feeds: Feeds, force: Force, topic: str) -> int | None:
    """The watermark of what is settled. Panes are dropped and facts are refused by it, so it never goes back."""
    return _least(feeds, force, topic, lambda state: state.settled_to)


def _least(feeds: Feeds, force: Force, topic: str, said: Callable[[FeedState], int]) -> int | None:
    listed = [feeds.get((force.name, feed.name)) for feed in force.feeds if feed.topic == topic]
    return min((said(state) if state else NOTHING_SETTLED for state in listed), default=NOTHING_SETTLED) or None


def encode_feeds(feeds: Feeds, events: Mapping[str, EventSpan]) -> Iterable[tuple[str, str]]:
    """Names and texts for the state: `force|feed` of a feed, `force|` of the event times."""
    for (force, feed), state in feeds.items():
        yield f"{force}|{feed}", msgspec.json.encode(state).decode()
    for force, span in events.items():
        yield f"{force}|", msgspec.json.encode(span).decode()


def decode_feeds(stored: Mapping[str, str]) -> tuple[Feeds, dict[str, EventSpan]]:
    """The feeds by force and name, and the event times by force, as the state has them."""
    feeds: Feeds = {}
    events: dict[str, EventSpan] = {}
    for name, text in stored.items():
        force, _, feed = name.partition("|")
        if feed:
            feeds[force, feed] = msgspec.json.decode(text, type=FeedState)
        else:
            events[force] = msgspec.json.decode(text, type=EventSpan)
    return feeds, events
