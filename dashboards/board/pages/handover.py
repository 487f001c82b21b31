"""The page of the handover: one sheet for whoever takes over, fetched as it stands now and made to be printed."""

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request

from dashboards.board.page import Page, View
from dashboards.board.pages.alerts import INBOX


def _words(view: View, request: Request) -> Mapping[str, Any]:
    is_last = request.query_params.get("shift") == "last"
    return {"inbox": INBOX, "force_name": view.force, "is_last": is_last}


HANDOVER = Page(name="handover", path="/handover", title="Handover", words=_words, needs=INBOX, has_style=True)
