"""The Feeds page: how complete each feed is, its last heartbeat, the topics' backlog, and quarantined facts."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from starlette.requests import Request

from dashboards.board.shared.frame import feed_troubles
from dashboards.board.shared.page import LogEnds, Page, Parts, View
from measures.display import short_words
from measures.outcome import SECOND, instant, microseconds
from measures.reading import FeedStatus, is_later
from streams.logwatch import LogSnapshot

_FEED_COLUMNS: Mapping[str, str] = MappingProxyType(
    {
        "feed": "Feed",
        "state": "State",
        "last_event_at": "Last event",
        "heartbeat_at": "Last heartbeat",
        "complete_to": "Complete to",
        "behind": "Behind",
        "allowed": "Stale after",
    }
)
_TOPIC_COLUMNS: Mapping[str, str] = MappingProxyType(
    {
        "topic": "Topic",
        "watermark": "Watermark",
        "backlog": "Not yet applied",
        "facts": "Facts",
        "duplicates": "Duplicates",
        "late": "Late",
        "quarantined": "Quarantined, by reason",
    }
)
_QUARANTINED = "quarantined_"


def _read(view: View) -> Parts:
    troubles = feed_troubles(view.reader, view.force)
    feeds = view.reader.feeds(view.force)
    present, ends = microseconds(view.reader.present(view.force)), view.log_ends()
    rows = [_feed(each, troubles.get(each.feed, ""), present, view) for each in feeds]
    topics = dict.fromkeys(each.topic for each in feeds)
    return {"feeds": rows, "topics": [_topic(topic, feeds, ends, view) for topic in topics]}


def _feed(feed: FeedStatus, trouble: str, present: int, view: View) -> dict[str, Any]:
    allowed = next(each.stale_after_seconds for each in view.profile.feeds if each.name == feed.feed)
    behind = "-" if feed.complete_to is None else short_words(max(0, round((present - feed.complete_to) / SECOND)))
    times = [_time_words(at, view) for at in (feed.last_event_at, feed.heartbeat_at, feed.complete_to)]
    cells = [feed.feed, trouble or "live", *times, behind, short_words(allowed)]
    return {"cells": cells, "state": "stale" if trouble else "live"}


def _topic(topic: str, feeds: list[FeedStatus], ends: LogEnds, view: View) -> dict[str, Any]:
    partitions = {place: counts for place, counts in view.reader.counts().items() if place[0] == topic}
    marks = [each.complete_to for each in feeds if each.topic == topic]
    watermark = min(mark for mark in marks if mark is not None) if marks and None not in marks else None
    backlog = "not known" if ends is None else _backlog(partitions, ends)
    totals = [f"{sum(each.get(name, 0) for each in partitions.values()):,}" for name in ("facts", "duplicates", "late")]
    cells = [topic, _time_words(watermark, view), backlog, *totals, _quarantined(partitions)]
    return {"cells": cells, "state": "live"}


def _backlog(partitions: Mapping[tuple[str, int], Mapping[str, int]], log: LogSnapshot) -> str:
    """The records between the applied offset and the end of the log, and those of an open transaction, which nobody can read yet."""
    unread = sum(
        max(0, log.ends.get(place, 0) - counts.get("applied_offset", 0)) for place, counts in partitions.items()
    )
    in_transaction = sum(log.held_back.get(place, 0) for place in partitions)
    words = f"{unread + in_transaction:,} records"
    return f"{words} ({in_transaction:,} in an open transaction)" if in_transaction else words


def _quarantined(partitions: Mapping[tuple[str, int], Mapping[str, int]]) -> str:
    reasons: dict[str, int] = {}
    for counts in partitions.values():
        for name, count in counts.items():
            if name.startswith(_QUARANTINED) and count:
                reason = name.removeprefix(_QUARANTINED).replace("_", " ")
                reasons[reason] = reasons.get(reason, 0) + count
    return ", ".join(f"{count:,} {reason}" for reason, count in sorted(reasons.items())) or "none"


def _time_words(at: int | None, view: View) -> str:
    if at is None:
        return "never"
    local = instant(at).astimezone(view.profile.zone()).strftime("%d %b %Y %H:%M:%S")
    return f"{local} (in the future)" if is_later(at, microseconds(view.reader.now())) else local


def _context(_: View, __: Request) -> Mapping[str, Any]:
    return {"columns": _FEED_COLUMNS, "topic_columns": _TOPIC_COLUMNS}


FEEDS = Page(name="feeds", path="/feeds", title="Feeds", read=_read, context=_context)
