"""What a feed says of itself: the heartbeat that tells a quiet line from a dead one."""

from typing import Annotated

from msgspec import Meta

from facts.fact import Fact, Instant, Label


class FeedHeartbeat(Fact, frozen=True, kw_only=True, gc=False):
    """A feed has sent everything up to a time; it goes to every partition of every topic the feed writes.

    Attributes:
        feed: the feed's name, as the force's profile lists it.
        seq: counts the heartbeats of one run of the feed.
        complete_to: nothing older than this is still to come from this feed, short of corrections.
        replay: the feed plays recorded facts: the force's clock is then the feed's own, not the wall's.
        history_to: the feed tells its history, and is not live before it has come to here; None when it tells the present.
        simulated: nothing the feed tells has happened; whoever shows figures of it must say so.
    """

    feed: Label
    # The greatest whole number that every reader of JSON holds exactly.
    seq: Annotated[int, Meta(ge=0, le=9_007_199_254_740_991)]
    complete_to: Instant
    replay: bool = False
    history_to: Instant | None = None
    simulated: bool = False
