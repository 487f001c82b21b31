"""The page of the alerts: what stands and who has taken it, fetched from the inbox that is mounted beside the pages."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from starlette.requests import Request

from dashboards.board.page import Page, Parts, View
from dashboards.board.shifts import span_at
from measures.outcome import microseconds

INBOX = "/api/alerts"
"""Where the inbox is mounted; docs/inbox.md describes it."""
_WITHOUT_SHIFTS = timedelta(hours=16)


def _take(view: View) -> Parts:
    """From when on alerts that have ended are listed: this shift and the last."""
    present = view.reader.present(view.force)
    span = span_at(view, present, is_last=True)
    since = span.start if span else present - _WITHOUT_SHIFTS
    local = since.astimezone(view.profile.zone())
    what = f"Ended since {local:%a %H:%M}{', in this shift and the last' if span else ''}"
    return {"ended": {"since": microseconds(since) // 1000, "title": what}}


def _words(view: View, _: Request) -> Mapping[str, Any]:
    return {"inbox": INBOX, "force_name": view.force}


ALERTS = Page(name="alerts", path="/alerts", title="Alerts", take=_take, words=_words, needs=INBOX, has_style=True)
