"""The data of the What if page: the outlook of the next two hours as JSON."""

from collections.abc import Callable

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dashboards.board.shared.blocking import Later, Needed, blocking
from dashboards.board.shared.content_types import WhatIfAnswer
from dashboards.board.shared.figures import about
from dashboards.board.shared.page import View
from dashboards.board.whatif.outlook import compared, says, table
from dashboards.board.whatif.present import hours_needed, parameters_of, present_of
from dashboards.board.whatif.question import FIELDS, parse_what_if
from dashboards.report.text import plain
from facts.errors import QuestionError
from producers.http.answer import Answer, AnswerRoute

_WHATIF = Answer(
    summary="A forecast of the next two hours of 999 and 101 from the present, as it is and with a change. Not a live figure.",
    body=WhatIfAnswer,
    query={name: title for name, (title, _, _) in FIELDS.items()},
)


def whatif_json(request: Request, view: View) -> Later:
    """Reads the present, and returns the rest of the work: what the page draws, and what programs may request.

    Raises:
        QuestionError: the question is incomplete or cannot be answered.
    """
    question = parse_what_if(request.query_params)
    if question is None:
        hint = "Give local and triage: the record does not say how many call takers are on."
        raise QuestionError("The question does not say how many call takers are on.", where="local", hint=hint)
    parameters = parameters_of(view.force)
    present, head = present_of(view.reader, view.force, question.local, question.triage), about(view)

    def respond(pause: Callable[[], None]) -> Response:
        found = compared(parameters, present, question, pause)
        content = {
            **head,
            "is_forecast": True,
            "says": list(says(present, question)),
            **found._asdict(),
            "table": plain(table(found)),
        }
        return Response(msgspec.json.encode(content), media_type="application/json")

    return respond


def routes(view: View) -> list[Route]:
    """The routes."""

    def needs(_: Request) -> Needed:
        return hours_needed(view.reader, view.force)

    respond = blocking(view, lambda request: whatif_json(request, view), needs)
    return [AnswerRoute("/api/whatif", respond, _WHATIF)]
