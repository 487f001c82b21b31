"""A measure month by month or week by week as a control chart: what the page shows, its picture, and its points as a file."""

from collections.abc import Iterable
from datetime import date
from typing import get_args

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dashboards.board.asking import answered, asking
from dashboards.board.blocking import Needed, as_file, blocking
from dashboards.board.drill import asked
from dashboards.board.export import Sheet, kept
from dashboards.board.page import View
from dashboards.report.document import Drawn
from dashboards.report.drawing import without_style
from dashboards.report.series import SeriesQuery, series
from dashboards.report.text import plain
from facts.errors import QuestionError
from measures.chart import Grain, periods
from measures.window import parse_day

USUAL: dict[Grain, int] = {"month": 24, "week": 52}
"""How many are shown unless another number is asked for."""
LEAST = 2
MOST: dict[Grain, int] = {"month": 25, "week": 112}
"""How many whole ones lie in the days that are kept."""


def series_asked(name: str, query: QueryParams) -> SeriesQuery:
    """What an address asks.

    Raises:
        QuestionError: there is no such measure, or the query is malformed.
    """
    question = asked(name, query)
    grain = next((each for each in get_args(Grain) if each == query.get("grain", "month")), None)
    if grain is None:
        raise QuestionError(f"There is no chart by {query['grain']!r}.", where="grain", hint="Ask by month or week.")
    count = query.get("last", str(USUAL[grain]))
    if count not in map(str, range(LEAST, MOST[grain] + 1)):
        hint = f"Ask for {LEAST} to {MOST[grain]}."
        raise QuestionError(f"{count!r} {grain}s cannot be shown.", where="last", hint=hint)
    dates = tuple(parse_day(each, "recalculate") for each in query.getlist("recalculate") if each)
    return SeriesQuery(question.measure, question.where, grain, int(count), dates)


def query_of(question: SeriesQuery, recalculated: Iterable[date] | None = None) -> str:
    """The query of an address that asks it, but for the measure's name; with other dates of recalculation where given."""
    limits = [f"where={name}:{word}" for name, words in question.where.items() for word in words]
    dates = question.recalculated if recalculated is None else recalculated
    return "&".join(
        [f"grain={question.grain}", f"last={question.count}", *(f"recalculate={day}" for day in dates), *limits]
    )


def starts(question: SeriesQuery, view: View) -> list[tuple[date, date]]:
    """The periods that are asked for: the first day of each, and the first after it."""
    today = view.reader.known_present(view.force).astimezone(view.profile.zone()).date()
    return periods(question.grain, today, question.count)


def routes(view: View) -> list[Route]:
    """The routes: as JSON, as a picture, and as a file."""

    def drawn(request: Request) -> tuple[SeriesQuery, Drawn]:
        question = series_asked(request.path_params["name"], request.query_params)
        return question, series(asking(view), view.profile, question, view.reader.present(view.force))

    def needs(request: Request) -> Needed:
        question = series_asked(request.path_params["name"], request.query_params)
        shown = starts(question, view)
        return [(question.measure, f"{shown[0][0]}/{shown[-1][1]}")]

    def told(request: Request) -> Response:
        question, found = drawn(request)
        picture, table = without_style(found.svg), plain(found.table)
        return answered(question.measure, view, summary=found.summary, svg=picture, table=table)

    def pictured(request: Request) -> Response:
        question, found = drawn(request)
        return as_file(found.svg, "svg", ("chart", question.measure.name, question.grain), view)

    def shown(request: Request) -> Sheet:
        question, found = drawn(request)
        lines = [["Chart by", question.grain], *(["Chart", line] for line in found.summary)]
        return Sheet((question.measure.name, question.grain), question.measure, question.where, lines, (found.table,))

    return [
        Route("/api/chart/{name}", blocking(view, told, needs)),
        Route("/svg/chart/{name}", blocking(view, pictured, needs)),
        *kept("chart", shown, view, needs),
    ]
