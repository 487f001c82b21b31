"""The 404 page: what is wrong with the address, and links to the pages that exist."""

from dashboards.board.shared.page import Page

NOT_FOUND = Page(name="unknown", path="", title="Page not found", folder="shared", is_listed=False)
