"""The Explore page: a measure over one window, the distribution of its times, and its pattern over the week."""

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request

from dashboards.board.explore.data import WEEKS, parse_exploration, parse_weeks, query_of
from dashboards.board.shared.choices import choices
from dashboards.board.shared.page import Page, View
from dashboards.board.shared.query import parse_query, window_titles
from dashboards.board.shared.tile import displayed_measures
from dashboards.report.periods import Period
from measures.chart import periods
from measures.measure import Decided, Measure
from measures.reading import spans
from measures.window import parse_day

_MONTHS = 24
_ANSWERED = {"leg_answer": "leg_answered", "leg_service": "leg_answered"}
"""The kind of the finished times where it differs from the kind that is decided."""


def _context(view: View, request: Request) -> Mapping[str, Any]:
    measures = [measure for measure in displayed_measures(view) if not measure.is_open()]
    name, query = request.query_params.get("measure", measures[0].name), request.query_params
    exploration, weeks = parse_exploration(name, query), parse_weeks(query)
    return {
        **choices(parse_query(name, query), measures, view),
        "exploration": exploration,
        "weeks": weeks,
        "all_weeks": WEEKS,
        "windows": _windows(exploration.window, exploration.measure, view),
        "query": query_of(exploration, weeks),
        "has_times": spans(exploration.measure) is not None,
        "times_measure": _times_measure(exploration.measure, measures),
    }


def _windows(chosen: str, measure: Measure, view: View) -> dict[str, str]:
    """The titles of every named window, of the last whole months, and of the chosen window."""
    today = view.reader.known_present(view.force).astimezone(view.profile.zone()).date()
    months = {f"{start}/{end}": f"{start:%B %Y}" for start, end in reversed(periods("month", today, _MONTHS))}
    return {chosen: _title(chosen), **window_titles(view, measure), **months}


def _title(window: str) -> str:
    """The title of a window that may have no name: its days, the last one included."""
    start, slash, end = window.partition("/")
    return Period("", parse_day(start, "window"), parse_day(end, "window")).words() if slash else window


def _times_measure(measure: Measure, measures: list[Measure]) -> Measure | None:
    """For a measure of whether a target was met: the measure of the times behind it."""
    if not isinstance(measure.statistic, Decided):
        return None
    kind = measure.statistic.of.kind.removesuffix("_decided")
    candidates = ((each, spans(each)) for each in measures if each.where == measure.where)
    return next((each for each, of in candidates if of and of.kind == _ANSWERED.get(kind, kind)), None)


EXPLORE = Page(
    name="explore", path="/explore", title="Explore", context=_context, has_style=True, shared_style="analyst"
)
