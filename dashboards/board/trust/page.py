"""The Trust page: what is missing from each feed and area, and the least complete figures."""

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request

from dashboards.board.shared.page import Page, Parts, View
from dashboards.board.shared.table import name_of
from dashboards.board.shared.tile import text
from measures.catalogue import CATALOGUE
from measures.display import NOTHING, doubt_words, words
from measures.reading import Reading
from measures.trust import WHAT, Missing, TrustRow
from streams.trust import read_trust

_LISTED = 25
"""The most figures that the page lists."""
_FEED_COLUMNS = ("Feed", "Cases", *WHAT.values())
_AREA_COLUMNS = ("Area", "Cases", WHAT["unrecorded"], "Area not in the profile")
_FIGURE_COLUMNS = ("Figure", "Value", "n", "What is not recorded")


def _read(view: View) -> Parts:
    trust = read_trust(view.reader, view.force)
    return {
        "feeds": [_row(row, row.name) for row in trust.feeds],
        "areas": [_row(row, name_of("area", row.name, view)) for row in trust.areas],
        "figures": [_figure(reading) for reading in trust.readings[:_LISTED]],
    }


def _row(row: TrustRow, name: str) -> dict[str, Any]:
    cases = NOTHING if row.cases is None else f"{row.cases:,}"
    return {"cells": [name, cases, *map(_missing_words, row.missing)]}


def _missing_words(missing: Missing) -> str:
    if missing.count is None or missing.of is None:
        return "not known"
    return f"{missing.count:,} ({words(missing.share(), 'ratio')})" if missing.count else "none"


def _figure(reading: Reading) -> dict[str, Any]:
    measure = CATALOGUE[reading.measure]
    doubt = doubt_words(reading.low, reading.high, reading.unrecorded, measure.unit)
    n = NOTHING if reading.n is None else f"{reading.n:,}"
    return {"cells": [measure.title, text(reading, measure), n, doubt], "link": f"/measure/{measure.name}?window=24h"}


def _context(_: View, __: Request) -> Mapping[str, Any]:
    return {"feed_columns": _FEED_COLUMNS, "area_columns": _AREA_COLUMNS, "figure_columns": _FIGURE_COLUMNS}


TRUST = Page(name="trust", path="/trust", title="Trust", read=_read, context=_context)
