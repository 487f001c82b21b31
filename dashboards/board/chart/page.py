"""The Charts page: a measure by month, week or day as a control chart, with the signals that chance does not explain."""

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace
from starlette.datastructures import QueryParams
from starlette.requests import Request

from dashboards.board.chart.data import check_series, moves, parse_series, periods_of, query_of
from dashboards.board.shared.choices import choices, label_choices
from dashboards.board.shared.chosen_window import WindowChoice, day_titles, window_control
from dashboards.board.shared.page import Page, View
from dashboards.board.shared.query import BreakdownQuery, dimensions, first_dimension, settled
from dashboards.board.shared.refusals import accepted
from dashboards.board.shared.table import name_of
from dashboards.board.shared.tile import displayed_measures
from dashboards.report.series import MOST, SeriesQuery
from measures.chart import FIRM, RULES

_LATEST = {"": "The latest periods"}
"""Without a window, the chart has the last whole periods, as many as the form says."""


def _context(view: View, request: Request) -> Mapping[str, Any]:
    measures = [measure for measure in displayed_measures(view) if not measure.is_open()]
    query = settled(request.query_params)
    name = query.get("measure", measures[0].name)

    def parse(kept: QueryParams) -> SeriesQuery:
        series = parse_series(name, kept)
        check_series(series, kept, view)
        return series

    series, refused = accepted(query, parse)
    question = BreakdownQuery(series.measure, series.window, "", series.where, series.compare)
    choice = WindowChoice(series.window, series.compare)
    return {
        **choices(question, measures, view),
        "control": window_control(choice, query, _LATEST | day_titles(), view, has_times=False),
        "refused": refused,
        "series": series,
        "query": query_of(series),
        "typed": {
            name: query.get(name, str(value)) for name, value in (("grain", series.grain), ("last", series.count))
        },
        "most": MOST[series.grain],
        "over_words": label_choices(series.measure, {}, view),
        "over": [f"{name}:{word}" for name, word in series.over],
        "laid_over": [
            (
                name_of(name, word, view),
                query_of(replace(series, over=tuple(each for each in series.over if each != (name, word)))),
            )
            for name, word in series.over
        ],
        "moves": moves(series, view),
        "small_by": query.get("small_by", first_dimension(series.measure, series.where)),
        "small_titles": {each: title for each, title in dimensions(series.measure).items() if each not in series.where},
        **_limits(series, view),
    }


def _limits(series: SeriesQuery, view: View) -> dict[str, Any]:
    """The dates from which limits are recalculated, those from which they could be, and the rules."""
    dates = series.recalculated
    starts = [each.start for each in periods_of(series, view)[1:]] if series.grain != "day" else []
    return {
        "further_dates": [day for day in starts if day not in dates],
        "recalculated": [(day, query_of(series, [other for other in dates if other != day])) for day in dates],
        "rules": list(RULES.values()),
        "firm": FIRM,
    }


CHART = Page(name="chart", path="/chart", title="Charts", context=_context, has_style=True, shared_style="analyst")
