"""Folds runs of heartbeats: what a plain heartbeat changes is noted, and the feed's state is worked out once for many of them."""

from collections.abc import Callable

from msgspec import Struct

from facts.heartbeat_run import HeartbeatRun, Sender, complete_to_of, sender_of
from measures.reading import SKEW_MICROSECONDS
from streams.feeds import LONG_PAST, PAUSE, SETTLING, FeedState

FeedKey = tuple[str, str]
"""A force and one of its feeds."""
SetFeed = Callable[[FeedKey, FeedState], None]


class _Continued(Struct):
    """A feed whose heartbeats continue as they should; times are in microseconds since 1970.

    Attributes:
        sender: the feed, and what these heartbeats say of it.
        state: its state before these heartbeats.
        complete_to: as in `FeedState`, after the last of them.
        heartbeat_at: likewise.
        turn_until: when its turn ends.
        seq: the number of the last of them, as written; None while there is none.
    """

    sender: Sender
    state: FeedState
    complete_to: int
    heartbeat_at: int
    turn_until: int
    seq: bytes | None = None

    def after(self, seq: bytes) -> FeedState:
        """The state of the feed after these heartbeats; `seq` is the number of the last one."""
        return FeedState(
            complete_to=self.complete_to,
            heartbeat_at=self.heartbeat_at,
            seq=int(seq),
            is_replay=self.sender.is_replay,
            is_simulated=self.sender.is_simulated or self.state.is_simulated,
            settled_to=self.state.settled_to,
            turn_to=self.state.turn_to,
            turn_since=self.state.turn_since,
            history_from=self.sender.history_from,
            complete_from=self.sender.complete_from,
        )


def fold_run(
    run: HeartbeatRun,
    known: Callable[[FeedKey], FeedState | None],
    furthest: Callable[[], int],
    set_feed: SetFeed,
    admit: Callable[[int], None],
) -> int:
    """Fold a run of heartbeats, with the same result as one after the other; returns how many were noted without `admit`.

    A heartbeat is noted if it changes nothing but how far its feed is complete, its number, when it came and what it says of the feed: it is
    stamped by the log, no earlier than the record before it, within `PAUSE` after the heartbeat before it and within its turn. It claims no less
    than before, nothing in the future and nothing in the long past.

    Args:
        run: the run.
        known: the state of a feed on the partition, by force and name.
        furthest: the latest time that any of them claims, in microseconds.
        set_feed: called with the new state of a feed.
        admit: called with the place of each heartbeat that is not noted, after the states of all feeds before it are set.
    """
    noted, continued = 0, dict[FeedKey, _Continued | None]()
    last = furthest() - SKEW_MICROSECONDS
    for place, milliseconds in enumerate(run.timestamps):
        value, layout, now = run.values[place], run.layouts[place], milliseconds * 1000
        sender = sender_of(value, layout)
        claimed = None if sender is None else complete_to_of(value, layout, sender, now)
        feed = _of_sender(continued, sender, known)
        if (
            feed is not None
            and feed.sender == sender
            and claimed is not None
            and last <= now < feed.turn_until
            and feed.heartbeat_at <= now <= feed.heartbeat_at + PAUSE
            and feed.complete_to <= claimed <= now + SKEW_MICROSECONDS
            and claimed > now - LONG_PAST
            and run.timestamp_type
        ):
            feed.complete_to, feed.heartbeat_at, feed.seq = claimed, now, value[layout.seq]
            last, noted = now, noted + 1
            continue
        _set_all(continued, set_feed)
        admit(place)
        last = furthest() - SKEW_MICROSECONDS
    _set_all(continued, set_feed)
    return noted


def _of_sender(
    continued: dict[FeedKey, _Continued | None], sender: Sender | None, known: Callable[[FeedKey], FeedState | None]
) -> _Continued | None:
    """The feed of a sender; None if it is not known."""
    if sender is None:
        return None
    if sender.feed not in continued:
        continued[sender.feed] = _continued(sender, known(sender.feed))
    return continued[sender.feed]


def _continued(sender: Sender, state: FeedState | None) -> _Continued | None:
    if state is None:
        return None
    return _Continued(sender, state, state.complete_to, state.heartbeat_at, state.turn_since + SETTLING)


def _set_all(continued: dict[FeedKey, _Continued | None], set_feed: SetFeed) -> None:
    """Set the states of all feeds with noted heartbeats, and forget these."""
    for key, feed in continued.items():
        if feed is not None and feed.seq is not None:
            set_feed(key, feed.after(feed.seq))
    continued.clear()
