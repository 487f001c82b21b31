"""A measure broken down by one dimension: rows with a total to check them against, and the open subjects that are counted."""

from collections.abc import Sequence
from typing import Any

import msgspec.structs
from msgspec import Struct
from starlette.datastructures import QueryParams

from dashboards.board.shared.chosen_window import check_window
from dashboards.board.shared.comparison import read_compared
from dashboards.board.shared.page import View
from dashboards.board.shared.query import BreakdownQuery, first_dimension, parse_query
from dashboards.board.shared.table import DIMENSION_TITLES, in_order, name_of, names
from dashboards.board.shared.tile import VALUE_STATES, Tile, as_window, read_tile, text
from dashboards.report.text import plain
from facts.force import NONE
from measures.display import words
from measures.measure import SPREAD, Decided, Measure
from measures.outcome import instant, microseconds
from measures.reading import ListedSubject, Reading

LISTED = 300
"""The most open subjects that the page lists; the CSV file lists all."""


class BreakdownRow(Struct, frozen=True):
    """One row of a breakdown: its name, its cells, and the query string that filters by it."""

    name: str
    cells: list[str]
    query: str


class Subjects(Struct, frozen=True):
    """The open subjects that are counted.

    Attributes:
        says: what they are.
        count: the number of them.
        columns: titles.
        rows: the cells of those that are listed; the first is the opaque id, and times are in ISO 8601.
        as_of: the local time of the list.
    """

    says: str
    count: int
    columns: list[str]
    rows: list[list[str]]
    as_of: str


TIDY_COLUMNS = {
    "label": "label of the dimension, as a filter takes it",
    "name": "its name",
    "state": "state of the reading; only live figures, and those in part, have a value",
    "value": "unrounded value: a count, seconds, or a share of 1",
    "n": "number of cases behind the figure",
    "met": "for a share, the number that count towards it",
    "low": "for a share, its lower bound",
    "high": "for a share, its upper bound",
    "unrecorded": "number of outcomes that are not recorded or in doubt",
}
"""The columns of the CSV file before those of the spread: name and meaning."""


class TidyRow(Struct, frozen=True):
    """One row of the CSV file.

    Attributes:
        label: the label of the dimension; empty for the whole figure.
        name: its name.
        state: the state of the reading.
        values: the plain numbers, in the order of the columns; None where there is none that may be displayed.
    """

    label: str
    name: str
    state: str
    values: tuple[float | int | None, ...]


class Breakdown(Struct, frozen=True):
    """A measure broken down.

    Attributes:
        tile: the overall figure.
        columns: titles; the first is the title of the row names.
        rows: one for each label of the dimension.
        total: the cells of the overall figure.
        says: whether the rows add up.
        subjects: the open subjects that are counted; None if the measure does not count open subjects.
        tidy: the rows as plain values, for programs.
        verdict: how the window compares with the one that is chosen, in sentences; empty if none is.
        comparison: both windows as a table; None if none is chosen.
        explain: the address of what is behind the figure.
    """

    tile: Tile
    columns: list[str]
    rows: list[BreakdownRow]
    total: list[str]
    says: str
    subjects: Subjects | None
    tidy: tuple[TidyRow, ...] = ()
    verdict: tuple[str, ...] = ()
    comparison: dict[str, Any] | None = None
    explain: str = ""


def parse_breakdown(name: str, query: QueryParams, view: View) -> BreakdownQuery:
    """The question in an address.

    Raises:
        QuestionError: the measure does not exist, or the query is malformed.
    """
    question = parse_query(name, query)
    if not question.measure.is_open():
        check_window(question.choice(), query, view, question.measure)
    return question


def read_breakdown(question: BreakdownQuery, view: View, listed_most: int | None = LISTED) -> Breakdown:
    """The answer to a question; blocking.

    Args:
        question: the question.
        view: what the board reads.
        listed_most: the most open subjects to list; None for all.

    Raises:
        QuestionError: the question cannot be answered.
    """
    tile, whole = read_tile(question.measure, question.window, view, question.where), _read(question, view, ())[0]
    readings = _read(question, view, (question.by,)) if question.by else []
    columns = [DIMENSION_TITLES.get(question.by, question.by) or "All", *_columns(question.measure)]
    rows = _rows(readings, question, view)
    has_rows = tile.state in (*VALUE_STATES, "too_few")
    compared = read_compared(question.measure, question.choice(), question.by, question.where, view)
    return Breakdown(
        tile=tile,
        columns=columns,
        rows=rows if has_rows else [],
        total=["All", *_cells(whole, question.measure)] if has_rows else [],
        says=_says(tile, whole, readings, question) if has_rows and question.by else "",
        subjects=_subjects(question, view, listed_most) if has_rows else None,
        tidy=_tidy_rows(readings, whole, question, view),
        verdict=compared.says() if compared else (),
        comparison=plain(compared.table()) if compared else None,
        explain=f"{view.root}/api/explain/{question.measure.name}?{question.query()}",
    )


def _read(question: BreakdownQuery, view: View, by: tuple[str, ...]) -> list[Reading]:
    return view.reader.read(question.measure, as_window(question.window), by=by, where=question.where, force=view.force)


def _rows(readings: Sequence[Reading], question: BreakdownQuery, view: View) -> list[BreakdownRow]:
    """Rows in the profile's order; for counts also the labels with a count of 0."""
    by = question.by
    cells = {word: ["0"] for word in _counted_words(question, view)}
    cells |= {each.dimensions[by]: _cells(each, question.measure) for each in readings}
    return [_row(word, cells[word], question, view) for word in in_order(by, cells, view)]


def _counted_words(question: BreakdownQuery, view: View) -> list[str]:
    """The labels that a count has a row for, also if it is 0."""
    by = question.by
    if not by or question.measure.unit != "count":
        return []
    none = [NONE] if by in ("area", "group") else []
    return [each for each in (*names(by, view), *none) if each in question.where.get(by, (each,))]


def _columns(measure: Measure) -> list[str]:
    value = {"count": "Count", "ratio": "Share", "seconds": "Time"}[measure.unit]
    return [
        value,
        *({"ratio": ["Count", "n"], "seconds": ["n"]}.get(measure.unit, [])),
        *(["At least", "At most"] if measure.is_share() else []),
        *(SPREAD[name] for name in measure.spread()),
        *(["Unrecorded"] if _may_lack(measure) else []),
    ]


def _may_lack(measure: Measure) -> bool:
    """Whether outcomes of the measure may not be recorded."""
    return measure.is_share() or bool(measure.unrecorded)


def _cells(reading: Reading, measure: Measure) -> list[str]:
    met = [f"{reading.met:,}"] if measure.unit == "ratio" and reading.met is not None else []
    return [
        text(reading, measure),
        *(met or (["-"] if measure.unit == "ratio" else [])),
        *(["-" if reading.n is None else f"{reading.n:,}"] * (measure.unit != "count")),
        *([words(bound, measure.unit) for bound in _bounds(reading)] if measure.is_share() else []),
        *(words(value, measure.unit) for value in _spread(reading, measure)),
        *(["-" if reading.unrecorded is None else f"{reading.unrecorded:,}"] if _may_lack(measure) else []),
    ]


def _spread(reading: Reading, measure: Measure) -> list[float | None]:
    """The other figures of the distribution of a mean or a median that may be displayed."""
    is_known = reading.spread is not None and reading.value is not None and reading.state in VALUE_STATES
    return [getattr(reading.spread, name) if is_known else None for name in measure.spread()]


def _bounds(reading: Reading) -> tuple[float | None, float | None]:
    """The bounds of a share whose value may be displayed."""
    return (reading.low, reading.high) if reading.state in VALUE_STATES else (None, None)


def _tidy_rows(
    readings: Sequence[Reading], whole: Reading, question: BreakdownQuery, view: View
) -> tuple[TidyRow, ...]:
    """The rows of the page as plain numbers; the whole figure if nothing is broken down."""
    if not question.by:
        return (TidyRow("", question.measure.title, whole.state, _plain(whole, question.measure)),)
    found = {each.dimensions[question.by]: each for each in readings}
    nothing = msgspec.structs.replace(whole, value=0.0)
    words = in_order(question.by, [*_counted_words(question, view), *found], view)
    return tuple(
        TidyRow(word, name_of(question.by, word, view), one.state, _plain(one, question.measure))
        for word in words
        for one in [found.get(word, nothing)]
    )


def _plain(reading: Reading, measure: Measure) -> tuple[float | int | None, ...]:
    """The numbers of a reading, in the order of the columns; None for those that the page does not display."""
    is_displayed = reading.state in VALUE_STATES
    is_known = is_displayed or reading.state == "too_few"
    value = reading.value if is_displayed else None
    return (
        int(value) if measure.unit == "count" and value is not None else value,
        reading.n if is_known and measure.unit != "count" else None,
        reading.met if is_known and measure.unit == "ratio" else None,
        *(_bounds(reading) if measure.is_share() else (None, None)),
        reading.unrecorded if is_known and _may_lack(measure) else None,
        *_spread(reading, measure),
    )


def _row(word: str, cells: list[str], question: BreakdownQuery, view: View) -> BreakdownRow:
    where = {**question.where, question.by: (word,)}
    query = question.query(where=where, by=first_dimension(question.measure, where))
    return BreakdownRow(name_of(question.by, word, view), cells, query)


def _says(tile: Tile, whole: Reading, readings: Sequence[Reading], question: BreakdownQuery) -> str:
    """Whether the rows add up; before that, the time they cover if that is less than their window."""
    part = f"{tile.reason} " if tile.state == "in_part" else ""
    return part + _adds_up(whole, readings, question.measure)


def _adds_up(whole: Reading, readings: Sequence[Reading], measure: Measure) -> str:
    """A real check: rows and total were read separately, and are added up here."""
    if measure.unit == "count":
        rows, total, what = sum(int(each.value or 0) for each in readings), int(whole.value or 0), "total"
    else:
        rows, total, what = sum(each.n or 0 for each in readings), whole.n or 0, "total n"
    if rows != total:
        return f"The rows do not add up to the {what}: they come to {rows:,}, and the {what} is {total:,}."
    return f"The rows add up to the {what}, {total:,}."


def _subjects(question: BreakdownQuery, view: View, most: int | None) -> Subjects | None:
    measure = question.measure
    if not measure.is_open() and not isinstance(measure.statistic, Decided):
        return None
    listed = view.reader.listed(measure, as_window(question.window), where=question.where, force=view.force)
    listed = sorted(listed, key=lambda each: (each.item.due or each.item.since, each.subject_id))
    names = list(listed[0].dimensions) if listed else []
    has_due = any(each.item.due is not None for each in listed)
    says = "Open now" if measure.is_open() else "Target missed and still open"
    columns = ["ID", "Since", *(["Due"] if has_due else []), *(DIMENSION_TITLES.get(name, name) for name in names)]
    rows = [_subject_cells(each, view, has_due=has_due) for each in listed[:most]]
    return Subjects(says, len(listed), columns, rows, _local(microseconds(view.reader.present(view.force)), view))


def _subject_cells(each: ListedSubject, view: View, *, has_due: bool) -> list[str]:
    item = each.item
    due = [_local(item.due, view) if item.due is not None else "paused"] if has_due else []
    known = (name_of(name, word, view) for name, word in each.dimensions.items())
    return [each.subject_id, _local(item.since, view), *due, *known]


def _local(at: int, view: View) -> str:
    """A local time for programs, with its offset; the page puts it into words."""
    return instant(at).astimezone(view.profile.zone()).isoformat(timespec="seconds")
