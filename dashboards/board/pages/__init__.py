"""The board's pages, in the order of the navigation."""

from dashboards.board.page import Page
from dashboards.board.pages.feeds import FEEDS
from dashboards.board.pages.measures import MEASURES

PAGES: tuple[Page, ...] = (MEASURES, FEEDS)
