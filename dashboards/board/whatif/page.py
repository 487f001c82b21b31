"""The What if page: a forecast of the next two hours from the present, with more or fewer call takers."""

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request

from dashboards.board.shared.page import Page, View, error_words
from dashboards.board.whatif.question import FIELDS, parse_what_if
from facts.errors import QuestionError


def _context(view: View, request: Request) -> Mapping[str, Any]:
    del view
    query = request.query_params
    refused = {}
    try:
        parse_what_if(query)
    except QuestionError as error:
        refused[error.where] = error_words(error)
    return {
        "fields": FIELDS,
        "typed": {name: query.get(name, "") for name in FIELDS},
        "refused": refused,
        "query": "&".join(f"{name}={query[name].strip()}" for name in FIELDS if query.get(name, "").strip()),
    }


WHATIF = Page(name="whatif", path="/whatif", title="What if", context=_context, has_style=True, shared_style="analyst")
