"""The data of the Staffing page as JSON, CSV and Parquet."""

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dashboards.board.shared.blocking import Needed, blocking
from dashboards.board.shared.content_types import StaffingAnswer
from dashboards.board.shared.export import Sheet, download_routes
from dashboards.board.shared.figures import about
from dashboards.board.shared.page import View
from dashboards.board.shared.takers import TakerGroup, find_group
from dashboards.board.staffing.tables import MEASURES, StaffingTables
from dashboards.report.text import plain
from producers.http.answer import Answer, AnswerRoute

_STAFFING = Answer(
    summary="Call takers now by queue, and those of a queue (or of `all`) by half-hours of today.", body=StaffingAnswer
)
_ROSTER_SAYS = (
    "Adherence is the share of the rostered time in which a call taker was signed on; shrinkage is the share in which none was ready "
    "for contacts. More call takers than rostered in one minute do not make up for fewer in another."
)
_SAYS = (
    "A call taker who answers several queues counts in each of them, and once in the total.",
    "Staffed and occupancy of a half-hour are means over its minutes. Times count in the half-hour in which the wrap-up ended.",
)


def _says(view: View) -> tuple[str, ...]:
    """What a reader of the tables must know; with a roster that cannot be read, why."""
    roster = view.roster()
    if roster is None:
        return _SAYS
    return (*_SAYS, _ROSTER_SAYS, roster) if isinstance(roster, str) else (*_SAYS, _ROSTER_SAYS)


def staffing_json(group: TakerGroup, view: View) -> Response:
    """What the page draws, and what programs may request."""
    tables = StaffingTables(group, view)
    content = {
        **about(view),
        "queue": group.name,
        "says": _says(view),
        "now": plain(tables.now()),
        "today": plain(tables.today()),
    }
    return Response(msgspec.json.encode(content), media_type="application/json")


def staffing_sheet(group: TakerGroup, view: View) -> Sheet:
    """The same tables as a file."""
    tables = StaffingTables(group, view)
    head = [["Call takers", group.title], *(["Note", each] for each in _says(view))]
    return Sheet((group.name,), MEASURES[0], {}, head, (tables.now(), tables.today()))


def routes(view: View) -> list[Route]:
    """The routes."""

    def group_of(request: Request) -> TakerGroup:
        return find_group(request.path_params["name"], view)

    def needs(request: Request) -> Needed:
        return [(MEASURES[0], StaffingTables(group_of(request), view).window())]

    return [
        AnswerRoute(
            "/api/staffing/{name}",
            blocking(view, lambda request: staffing_json(group_of(request), view), needs),
            _STAFFING,
        ),
        *download_routes("staffing", lambda request: staffing_sheet(group_of(request), view), view, needs),
    ]
