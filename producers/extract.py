"""Reads an extract by its mapping: rows become facts, and malformed rows are listed."""

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
from producers.joining import Join, Joins
from producers.row_facts import RowValues, choose_rows, digest, make, read_values
from producers.rows import Row, UnreadableRow, read_rows
from producers.values import Cells, Fault, LocalClock, MalformedError, holds


class Malformed(Struct, frozen=True, kw_only=True):
    """A row, or a fact from several rows, that could not be read.

    Attributes:
        line: line of the file on which the row begins, counted from 1.
        column: the column at fault; empty if the fault concerns the whole row.
        fault: a code from a fixed list.
        what: what is wrong, without the value, which may be personal.
    """

    line: int
    column: str
    fault: Fault
    what: str

    def __str__(self) -> str:
        return f"line {self.line}: {repr(self.column) + ' ' if self.column else ''}{self.what}"


class Extract(Struct, frozen=True, kw_only=True):
    """The facts and the malformed rows of an extract.

    Every row is counted once: `rows` = `rows_read` + `rows_excluded` + `rows_repeated` + `rows_malformed`.

    Attributes:
        name: name of the file.
        mapping: the mapping it was read by.
        facts: the facts in order of event time.
        malformed: what could not be read, in order of line.
        rows: number of rows in the file, without its header.
        rows_read: rows that gave their facts.
        rows_excluded: rows left out by the mapping's `include` and `exclude`.
        rows_repeated: rows that repeat an earlier row.
        rows_malformed: rows that could not be read and gave no facts.
        columns_empty: columns that the mapping uses and that are empty in every row.
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
        """The number of facts of each type, in the order the mapping declares them."""
        counted = Counter(type(fact).__name__ for fact in self.facts)
        return {declared.fact: counted[declared.fact] for declared in self.mapping.facts}

    def faults(self) -> dict[Fault, int]:
        """The number of times each fault was found."""
        return dict(Counter(each.fault for each in self.malformed))


def read_extract(path: Path | Traversable, mapping: Mapping, *, now: datetime) -> Extract:
    """Read an extract.

    Args:
        path: path of the file.
        mapping: the mapping to read it by.
        now: the present; facts with a later time are malformed.

    Raises:
        MappingError: the file as a whole does not fit the mapping.
        OSError: the file cannot be opened.
    """
    columns = frozenset(columns_used(mapping))
    builder = _ExtractBuilder(mapping, columns, now)
    with path.open("rb") as stream:
        for row in read_rows(stream, mapping.source, columns, path.name):
            builder.add(row)
    return builder.build(path.name)


class RowResult(NamedTuple):
    """What one row gives.

    Attributes:
        subject_id: the row's subject.
        facts: facts that the row gives by itself.
        partial: values for facts made from all the rows of the subject, by the declared fact's position in the mapping.
        join: the subjects that the row joins.
    """

    subject_id: str
    facts: list[AnyFact]
    partial: dict[int, RowValues]
    join: Join | None = None


class RowReader:
    """Reads the rows of one extract in order, and remembers their keys.

    Args:
        mapping: the mapping to read them by.
        now: the wall clock; facts with a later time are malformed.
    """

    def __init__(self, mapping: Mapping, now: Callable[[], datetime]) -> None:
        self._mapping, self._now = mapping, now
        self._clock = LocalClock(mapping.source)
        self._digests: set[bytes] = set()
        self._line_of_key: dict[tuple[str, ...], int] = {}

    def read(self, row: Row | UnreadableRow) -> RowResult | Literal["excluded", "repeated"]:
        """Read a whole row, or say why it is left out.

        Raises:
            MalformedError: the row cannot be read.
        """
        if isinstance(row, UnreadableRow):
            raise row.error
        if not _is_included(self._mapping, row.cells):
            return "excluded"
        own = self._digest(row.cells)
        if own in self._digests:
            return "repeated"
        result = self._result(row)
        # Only rows that could be read count as seen: a malformed row may be written again correctly.
        if own:
            self._digests.add(own)
        return result

    def combine(self, subject_id: str, index: int, rows: Sequence[RowValues]) -> AnyFact:
        """Make a fact from all the rows of a subject.

        Raises:
            MalformedError: the rows do not make a valid fact.
        """
        declared = self._mapping.facts[index]
        return make(self._mapping, declared, subject_id, (), choose_rows(declared, rows), self._now())

    def _result(self, row: Row) -> RowResult:
        subject_id = _subject_id(self._mapping, row.cells)
        row_key = self._row_key(subject_id, row)
        result = RowResult(subject_id, [], {}, _join(self._mapping, row.cells, subject_id))
        for index, declared in enumerate(self._mapping.facts):
            values = read_values(declared, row.cells, row.line, self._clock)
            if values and declared.per == "row":
                by_field = dict.fromkeys(values.values, values)
                result.facts.append(make(self._mapping, declared, subject_id, row_key, by_field, self._now()))
            elif values:
                result.partial[index] = values
        if self._mapping.rows.key:
            self._line_of_key[subject_id, *row_key] = row.line
        return result

    def _digest(self, cells: Cells) -> bytes | None:
        """A digest that repeated rows share; a digest takes less memory than the row."""
        distinct_by = self._mapping.rows.distinct_by
        if not distinct_by:
            return None
        columns = sorted(cells) if distinct_by == WHOLE_ROW else distinct_by
        text = repr([(column, cells.get(column)) for column in columns])
        return hashlib.blake2b(text.encode(), digest_size=16).digest()

    def _row_key(self, subject_id: str, row: Row) -> tuple[str, ...]:
        """The key that distinguishes the row from others of its subject; empty if the mapping has no row key."""
        columns = self._mapping.rows.key
        key = _key(columns, row.cells)
        first = self._line_of_key.get((subject_id, *key)) if columns else None
        if first:
            raise MalformedError("repeated_key", ", ".join(columns), f"has the key of the row at line {first}")
        return key


def malformed(error: MalformedError, line: int) -> Malformed:
    """The entry for a fault in the list of malformed rows.

    Args:
        error: the fault.
        line: line of the row that was being read.
    """
    return Malformed(line=error.line or line, column=error.column, fault=error.fault, what=error.what)


class _ExtractBuilder:
    """Collects the rows of an extract."""

    def __init__(self, mapping: Mapping, columns: frozenset[str], now: datetime) -> None:
        self._mapping = mapping
        self._reader = RowReader(mapping, lambda: now)
        self._facts: list[AnyFact] = []
        self._malformed: list[Malformed] = []
        self._rows: Counter[str] = Counter()
        self._partial: dict[tuple[str, int], list[RowValues]] = defaultdict(list)
        self._columns_empty = set(columns)
        self._joins = Joins()

    def add(self, row: Row | UnreadableRow) -> None:
        """Count a row and collect its facts."""
        if isinstance(row, Row):
            self._columns_empty -= row.cells.keys()
        try:
            result = self._reader.read(row)
        except MalformedError as error:
            self._malformed.append(malformed(error, row.line))
            self._rows["malformed"] += 1
            return
        if isinstance(result, str):
            self._rows[result] += 1
            return
        self._rows["read"] += 1
        self._facts += result.facts
        if result.join:
            self._joins.add(result.join)
        for index, values in result.partial.items():
            self._partial[result.subject_id, index].append(values)

    def build(self, name: str) -> Extract:
        """The extract, once every row has been added."""
        for (subject_id, index), rows in self._partial.items():
            self._combine(subject_id, index, rows)
        return Extract(
            name=name,
            mapping=self._mapping,
            facts=tuple(sorted(self._joins.settled(self._facts), key=lambda fact: fact.at)),
            malformed=tuple(sorted(self._malformed, key=lambda each: each.line)),
            rows=self._rows.total(),
            rows_read=self._rows["read"],
            rows_excluded=self._rows["excluded"],
            rows_repeated=self._rows["repeated"],
            rows_malformed=self._rows["malformed"],
            columns_empty=tuple(sorted(self._columns_empty)),
        )

    def _combine(self, subject_id: str, index: int, rows: Sequence[RowValues]) -> None:
        try:
            self._facts.append(self._reader.combine(subject_id, index, rows))
        except MalformedError as error:
            self._malformed.append(malformed(error, rows[0].line))


def _is_included(mapping: Mapping, cells: Cells) -> bool:
    rows = mapping.rows
    return all(cells.get(column, "") in values for column, values in rows.include.items()) and not any(
        cells.get(column, "") in values for column, values in rows.exclude.items()
    )


def _subject_id(mapping: Mapping, cells: Cells) -> str:
    return _id_of(mapping, "-".join(_key(mapping.subject.key, cells)))


def _id_of(mapping: Mapping, key: str) -> str:
    return mapping.subject.prefix + (digest(key) if mapping.subject.digest else key)


def _join(mapping: Mapping, cells: Cells, subject_id: str) -> Join | None:
    join = mapping.subject.join
    if join is None or join.column not in cells or not all(holds(condition, cells) for condition in join.when):
        return None
    return Join(subject_id, _id_of(mapping, cells[join.column]))


def _key(columns: tuple[str, ...], cells: Cells) -> tuple[str, ...]:
    missing = next((column for column in columns if column not in cells), None)
    if missing:
        raise MalformedError("missing_value", missing, "is empty, but is part of the key")
    return tuple(cells[column] for column in columns)
