"""One measure compared over time: what the page shows, the same for programs, and the same as a file."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dashboards.board.asking import answered, asking
from dashboards.board.blocking import Needed, blocking
from dashboards.board.drill import BreakdownQuery, asked
from dashboards.board.export import Sheet, kept
from dashboards.board.page import View
from dashboards.report.compare import PeriodComparison
from dashboards.report.text import plain
from measures.catalogue import find
from measures.published import PUBLISHED
from measures.window import REPORT_WINDOWS


def compared(question: BreakdownQuery, view: View) -> PeriodComparison:
    """A measure side by side over the usual windows, at the force's present; blocking.

    Raises:
        QuestionError: it cannot be answered; says why.
    """
    by = (question.by,) if question.by else ()
    present = view.reader.present(view.force)
    return PeriodComparison(asking(view), view.profile, question.measure, present, by, question.where)


def _needs(request: Request) -> Needed:
    measure = find(request.path_params["name"])
    told = {each.period for each in PUBLISHED.get(measure.name, ())}
    return [] if measure.is_open() else [(measure, window) for window in (*REPORT_WINDOWS, *sorted(told))]


def routes(view: View) -> list[Route]:
    """The routes: as JSON, and as a file."""

    def told(request: Request) -> Response:
        question = asked(request.path_params["name"], request.query_params)
        found = compared(question, view)
        return answered(question.measure, view, comparison=plain(found.table()), published=plain(found.published()))

    def shown(request: Request) -> Sheet:
        question = asked(request.path_params["name"], request.query_params)
        found = compared(question, view)
        table, published = found.table(), found.published()
        lines = [
            *table.notes,
            *table.published,
            *(f"{each.number}: {each.what}; {each.explanation}" for each in table.disagreements),
        ]
        told = [["Broken down by", question.by or "nothing"], *(["Read with it", line] for line in lines)]
        return Sheet((question.measure.name, question.by), question.measure, question.where, told, (table, published))

    return [
        Route("/api/compare/{name}", blocking(view, told, _needs)),
        *kept("compare", shown, view, _needs),
    ]
