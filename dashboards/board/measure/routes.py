"""The routes of a measure's data: its contract and its breakdown as JSON, and the breakdown and its open subjects as CSV."""

import io
from collections.abc import Callable, Iterable, Sequence

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dashboards.board.measure.data import TIDY_COLUMNS, Breakdown, parse_breakdown, read_breakdown
from dashboards.board.measure.explanation import FigureExplanation, read_explanation
from dashboards.board.shared.blocking import Needed, as_file, blocking
from dashboards.board.shared.content_types import CSV, QUESTION
from dashboards.board.shared.contract import Contract, contract
from dashboards.board.shared.export import as_comments, head_of
from dashboards.board.shared.page import View
from dashboards.board.shared.query import BreakdownQuery
from facts.errors import QuestionError
from measures.catalogue import find
from measures.measure import SPREAD
from measures.spreadsheet import SafeRows
from producers.http.answer import Answer, AnswerRoute

_JSON = "application/json"
_CONTRACT = Answer(summary="What a measure means.", body=Contract)
_BREAKDOWN = Answer(summary="A measure broken down by a dimension.", body=Breakdown, query=QUESTION)
_EXPLANATION = Answer(
    summary="What is behind a figure: its numbers, its definition, its parts, and the open subjects that it counts.",
    body=FigureExplanation,
    query=QUESTION,
)


def routes(view: View) -> list[Route]:
    """The routes."""

    def question_of(request: Request) -> BreakdownQuery:
        return parse_breakdown(request.path_params["name"], request.query_params, view)

    def needs(request: Request) -> Needed:
        question = question_of(request)
        windows = [] if question.measure.is_open() else question.choice().chosen(view).names()
        return [(question.measure, window) for window in windows]

    def contract_json(request: Request) -> Response:
        return Response(msgspec.json.encode(contract(find(request.path_params["name"]), view)), media_type=_JSON)

    def breakdown_json(request: Request) -> Response:
        return Response(msgspec.json.encode(read_breakdown(question_of(request), view)), media_type=_JSON)

    def explanation_json(request: Request) -> Response:
        return Response(msgspec.json.encode(read_explanation(question_of(request), view)), media_type=_JSON)

    def in_csv(write: Callable[[BreakdownQuery, Breakdown, View], str], *words: str) -> Callable[[Request], Response]:
        def download(request: Request) -> Response:
            question = question_of(request)
            content = write(question, read_breakdown(question, view, listed_most=None), view)
            return as_file(content, "csv", (*words, question.measure.name, question.window, question.by), view)

        return download

    return [
        AnswerRoute("/api/contract/{name}", blocking(view, contract_json), _CONTRACT),
        AnswerRoute("/api/measure/{name}", blocking(view, breakdown_json, needs), _BREAKDOWN),
        AnswerRoute("/api/explain/{name}", blocking(view, explanation_json, needs), _EXPLANATION),
        AnswerRoute("/csv/{name}", blocking(view, in_csv(csv_of), needs), CSV),
        AnswerRoute("/csv/subjects/{name}", blocking(view, in_csv(subjects_csv_of, "subjects"), needs), CSV),
    ]


def csv_of(question: BreakdownQuery, breakdown: Breakdown, view: View) -> str:
    """A breakdown as CSV (RFC 4180): a header row and a row of plain numbers for each label, under comments with the contract.

    The total is a comment, so that a program that adds up the rows does not count everything twice.
    """
    spread = {name: f"{SPREAD[name]} of the times, in seconds" for name in question.measure.spread()}
    columns = {**TIDY_COLUMNS, **spread}
    head = [["Column", name, what] for name, what in columns.items()]
    head += [["Total", *breakdown.total[1:]]] if question.by else []
    cells = [
        [each.label, each.name, each.state, *("" if value is None else repr(value) for value in each.values)]
        for each in breakdown.tidy
    ]
    return _table(list(columns), cells, question, breakdown, view, head)


def subjects_csv_of(question: BreakdownQuery, breakdown: Breakdown, view: View) -> str:
    """The open subjects that a measure counts, likewise.

    Raises:
        QuestionError: the measure counts no open subjects.
    """
    if breakdown.subjects is None:
        hint = "Measures of what is open now, and those with a target, have a list."
        raise QuestionError(f"{question.measure.name} has no list of open subjects.", where="subjects", hint=hint)
    return _table(breakdown.subjects.columns, breakdown.subjects.rows, question, breakdown, view, ())


def _table(
    columns: Sequence[str],
    cells: Iterable[Sequence[str]],
    question: BreakdownQuery,
    breakdown: Breakdown,
    view: View,
    head: Iterable[list[str]],
) -> str:
    out = io.StringIO()
    rows = SafeRows(out)
    further = [
        ["Window", question.window],
        ["State", breakdown.tile.state, breakdown.tile.reason],
        ["Check", breakdown.says],
        *head,
    ]
    rows.writerows(as_comments([*head_of(question.measure, question.where, view), *further]))
    rows.writerow(columns)
    rows.writerows(cells)
    return out.getvalue()
