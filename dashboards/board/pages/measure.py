"""The page of one measure: its breakdown, the open subjects it counts, and its contract."""

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request

from dashboards.board.contract import contract
from dashboards.board.drill import asked, dimensions, window_titles
from dashboards.board.page import Page, View
from dashboards.board.table import DIMENSION_TITLES, name_of


def _words(view: View, request: Request) -> Mapping[str, Any]:
    question = asked(request.path_params["name"], request.query_params)
    limits = [
        (
            DIMENSION_TITLES.get(name, name),
            ", ".join(name_of(name, word, view) for word in chosen),
            question.query(where={other: words for other, words in question.where.items() if other != name}),
        )
        for name, chosen in question.where.items()
    ]
    windows = window_titles(view, question.measure)
    return {
        "question": question,
        "contract": contract(question.measure, view),
        "windows": {title: (name == question.window, question.query(window=name)) for name, title in windows.items()},
        "ways": {
            title: (name == question.by, question.query(by=name))
            for name, title in dimensions(question.measure).items()
        },
        "limits": limits,
    }


MEASURE = Page(
    name="measure",
    path="/measure/{name}",
    title="Measure",
    words=_words,
    has_style=True,
    shared_style="analyst",
    is_listed=False,
)
