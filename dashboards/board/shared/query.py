"""The question about a measure in an address: its window, breakdown and filters."""

from collections.abc import Mapping

from msgspec import Struct
from starlette.datastructures import QueryParams

from dashboards.board.shared.page import View
from dashboards.board.shared.table import DIMENSION_TITLES, name_of
from dashboards.board.shared.tile import NOW, WINDOW_TITLES
from facts.errors import QuestionError
from measures.catalogue import find
from measures.measure import Measure, Where
from measures.window import LIVE_WINDOWS, REPORT_WINDOWS

REPORT_TITLES = {
    "this_month": "This month",
    "last_month": "Last month",
    "12m": "12 months",
    "previous_12m": "Previous 12 months",
}


class BreakdownQuery(Struct, frozen=True):
    """A measure over a window, broken down by a dimension (empty for none) and filtered by labels."""

    measure: Measure
    window: str
    by: str
    where: Where

    def query(self, **changed: object) -> str:
        """The query string of this question, with some attributes changed."""
        values = {"window": self.window, "by": self.by, "where": self.where, **changed}
        where = values["where"]
        assert isinstance(where, Mapping)  # noqa: S101 - for the type checker
        return "&".join([f"window={values['window']}", f"by={values['by']}", *filter_parameters(where)])


def filter_parameters(where: Where) -> list[str]:
    """The query parameters of filters."""
    return [f"where={name}:{word}" for name, words in where.items() for word in words]


def parse_query(name: str, query: QueryParams) -> BreakdownQuery:
    """The question about a measure in an address.

    Raises:
        QuestionError: the measure does not exist, or the query is malformed.
    """
    measure = find(name)
    where: dict[str, tuple[str, ...]] = {}
    for given in query.getlist("where"):
        dimension, colon, word = given.partition(":")
        if not colon:
            hint = "Give a dimension and a label, for example area:moorlands."
            raise QuestionError(f"{given!r} is not a filter.", where="where", hint=hint)
        where[dimension] = (*where.get(dimension, ()), word)
    window = NOW if measure.is_open() else query.get("window", "60m")
    return BreakdownQuery(measure, window, query.get("by", first_dimension(measure, where)), where)


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


def window_titles(view: View, measure: Measure) -> dict[str, str]:
    """The windows that a measure can be read over, with their titles."""
    if measure.is_open():
        return {NOW: "Now"}
    live = {name: WINDOW_TITLES[name] for name in LIVE_WINDOWS if name != "shift" or view.profile.shifts}
    return live | {name: REPORT_TITLES[name] for name in REPORT_WINDOWS}


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
