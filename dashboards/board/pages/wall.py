"""The wall: a few large figures at a time, readable across a room, page after page; it never shows an id."""

from dashboards.board.page import Page
from dashboards.board.pages.now import take, words

WALL = Page(name="wall", path="/wall", title="Wall", take=take, words=words, has_style=True)
