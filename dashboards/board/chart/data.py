"""The data of the Charts page: the question in its address, and the chart as JSON, SVG, CSV and Parquet."""

from collections.abc import Iterable
from datetime import date
from typing import get_args

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dashboards.board.shared.blocking import Needed, as_file, blocking
from dashboards.board.shared.export import Sheet, download_routes
from dashboards.board.shared.figures import figures_now, json_response
from dashboards.board.shared.page import View
from dashboards.board.shared.query import filter_parameters, parse_query
from dashboards.report.document import Drawn
from dashboards.report.drawing import without_style
from dashboards.report.series import SeriesQuery, series
from dashboards.report.text import plain
from facts.errors import QuestionError
from measures.chart import Grain, periods
from measures.window import parse_day

DEFAULT: dict[Grain, int] = {"month": 24, "week": 52}
"""The number of periods unless another is chosen."""
LEAST = 2
MOST: dict[Grain, int] = {"month": 25, "week": 112}
"""The number of whole periods in the days that are kept."""


def parse_series(name: str, query: QueryParams) -> SeriesQuery:
    """The question in an address.

    Raises:
        QuestionError: the measure does not exist, or the query is malformed.
    """
    question = parse_query(name, query)
    grain = next((each for each in get_args(Grain) if each == query.get("grain", "month")), None)
    if grain is None:
        raise QuestionError(f"There is no chart by {query['grain']!r}.", where="grain", hint="Choose month or week.")
    count = query.get("last", str(DEFAULT[grain]))
    if count not in map(str, range(LEAST, MOST[grain] + 1)):
        hint = f"Choose {LEAST} to {MOST[grain]}."
        raise QuestionError(f"A chart cannot have {count!r} {grain}s.", where="last", hint=hint)
    dates = tuple(parse_day(each, "recalculate") for each in query.getlist("recalculate") if each)
    return SeriesQuery(question.measure, question.where, grain, int(count), dates)


def query_of(question: SeriesQuery, recalculated: Iterable[date] | None = None) -> str:
    """The query string of a question without the measure's name; with other dates of recalculation if given."""
    dates = question.recalculated if recalculated is None else recalculated
    return "&".join(
        [
            f"grain={question.grain}",
            f"last={question.count}",
            *(f"recalculate={day}" for day in dates),
            *filter_parameters(question.where),
        ]
    )


def periods_of(question: SeriesQuery, view: View) -> list[tuple[date, date]]:
    """The periods of a chart: the first day of each, and the first day after it."""
    today = view.reader.known_present(view.force).astimezone(view.profile.zone()).date()
    return periods(question.grain, today, question.count)


def routes(view: View) -> list[Route]:
    """The routes."""

    def read_chart(request: Request) -> tuple[SeriesQuery, Drawn]:
        question = parse_series(request.path_params["name"], request.query_params)
        return question, series(figures_now(view), view.profile, question, view.reader.present(view.force))

    def needs(request: Request) -> Needed:
        question = parse_series(request.path_params["name"], request.query_params)
        spans = periods_of(question, view)
        return [(question.measure, f"{spans[0][0]}/{spans[-1][1]}")]

    def chart_json(request: Request) -> Response:
        question, chart = read_chart(request)
        svg, table = without_style(chart.svg), plain(chart.table)
        return json_response(question.measure, view, summary=chart.summary, svg=svg, table=table)

    def chart_svg(request: Request) -> Response:
        question, chart = read_chart(request)
        return as_file(chart.svg, "svg", ("chart", question.measure.name, question.grain), view)

    def chart_sheet(request: Request) -> Sheet:
        question, chart = read_chart(request)
        head = [["Chart by", question.grain], *(["Chart", line] for line in chart.summary)]
        return Sheet((question.measure.name, question.grain), question.measure, question.where, head, (chart.table,))

    return [
        Route("/api/chart/{name}", blocking(view, chart_json, needs)),
        Route("/svg/chart/{name}", blocking(view, chart_svg, needs)),
        *download_routes("chart", chart_sheet, view, needs),
    ]
