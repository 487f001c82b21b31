"""What feeds have said of themselves on one partition: how far they are complete, and when they were last heard."""

from collections.abc import Iterable, Mapping

import msgspec
from msgspec import Struct

from facts.force import Force


class FeedState(Struct):
    """What one feed has said on one partition, in microseconds since 1970.

    Attributes:
        complete_to: everything up to here was sent.
        heard_at: when the log received the last heartbeat.
        seq: of that heartbeat.
        is_replay: it plays recorded facts.
        history_to: it tells its history up to here; None when it tells the present.
        is_simulated: it has ever told what did not happen. That is in the figures for good, whatever is said later.
    """

    complete_to: int
    heard_at: int
    seq: int
    is_replay: bool
    is_simulated: bool = False
    history_to: int | None = None

    def is_loading(self) -> bool:
        """Whether what it has told is its history, and not yet all of it."""
        return self.history_to is not None and self.complete_to < self.history_to


class EventSpan(Struct):
    """The event times seen of one force on one partition, in microseconds since 1970."""

    first: int
    last: int


Feeds = dict[tuple[str, str], FeedState]
"""By force and feed."""


def watermark(feeds: Feeds, force: Force, topic: str) -> int | None:
    """Nothing older than this is expected of a force on a partition of a topic, in microseconds.

    It is the least that the feeds listed in the profile have said; None until every one has been heard.
    """
    listed = [feed.name for feed in force.feeds if feed.topic == topic]
    said = [feeds[force.name, feed].complete_to for feed in listed if (force.name, feed) in feeds]
    return min(said) if said and len(said) == len(listed) else None


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
