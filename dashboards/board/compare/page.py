"""The Compare page: a measure today, this month, last month, over the last 12 months and the 12 before, and as published."""

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request

from dashboards.board.shared.choices import choices
from dashboards.board.shared.page import Page, View
from dashboards.board.shared.query import parse_query
from measures.catalogue import CATALOGUE
from measures.measure import External, Measure


def _context(view: View, request: Request) -> Mapping[str, Any]:
    measures = [measure for measure in CATALOGUE.values() if _can_be_compared(measure, view)]
    question = parse_query(request.query_params.get("measure", measures[0].name), request.query_params)
    return choices(question, measures, view)


def _can_be_compared(measure: Measure, view: View) -> bool:
    return bool(measure.feeds(view.profile)) or isinstance(measure.statistic, External)


COMPARE = Page(name="compare", path="/compare", title="Compare", context=_context, shared_style="analyst")
