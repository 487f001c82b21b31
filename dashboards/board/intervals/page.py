"""The Intervals page: the half-hour table by which a contact centre plans, for one queue and one day."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from starlette.requests import Request

from dashboards.board.intervals.question import OTHER_DAYS, parse_intervals
from dashboards.board.shared.contract import contract
from dashboards.board.shared.day import day_words
from dashboards.board.shared.interval_queues import interval_queues
from dashboards.board.shared.page import Page, View
from dashboards.board.shared.refusals import accepted


def _context(view: View, request: Request) -> Mapping[str, Any]:
    query = request.query_params
    question, refused = accepted(query, lambda kept: parse_intervals(query.get("queue", ""), kept, view))
    has_day = bool(query.get("day", "").strip())
    today = view.reader.known_present(view.force).astimezone(view.profile.zone()).date()
    day = timedelta(days=1)
    moves = {"Day before": question.day - day, "Day after": question.day + day, "Today": today}
    return {
        "question": question,
        "refused": refused,
        "queues": list(interval_queues(view)),
        "typed": {"day": query.get("day", ""), "compare": query.get("compare", "")},
        "other_days": OTHER_DAYS,
        "title": f"{question.queue.title}, {day_words(question.day) if has_day else 'today'}",
        "moves": {
            title: question._replace(day=to).query() for title, to in moves.items() if question.day != to <= today
        },
        "query": question.query(has_day=has_day),
        "contracts": [(each, contract(each.measure, view)) for each in question.queue.columns],
    }


INTERVALS = Page(
    name="intervals", path="/intervals", title="Intervals", context=_context, has_style=True, shared_style="analyst"
)
