"""The Alerts page: active and resolved alerts, which the page fetches from the mounted inbox, and what a person may end by hand."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from starlette.requests import Request

from dashboards.board.shared.page import INBOX, Page, Parts, View
from dashboards.board.shared.shifts import shift_span
from dashboards.board.shared.table import name_of
from dashboards.board.shared.tile import VALUE_STATES
from measures.catalogue import CATALOGUE
from measures.measure import Measure, OpenCount
from measures.outcome import SECOND, UNRECORDED_END, OpenItem, Subject, instant, microseconds
from measures.reading import ListedSubject

_WITHOUT_SHIFTS = timedelta(hours=16)
_LISTED = 100
"""The most subjects without an end that the page lists."""


_NAMED = 5
"""The most waiting subjects that a card names; its measure's page lists all."""


def _read(view: View) -> Parts:
    return {"ended": _since(view), "unrecorded": _unrecorded(view), "waiting": _waiting(view)}


def _waiting(view: View) -> dict[str, Any]:
    """By measure, the contacts and incidents that have waited too long, the longest first: what an alert's card names."""
    found = {measure.name: _waiting_of(measure, view) for measure in _LONG_WAITS}
    return {name: each for name, each in found.items() if each}


_LONG_WAITS = tuple(
    measure
    for measure in CATALOGUE.values()
    if isinstance(measure.statistic, OpenCount) and measure.statistic.at_least_seconds and "custody" not in measure.topics()
)  # fmt: skip


def _waiting_of(measure: Measure, view: View) -> dict[str, Any] | None:
    reading = view.reader.read(measure, "60m", force=view.force)[0]
    if reading.state not in VALUE_STATES or not reading.value:
        return None
    now = microseconds(view.reader.present(view.force))
    listed = sorted(view.reader.listed(measure, force=view.force), key=lambda each: (each.item.since, each.subject_id))
    return {"count": len(listed), "rows": [_waiting_row(each, now, view) for each in listed[:_NAMED]]}


def _waiting_row(each: ListedSubject, now: int, view: View) -> dict[str, Any]:
    """An opaque number, where it is, and how long it has waited."""
    place = next((name for name in ("area", "queue") if name in each.dimensions), "")
    where = name_of(place, each.dimensions[place], view) if place else ""
    return {"id": each.subject_id, "where": where, "seconds": max(0, now - each.item.since) // SECOND}


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
            if item.since > now:  # there is still time to record its end
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
    return {"inbox": f"{view.root}{INBOX}", "force_name": view.force}


ALERTS = Page(name="alerts", path="/alerts", title="Alerts", read=_read, context=_context, needs=INBOX, has_style=True)
