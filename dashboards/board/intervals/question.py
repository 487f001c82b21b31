"""The question in an address of the Intervals page: a queue, a day, and the day that is shown next to it."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Literal, NamedTuple, cast, get_args

from starlette.datastructures import QueryParams

from dashboards.board.shared.chosen_window import check_days_kept, parse_chosen_day
from dashboards.board.shared.interval_queues import IntervalQueue, find_queue
from dashboards.board.shared.page import View
from facts.errors import QuestionError

OtherDay = Literal["", "week_before", "52_weeks_before"]
OTHER_DAYS: Mapping[OtherDay, str] = {
    "": "nothing",
    "week_before": "the same weekday last week",
    "52_weeks_before": "the same weekday a year ago",
}
"""The day that is shown next to the chosen one; a year ago is 52 weeks, so that the weekday is the same."""
_WEEKS: Mapping[OtherDay, int] = {"week_before": 1, "52_weeks_before": 52}


class IntervalQuestion(NamedTuple):
    """A queue on a day.

    Attributes:
        queue: the queue.
        day: the local day.
        compare: which other day is shown next to it; empty for none.
    """

    queue: IntervalQueue
    day: date
    compare: OtherDay = ""

    def other(self) -> date | None:
        """The other day; None without one."""
        return self.day - timedelta(weeks=_WEEKS[self.compare]) if self.compare else None

    def query(self, *, has_day: bool = True) -> str:
        """The query string without the queue; without the day it is always about today."""
        day = [f"day={self.day}"] if has_day else []
        return "&".join([*day, *([f"compare={self.compare}"] if self.compare else [])])


def parse_intervals(name: str, query: QueryParams, view: View) -> IntervalQuestion:
    """The question in an address; without a day it is about the force's today.

    Raises:
        QuestionError: it cannot be answered; `where` is the field of the form.
    """
    queue, day = find_queue(name, view), parse_chosen_day(query, view)
    compare = query.get("compare", "")
    if compare not in get_args(OtherDay):
        hint = f"Use one of {', '.join(each for each in OTHER_DAYS if each)}."
        raise QuestionError(f"There is no comparison {compare!r}.", where="compare", hint=hint)
    question = IntervalQuestion(queue, day, cast(OtherDay, compare))
    if other := question.other():
        check_days_kept(other, "compare", view)
    return question
