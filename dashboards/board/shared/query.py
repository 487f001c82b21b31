"""The question about a measure in an address: its window, comparison, breakdown and filters."""

from collections.abc import Mapping

from msgspec import Struct
from starlette.datastructures import QueryParams

from dashboards.board.shared.chosen_window import WindowChoice, parse_window
from dashboards.board.shared.page import View
from dashboards.board.shared.table import DIMENSION_TITLES, name_of
from dashboards.board.shared.tile import NOW
from dashboards.report.periods import Comparison
from facts.errors import QuestionError
from measures.catalogue import find
from measures.measure import Measure, Where

_OF_ONE_MEASURE = ("by", "where", "within", "time", "recalculate", "over")
"""The parameters that fit only the measure that they were chosen for."""


class BreakdownQuery(Struct, frozen=True):
    """A measure over a window, broken down by a dimension (empty for none) and filtered by labels."""

    measure: Measure
    window: str
    by: str
    where: Where
    compare: Comparison = ""

    def choice(self) -> WindowChoice:
        """The window, and what it is compared with."""
        return WindowChoice(self.window, self.compare)

    def query(self, **changed: object) -> str:
        """The query string of this question, with some attributes changed."""
        values = {"window": self.window, "by": self.by, "where": self.where, "compare": self.compare, **changed}
        where = values["where"]
        assert isinstance(where, Mapping)  # noqa: S101 - for the type checker
        compare = [f"compare={values['compare']}"] if values["compare"] else []
        window = [f"window={values['window']}"] if values["window"] else []
        return "&".join([*window, *compare, f"by={values['by']}", *filter_parameters(where)])


def row_address(measure: Measure, choice: WindowChoice, where: Where, view: View) -> str:
    """The address of the page of a measure for the row with these labels, over the chosen window or else 12 months.

    It is empty if the page cannot be filtered by one of them.
    """
    if not set(where) <= set(measure.dimensions()):
        return ""
    window = choice.window or "12m"
    question = BreakdownQuery(measure, window, first_dimension(measure, where), where, choice.compare)
    return f"{view.root}/measure/{measure.name}?{question.query()}"


def filter_parameters(where: Where) -> list[str]:
    """The query parameters of filters."""
    return [f"where={name}:{word}" for name, words in where.items() for word in words]


def settled(query: QueryParams) -> QueryParams:
    """An address without the choices that were made for another measure; `for` names the measure that the form was made for."""
    made_for = query.get("for")
    if made_for is None or made_for == query.get("measure", made_for):
        return query
    return QueryParams([(name, value) for name, value in query.multi_items() if name not in _OF_ONE_MEASURE])


def parse_query(name: str, query: QueryParams, default_window: str = "60m") -> BreakdownQuery:
    """The question about a measure in an address.

    Args:
        name: the measure.
        query: the address.
        default_window: the window unless one is chosen.

    Raises:
        QuestionError: the measure does not exist or is about people, or the query is malformed.
    """
    measure = find(name)
    if measure.is_of_people():
        hint = "Choose another measure. The page Staffing shows call takers, without small groups."
        raise QuestionError(
            f"{measure.title} is not broken down: that could show what a person does.", where="", hint=hint
        )
    where: dict[str, tuple[str, ...]] = {}
    for given in query.getlist("where"):
        dimension, colon, word = given.partition(":")
        if not colon:
            hint = "Give a dimension and a label, for example area:moorlands."
            raise QuestionError(f"{given!r} is not a filter.", where="where", hint=hint)
        where[dimension] = (*where.get(dimension, ()), word)
    choice = WindowChoice(NOW) if measure.is_open() else parse_window(query, default_window)
    by = query.get("by", first_dimension(measure, where))
    return BreakdownQuery(measure, choice.window, by, where, choice.compare)


def first_dimension(measure: Measure, where: Where) -> str:
    """The dimension to break down by unless another is chosen; empty if filters leave none."""
    return next((name for name in _preferred(measure) if len(where.get(name, ())) != 1), "")


def _preferred(measure: Measure) -> list[str]:
    """The dimensions of a measure, those that people use most first."""
    order = ("area", "queue", "suite", "type", "grade", "group")
    return sorted(measure.dimensions(), key=lambda name: order.index(name) if name in order else len(order))


def dimensions(measure: Measure) -> dict[str, str]:
    """The dimensions that a measure can be broken down by, with their titles."""
    return {name: DIMENSION_TITLES.get(name, name) for name in _preferred(measure)}


def active_filters(question: BreakdownQuery, view: View) -> list[tuple[str, str, str]]:
    """Each filter: the title of its dimension, the names of its labels, and the query string without it."""
    return [
        (
            DIMENSION_TITLES.get(name, name),
            ", ".join(name_of(name, word, view) for word in words),
            question.query(where={other: kept for other, kept in question.where.items() if other != name}),
        )
        for name, words in question.where.items()
    ]
