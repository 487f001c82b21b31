"""The heartbeat of a feed, which distinguishes a quiet feed from one that has stopped."""

from typing import Annotated

from msgspec import Meta

from facts.fact import Fact, Instant, Label


class FeedHeartbeat(Fact, frozen=True, kw_only=True, gc=False):
    """Reports that a feed has sent everything up to a time. It is sent to every partition of each topic the feed writes to.

    Attributes:
        feed: the feed's name, as the force's profile lists it.
        seq: the number of the heartbeat within one run of the feed.
        complete_to: the feed has sent everything up to this time, except corrections.
        replay: the feed replays recorded facts: the force's present is then the time the feed has reached, not the wall clock.
        history_to: the feed is sending its history and is not live until it reaches this time; None if it sends the present.
        history_from: the feed is sending older history too, newest first, back to this time; `complete_from` says how far it has got. None if it sends none.
        complete_from: the feed has sent everything since this time, and not yet everything before it. The record begins no earlier. None if it has sent whatever there is.
        ended: the replay has published everything it has, up to `complete_to`. Nothing more will come, so its silence is correct. It applies only with `replay`: a live feed does not end.
        simulated: the feed's facts are simulated, and figures from it must be marked as such.
    """

    feed: Label
    # The greatest whole number that every JSON parser reads exactly.
    seq: Annotated[int, Meta(ge=0, le=9_007_199_254_740_991)]
    complete_to: Instant
    replay: bool = False
    history_to: Instant | None = None
    history_from: Instant | None = None
    complete_from: Instant | None = None
    ended: bool = False
    simulated: bool = False
