"""The chosen window of an analyst's page next to the window that it is compared with."""

from dashboards.board.shared.chosen_window import WindowChoice
from dashboards.board.shared.figures import figures_now
from dashboards.board.shared.page import View
from dashboards.board.shared.query import row_address
from dashboards.report.compare import PeriodComparison
from measures.measure import Measure, Where


def read_compared(measure: Measure, choice: WindowChoice, by: str, where: Where, view: View) -> PeriodComparison | None:
    """The comparison of a measure's chosen windows at the force's present; None if nothing is compared; blocking.

    Raises:
        QuestionError: the question cannot be answered.
    """
    if not choice.compare or measure.is_open():
        return None
    present = view.reader.present(view.force)
    chosen = choice.chosen(view)
    return PeriodComparison(
        figures_now(view),
        view.profile,
        measure,
        present,
        (by,) if by else (),
        where,
        chosen,
        address=lambda labels: row_address(measure, choice, labels, view),
    )
