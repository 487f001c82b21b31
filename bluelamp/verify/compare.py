"""Holds the product's readings against the independent recount, cell by cell, to the last digit."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

from bluelamp.recount.recount import Loaded, Recount
from bluelamp.recount.reported import KnownFigure
from facts.errors import IncompleteError
from facts.force import Force
from measures.catalogue import CATALOGUE
from measures.measure import Measure, Where
from measures.outcome import microseconds
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


class StateReadings(Struct, frozen=True):
    """Readings of one moment, taken from the state at one place of the log.

    Attributes:
        force: whose.
        as_of: the instant they were asked for.
        applied_offsets: that place, by topic and partition.
        answers: the questions, each with its readings.
        complete_to: how far each feed is believed to be complete, in microseconds since 1970; None where that is not known.
            That depends on the present as well as on the log, so the recount is given it.
    """

    force: str
    as_of: datetime
    applied_offsets: dict[tuple[str, int], int]
    answers: list[tuple[Query, list[Reading]]]
    complete_to: dict[str, int | None]


class RecountComparison(Struct):
    """What came of it.

    Attributes:
        cells: how many were compared.
        differences: those that differ.
        records: records of the log that both are of.
        behind: records of the log that are not in the state yet, and are in neither.
        left_out: reason to the number of facts, or of whole unreadable records, that count in neither.
    """

    cells: int = 0
    differences: list[Difference] = []
    records: int = 0
    behind: int = 0
    left_out: dict[str, int] = {}

    def is_of_nothing(self) -> bool:
        """Whether nothing was compared: no cell, or no record of a log that holds some."""
        return not self.cells or (self.behind > 0 and not self.records)

    def is_clean(self) -> bool:
        """Whether something was compared, and nothing differs."""
        return not self.is_of_nothing() and not self.differences


def every_query(windows: Iterable[str], force: Force) -> Iterable[Query]:
    """Every measure that a force's feeds carry, over windows, whole and by each of its dimensions."""
    for measure in CATALOGUE.values():
        if measure.feeds(force):
            for window in windows:
                for by in ((), *((name,) for name in measure.dimensions())):
                    yield Query(measure=measure, window=window, by=by)


def take(reader: Reader, force: str, queries: Sequence[Query], as_of: datetime) -> StateReadings:
    """Read every answer from the state at one place of the log, also while it moves on.

    Args:
        reader: of the state.
        force: whose figures.
        queries: what is asked.
        as_of: the instant; open items are read as they are now.
    """

    def taken() -> StateReadings:
        return taken_of(reader, force, as_of, [(query, read_one(reader, force, query, as_of)) for query in queries])

    return reader.at_one_moment(taken)


def taken_of(reader: Reader, force: str, as_of: datetime, answers: list[tuple[Query, list[Reading]]]) -> StateReadings:
    """Answers with the place of the log that they are of; at the one moment at which they were read."""
    complete_to = {feed.feed: feed.complete_to for feed in reader.feeds(force)}
    return StateReadings(force, as_of, reader.applied_offsets(), answers, complete_to)


def read_one(reader: Reader, force: str, query: Query, as_of: datetime) -> list[Reading]:
    """What the state says to a question, at the place of the log where it stands now."""
    is_open = query.measure.is_open()
    return reader.read(
        query.measure, query.window, by=query.by, where=query.where, as_of=as_of, force=force, is_now=is_open
    )


def check_whole(loaded: Loaded) -> None:
    """Refuse to compare with a recount of less than the state was folded from.

    Raises:
        IncompleteError: the log begins after its first offset, or ends before the state's; names the offsets.
    """
    if loaded.missing_before:
        where = ", ".join(f"{_place(at)}: 0 to {first - 1}" for at, first in loaded.missing_before.items())
        what = "The log no longer begins at its first offset, so nothing can be compared with it."
        raise IncompleteError(what, where=where, hint="Name the archive that holds the rest (BLUELAMP_ARCHIVE).")
    if loaded.missing_after:
        where = ", ".join(f"{_place(at)}: {end} to {after - 1}" for at, (end, after) in loaded.missing_after.items())
        what = "The log ends before the records that the state was folded from, so nothing can be compared with it."
        raise IncompleteError(
            what, where=where, hint="Is this the right Kafka? `bluelamp check` compares the two logs."
        )


def _place(place: tuple[str, int]) -> str:
    return f"{place[0]}:{place[1]}"


def compare(taken: StateReadings, recount: Recount) -> RecountComparison:
    """Hold what was read against a recount of the log up to the same place.

    Raises:
        IncompleteError: the recount is of less than the state was folded from.
    """
    check_whole(recount.loaded)
    loaded = recount.loaded
    found = RecountComparison(records=loaded.records, behind=loaded.left_beyond, left_out=loaded.left_out)
    for query, readings in taken.answers:
        asked = (query.measure, taken.force, query.window, taken.as_of, query.by, query.where)
        cells = recount.known(*asked, complete_to=taken.complete_to)
        _compare_cells(query, readings, cells, found)
    return found


def _compare_cells(query: Query, readings: list[Reading], cells: list[KnownFigure], found: RecountComparison) -> None:
    for words, ours, theirs in paired(readings, cells):
        found.cells += 1
        if not is_same(ours, theirs):
            difference = Difference(
                measure=query.measure.name,
                window=query.window,
                dimensions=words,
                read=ours and numbers(ours),
                recounted=theirs and numbers(theirs),
            )
            found.differences.append(difference)


def paired(
    readings: Iterable[Reading], cells: Iterable[KnownFigure]
) -> Iterator[tuple[dict[str, str], Reading | None, KnownFigure | None]]:
    """The readings and the cells of one answer side by side, by their words; None where one side has no such cell."""
    read = {tuple(each.dimensions.items()): each for each in readings}
    recounted = {tuple(each.dimensions.items()): each for each in cells}
    return ((dict(words), read.get(words), recounted.get(words)) for words in recounted | read)


def is_same(ours: Reading | None, theirs: KnownFigure | None) -> bool:
    """Whether the state and the recount say the same of a cell, and know the same part of its period."""
    if ours is None or theirs is None:
        return ours is None and theirs is None
    begins = None if ours.begins is None else microseconds(ours.begins)
    return (numbers(ours), ours.coverage, begins) == (numbers(theirs), theirs.coverage, theirs.begins)


def numbers(cell: Reading | KnownFigure) -> tuple[Any, ...]:
    """What a cell says, to be held against another: value, n, met and spread."""
    spread = cell.spread
    told = (spread.mean, spread.median, spread.p90, tuple(spread.within.items())) if spread else None
    return cell.value, cell.n, cell.met, told


def told_numbers(numbers: Any) -> str:
    """Value, n and what a spread is of, to the last digit: what differs may lie beyond what is shown elsewhere."""
    if numbers is None:
        return "nothing"
    value, n, met, spread = numbers
    parts = ["n not known" if n is None else f"n {n:,}", *([f"met {met:,}"] if met is not None else [])]
    parts += [f"mean {spread[0]!r}, median {spread[1]!r}, 90th percentile {spread[2]!r}"] if spread else []
    return f"{value!r} ({', '.join(parts)})"


def lines(found: RecountComparison) -> Iterator[str]:
    """What a person reads: what differs, what was compared, and what was not."""
    for each in found.differences:
        words = " ".join(f"{name}={word}" for name, word in each.dimensions.items())
        place = "  ".join(part for part in (each.measure, each.window, words) if part)
        yield f"{place}  state {told_numbers(each.read)}, log {told_numbers(each.recounted)}"
    if not found.cells:
        yield "Nothing was compared: neither the state nor the log has a figure for this question."
    elif found.is_of_nothing():
        yield "Nothing was compared: the state holds no record of the log yet."
    else:
        yield f"{found.cells:,} cells compared, {len(found.differences):,} differ."
    yield from not_compared(found.behind, found.left_out)


def not_compared(behind: int, left_out: dict[str, int]) -> Iterator[str]:
    """What a comparison leaves out, in words: nothing when it was of everything."""
    if behind:
        yield f"Not compared: {behind:,} records of the log that are not in the state yet."
    if left_out:
        reasons = ", ".join(f"{reason} {count:,}" for reason, count in sorted(left_out.items()))
        yield f"Not compared: {sum(left_out.values()):,} quarantined facts, which count in no figure ({reasons})."
