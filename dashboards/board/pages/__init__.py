"""The board's pages, in the order of the navigation."""

from dashboards.board.page import Page
from dashboards.board.pages.alerts import ALERTS
from dashboards.board.pages.chart import CHART
from dashboards.board.pages.compare import COMPARE
from dashboards.board.pages.custody import CUSTODY
from dashboards.board.pages.explore import EXPLORE
from dashboards.board.pages.feeds import FEEDS
from dashboards.board.pages.handover import HANDOVER
from dashboards.board.pages.measure import MEASURE
from dashboards.board.pages.measures import MEASURES
from dashboards.board.pages.now import NOW_PAGE
from dashboards.board.pages.wall import WALL

PAGES: tuple[Page, ...] = (
    NOW_PAGE,
    WALL,
    ALERTS,
    CUSTODY,
    HANDOVER,
    MEASURES,
    MEASURE,
    COMPARE,
    CHART,
    EXPLORE,
    FEEDS,
)
