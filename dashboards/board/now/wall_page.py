"""The Wall page for a screen across the room: a few large figures at a time, page after page or one alone; it never displays an id."""

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request

from dashboards.board.now.page import context, read
from dashboards.board.shared.page import Page, View
from dashboards.board.shared.tile import is_displayed
from facts.errors import QuestionError
from measures.catalogue import find

OVERVIEW = "overview"
"""The page of the most important figures, for a screen that does not change."""
_OVERVIEW = {
    "999": (
        ("now", "contact_999_waiting_count"),
        ("now", "contact_999_longest_wait_seconds"),
        ("60m", "contact_999_answered_within_target_ratio"),
    ),
    "101": (
        ("now", "contact_101_waiting_count"),
        ("now", "contact_101_longest_wait_seconds"),
        ("60m", "contact_101_answer_mean_seconds"),
    ),
    "Grade 1": (
        ("now", "grade_1_unresourced_over_2_minutes_count"),
        ("now", "grade_1_unattended_over_15_minutes_count"),
        ("60m", "grade_1_opened_to_arrived_within_target_ratio"),
    ),
}


def _context(view: View, request: Request) -> Mapping[str, Any]:
    """What the template lays out; with `?page=` in the address, that page alone."""
    found = context(view, request)
    panels = [each for each in found["panels"] if each["now"] or each["wall"] or each["extra"] == "journey"]
    names = [OVERVIEW, *(each["panel"].name for each in panels)]
    page = request.query_params.get("page", "")
    if page and page not in names:
        raise QuestionError(
            f"The wall has no page {page!r}.",
            where="page",
            hint=f"Its pages: {', '.join(names)}. Without `page`, all of them.",
        )
    return {
        **found,
        "panels": [each for each in panels if page in ("", each["panel"].name)],
        "overview": _overview(view) if page in ("", OVERVIEW) else {},
        "is_alone": bool(page),
    }


def _overview(view: View) -> dict[str, list[tuple[str, Any]]]:
    columns = {
        title: [(window, find(name)) for window, name in figures if is_displayed(find(name), view)]
        for title, figures in _OVERVIEW.items()
    }
    return {title: figures for title, figures in columns.items() if figures}


WALL = Page(
    name="wall", path="/wall", title="Wall", folder="now", read=read, context=_context, has_style=True, has_bar=False
)
