"""The page of the alerts: what stands and who has taken it, fetched from the inbox that is mounted beside the pages."""

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request

from dashboards.board.page import Page, View

INBOX = "/api/alerts"
"""Where the inbox is mounted; docs/inbox.md describes it."""


def _words(view: View, _: Request) -> Mapping[str, Any]:
    return {"inbox": INBOX, "force_name": view.force}


ALERTS = Page(name="alerts", path="/alerts", title="Alerts", words=_words, needs=INBOX, has_style=True)
