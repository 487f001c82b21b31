"""The Alerts page: active and resolved alerts, which the page fetches from the mounted inbox."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from starlette.requests import Request

from dashboards.board.shared.page import INBOX, Page, Parts, View
from dashboards.board.shared.shifts import shift_span
from measures.outcome import microseconds

_WITHOUT_SHIFTS = timedelta(hours=16)


def _read(view: View) -> Parts:
    """The time from which resolved alerts are listed: the start of the previous shift."""
    present = view.reader.present(view.force)
    span = shift_span(view, present, is_last=True)
    since = span.start if span else present - _WITHOUT_SHIFTS
    local = since.astimezone(view.profile.zone())
    title = f"Resolved since {local:%a %H:%M}{' (this shift and the previous one)' if span else ''}"
    return {"ended": {"since": microseconds(since) // 1000, "title": title}}


def _context(view: View, _: Request) -> Mapping[str, Any]:
    return {"inbox": INBOX, "force_name": view.force}


ALERTS = Page(name="alerts", path="/alerts", title="Alerts", read=_read, context=_context, needs=INBOX, has_style=True)
