"""The runbooks page: what to do about alerts, as in the documentation."""

from dashboards.board.shared.page import Page

RUNBOOKS_PAGE = Page(
    name="runbooks", path="/runbooks", title="Runbooks", shared_style="analyst", has_style=True, is_listed=False
)
