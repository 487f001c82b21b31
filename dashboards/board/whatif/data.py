"""The data of the What if page: the outlook of the next two hours as JSON."""

import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dashboards.board.shared.blocking import Later, Needed, blocking
from dashboards.board.shared.content_types import BriefOutlookAnswer, WhatIfAnswer
from dashboards.board.shared.figures import about
from dashboards.board.shared.page import View
from dashboards.board.whatif.outlook import ComparedOutlooks, brief, compared, says, table
from dashboards.board.whatif.present import hours_needed, parameters_of, planned, present_of
from dashboards.board.whatif.question import FIELDS, WORDS, WhatIf, parse_what_if
from dashboards.report.text import plain
from facts.errors import QuestionError
from facts.planned_event import PlannedEvent
from producers.http.answer import Answer, AnswerRoute
from producers.simulate.arrivals import HORIZON_SECONDS
from producers.simulate.twin import Present, TwinChange

_WHATIF = Answer(
    summary="A forecast of the next two hours of 999 and 101 from the present, as it is and with a change. Not a live figure.",
    body=WhatIfAnswer,
    query={**{name: title for name, (title, _, _) in FIELDS.items()}, **WORDS},
)


_OUTLOOK = Answer(
    summary="The forecast of 999 for the next hour in one sentence, also with two fewer call takers. Not a live figure.",
    body=BriefOutlookAnswer,
)
_FEWER = WhatIf(None, None, TwinChange(local=-2))
_BRIEF_SECONDS = 3600
_KEPT_FOR = timedelta(seconds=30)


class Outlooks:
    """Outlooks questions, each at most once in half a minute: many pages may show the same outlook."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._kept: dict[tuple[WhatIf, int], tuple[datetime, Mapping[str, Any]]] = {}
        self._turn = threading.Lock()

    def answer(self, request: Request) -> Later:
        """Reads the present, and returns the rest of the work: what the page draws, and what programs may request.

        Raises:
            QuestionError: the question cannot be answered.
        """
        answer = self._answer(parse_what_if(request.query_params))
        return lambda pause: _json(answer(pause))

    def brief(self, _: Request) -> Response | Later:
        """The outlook of 999 in one sentence, as the page Now shows it; or why there is none."""
        try:
            answer = self._answer(_FEWER, _BRIEF_SECONDS)
        except QuestionError as error:
            return _json({**about(self._view), "says": f"No forecast of the next hour. {error.what}"})

        def respond(pause: Callable[[], None]) -> Response:
            found = answer(pause)
            return _json({**{name: found[name] for name in ("force", "as_of", "simulated")}, "says": found["brief"]})

        return respond

    def _answer(
        self, question: WhatIf, horizon_seconds: int = HORIZON_SECONDS
    ) -> Callable[[Callable[[], None]], Mapping[str, Any]]:
        head, key = about(self._view), (question, horizon_seconds)
        at = head["as_of"]
        timed = question.timed(at, self._view.profile.zone())
        events = self._view.events()
        present = present_of(self._view.reader, self._view.force, timed, events)
        known = planned(events, at, horizon_seconds, has_units=present.incidents is not None)

        def answer(pause: Callable[[], None]) -> Mapping[str, Any]:
            with self._turn:
                kept = self._kept.get(key)
                if kept is None or not timedelta() <= at - kept[0] < _KEPT_FOR:
                    found = compared(parameters_of(head["force"]), present, timed, pause, horizon_seconds)
                    kept = self._kept[key] = at, _content(head, present, timed, found, horizon_seconds, known)
                for old in [each for each, (made_at, _) in self._kept.items() if made_at < at - _KEPT_FOR]:
                    del self._kept[old]
            return kept[1]

        return answer


def _json(content: Mapping[str, Any]) -> Response:
    return Response(msgspec.json.encode(content), media_type="application/json")


def _content(
    head: Mapping[str, Any],
    present: Present,
    question: WhatIf,
    found: ComparedOutlooks,
    horizon_seconds: int,
    events: Sequence[PlannedEvent],
) -> Mapping[str, Any]:
    return {
        **head,
        "is_forecast": True,
        "brief": brief(found, present, question, horizon_seconds, events),
        "says": list(says(found, present, question, events)),
        **found._asdict(),
        "table": plain(table(found)),
    }


def routes(view: View) -> list[Route]:
    """The routes."""

    def needs(request: Request) -> Needed:
        return hours_needed(view.reader, view.force, has_units=bool(request.query_params.get("units", "").strip()))

    outlooks = Outlooks(view)
    return [
        AnswerRoute("/api/whatif", blocking(view, outlooks.answer, needs), _WHATIF),
        AnswerRoute("/api/outlook", blocking(view, outlooks.brief, needs), _OUTLOOK),
    ]
