"""The data of the Compare page: as JSON, as CSV and as Parquet."""

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dashboards.board.shared.blocking import Needed, blocking
from dashboards.board.shared.chosen_window import check_window
from dashboards.board.shared.content_types import QUESTION, ComparisonAnswer
from dashboards.board.shared.export import Sheet, download_routes
from dashboards.board.shared.figures import figures_now, json_response
from dashboards.board.shared.page import View
from dashboards.board.shared.query import BreakdownQuery, parse_query, row_address
from dashboards.report.compare import Chosen, PeriodComparison
from dashboards.report.text import plain
from facts.errors import QuestionError
from measures.published import PUBLISHED
from measures.window import REPORT_WINDOWS
from producers.http.answer import Answer, AnswerRoute
from producers.simulate.simulated_periods import FORCE, simulated_figure


def read_comparison(question: BreakdownQuery, view: View) -> PeriodComparison:
    """A measure over the chosen windows, or over the standard periods, at the force's present; blocking.

    Raises:
        QuestionError: the question cannot be answered.
    """
    by = (question.by,) if question.by else ()
    present = view.reader.present(view.force)
    chosen = chosen_of(question, view)
    is_simulated = view.force == FORCE and view.reader.is_simulated(view.force)
    simulated = {"simulated": simulated_figure} if is_simulated else {}
    ask = figures_now(view)
    return PeriodComparison(
        ask,
        view.profile,
        question.measure,
        present,
        by,
        question.where,
        chosen,
        address=lambda where: row_address(question.measure, question.choice(), where, view),
        **simulated,
    )


def parse_comparison(name: str, query: QueryParams, view: View) -> BreakdownQuery:
    """The question in an address; without a window it is about the standard periods.

    Raises:
        QuestionError: the measure does not exist, or the query is malformed.
    """
    question = parse_query(name, query, default_window="")
    if question.compare and not question.window:
        what, hint = (
            "The standard periods are already compared.",
            "Choose a window to compare, or compare with nothing.",
        )
        raise QuestionError(what, where="compare", hint=hint)
    if question.window and not question.measure.is_open():
        check_window(question.choice(), query, view, question.measure)
    return question


def chosen_of(question: BreakdownQuery, view: View) -> Chosen | None:
    """The windows that somebody chose; None for the standard periods, and for what is open now."""
    is_chosen = question.window and not question.measure.is_open()
    return question.choice().chosen(view) if is_chosen else None


_COMPARISON = Answer(summary="A measure over periods side by side.", body=ComparisonAnswer, query=QUESTION)


def routes(view: View) -> list[Route]:
    """The routes."""

    def question_of(request: Request) -> BreakdownQuery:
        return parse_comparison(request.path_params["name"], request.query_params, view)

    def needs(request: Request) -> Needed:
        question = question_of(request)
        if question.measure.is_open():
            return []
        chosen = chosen_of(question, view)
        periods = {each.period for each in PUBLISHED.get(question.measure.name, ())}
        windows = chosen.names() if chosen else REPORT_WINDOWS
        return [(question.measure, window) for window in (*windows, *sorted(periods))]

    def comparison_json(request: Request) -> Response:
        question = question_of(request)
        comparison = read_comparison(question, view)
        table, published = plain(comparison.table()), plain(comparison.published())
        says = comparison.says()
        return json_response(question.measure, view, says=says, comparison=table, published=published)

    def comparison_sheet(request: Request) -> Sheet:
        question = question_of(request)
        comparison = read_comparison(question, view)
        table, published = comparison.table(), comparison.published()
        notes = [
            *comparison.says(),
            *table.notes,
            *table.published,
            *(f"{each.number}: {each.what}; {each.explanation}" for each in table.disagreements),
        ]
        head = [["Broken down by", question.by or "none"], *(["Note", note] for note in notes)]
        name = (question.measure.name, question.window, question.compare, question.by)
        return Sheet(name, question.measure, question.where, head, (table, published))

    return [
        AnswerRoute("/api/compare/{name}", blocking(view, comparison_json, needs), _COMPARISON),
        *download_routes("compare", comparison_sheet, view, needs),
    ]
