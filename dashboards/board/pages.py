"""Every page of the board in the order of the navigation, and every route that serves their data."""

from starlette.routing import Route

from dashboards.board.alerts.page import ALERTS
from dashboards.board.chart import data as chart
from dashboards.board.chart.page import CHART
from dashboards.board.compare import data as compare
from dashboards.board.compare.page import COMPARE
from dashboards.board.custody.page import CUSTODY
from dashboards.board.explore import data as explore
from dashboards.board.explore.page import EXPLORE
from dashboards.board.feeds.page import FEEDS
from dashboards.board.handover import data as handover
from dashboards.board.handover.page import HANDOVER
from dashboards.board.intervals import data as intervals
from dashboards.board.intervals.page import INTERVALS
from dashboards.board.measure import routes as measure
from dashboards.board.measure.all_page import MEASURES
from dashboards.board.measure.page import MEASURE
from dashboards.board.now.page import NOW_PAGE
from dashboards.board.now.wall_page import WALL
from dashboards.board.runbooks.page import RUNBOOKS_PAGE
from dashboards.board.shared.page import Page, View
from dashboards.board.staffing import data as staffing
from dashboards.board.staffing.page import STAFFING
from dashboards.board.trust.page import TRUST
from dashboards.board.whatif import data as whatif
from dashboards.board.whatif.page import WHATIF

PAGES: tuple[Page, ...] = (
    NOW_PAGE,
    WALL,
    ALERTS,
    CUSTODY,
    HANDOVER,
    INTERVALS,
    STAFFING,
    WHATIF,
    MEASURES,
    MEASURE,
    COMPARE,
    CHART,
    EXPLORE,
    FEEDS,
    TRUST,
    RUNBOOKS_PAGE,
)
FOLDERS = (
    "now",
    "measure",
    "compare",
    "chart",
    "explore",
    "custody",
    "handover",
    "intervals",
    "staffing",
    "whatif",
    "feeds",
    "trust",
    "alerts",
    "region",
    "runbooks",
    "shared",
)
"""The folders that hold the pages' templates, with their scripts and styles in `static`."""


def data_routes(view: View) -> list[Route]:
    """The routes of the data that pages request: as JSON, and as files to download."""
    return [
        route
        for feature in (measure, compare, chart, explore, handover, intervals, staffing, whatif)
        for route in feature.routes(view)
    ]
