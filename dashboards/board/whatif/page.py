"""The What if page: a forecast of the next two hours from the present, with more or fewer call takers."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request

from dashboards.board.shared.page import Page, View, error_words
from dashboards.board.whatif.question import CLOSED, FIELDS, WORDS, parse_what_if
from facts.errors import QuestionError
from producers.simulate.arrivals import HORIZON_SECONDS

_NAMES = (*FIELDS, *WORDS)
_PRESENT = ("local", "triage", "units")
_READY: Mapping[str, Mapping[str, str]] = {
    "3 more for 999": {"more_local": "3"},
    "Move 1 from triage to 999": {"more_local": "1", "more_triage": "-1"},
    "20% more calls": {"busier": "20"},
    "Close 101 triage": {"close": "triage"},
    "Close 101 after triage": {"close": "post_triage"},
}
"""Common questions, each with the fields that it fills in."""


def _ready(now: datetime) -> Iterator[tuple[str, Mapping[str, str]]]:
    """The common questions: letting two go now or at a full hour, then the others."""
    yield "2 fewer for 999 now", {"more_local": "-2"}
    hour = now.replace(minute=0, second=0, microsecond=0)
    for at in (hour + timedelta(hours=step) for step in range(1, HORIZON_SECONDS // 3600 + 1)):
        if at - now < timedelta(seconds=HORIZON_SECONDS):
            yield f"2 fewer for 999 at {at:%H:%M}", {"more_local": "-2", "at": f"{at:%H:%M}"}
    yield from _READY.items()


def _context(view: View, request: Request) -> Mapping[str, Any]:
    query = request.query_params
    refused = {}
    try:
        parse_what_if(query)
    except QuestionError as error:
        refused[error.where] = error_words(error)
    ready = [
        (title, urlencode({**_typed(query, _PRESENT), **fields}))
        for title, fields in _ready(view.reader.known_present(view.force).astimezone(view.profile.zone()))
    ]
    asked, chosen = urlencode(_typed(query, _NAMES)), [each for _, each in ready]
    return {
        "fields": FIELDS,
        "words": WORDS,
        "closed": {name: title for name, (title, _) in CLOSED.items()},
        "typed": {name: query.get(name, "") for name in _NAMES},
        "refused": refused,
        "query": asked,
        "ready": ready,
        "is_own": bool(refused or _typed(query, _PRESENT) or (asked and asked not in chosen)),
    }


def _typed(query: Mapping[str, str], names: tuple[str, ...]) -> dict[str, str]:
    """The fields among these that are filled in."""
    return {name: query[name].strip() for name in names if query.get(name, "").strip()}


WHATIF = Page(name="whatif", path="/whatif", title="What if", context=_context, has_style=True, shared_style="analyst")
