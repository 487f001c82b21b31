"""The Now page for the supervisor: every panel; the Wall page reads the same parts."""

from collections.abc import Iterator, Mapping
from typing import Any

from starlette.requests import Request

from dashboards.board.now.attendance import read_unattended
from dashboards.board.now.journey import read_journey
from dashboards.board.now.layout import WINDOWS, Extra, displayed, has_extra, panels
from dashboards.board.shared.interval_queues import queue_of
from dashboards.board.shared.page import Page, Parts, View
from dashboards.board.shared.sparkline import read_sparkline
from dashboards.board.shared.table import by_windows, crossed
from dashboards.board.shared.tile import NOW, read_tile, reference_values, windows
from facts.force import Response
from producers.simulate.parameters import packaged

_RESPONSES: tuple[Response, ...] = ("immediate", "priority")


def read(view: View) -> Parts:
    """The tiles, sparklines and tables of every panel."""
    parts: Parts = {}
    for panel in panels(view):
        for measure in displayed(panel.now(), view):
            parts[f"tile:{measure.name}"] = {NOW: read_tile(measure, NOW, view)}
        for measure in displayed(panel.over_time(), view):
            parts[f"tile:{measure.name}"] = {name: read_tile(measure, name, view) for name in windows(view, WINDOWS)}
            parts[f"sparkline:{measure.name}"] = read_sparkline(measure, view)
        for measure in displayed(panel.measures(), view):
            parts[f"reference:{measure.name}"] = reference_values(measure, view)
        if has_extra(panel, view):
            parts |= dict(_extra(panel.extra, view))
    return parts


def _extra(extra: Extra | None, view: View) -> Iterator[tuple[str, Any]]:
    match extra:
        case "attendance":
            yield from ((f"attendance:{response}", read_unattended(response, view)) for response in _RESPONSES)
        case "journey":
            yield from ((f"journey:{days_back}", read_journey(view, days_back)) for days_back in (0, 1))
        case "channels":
            columns = windows(view, ("60m", "shift", "today"))
            yield "table:channels", by_windows("digital_offered_count", "channel", columns, view)
        case "grid":
            yield "table:grid", crossed("incident_count", "area", "grade", "today", view)
        case "suites":
            yield "table:suites", crossed("in_custody_count", "suite", "child", NOW, view)


def context(view: View, _: Request) -> Mapping[str, Any]:
    """What the template lays out."""
    listed = [
        {
            "panel": panel,
            "now": displayed(panel.now(), view),
            "over_time": displayed(panel.over_time(), view),
            "wall": displayed(panel.wall(), view),
            "intervals": next((queue for each in displayed(panel.measures(), view) if (queue := queue_of(each))), ""),
            "extra": panel.extra if has_extra(panel, view) else "",
        }
        for panel in panels(view)
    ]
    has_outlook = packaged().force == view.force  # the simulator is calibrated for this force
    return {"panels": listed, "has_outlook": has_outlook, "windows": windows(view, WINDOWS), "responses": _RESPONSES}


NOW_PAGE = Page(name="now", path="/", title="Now", read=read, context=context, has_style=True)
