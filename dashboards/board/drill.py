"""Broken down: a measure over a window by one dimension, rows that add up to the whole, and the open subjects it counts."""

from collections.abc import Mapping, Sequence

from msgspec import Struct
from starlette.datastructures import QueryParams

from dashboards.board.page import View
from dashboards.board.table import DIMENSION_TITLES, in_order, name_of, names
from dashboards.board.tile import NOW, SHOWN_STATES, WINDOW_TITLES, Tile, as_window, take_tile, text
from facts.errors import QuestionError
from facts.force import NONE
from measures.catalogue import find
from measures.measure import Decided, Measure, Where
from measures.outcome import instant
from measures.reading import ListedSubject, Reading
from measures.window import LIVE_WINDOWS, REPORT_WINDOWS

REPORT_TITLES = {
    "this_month": "This month",
    "last_month": "Last month",
    "12m": "12 months",
    "previous_12m": "Previous 12 months",
}
LISTED = 300
"""How many open subjects the page lists; the file holds all."""


class BreakdownQuery(Struct, frozen=True):
    """What is asked: a measure over a window, by a dimension (empty for none), limited to words."""

    measure: Measure
    window: str
    by: str
    where: Where

    def query(self, **changed: object) -> str:
        """The query of an address that asks the same, but for what is changed."""
        told = {"window": self.window, "by": self.by, "where": self.where, **changed}
        where = told["where"]
        assert isinstance(where, Mapping)  # noqa: S101 - for the reader of types
        limits = [f"where={name}:{word}" for name, words in where.items() for word in words]
        return "&".join([f"window={told['window']}", f"by={told['by']}", *limits])


class BreakdownRow(Struct, frozen=True):
    """One row of a breakdown: its word, its cells, and the query that limits to it."""

    name: str
    cells: list[str]
    query: str


class Subjects(Struct, frozen=True):
    """The open subjects that are counted.

    Attributes:
        says: what they are.
        count: how many there are.
        columns: titles.
        rows: cells of those that are listed; the first is the opaque id.
    """

    says: str
    count: int
    columns: list[str]
    rows: list[list[str]]


class Drill(Struct, frozen=True):
    """The answer.

    Attributes:
        tile: of the whole.
        columns: titles, the first of the rows' names.
        rows: the words of the dimension.
        total: the cells of the whole.
        says: how the rows add up.
        subjects: the open subjects it counts; None where it counts none by themselves.
    """

    tile: Tile
    columns: list[str]
    rows: list[BreakdownRow]
    total: list[str]
    says: str
    subjects: Subjects | None


def asked(name: str, query: QueryParams) -> BreakdownQuery:
    """What an address asks.

    Raises:
        QuestionError: there is no such measure, or the query is malformed.
    """
    measure = find(name)
    where: dict[str, tuple[str, ...]] = {}
    for limit in query.getlist("where"):
        dimension, colon, word = limit.partition(":")
        if not colon:
            raise QuestionError(f"{limit!r} limits nothing.", where="where", hint="Give dimension:word.")
        where[dimension] = (*where.get(dimension, ()), word)
    window = NOW if measure.is_open() else query.get("window", "60m")
    return BreakdownQuery(measure, window, query.get("by", _first_dimension(measure, where)), where)


def _first_dimension(measure: Measure, where: Where) -> str:
    return next((name for name in _preferred(measure) if len(where.get(name, ())) != 1), "")


def _preferred(measure: Measure) -> list[str]:
    """The dimensions of a measure, those first that people look at first."""
    order = ("area", "queue", "suite", "type", "grade", "group")
    return sorted(measure.dimensions(), key=lambda name: order.index(name) if name in order else len(order))


def dimensions(measure: Measure) -> dict[str, str]:
    """The dimensions that a measure can be broken down by, with their titles."""
    return {name: DIMENSION_TITLES.get(name, name) for name in _preferred(measure)}


def window_titles(view: View, measure: Measure) -> dict[str, str]:
    """The windows that a measure can be asked for, with their titles."""
    if measure.is_open():
        return {NOW: "Now"}
    live = {name: WINDOW_TITLES[name] for name in LIVE_WINDOWS if name != "shift" or view.profile.shifts}
    return live | {name: REPORT_TITLES[name] for name in REPORT_WINDOWS}


def take_drill(question: BreakdownQuery, view: View, listed_most: int | None = LISTED) -> Drill:
    """The answer to what is asked; blocking.

    Raises:
        QuestionError: it cannot be answered; says why.
    """
    tile, whole = take_tile(question.measure, question.window, view, question.where), _read(question, view, ())[0]
    readings = _read(question, view, (question.by,)) if question.by else []
    columns = [DIMENSION_TITLES.get(question.by, question.by) or "All", *_columns(question.measure)]
    rows = _rows(readings, question, view)
    is_shown = tile.state in (*SHOWN_STATES, "too_few")
    return Drill(
        tile=tile,
        columns=columns,
        rows=rows if is_shown else [],
        total=["All", *_cells(whole, question.measure)] if is_shown else [],
        says=_says(tile, whole, readings, question) if is_shown and question.by else "",
        subjects=_subjects(question, view, listed_most) if is_shown else None,
    )


def _read(question: BreakdownQuery, view: View, by: tuple[str, ...]) -> list[Reading]:
    return view.reader.read(question.measure, as_window(question.window), by=by, where=question.where, force=view.force)


def _rows(readings: Sequence[Reading], question: BreakdownQuery, view: View) -> list[BreakdownRow]:
    """In the profile's order; of what is counted also the words of which there are none."""
    by, known = question.by, {}
    if by and question.measure.unit == "count":
        none = [NONE] if by in ("area", "group") else []
        words = [each for each in (*names(by, view), *none) if each in question.where.get(by, (each,))]
        known = {word: ["0"] for word in words}
    known |= {each.dimensions[by]: _cells(each, question.measure) for each in readings}
    return [_row(word, known[word], question, view) for word in in_order(by, known, view)]


def _columns(measure: Measure) -> list[str]:
    value = {"count": "Count", "ratio": "Share", "seconds": "Time"}[measure.unit]
    return [value, *({"ratio": ["How many of them", "n"], "seconds": ["n"]}.get(measure.unit, []))]


def _cells(reading: Reading, measure: Measure) -> list[str]:
    value = text(reading, measure)
    met = [f"{reading.met:,}"] if measure.unit == "ratio" and reading.met is not None else []
    return [
        value,
        *(met or (["-"] if measure.unit == "ratio" else [])),
        *(["-" if reading.n is None else f"{reading.n:,}"] * (measure.unit != "count")),
    ]


def _row(word: str, cells: list[str], question: BreakdownQuery, view: View) -> BreakdownRow:
    where = {**question.where, question.by: (word,)}
    onward = question.query(where=where, by=_first_dimension(question.measure, where))
    return BreakdownRow(name_of(question.by, word, view), cells, onward)


def _says(tile: Tile, whole: Reading, readings: Sequence[Reading], question: BreakdownQuery) -> str:
    """How the rows add up; before that, which time they cover where that is less than their window."""
    part = f"{tile.reason} " if tile.state == "in_part" else ""
    return part + _adds_up(whole, readings, question.measure)


def _adds_up(whole: Reading, readings: Sequence[Reading], measure: Measure) -> str:
    """Said only when it is so: it is counted here, from rows and whole that were read apart."""
    if measure.unit == "count":
        rows, all_of_them = sum(int(each.value or 0) for each in readings), int(whole.value or 0)
        what = "counts"
    else:
        rows, all_of_them, what = sum(each.n or 0 for each in readings), whole.n or 0, "n"
    if rows != all_of_them:
        return f"The rows do not add up: their {what} come to {rows:,}, and the whole is {all_of_them:,}."
    return f"The {what} of the rows add up to the whole: {all_of_them:,}."


def _subjects(question: BreakdownQuery, view: View, most: int | None) -> Subjects | None:
    measure = question.measure
    if not measure.is_open() and not isinstance(measure.statistic, Decided):
        return None
    found = view.reader.listed(measure, as_window(question.window), where=question.where, force=view.force)
    found = sorted(found, key=lambda each: (each.item.due or each.item.since, each.subject_id))
    names = list(found[0].dimensions) if found else []
    has_due = any(each.item.due is not None for each in found)
    says = "Open now and counted here" if measure.is_open() else "Open still, and counted here as missed"
    columns = ["Id", "Since", *(["Due"] if has_due else []), *(DIMENSION_TITLES.get(name, name) for name in names)]
    rows = [_cells_of(each, view, has_due=has_due) for each in found[:most]]
    return Subjects(says, len(found), columns, rows)


def _cells_of(each: ListedSubject, view: View, *, has_due: bool) -> list[str]:
    matter = each.item
    due = [_local(matter.due, view) if matter.due is not None else "stands still"] if has_due else []
    named = (name_of(name, word, view) for name, word in each.dimensions.items())
    return [each.subject_id, _local(matter.since, view), *due, *named]


def _local(at: int, view: View) -> str:
    return instant(at).astimezone(view.profile.zone()).strftime("%Y-%m-%d %H:%M:%S")
