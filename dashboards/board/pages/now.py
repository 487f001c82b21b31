"""The supervisor's page: every panel as it stands now; the wall follows the same parts."""

from collections.abc import Iterator, Mapping
from typing import Any

from starlette.requests import Request

from dashboards.board.attendance import take_jobs
from dashboards.board.journey import take_journey
from dashboards.board.layout import WINDOWS, has_extra, named, panels
from dashboards.board.page import Page, Parts, View
from dashboards.board.sparkline import take_course
from dashboards.board.table import by_windows, crossed
from dashboards.board.tile import NOW, custom, take_tile, windows
from facts.force import Response

_RESPONSES: tuple[Response, ...] = ("immediate", "priority")


def take(view: View) -> Parts:
    """The tiles, courses and tables of every panel."""
    parts: Parts = {}
    for panel in panels(view):
        for measure in named(panel.now, view):
            parts[f"tile:{measure.name}"] = {NOW: take_tile(measure, NOW, view)}
        for measure in named(panel.course, view):
            parts[f"tile:{measure.name}"] = {name: take_tile(measure, name, view) for name in windows(view, WINDOWS)}
            parts[f"course:{measure.name}"] = take_course(measure, view)
        for measure in named((*panel.now, *panel.course), view):
            parts[f"custom:{measure.name}"] = custom(measure, view)
        if has_extra(panel, view):
            parts |= dict(_extra(panel.extra, view))
    return parts


def _extra(name: str, view: View) -> Iterator[tuple[str, Any]]:
    match name:
        case "attendance":
            yield from ((f"attendance:{response}", take_jobs(response, view)) for response in _RESPONSES)
        case "journey":
            yield from ((f"journey:{back}", take_journey(view, back)) for back in (0, 1))
        case "channels":
            chosen = windows(view, ("60m", "shift", "today"))
            yield "table:channels", by_windows("digital_offered_count", "channel", chosen, view)
        case "grid":
            yield "table:grid", crossed("incident_count", "area", "grade", "today", view)
        case "suites":
            yield "table:suites", crossed("in_custody_count", "suite", "child", NOW, view)


def words(view: View, _: Request) -> Mapping[str, Any]:
    """What the template lays out."""
    found = [
        {
            "panel": panel,
            "now": named(panel.now, view),
            "course": named(panel.course, view),
            "wall": named(panel.wall, view),
            "extra": panel.extra if has_extra(panel, view) else "",
        }
        for panel in panels(view)
    ]
    return {"panels": found, "windows": windows(view, WINDOWS), "responses": _RESPONSES}


NOW_PAGE = Page(name="now", path="/", title="Now", take=take, words=words, has_style=True)
