"""The page of control charts: a measure month by month or week by week, with what chance does not explain."""

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request

from dashboards.board.charting import MOST, query_of, series_asked, starts
from dashboards.board.choices import choices
from dashboards.board.drill import asked
from dashboards.board.page import Page, View
from dashboards.board.tile import shown
from measures.chart import FIRM, RULES


def _words(view: View, request: Request) -> Mapping[str, Any]:
    known = [measure for measure in shown(view) if not measure.is_open()]
    name = request.query_params.get("measure", known[0].name)
    series = series_asked(name, request.query_params)
    dates = series.recalculated
    later = [start for start, _ in starts(series, view)[1:]]
    return {
        **choices(asked(name, request.query_params), known, view),
        "series": series,
        "query": query_of(series),
        "most": MOST[series.grain],
        "later": [day for day in later if day not in dates],
        "anew": [(day, query_of(series, [other for other in dates if other != day])) for day in dates],
        "rules": list(RULES.values()),
        "firm": FIRM,
    }


CHART = Page(name="chart", path="/chart", title="Charts", words=_words, has_style=True, shared_style="analyst")
