"""Reading an extract: its rows, by a mapping, become facts; what cannot be read is listed, and the rest is kept."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import datetime
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Literal

from msgspec import Struct

from facts.union import AnyFact
from producers.declaration import WHOLE_ROW, Mapping, columns_used
from producers.rows import Row, Unread, read_rows
from producers.telling import Telling, digest, make, settle, tell
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


class _Reading:
    """An extract half read."""

    def __init__(self, mapping: Mapping, columns: frozenset[str], now: datetime) -> None:
        self._mapping, self._now = mapping, now
        self._clock = LocalClock(mapping.source)
        self._facts: list[AnyFact] = []
        self._malformed: list[Malformed] = []
        self._rows: Counter[str] = Counter()
        self._digests: set[bytes] = set()
        self._line_of_key: dict[tuple[str, ...], int] = {}
        self._tellings: dict[tuple[str, int], list[Telling]] = defaultdict(list)
        self._columns_empty = set(columns)

    def take(self, row: Row | Unread) -> None:
        """Count a row, and keep what it tells."""
        try:
            if isinstance(row, Unread):
                raise row.error
            self._rows[self._take(row)] += 1
        except MalformedError as error:
            self._list(error, row.line)
            self._rows["malformed"] += 1

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

    def _take(self, row: Row) -> Literal["excluded", "repeated", "read"]:
        self._columns_empty -= row.cells.keys()
        if not _is_included(self._mapping, row.cells):
            return "excluded"
        if self._is_repeated(row.cells):
            return "repeated"
        self._read(row)
        return "read"

    def _read(self, row: Row) -> None:
        """All that a row tells is kept, or nothing of it."""
        subject_id = _subject_id(self._mapping, row.cells)
        row_key = self._row_key(subject_id, row)
        facts: list[AnyFact] = []
        tellings: dict[int, Telling] = {}
        for index, declared in enumerate(self._mapping.facts):
            telling = tell(declared, row.cells, row.line, self._clock)
            if telling and declared.per == "row":
                told = dict.fromkeys(telling.values, telling)
                facts.append(make(self._mapping, declared, subject_id, row_key, told, self._now))
            elif telling:
                tellings[index] = telling
        self._facts += facts
        for index, telling in tellings.items():
            self._tellings[subject_id, index].append(telling)

    def _settle(self, subject_id: str, index: int, tellings: Sequence[Telling]) -> None:
        declared = self._mapping.facts[index]
        try:
            told = settle(declared, tellings)
            self._facts.append(make(self._mapping, declared, subject_id, (), told, self._now))
        except MalformedError as error:
            self._list(error, tellings[0].line)

    def _list(self, error: MalformedError, line: int) -> None:
        place = error.line or line
        self._malformed.append(Malformed(line=place, column=error.column, fault=error.fault, what=error.what))

    def _is_repeated(self, cells: Cells) -> bool:
        distinct_by = self._mapping.rows.distinct_by
        if not distinct_by:
            return False
        columns = sorted(cells) if distinct_by == WHOLE_ROW else distinct_by
        # A digest and not the row, for the memory's sake.
        own = hashlib.blake2b(
            repr([(column, cells.get(column)) for column in columns]).encode(), digest_size=16
        ).digest()
        is_known = own in self._digests
        self._digests.add(own)
        return is_known

    def _row_key(self, subject_id: str, row: Row) -> tuple[str, ...]:
        """What tells the row from the others of its subject; empty where the mapping does not need it."""
        columns = self._mapping.rows.key
        key = _key(columns, row.cells)
        first = self._line_of_key.setdefault((subject_id, *key), row.line) if columns else row.line
        if first != row.line:
            raise MalformedError("repeated_key", ", ".join(columns), f"has the key of the row at line {first}")
        return key


def _is_included(mapping: Mapping, cells: Cells) -> bool:
    rows = mapping.rows
    return all(cells.get(column) in values for column, values in rows.include.items()) and not any(
        cells.get(column) in values for column, values in rows.exclude.items()
    )


def _subject_id(mapping: Mapping, cells: Cells) -> str:
    key = "-".join(_key(mapping.subject.key, cells))
    return mapping.subject.prefix + (digest(key) if mapping.subject.digest else key)


def _key(columns: tuple[str, ...], cells: Cells) -> tuple[str, ...]:
    missing = next((column for column in columns if column not in cells), None)
    if missing:
        raise MalformedError("missing_value", missing, "is empty, and identifies the row")
    return tuple(cells[column] for column in columns)
