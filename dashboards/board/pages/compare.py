"""The page that compares: a measure today, this month, last month, over twelve months and the twelve before, and as published."""

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request

from dashboards.board.choices import choices
from dashboards.board.drill import asked
from dashboards.board.page import Page, View
from measures.catalogue import CATALOGUE
from measures.measure import External, Measure


def _words(view: View, request: Request) -> Mapping[str, Any]:
    known = [measure for measure in CATALOGUE.values() if _is_compared(measure, view)]
    question = asked(request.query_params.get("measure", known[0].name), request.query_params)
    return choices(question, known, view)


def _is_compared(measure: Measure, view: View) -> bool:
    return bool(measure.feeds(view.profile)) or isinstance(measure.statistic, External)


COMPARE = Page(name="compare", path="/compare", title="Compare", words=_words, shared_style="analyst")
