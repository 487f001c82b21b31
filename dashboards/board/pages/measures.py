"""The page of every measure that the force's feeds carry, over every live window."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct
from starlette.requests import Request

from dashboards.board.page import Page, Parts, View
from dashboards.board.tile import NOW, Tile, is_shown, shown, take_tile, windows
from measures.catalogue import CATALOGUE
from measures.measure import Measure
from measures.window import LIVE_WINDOWS


class MeasureRow(Struct, frozen=True):
    """One measure over every window shown; `place` is its place in the catalogue."""

    place: int
    name: str
    title: str
    question: str
    tiles: dict[str, Tile]


def _take(view: View) -> Parts:
    return {f"measure:{each.name}": _row(place, each, view) for place, each in enumerate(shown(view))}


def _row(place: int, measure: Measure, view: View) -> MeasureRow:
    asked = [NOW] if measure.is_open() else list(windows(view, LIVE_WINDOWS))
    tiles = {window: take_tile(measure, window, view) for window in asked}
    return MeasureRow(place, measure.name, measure.title, measure.question, tiles)


def _words(view: View, _: Request) -> Mapping[str, Any]:
    uncarried = [each.title for each in CATALOGUE.values() if not is_shown(each, view)]
    return {"columns": windows(view, LIVE_WINDOWS), "uncarried": uncarried}


MEASURES = Page(name="measures", path="/measures", title="All measures", take=_take, words=_words, has_style=True)
