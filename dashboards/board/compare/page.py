"""The Compare page: a measure in two chosen windows, or in the standard periods next to the published figures."""

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request

from dashboards.board.compare.data import parse_comparison
from dashboards.board.shared.choices import choices
from dashboards.board.shared.chosen_window import window_control, window_titles
from dashboards.board.shared.page import Page, View
from dashboards.board.shared.query import settled
from dashboards.board.shared.refusals import accepted
from measures.catalogue import CATALOGUE
from measures.measure import External, Measure

_STANDARD = {"": "Standard periods"}
"""Without a window, the page has the periods of the published report."""


def _context(view: View, request: Request) -> Mapping[str, Any]:
    measures = [measure for measure in CATALOGUE.values() if _can_be_compared(measure, view)]
    query = settled(request.query_params)
    name = query.get("measure", measures[0].name)
    question, refused = accepted(query, lambda kept: parse_comparison(name, kept, view))
    titles = window_titles(view, question.measure)
    named = titles if question.measure.is_open() else _STANDARD | titles
    control = window_control(question.choice(), query, named, view)
    return {**choices(question, measures, view), "control": control, "refused": refused}


def _can_be_compared(measure: Measure, view: View) -> bool:
    return bool(measure.feeds(view.profile)) or isinstance(measure.statistic, External)


COMPARE = Page(name="compare", path="/compare", title="Compare", context=_context, shared_style="analyst")
