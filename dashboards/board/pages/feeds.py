"""The page of the feeds: how far each has come, when it was heard, and what keeps it from being live."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from dashboards.board.frame import feed_troubles
from dashboards.board.page import Page, Parts
from measures.outcome import instant
from streams.readings import Reader

_COLUMNS: Mapping[str, str] = MappingProxyType(
    {
        "feed": "Feed",
        "state": "State",
        "complete_to": "Complete to",
        "heard_at": "Last heartbeat",
        "last_event_at": "Last event",
    }
)


def _take(reader: Reader, force: str) -> Parts:
    troubles = feed_troubles(reader, force)
    zone = reader.rules[force].force.zone()

    def said(at: int | None) -> str:
        return instant(at).astimezone(zone).strftime("%d %b %Y %H:%M:%S") if at is not None else "never"

    rows = []
    for feed in reader.feeds(force):
        reason = troubles[feed.feed][1] if feed.feed in troubles else "live"
        times = (said(at) for at in (feed.complete_to, feed.heard_at, feed.last_event_at))
        rows.append({"cells": [feed.feed, reason, *times], "state": "live" if reason == "live" else "stale"})
    return {"feeds": rows}


def _words(_: Reader, __: str) -> Mapping[str, Any]:
    return {"columns": _COLUMNS}


FEEDS = Page(name="feeds", path="/feeds", title="Feeds", take=_take, words=_words)
