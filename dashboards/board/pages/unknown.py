"""The page of an address that has none: what is wrong with it, in the board's own frame, and the way back."""

from dashboards.board.page import Page

UNKNOWN = Page(name="unknown", path="", title="There is no such page", is_listed=False)
