"""The Wall page for a screen across the room: a few large figures at a time, panel after panel; it never displays an id."""

from dashboards.board.now.page import context, read
from dashboards.board.shared.page import Page

WALL = Page(name="wall", path="/wall", title="Wall", folder="now", read=read, context=context, has_style=True)
