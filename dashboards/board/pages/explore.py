"""The page that explores: a measure over one window, how its times are spread, what share is within any of them, and its week."""

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request

from dashboards.board.choices import choices
from dashboards.board.drill import asked, window_titles
from dashboards.board.exploring import WEEKS, exploring, query_of, weeks_asked
from dashboards.board.page import Page, View
from dashboards.board.tile import shown
from measures.chart import periods
from measures.measure import Decided, Measure
from measures.reading import spans

_MONTHS = 24
_ANSWERED = {"leg_answer": "leg_answered", "leg_service": "leg_answered"}
"""The spans that are decided under another name."""


def _words(view: View, request: Request) -> Mapping[str, Any]:
    known = [measure for measure in shown(view) if not measure.is_open()]
    name, query = request.query_params.get("measure", known[0].name), request.query_params
    told, weeks = exploring(name, query), weeks_asked(query)
    return {
        **choices(asked(name, query), known, view),
        "told": told,
        "weeks": weeks,
        "every_weeks": WEEKS,
        "windows": _windows(told.window, told.measure, view),
        "query": query_of(told, weeks),
        "has_spans": spans(told.measure) is not None,
        "sibling": _sibling(told.measure, known),
    }


def _windows(chosen: str, measure: Measure, view: View) -> dict[str, str]:
    """Every window with a name, the last whole months, and whichever was asked for."""
    today = view.reader.known_present(view.force).astimezone(view.profile.zone()).date()
    months = {f"{start}/{end}": f"{start:%B %Y}" for start, end in reversed(periods("month", today, _MONTHS))}
    return {chosen: chosen.replace("/", " to before "), **window_titles(view, measure), **months}


def _sibling(measure: Measure, known: list[Measure]) -> Measure | None:
    """The measure of the times behind one that says only whether they met their target."""
    if not isinstance(measure.statistic, Decided):
        return None
    kind = measure.statistic.of.kind.removesuffix("_decided")
    found = ((each, spans(each)) for each in known if each.where == measure.where)
    return next((each for each, of in found if of and of.kind == _ANSWERED.get(kind, kind)), None)


EXPLORE = Page(name="explore", path="/explore", title="Explore", words=_words, has_style=True, shared_style="analyst")
