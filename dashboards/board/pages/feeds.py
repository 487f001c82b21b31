"""The page of the feeds: how far each has come, when it was heard, what waits in the log, and what was quarantined."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from starlette.requests import Request

from dashboards.board.frame import feed_troubles
from dashboards.board.page import LogEnds, Page, Parts, View
from measures.display import span_words
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
        "waiting": "Waiting in the log",
        "facts": "Facts",
        "duplicates": "Duplicates",
        "late": "Late",
        "quarantined": "Quarantined, with reason",
    }
)
_QUARANTINED = "quarantined_"


def _take(view: View) -> Parts:
    troubles = feed_troubles(view.reader, view.force)
    feeds = view.reader.feeds(view.force)
    present, ends = microseconds(view.reader.present(view.force)), view.log_ends()
    rows = [_feed(each, troubles.get(each.feed, ""), present, view) for each in feeds]
    topics = dict.fromkeys(each.topic for each in feeds)
    return {"feeds": rows, "topics": [_topic(topic, feeds, ends, view) for topic in topics]}


def _feed(feed: FeedStatus, trouble: str, present: int, view: View) -> dict[str, Any]:
    allowed = next(each.stale_after_seconds for each in view.profile.feeds if each.name == feed.feed)
    behind = "-" if feed.complete_to is None else span_words(max(0, round((present - feed.complete_to) / SECOND)))
    times = [_said(at, view) for at in (feed.last_event_at, feed.heartbeat_at, feed.complete_to)]
    cells = [feed.feed, trouble or "live", *times, behind, span_words(allowed)]
    return {"cells": cells, "state": "stale" if trouble else "live"}


def _topic(topic: str, feeds: list[FeedStatus], ends: LogEnds, view: View) -> dict[str, Any]:
    counts = {place: known for place, known in view.reader.counts().items() if place[0] == topic}
    marks = [each.complete_to for each in feeds if each.topic == topic]
    watermark = min(mark for mark in marks if mark is not None) if marks and None not in marks else None
    waiting = "the log is not asked" if ends is None else _waiting(counts, ends)
    told = [f"{sum(known.get(name, 0) for known in counts.values()):,}" for name in ("facts", "duplicates", "late")]
    cells = [topic, _said(watermark, view), waiting, *told, _quarantined(counts)]
    return {"cells": cells, "state": "live"}


def _waiting(counts: Mapping[tuple[str, int], Mapping[str, int]], log: LogSnapshot) -> str:
    """Records between the applied offset and the end of the log, as it was at the last look, and what nobody may read of them yet."""
    late = sum(max(0, log.ends.get(place, 0) - known.get("applied_offset", 0)) for place, known in counts.items())
    held = sum(log.held_back.get(place, 0) for place in counts)
    return f"{late + held:,} records" + (f", {held:,} of them behind an open transaction" if held else "")


def _quarantined(counts: Mapping[tuple[str, int], Mapping[str, int]]) -> str:
    reasons: dict[str, int] = {}
    for known in counts.values():
        for name, count in known.items():
            if name.startswith(_QUARANTINED) and count:
                reason = name.removeprefix(_QUARANTINED).replace("_", " ")
                reasons[reason] = reasons.get(reason, 0) + count
    return ", ".join(f"{count:,} {reason}" for reason, count in sorted(reasons.items())) or "none"


def _said(at: int | None, view: View) -> str:
    if at is None:
        return "never"
    told = instant(at).astimezone(view.profile.zone()).strftime("%d %b %Y %H:%M:%S")
    return f"{told}, in the future" if is_later(at, microseconds(view.reader.now())) else told


def _words(_: View, __: Request) -> Mapping[str, Any]:
    return {"columns": _FEED_COLUMNS, "topic_columns": _TOPIC_COLUMNS}


FEEDS = Page(name="feeds", path="/feeds", title="Feeds", take=_take, words=_words)
