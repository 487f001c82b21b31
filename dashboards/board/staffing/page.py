"""The Staffing page: how many call takers are there and free, how busy they are, and how long contacts take."""

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request

from dashboards.board.shared.contract import contract
from dashboards.board.shared.page import Page, View
from dashboards.board.shared.takers import find_group, groups
from dashboards.board.staffing.tables import MEASURES


def _context(view: View, request: Request) -> Mapping[str, Any]:
    return {
        "group": find_group(request.query_params.get("queue", ""), view),
        "groups": groups(view),
        "has_feed": bool(MEASURES[0].feeds(view.profile)),
        "has_roster": view.roster() is not None,
        "contracts": [contract(each, view) for each in MEASURES],
    }


STAFFING = Page(
    name="staffing", path="/staffing", title="Staffing", context=_context, has_style=True, shared_style="analyst"
)
