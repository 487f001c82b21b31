"""The list of alerts as server-sent events: the whole list at first, and again after every change."""

import logging
from collections.abc import Callable

import msgspec
from msgspec.structs import replace

from alerts.inbox.api.view import Listing
from streams.event_stream import EventChannel, Follower, ReadIntervals, event

CHANNEL = "alerts"
_INTERVALS = ReadIntervals(change_seconds=0.5, alive_seconds=2.0)
"""How often to read at most and at least: a burst of entries is sent once, and figures and suppressions change even without an entry."""


class ListingChannel(EventChannel[Listing]):
    """Sends the list whenever it has changed."""

    def __init__(self) -> None:
        super().__init__()
        self._last = b""

    def update(self, content: Listing) -> None:
        """Send the list if it has changed."""
        comparable = _comparable(content)
        alive = event("alive", {})
        if comparable == self._last:
            self.keep(alive)
        else:
            self._last = comparable
            self.replace(alive, lambda: event(CHANNEL, content))

    def forget_content(self) -> None:
        """Forget the last list."""
        self._last = b""


def follower(read: Callable[[], Listing], wait: Callable[[float], None]) -> Follower[Listing]:
    """Follows the list of alerts.

    Args:
        read: reads the list; blocking.
        wait: waits for an entry for at most a number of seconds; blocking.
    """
    return Follower(
        {CHANNEL: ListingChannel()}, lambda _: read(), wait, _INTERVALS, logging.getLogger("bluelamp.inbox")
    )


def _comparable(listing: Listing) -> bytes:
    """The list without what changes merely because time passes."""
    alerts = tuple(replace(each, age_seconds=0) for each in listing.alerts)
    monitored = tuple(replace(each, heartbeat_at=None) for each in listing.monitored)
    return msgspec.json.encode((alerts, monitored, listing.suppressions, listing.refused))
