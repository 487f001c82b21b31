"""The page of one measure: its breakdown, the open subjects that it counts, and its contract."""

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request

from dashboards.board.shared.contract import contract
from dashboards.board.shared.page import Page, View
from dashboards.board.shared.query import active_filters, dimensions, parse_query, window_titles


def _context(view: View, request: Request) -> Mapping[str, Any]:
    question = parse_query(request.path_params["name"], request.query_params)
    windows = window_titles(view, question.measure)
    return {
        "question": question,
        "contract": contract(question.measure, view),
        "windows": {title: (name == question.window, question.query(window=name)) for name, title in windows.items()},
        "dimensions": {
            title: (name == question.by, question.query(by=name))
            for name, title in dimensions(question.measure).items()
        },
        "filters": active_filters(question, view),
    }


MEASURE = Page(
    name="measure",
    path="/measure/{name}",
    title="Measure",
    context=_context,
    has_style=True,
    shared_style="analyst",
    is_listed=False,
)
