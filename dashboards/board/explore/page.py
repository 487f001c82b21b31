"""The Explore page: a measure over one window, the distribution of its times, and its pattern over the week."""

from collections.abc import Mapping
from typing import Any

from starlette.datastructures import QueryParams
from starlette.requests import Request

from dashboards.board.explore.data import WEEKS, choice_of, parse_exploration, parse_weeks, query_of
from dashboards.board.shared.choices import choices
from dashboards.board.shared.chosen_window import check_window, window_control, window_titles
from dashboards.board.shared.page import Page, View
from dashboards.board.shared.query import BreakdownQuery, settled
from dashboards.board.shared.refusals import accepted
from dashboards.board.shared.tile import displayed_measures
from dashboards.report.explore import ExploreQuery
from measures.display import short_words
from measures.measure import Decided, Measure
from measures.reading import spans

_ANSWERED = {"leg_answer": "leg_answered", "leg_service": "leg_answered"}
"""The kind that has the times of a decided kind, where the two have different names."""


def _context(view: View, request: Request) -> Mapping[str, Any]:
    measures = [measure for measure in displayed_measures(view) if not measure.is_open()]
    query = settled(request.query_params)
    name = query.get("measure", measures[0].name)

    def parse(kept: QueryParams) -> tuple[ExploreQuery, int]:
        exploration = parse_exploration(name, kept)
        check_window(choice_of(exploration), kept, view, exploration.measure)
        return exploration, parse_weeks(kept)

    (exploration, weeks), refused = accepted(query, parse)
    return {
        **choices(_question(exploration), measures, view),
        "exploration": exploration,
        "weeks": weeks,
        "all_weeks": WEEKS,
        "control": window_control(choice_of(exploration), query, window_titles(view, exploration.measure), view),
        "refused": refused,
        "time": _typed_time(exploration, query),
        "query": query_of(exploration, weeks),
        "has_times": spans(exploration.measure) is not None,
        "times_measure": _times_measure(exploration.measure, measures),
    }


def _question(exploration: ExploreQuery) -> BreakdownQuery:
    return BreakdownQuery(
        exploration.measure, exploration.window, exploration.by, exploration.where, exploration.compare
    )


def _typed_time(exploration: ExploreQuery, query: QueryParams) -> str:
    """What the form's field for a time displays: what was typed, or the time in the address."""
    if typed := query.get("time", ""):
        return typed
    if exploration.within_seconds is not None:
        return short_words(float(exploration.within_seconds))
    within = query.get("within", "")
    return f"{within} s" if within else ""


def _times_measure(measure: Measure, measures: list[Measure]) -> Measure | None:
    """The measure of the times behind a measure of whether a target was met; None if there is none."""
    if not isinstance(measure.statistic, Decided):
        return None
    kind = measure.statistic.of.kind.removesuffix("_decided")
    candidates = ((each, spans(each)) for each in measures if each.where == measure.where)
    return next((each for each, of in candidates if of and of.kind == _ANSWERED.get(kind, kind)), None)


EXPLORE = Page(
    name="explore", path="/explore", title="Explore", context=_context, has_style=True, shared_style="analyst"
)
