"""The data of the Compare page: as JSON, as CSV and as Parquet."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dashboards.board.shared.blocking import Needed, blocking
from dashboards.board.shared.export import Sheet, download_routes
from dashboards.board.shared.figures import figures_now, json_response
from dashboards.board.shared.page import View
from dashboards.board.shared.query import BreakdownQuery, parse_query
from dashboards.report.compare import PeriodComparison
from dashboards.report.text import plain
from measures.catalogue import find
from measures.published import PUBLISHED
from measures.window import REPORT_WINDOWS


def read_comparison(question: BreakdownQuery, view: View) -> PeriodComparison:
    """A measure over the report windows side by side, at the force's present; blocking.

    Raises:
        QuestionError: the question cannot be answered.
    """
    by = (question.by,) if question.by else ()
    present = view.reader.present(view.force)
    return PeriodComparison(figures_now(view), view.profile, question.measure, present, by, question.where)


def _question(request: Request) -> BreakdownQuery:
    return parse_query(request.path_params["name"], request.query_params)


def _needs(request: Request) -> Needed:
    measure = find(request.path_params["name"])
    periods = {each.period for each in PUBLISHED.get(measure.name, ())}
    return [] if measure.is_open() else [(measure, window) for window in (*REPORT_WINDOWS, *sorted(periods))]


def routes(view: View) -> list[Route]:
    """The routes."""

    def comparison_json(request: Request) -> Response:
        question = _question(request)
        comparison = read_comparison(question, view)
        table, published = plain(comparison.table()), plain(comparison.published())
        return json_response(question.measure, view, comparison=table, published=published)

    def comparison_sheet(request: Request) -> Sheet:
        question = _question(request)
        comparison = read_comparison(question, view)
        table, published = comparison.table(), comparison.published()
        notes = [
            *table.notes,
            *table.published,
            *(f"{each.number}: {each.what}; {each.explanation}" for each in table.disagreements),
        ]
        head = [["Broken down by", question.by or "none"], *(["Note", note] for note in notes)]
        return Sheet((question.measure.name, question.by), question.measure, question.where, head, (table, published))

    return [
        Route("/api/compare/{name}", blocking(view, comparison_json, _needs)),
        *download_routes("compare", comparison_sheet, view, _needs),
    ]
