"""Reading an extract: its rows, by a mapping, become facts; what cannot be read is listed, and the rest is kept."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Literal, NamedTuple

from msgspec import Struct

from facts.union import AnyFact
from producers.declaration import WHOLE_ROW, Mapping, columns_used
from producers.row_facts import RowValues, choose_rows, digest, make, read_values
from producers.rows import Row, UnreadableRow, read_rows
from producers.values import Cells, Fault, LocalClock, MalformedError


class Malformed(Struct, frozen=True, kw_only=True):
    """A row, or a fact told by several rows, that could not be read.

    Attributes:
        line: where the row begins in the file, counted from 1.
        column: where in the row; empty when the row as a whole is meant.
        fault: one word of a closed list.
        what: what is wrong, never with the value: it may be personal.
    """

    line: int
    column: str
    fault: Fault
    what: str

    def __str__(self) -> str:
        return f"line {self.line}: {repr(self.column) + ' ' if self.column else ''}{self.what}"


class Extract(Struct, frozen=True, kw_only=True):
    """What an extract told.

    Every row is counted once: `rows` = `rows_read` + `rows_excluded` + `rows_repeated` + `rows_malformed`.

    Attributes:
        name: of the file.
        mapping: what it was read by.
        facts: in order of event time.
        malformed: what could not be read, in order of line.
        rows: in the file, without its header.
        rows_read: that told their facts.
        rows_excluded: left out by the mapping's `include` and `exclude`.
        rows_repeated: that told an earlier row again.
        rows_malformed: that told nothing because they could not be read.
        columns_empty: that the mapping uses and no row had a value in.
    """

    name: str
    mapping: Mapping
    facts: tuple[AnyFact, ...]
    malformed: tuple[Malformed, ...]
    rows: int
    rows_read: int
    rows_excluded: int
    rows_repeated: int
    rows_malformed: int
    columns_empty: tuple[str, ...]

    def counts(self) -> dict[str, int]:
        """How many facts of each type, in the order the mapping declares them."""
        counted = Counter(type(fact).__name__ for fact in self.facts)
        return {declared.fact: counted[declared.fact] for declared in self.mapping.facts}

    def faults(self) -> dict[Fault, int]:
        """How often each fault was met."""
        return dict(Counter(each.fault for each in self.malformed))


def read_extract(path: Path | Traversable, mapping: Mapping, *, now: datetime) -> Extract:
    """Read an extract.

    Args:
        path: of the file.
        mapping: by which it is read.
        now: facts that say they happened later are malformed.

    Raises:
        MappingError: the file as a whole does not fit the mapping.
        OSError: the file cannot be opened.
    """
    columns = frozenset(columns_used(mapping))
    reading = _Reading(mapping, columns, now)
    with path.open("rb") as stream:
        for row in read_rows(stream, mapping.source, columns, path.name):
            reading.take(row)
    return reading.extract(path.name)


class RowResult(NamedTuple):
    """What one row tells.

    Attributes:
        subject_id: what it is about.
        facts: told by the row alone.
        tellings: by the place of the declared fact in the mapping, what it tells of facts told by all rows of the subject.
    """

    subject_id: str
    facts: list[AnyFact]
    tellings: dict[int, RowValues]


class RowReader:
    """Reads the rows of one extract one after the other, and remembers their keys.

    Args:
        mapping: by which they are read.
        now: the wall clock; facts that say they happened later are malformed.
    """

    def __init__(self, mapping: Mapping, now: Callable[[], datetime]) -> None:
        self._mapping, self._now = mapping, now
        self._clock = LocalClock(mapping.source)
        self._digests: set[bytes] = set()
        self._line_of_key: dict[tuple[str, ...], int] = {}

    def read(self, row: Row | UnreadableRow) -> RowResult | Literal["excluded", "repeated"]:
        """What a row tells: all of it, or nothing.

        Raises:
            MalformedError: it cannot be read.
        """
        if isinstance(row, UnreadableRow):
            raise row.error
        if not _is_included(self._mapping, row.cells):
            return "excluded"
        own = self._digest(row.cells)
        if own in self._digests:
            return "repeated"
        told = self._told(row)
        # Only a row that told something stands in the way of another: one that is malformed may be written anew.
        if own:
            self._digests.add(own)
        return told

    def settled(self, subject_id: str, index: int, tellings: Sequence[RowValues]) -> AnyFact:
        """The fact that all rows of a subject tell together.

        Raises:
            MalformedError: it cannot be made of them.
        """
        declared = self._mapping.facts[index]
        return make(self._mapping, declared, subject_id, (), choose_rows(declared, tellings), self._now())

    def _told(self, row: Row) -> RowResult:
        subject_id = _subject_id(self._mapping, row.cells)
        row_key = self._row_key(subject_id, row)
        told = RowResult(subject_id, [], {})
        for index, declared in enumerate(self._mapping.facts):
            telling = read_values(declared, row.cells, row.line, self._clock)
            if telling and declared.per == "row":
                by_field = dict.fromkeys(telling.values, telling)
                told.facts.append(make(self._mapping, declared, subject_id, row_key, by_field, self._now()))
            elif telling:
                told.tellings[index] = telling
        if self._mapping.rows.key:
            self._line_of_key[subject_id, *row_key] = row.line
        return told

    def _digest(self, cells: Cells) -> bytes | None:
        """What rows that tell the same again have in common; a digest and not the row, for the memory's sake."""
        distinct_by = self._mapping.rows.distinct_by
        if not distinct_by:
            return None
        columns = sorted(cells) if distinct_by == WHOLE_ROW else distinct_by
        text = repr([(column, cells.get(column)) for column in columns])
        return hashlib.blake2b(text.encode(), digest_size=16).digest()

    def _row_key(self, subject_id: str, row: Row) -> tuple[str, ...]:
        """What tells the row from the others of its subject; empty where the mapping does not need it."""
        columns = self._mapping.rows.key
        key = _key(columns, row.cells)
        first = self._line_of_key.get((subject_id, *key)) if columns else None
        if first:
            raise MalformedError("repeated_key", ", ".join(columns), f"has the key of the row at line {first}")
        return key


def malformed(error: MalformedError, line: int) -> Malformed:
    """A fault as it is listed.

    Args:
        error: the fault.
        line: of the row that was being read.
    """
    return Malformed(line=error.line or line, column=error.column, fault=error.fault, what=error.what)


class _Reading:
    """An extract half read."""

    def __init__(self, mapping: Mapping, columns: frozenset[str], now: datetime) -> None:
        self._mapping = mapping
        self._reading = RowReader(mapping, lambda: now)
        self._facts: list[AnyFact] = []
        self._malformed: list[Malformed] = []
        self._rows: Counter[str] = Counter()
        self._tellings: dict[tuple[str, int], list[RowValues]] = defaultdict(list)
        self._columns_empty = set(columns)

    def take(self, row: Row | UnreadableRow) -> None:
        """Count a row, and keep what it tells."""
        if isinstance(row, Row):
            self._columns_empty -= row.cells.keys()
        try:
            told = self._reading.read(row)
        except MalformedError as error:
            self._malformed.append(malformed(error, row.line))
            self._rows["malformed"] += 1
            return
        if isinstance(told, str):
            self._rows[told] += 1
            return
        self._rows["read"] += 1
        self._facts += told.facts
        for index, telling in told.tellings.items():
            self._tellings[told.subject_id, index].append(telling)

    def extract(self, name: str) -> Extract:
        """What it told, once every row was taken."""
        for (subject_id, index), tellings in self._tellings.items():
            self._settle(subject_id, index, tellings)
        return Extract(
            name=name,
            mapping=self._mapping,
            facts=tuple(sorted(self._facts, key=lambda fact: fact.at)),
            malformed=tuple(sorted(self._malformed, key=lambda each: each.line)),
            rows=self._rows.total(),
            rows_read=self._rows["read"],
            rows_excluded=self._rows["excluded"],
            rows_repeated=self._rows["repeated"],
            rows_malformed=self._rows["malformed"],
            columns_empty=tuple(sorted(self._columns_empty)),
        )

    def _settle(self, subject_id: str, index: int, tellings: Sequence[RowValues]) -> None:
        try:
            self._facts.append(self._reading.settled(subject_id, index, tellings))
        except MalformedError as error:
            self._malformed.append(malformed(error, tellings[0].line))


def _is_included(mapping: Mapping, cells: Cells) -> bool:
    rows = mapping.rows
    return all(cells.get(column, "") in values for column, values in rows.include.items()) and not any(
        cells.get(column, "") in values for column, values in rows.exclude.items()
    )


def _subject_id(mapping: Mapping, cells: Cells) -> str:
    key = "-".join(_key(mapping.subject.key, cells))
    return mapping.subject.prefix + (digest(key) if mapping.subject.digest else key)


def _key(columns: tuple[str, ...], cells: Cells) -> tuple[str, ...]:
    missing = next((column for column in columns if column not in cells), None)
    if missing:
        raise MalformedError("missing_value", missing, "is empty, and identifies the row")
    return tuple(cells[column] for column in columns)
