"""The current shift of a force, and the one before it."""

from datetime import datetime, timedelta

from dashboards.board.shared.page import View
from facts.errors import QuestionError
from measures.window import ShiftSpan, shift_at


def shift_span(view: View, present: datetime, *, is_last: bool) -> ShiftSpan | None:
    """The shift at a time, or the one before it; None where the profile has no shift."""
    try:
        span = shift_at(present, view.profile)
        return shift_at(span.start - timedelta(microseconds=1), view.profile) if is_last else span
    except QuestionError:
        return None
