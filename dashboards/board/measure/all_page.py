"""The page of all measures: every measure that the force has feeds for, over every live window."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct
from starlette.requests import Request

from dashboards.board.shared.page import Page, Parts, View
from dashboards.board.shared.tile import NOW, Tile, displayed_measures, is_displayed, read_tile, windows
from measures.catalogue import CATALOGUE
from measures.measure import Measure
from measures.window import LIVE_WINDOWS


class MeasureRow(Struct, frozen=True):
    """One measure over every window; `place` is its place in the catalogue."""

    place: int
    name: str
    title: str
    question: str
    tiles: dict[str, Tile]


def _read(view: View) -> Parts:
    return {f"measure:{each.name}": _row(place, each, view) for place, each in enumerate(displayed_measures(view))}


def _row(place: int, measure: Measure, view: View) -> MeasureRow:
    names = [NOW] if measure.is_open() else list(windows(view, LIVE_WINDOWS))
    tiles = {window: read_tile(measure, window, view) for window in names}
    return MeasureRow(place, measure.name, measure.title, measure.question, tiles)


def _context(view: View, _: Request) -> Mapping[str, Any]:
    without_feed = [
        each.title for each in CATALOGUE.values() if not is_displayed(each, view) and not each.is_of_people()
    ]
    return {"columns": windows(view, LIVE_WINDOWS), "without_feed": without_feed}


MEASURES = Page(
    name="measures",
    path="/measures",
    title="All measures",
    folder="measure",
    read=_read,
    context=_context,
    has_style=True,
)
