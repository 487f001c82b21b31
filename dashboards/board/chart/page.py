"""The Charts page: a measure by month or week as a control chart, with the signals that chance does not explain."""

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request

from dashboards.board.chart.data import MOST, parse_series, periods_of, query_of
from dashboards.board.shared.choices import choices
from dashboards.board.shared.page import Page, View
from dashboards.board.shared.query import parse_query
from dashboards.board.shared.tile import displayed_measures
from measures.chart import FIRM, RULES


def _context(view: View, request: Request) -> Mapping[str, Any]:
    measures = [measure for measure in displayed_measures(view) if not measure.is_open()]
    name = request.query_params.get("measure", measures[0].name)
    series = parse_series(name, request.query_params)
    dates = series.recalculated
    starts = [start for start, _ in periods_of(series, view)[1:]]
    return {
        **choices(parse_query(name, request.query_params), measures, view),
        "series": series,
        "query": query_of(series),
        "most": MOST[series.grain],
        "further_dates": [day for day in starts if day not in dates],
        "recalculated": [(day, query_of(series, [other for other in dates if other != day])) for day in dates],
        "rules": list(RULES.values()),
        "firm": FIRM,
    }


CHART = Page(name="chart", path="/chart", title="Charts", context=_context, has_style=True, shared_style="analyst")
