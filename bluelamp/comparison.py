"""Holds the product's readings against the independent recount, cell by cell, to the last digit."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

from bluelamp.recount.cell import Cell
from bluelamp.recount.recount import Recount
from facts.force import Force
from measures.catalogue import CATALOGUE
from measures.measure import Measure, Where
from measures.reading import Reading
from streams.readings import Reader


class Query(Struct, frozen=True, kw_only=True):
    """One question that both are asked.

    Attributes:
        measure: which.
        window: over which stretch of time.
        by: the dimensions to break it down by.
        where: the words to limit it to.
    """

    measure: Measure
    window: str
    by: tuple[str, ...] = ()
    where: Where = {}


class Difference(Struct, frozen=True, kw_only=True):
    """One cell in which the two differ.

    Attributes:
        measure: its name.
        window: as asked.
        dimensions: the cell's words.
        read: what the state says: value, n, met and spread; None where it has no such cell.
        recounted: the same of the recount.
    """

    measure: str
    window: str
    dimensions: dict[str, str]
    read: Any
    recounted: Any


class Taken(Struct, frozen=True):
    """Readings of one moment, taken from the state at one place of the log.

    Attributes:
        force: whose.
        as_of: the instant they were asked for.
        fences: that place, by topic and partition.
        answers: the questions, each with its readings.
    """

    force: str
    as_of: datetime
    fences: dict[tuple[str, int], int]
    answers: list[tuple[Query, list[Reading]]]


class Comparison(Struct):
    """What came of it.

    Attributes:
        cells: how many were compared.
        differences: those that differ.
        behind: records of the log that were not in the state yet, and are in neither.
        left_out: reason to the number of facts, or of whole unreadable records, that count in neither.
    """

    cells: int = 0
    differences: list[Difference] = []
    behind: int = 0
    left_out: dict[str, int] = {}


def every_query(windows: Iterable[str], force: Force) -> Iterable[Query]:
    """Every measure that a force's feeds carry, over windows, whole and by each of its dimensions."""
    for measure in CATALOGUE.values():
        if measure.feeds(force):
            for window in windows:
                for by in ((), *((name,) for name in measure.dimensions())):
                    yield Query(measure=measure, window=window, by=by)


def take(reader: Reader, force: str, queries: Sequence[Query], as_of: datetime) -> Taken:
    """Read every answer from the state at one place of the log, also while it moves on.

    Args:
        reader: of the state.
        force: whose figures.
        queries: what is asked.
        as_of: the instant; open items are read as they are now.
    """

    def taken() -> Taken:
        answers = [(query, read_one(reader, force, query, as_of)) for query in queries]
        return Taken(force, as_of, reader.fences(), answers)

    return reader.at_one_moment(taken)


def read_one(reader: Reader, force: str, query: Query, as_of: datetime) -> list[Reading]:
    """What the state says to a question, at the place of the log where it stands now."""
    is_open = query.measure.is_open()
    return reader.read(
        query.measure, query.window, by=query.by, where=query.where, as_of=as_of, force=force, is_now=is_open
    )


def compare(taken: Taken, recount: Recount) -> Comparison:
    """Hold what was read against a recount of the log up to the same place."""
    found = Comparison(behind=recount.loaded.left_beyond, left_out=recount.loaded.left_out)
    for query, readings in taken.answers:
        cells = recount.answer(query.measure, taken.force, query.window, taken.as_of, by=query.by, where=query.where)
        _compare_cells(query, readings, cells, found)
    return found


def _compare_cells(query: Query, readings: list[Reading], cells: list[Cell], found: Comparison) -> None:
    read = {_words(each.dimensions): each for each in readings}
    recounted = {_words(each.dimensions): each for each in cells}
    for words in read | recounted:
        found.cells += 1
        ours, theirs = read.get(words), recounted.get(words)
        if not _is_same(ours, theirs):
            difference = Difference(
                measure=query.measure.name,
                window=query.window,
                dimensions=dict(words),
                read=ours and numbers(ours),
                recounted=theirs and numbers(theirs),
            )
            found.differences.append(difference)


def _is_same(ours: Reading | None, theirs: Cell | None) -> bool:
    if ours and theirs and ours.state == "no_data":
        # The product says no data where nobody has said that nothing happened; the recount knows no feeds, and says 0.
        return not theirs.n and not theirs.value
    return (ours and numbers(ours)) == (theirs and numbers(theirs))


def _words(dimensions: dict[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(dimensions.items())


def numbers(cell: Reading | Cell) -> tuple[Any, ...]:
    """What a cell says, to be held against another: value, n, met and spread."""
    spread = cell.spread
    told = (spread.mean, spread.median, spread.p90, tuple(spread.within.items())) if spread else None
    return cell.value, cell.n, cell.met, told


def told_numbers(numbers: Any) -> str:
    """Value, n and what a spread is of, to the last digit: what differs may lie beyond what is shown elsewhere."""
    if numbers is None:
        return "nothing"
    value, n, met, spread = numbers
    parts = [f"n {n:,}", *([f"met {met:,}"] if met is not None else [])]
    parts += [f"mean {spread[0]!r}, median {spread[1]!r}, 90th percentile {spread[2]!r}"] if spread else []
    return f"{value!r} ({', '.join(parts)})"
