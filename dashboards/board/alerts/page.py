"""The Alerts page: active and resolved alerts, which the page fetches from the mounted inbox, and what a person may end by hand."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from starlette.requests import Request

from dashboards.board.shared.page import INBOX, Page, Parts, View
from dashboards.board.shared.shifts import shift_span
from measures.outcome import UNRECORDED_END, OpenItem, Subject, instant, microseconds

_WITHOUT_SHIFTS = timedelta(hours=16)
_LISTED = 100
"""The most subjects without an end that the page lists."""


def _read(view: View) -> Parts:
    return {"ended": _since(view), "unrecorded": _unrecorded(view)}


def _since(view: View) -> dict[str, Any]:
    """The time from which resolved alerts are listed: the start of the previous shift."""
    present = view.reader.present(view.force)
    span = shift_span(view, present, is_last=True)
    since = span.start if span else present - _WITHOUT_SHIFTS
    local = since.astimezone(view.profile.zone())
    title = f"Resolved since {local:%a %H:%M}{' (this shift and the previous one)' if span else ''}"
    return {"since": microseconds(since) // 1000, "title": title}


def _unrecorded(view: View) -> dict[str, Any]:
    """Contacts and incidents whose end counts as unrecorded, the oldest first."""
    found: dict[tuple[Subject, str], OpenItem] = {}
    now = microseconds(view.reader.present(view.force))
    for subject, kind in UNRECORDED_END.items():
        for subject_id, item in view.reader.open_subjects(view.force, kind):
            if item.since > now:  # its end has some time yet to be recorded
                continue
            # An incident may lack both an arrival and a closure.
            found[subject, subject_id] = min(item, found.get((subject, subject_id), item), key=_since_of)
    oldest_first = sorted(found.items(), key=lambda each: (each[1].began, each[0]))
    return {"count": len(found), "rows": [_row(*each, view) for each in oldest_first[:_LISTED]]}


def _since_of(item: OpenItem) -> int:
    return item.since


def _row(named: tuple[Subject, str], item: OpenItem, view: View) -> dict[str, str]:
    subject, subject_id = named
    began, since = (instant(each).astimezone(view.profile.zone()) for each in (item.began, item.since))
    says = f"Began on {began:%-d %B %Y at %H:%M}. Its end has counted as unrecorded since {since:%-d %B %Y at %H:%M}."
    return {"subject": subject, "id": subject_id, "title": f"{subject.title()} {subject_id}", "says": says}


def _context(view: View, _: Request) -> Mapping[str, Any]:
    return {"inbox": INBOX, "force_name": view.force}


ALERTS = Page(name="alerts", path="/alerts", title="Alerts", read=_read, context=_context, needs=INBOX, has_style=True)
