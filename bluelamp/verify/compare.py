"""Compares the readings of the state with the independent recount, figure by figure, to the last digit."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, TypeVar

from msgspec import Struct

from bluelamp.recount.coverage import KnownFigure
from bluelamp.recount.recount import Loaded, Recount
from bluelamp.verify.sides import paired
from bluelamp.verify.words import STATE_EMPTY, dimension_words, exact, not_compared, totals
from facts.errors import IncompleteError
from facts.force import Force
from measures.catalogue import CATALOGUE
from measures.measure import Measure, Where
from measures.outcome import microseconds
from measures.reading import Reading
from measures.window import resolve
from streams.readings import Reader

Figures = TypeVar("Figures", Reading, KnownFigure)
"""The other side of a comparison with readings: those of another version, or a recount."""


class Query(Struct, frozen=True, kw_only=True):
    """A query that both the state and the recount can run.

    Attributes:
        measure: the measure.
        window: the window.
        by: the dimensions to break it down by.
        where: the labels to filter by, for each dimension.
    """

    measure: Measure
    window: str
    by: tuple[str, ...] = ()
    where: Where = {}


class Difference(Struct, frozen=True, kw_only=True):
    """A figure that differs between the state and the recount.

    Attributes:
        measure: the name of its measure.
        window: the window of the query.
        dimensions: the label of each dimension.
        read: value, n, met and spread in the state; None where the state has no such figure.
        recounted: the same in the recount.
    """

    measure: str
    window: str
    dimensions: dict[str, str]
    read: Any
    recounted: Any


class StateReadings(Struct, frozen=True):
    """Readings of the state, all at the same applied offsets.

    Attributes:
        force: the force.
        as_of: the time of the readings.
        applied_offsets: the applied offset of each topic and partition.
        results: the queries, each with its readings.
        complete_to: the time up to which each feed is complete, in microseconds since 1970; None where it is not known. It depends
            on the present as well as on the log, so the recount uses the same value.
    """

    force: str
    as_of: datetime
    applied_offsets: dict[tuple[str, int], int]
    results: list[tuple[Query, list[Reading]]]
    complete_to: dict[str, int | None]


class RecountComparison(Struct):
    """The result of comparing readings with a recount.

    Attributes:
        cells: the number of figures compared.
        differences: the figures that differ.
        records: the number of log records that were compared.
        behind: the number of log records that are not yet in the state and were not compared.
        left_out: the number of facts and unreadable records that count in no figure, by reason.
    """

    cells: int = 0
    differences: list[Difference] = []
    records: int = 0
    behind: int = 0
    left_out: dict[str, int] = {}

    def is_empty(self) -> bool:
        """Whether nothing was compared: there is no figure, or the state has applied no record of the log."""
        return not self.cells or (self.behind > 0 and not self.records)

    def is_clean(self) -> bool:
        """Whether something was compared, and nothing differs."""
        return not self.is_empty() and not self.differences


def every_query(windows: Iterable[str], force: Force) -> Iterable[Query]:
    """A query for every measure that the force has feeds for: over each window, whole and by each dimension."""
    for measure in CATALOGUE.values():
        if measure.feeds(force):
            for window in windows:
                for by in ((), *((name,) for name in measure.dimensions())):
                    yield Query(measure=measure, window=window, by=by)


def read_state(reader: Reader, force: str, queries: Sequence[Query], as_of: datetime) -> StateReadings:
    """Run queries on the state at one moment, while workers keep writing.

    Args:
        reader: reads the state.
        force: the force.
        queries: the queries.
        as_of: the time of the readings; open items are always read as they are now.
    """

    def read() -> StateReadings:
        rules = reader.rules[force].force
        reader.load(((query.measure, resolve(query.window, as_of, rules)) for query in queries), force)
        return readings_of(reader, force, as_of, [(query, read_one(reader, force, query, as_of)) for query in queries])

    return reader.at_one_moment(read)


def readings_of(
    reader: Reader, force: str, as_of: datetime, results: list[tuple[Query, list[Reading]]]
) -> StateReadings:
    """Results with their applied offsets; call it at the moment at which they were read."""
    complete_to = {feed.feed: feed.complete_to for feed in reader.feeds(force)}
    return StateReadings(force, as_of, reader.applied_offsets(), results, complete_to)


def read_one(reader: Reader, force: str, query: Query, as_of: datetime) -> list[Reading]:
    """The readings of a query at the current applied offsets."""
    is_open = query.measure.is_open()
    return reader.read(
        query.measure, query.window, by=query.by, where=query.where, as_of=as_of, force=force, is_now=is_open
    )


def check_whole(loaded: Loaded) -> None:
    """Refuse to compare when the recount covers less than the state was built from.

    Raises:
        IncompleteError: the log begins after offset 0, or ends before the applied offset; names the missing offsets.
    """
    if loaded.missing_before:
        where = ", ".join(f"{_place(at)}: 0 to {first - 1}" for at, first in loaded.missing_before.items())
        what = "The beginning of the log has been deleted, so a recount cannot be compared with the state."
        raise IncompleteError(what, where=where, hint="Set BLUELAMP_ARCHIVE to the archive that contains it.")
    if loaded.missing_after:
        where = ", ".join(f"{_place(at)}: {end} to {after - 1}" for at, (end, after) in loaded.missing_after.items())
        what = "The log ends before the applied offset of the state, so a recount cannot be compared with the state."
        hint = "Check that BLUELAMP_KAFKA is the right Kafka. `bluelamp check` compares the log with the state."
        raise IncompleteError(what, where=where, hint=hint)


def _place(place: tuple[str, int]) -> str:
    return f"{place[0]}:{place[1]}"


def compare(state: StateReadings, recount: Recount) -> RecountComparison:
    """Compare readings of the state with a recount of the log up to the same applied offsets.

    Raises:
        IncompleteError: the recount covers less than the state was built from.
    """
    check_whole(recount.loaded)
    loaded = recount.loaded
    result = RecountComparison(records=loaded.records, behind=loaded.left_beyond, left_out=loaded.left_out)
    for query, readings in state.results:
        arguments = (query.measure, state.force, query.window, state.as_of, query.by, query.where)
        cells = recount.known(*arguments, complete_to=state.complete_to)
        _compare_cells(query, readings, cells, result)
    return result


def _compare_cells(query: Query, readings: list[Reading], cells: list[KnownFigure], result: RecountComparison) -> None:
    for words, ours, theirs in pairs_of(readings, cells):
        result.cells += 1
        if not is_same(ours, theirs):
            difference = Difference(
                measure=query.measure.name,
                window=query.window,
                dimensions=words,
                read=ours and numbers(ours),
                recounted=theirs and numbers(theirs),
            )
            result.differences.append(difference)


def pairs_of(
    readings: Iterable[Reading], others: Iterable[Figures]
) -> Iterator[tuple[dict[str, str], Reading | None, Figures | None]]:
    """The figures of one query in pairs, by their labels; None where one side has no figure."""
    ours = {tuple(each.dimensions.items()): each for each in readings}
    theirs = {tuple(each.dimensions.items()): each for each in others}
    return ((dict(words), one, other) for words, one, other in paired(ours, theirs))


def is_same(ours: Reading | None, theirs: KnownFigure | None) -> bool:
    """Whether the state and the recount have the same figure and the same coverage of its period."""
    if ours is None or theirs is None:
        return ours is None and theirs is None
    begins = None if ours.begins is None else microseconds(ours.begins)
    return (numbers(ours), ours.coverage, begins) == (numbers(theirs), theirs.coverage, theirs.begins)


def numbers(cell: Reading | KnownFigure) -> tuple[Any, ...]:
    """The numbers of a figure that must be equal: value, n, met, spread, bounds, and what is not recorded of it."""
    spread = cell.spread
    spread_numbers = (spread.mean, spread.median, spread.p90, tuple(spread.within.items())) if spread else None
    return cell.value, cell.n, cell.met, spread_numbers, cell.low, cell.high, cell.unrecorded


def difference_line(each: Difference) -> str:
    """A figure that differs, for a person to read."""
    place = (each.measure, each.window, dimension_words(each.dimensions))
    return "  ".join([*filter(None, place), f"state {exact(each.read)}, log {exact(each.recounted)}"])


def lines(result: RecountComparison) -> Iterator[str]:
    """The result for a person to read: each difference, then the totals."""
    yield from map(difference_line, result.differences)
    if not result.cells:
        yield "Nothing was compared: neither the state nor the log has this figure."
    elif result.is_empty():
        yield STATE_EMPTY
    else:
        yield totals(result.cells, "figure", len(result.differences))
    yield from not_compared(result.behind, result.left_out)
