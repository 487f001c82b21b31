"""The Handover page: one sheet for the next shift, made to be printed."""

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request

from dashboards.board.shared.page import INBOX, Page, View


def _context(view: View, request: Request) -> Mapping[str, Any]:
    is_last = request.query_params.get("shift") == "last"
    return {"inbox": f"{view.root}{INBOX}", "force_name": view.force, "is_last": is_last}


HANDOVER = Page(name="handover", path="/handover", title="Handover", context=_context, needs=INBOX, has_style=True)
