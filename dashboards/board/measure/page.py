"""The page of one measure: its breakdown, the open subjects that it counts, and its contract."""

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request

from dashboards.board.measure.data import parse_breakdown
from dashboards.board.shared.choices import choices
from dashboards.board.shared.chosen_window import window_control, window_titles
from dashboards.board.shared.page import Page, View
from dashboards.board.shared.query import settled
from dashboards.board.shared.refusals import accepted
from measures.catalogue import find


def _context(view: View, request: Request) -> Mapping[str, Any]:
    name, query = request.path_params["name"], settled(request.query_params)
    question, refused = accepted(query, lambda kept: parse_breakdown(name, kept, view))
    control = window_control(question.choice(), query, window_titles(view, question.measure), view)
    return {**choices(question, [find(name)], view), "control": control, "refused": refused}


MEASURE = Page(
    name="measure",
    path="/measure/{name}",
    title="Measure",
    context=_context,
    has_style=True,
    shared_style="analyst",
    is_listed=False,
)
