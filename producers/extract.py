"""Reads extracts by their mapping: rows become facts, and malformed rows are listed."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from importlib.resources.abc import Traversable
from itertools import pairwise
from pathlib import Path
from typing import Literal, NamedTuple, cast

from msgspec import Struct
from msgspec.structs import replace

from facts.fact import SubjectFact
from facts.union import AnyFact
from facts.wire import EARLIEST
from producers.declaration import WHOLE_ROW, Mapping, Session, columns_of, columns_used, source_columns
from producers.joining import Join, Joins
from producers.keys import (
    KeyCounts,
    are_from_one,
    check_openings,
    in_words,
    join_of,
    key_of,
    shortened_among,
    subject_of,
)
from producers.row_facts import RowValues, choose_rows, digest, make, parts_of, read_values
from producers.rows import Row, UnreadableRow, read_rows
from producers.sessions import OpenSessions, entered, has_facts, left
from producers.times import LocalClock, Note
from producers.values import Cells, Fault, MalformedError, RowPlace, check_digits, lost_digits, text_of

_NO_GAP, _LONG_GAP = timedelta(0), timedelta(days=60)
_FEW = 3
_OF_ONE_ROW: frozenset[Fault] = frozenset({"bad_value", "lost_digits"})
"""Faults of one row, which the other rows of its subject need not share."""


class Malformed(Struct, frozen=True, kw_only=True):
    """A row, or the rows of a subject, that could not be read.

    Attributes:
        line: line of the file on which the row begins, counted from 1.
        column: the column at fault; empty if the fault concerns the whole row.
        fault: a code from a fixed list.
        what: what is wrong, without the value, which may be personal.
        rows: number of rows that give no facts because of it.
        file: name of the file; empty if only one was read.
    """

    line: int
    column: str
    fault: Fault
    what: str
    rows: int = 1
    file: str = ""

    def __str__(self) -> str:
        lost = f"; the {self.rows:,} rows of its subject give no facts" if self.rows > 1 else ""
        where = f"{self.file}, line {self.line}" if self.file else f"line {self.line}"
        return f"{where}: {repr(self.column) + ' ' if self.column else ''}{self.what}{lost}"


_NOT_RECORDED = datetime.min.replace(tzinfo=UTC)


class RowResult(NamedTuple):
    """What one row gives.

    Attributes:
        subject_id: the row's subject.
        place: where the row is.
        facts: facts that the row gives by itself.
        partial: values for facts made from all the rows of the subject, by the declared fact's position in the mapping, and
            its number if its cell holds several times.
        join: the subjects that the row joins.
        notes: readings of its times that depend on more than the cell, each with its columns.
        is_excluded: whether the mapping leaves the row out, so that it only removes what an earlier row said.
        recorded_at: when the source recorded the row; None if it does not say.
    """

    subject_id: str
    place: RowPlace
    facts: list[AnyFact]
    partial: dict[tuple[int, tuple[str, ...]], RowValues]
    join: Join | None = None
    notes: frozenset[tuple[Note, str]] = frozenset()
    is_excluded: bool = False
    recorded_at: datetime | None = None


class Strays(Struct, frozen=True, kw_only=True):
    """A few facts that are far from all others.

    Attributes:
        count: the number of such facts.
        days: how many days without any fact lie between them and the others.
        first: the earliest of them.
        last: the latest of them.
    """

    count: int
    days: int
    first: datetime
    last: datetime


def strays_of(times: Sequence[datetime]) -> Strays | None:
    """The few times beyond the longest gap, if there are any.

    Args:
        times: event times in order.
    """
    gaps = ((later - earlier, index) for index, (earlier, later) in enumerate(pairwise(times), 1))
    gap, index = max(gaps, default=(_NO_GAP, 0))
    few = min(times[:index], times[index:], key=len)
    if gap < _LONG_GAP or len(few) > min(max(_FEW, len(times) // 100), len(times) // 10):
        return None
    return Strays(count=len(few), days=gap.days, first=few[0], last=few[-1])


class Extract(Struct, frozen=True, kw_only=True):
    """The facts and the malformed rows of an extract.

    Every row is counted once: `rows` = `rows_read` + `rows_excluded` + `rows_repeated` + `rows_replaced` + `rows_malformed`.

    Attributes:
        name: name of the file, or of the files.
        mapping: the mapping it was read by.
        facts: the facts in order of event time.
        malformed: what could not be read, in order of line.
        rows: number of rows in the files, without their headers.
        rows_read: rows that gave their facts.
        rows_excluded: rows left out by the mapping's `include` and `exclude`.
        rows_repeated: rows that repeat an earlier row.
        rows_replaced: rows that a later row of their subject replaces.
        rows_malformed: rows that give no facts because they, or their subject, could not be read.
        columns_empty: columns that the mapping uses and that are empty in every row.
        subjects: by subject, the number of rows that gave its facts.
        second_openings: number of subjects whose rows open them at different times.
        notes: by note and columns, the number of rows with such a reading.
        are_keys_from_one: whether the subjects' keys are the numbers 1, 2, 3 and so on.
    """

    name: str
    mapping: Mapping
    facts: tuple[AnyFact, ...]
    malformed: tuple[Malformed, ...]
    rows: int
    rows_read: int
    rows_excluded: int
    rows_repeated: int
    rows_replaced: int
    rows_malformed: int
    columns_empty: tuple[str, ...]
    subjects: dict[str, int]
    second_openings: int
    notes: dict[Note, dict[str, int]]
    are_keys_from_one: bool

    def keys(self) -> KeyCounts:
        """How many subjects the rows are about, and what is doubtful about their keys."""
        faults = self.faults()
        return KeyCounts(
            one_for_each=in_words(self.mapping),
            rows=self.rows_read,
            subjects=len(self.subjects),
            largest=max(self.subjects.values(), default=0),
            second_openings=self.second_openings,
            reused=sum(each.fault == "reused_key" for each in self.malformed),
            lost_digits=faults.get("lost_digits", 0),
            from_one=self.are_keys_from_one,
        )

    def strays(self) -> Strays | None:
        """Facts so far from all others that their year may be mistyped; None if there are none."""
        return strays_of([fact.at for fact in self.facts])

    def counts(self) -> dict[str, int]:
        """The number of facts of each type, in the order the mapping declares them."""
        counted = Counter(type(fact).__name__ for fact in self.facts)
        return {declared.fact: counted[declared.fact] for declared in self.mapping.facts}

    def faults(self) -> dict[Fault, int]:
        """The number of rows lost to each fault."""
        lost: Counter[Fault] = Counter()
        for each in self.malformed:
            lost[each.fault] += each.rows
        return dict(lost)


def read_extract(path: Path | Traversable, mapping: Mapping, *, now: datetime) -> Extract:
    """Read an extract from one file; the errors are those of `read_extracts`."""
    return read_extracts([path], mapping, now=now)


def read_extracts(paths: Sequence[Path | Traversable], mapping: Mapping, *, now: datetime) -> Extract:
    """Read an extract from several files, in the order given, as if they were one.

    Args:
        paths: paths of the files.
        mapping: the mapping to read them by.
        now: the present; facts with a later time are malformed.

    Raises:
        MappingError: a file as a whole does not fit the mapping.
        OSError: a file cannot be opened.
    """
    columns = frozenset(columns_used(mapping))
    builder = _ExtractBuilder(mapping, columns, now)
    for path in paths:
        file = path.name if len(paths) > 1 else ""
        with path.open("rb") as stream:
            for row in read_rows(stream, mapping.source, columns, path.name):
                builder.add(row, file)
    return builder.build(", ".join(path.name for path in paths))


class RowReader:
    """Reads the rows of one extract in order, and remembers their keys.

    Args:
        mapping: the mapping to read them by.
        now: the wall clock; facts with a later time are malformed.
        sessions: the sessions that were open at the end of the earlier files.

    Attributes:
        sessions: the sessions that are open now.
    """

    def __init__(self, mapping: Mapping, now: Callable[[], datetime], sessions: OpenSessions | None = None) -> None:
        self._mapping, self._now, self.sessions = mapping, now, dict(sessions or {})
        self._clock = LocalClock(mapping)
        self._selecting = {
            column
            for name in (*mapping.rows.include, *mapping.rows.exclude)
            for column in (name, *source_columns(mapping.source, name))
        }
        self._digests: set[bytes] = set()
        self._place_of_key: dict[tuple[str, ...], RowPlace] = {}

    def read(self, row: Row | UnreadableRow, file: str = "") -> RowResult | Literal["excluded", "repeated"]:
        """Read a whole row, or say why it is left out.

        Args:
            row: the row.
            file: name of its file, if several are read.

        Raises:
            MalformedError: the row cannot be read.
        """
        if isinstance(row, UnreadableRow):
            raise row.error
        place = RowPlace(row.line, file)
        if row.fault and self._selecting & {row.fault.column, *row.missing}:
            raise row.fault
        if not _is_included(self._mapping, row.cells):
            return self._excluded(row.cells, place)
        if row.fault:
            raise row.fault
        own = self._digest(row.cells)
        if own in self._digests:
            return "repeated"
        session = self._mapping.subject.session
        result = self._in_session(session, row.cells, place) if session else self._result(row.cells, place)
        if result is None:
            return "excluded"
        # Only rows that could be read count as seen: a malformed row may be written again correctly.
        if own:
            self._digests.add(own)
        return result

    def facts_of(self, rows: Sequence[RowResult]) -> list[AnyFact]:
        """The facts of a subject, from all its rows in order: all of them or, if one is malformed, none.

        Raises:
            MalformedError: the rows do not make valid facts.
        """
        rows = self.in_order(rows)
        check_openings(self._mapping, [(row.place, self.opened(row)) for row in rows if not row.is_excluded])
        counted = rows[-1:] if self._mapping.rows.later == "replace" else rows
        facts = [fact for row in counted for fact in row.facts]
        for key in sorted({key for row in counted for key in row.partial}):
            index, number = key
            declared = self._mapping.facts[index]
            values = [row.partial[key] for row in counted if key in row.partial]
            chosen = choose_rows(declared, values)
            fact = make(self._mapping, declared, counted[0].subject_id, number, chosen, self._now())
            times = [row.recorded_at for row in counted if key in row.partial and row.recorded_at]
            facts.append(_recorded(fact, max(times, default=None)))
        return facts

    def in_order(self, rows: Sequence[RowResult]) -> list[RowResult]:
        """The rows of a subject, the later one last: by the times of their records, if later rows replace earlier ones."""
        if self._mapping.rows.later != "replace":
            return list(rows)
        return sorted(rows, key=lambda row: row.recorded_at or _NOT_RECORDED)

    def _recorded_at(self, cells: Cells) -> datetime | None:
        columns = columns_of(self._mapping.rows.recorded)
        text = text_of(cells, columns) if columns else None
        if text is None:
            return None
        at = self._clock.read_time(text, columns)
        if not EARLIEST <= at <= self._now():
            raise MalformedError("bad_value", ", ".join(columns), "is before 1990 or in the future")
        return at

    def has_second_opening(self, rows: Sequence[RowResult]) -> bool:
        """Whether rows of one subject open it at different times. A contact is offered again with each transfer."""
        opened = {self.opened(row) for row in rows if not row.is_excluded} - {None}
        return self._mapping.topic != "contacts" and len(opened) > 1

    def _excluded(self, cells: Cells, place: RowPlace) -> RowResult | Literal["excluded"]:
        if self._mapping.rows.later != "replace":
            return "excluded"
        try:
            subject_id = subject_of(self._mapping, cells, self._clock)
            return RowResult(subject_id, place, [], {}, is_excluded=True, recorded_at=self._recorded_at(cells))
        except MalformedError:
            return "excluded"

    def _in_session(self, session: Session, cells: Cells, place: RowPlace) -> RowResult | None:
        """Read a row of a session; None if the row belongs to no session and would give no fact."""
        columns, key = columns_of(session.at), digest(*key_of(self._mapping.subject.columns, cells))
        at, before = self._clock.time_in(cells, columns), self.sessions.get(key)
        if at is None:
            raise MalformedError("missing_value", ", ".join(columns), "is empty, but is the time of the row")
        current = entered(self._mapping, session, before, cells, at)
        if current is None:
            if not has_facts(self._mapping, cells):
                return None
            what = "belongs to no session: no row that was read has begun one, or the last one has ended"
            raise MalformedError("no_session", "", what)
        full = {**cells, **current.remembered}
        result = self._result(full, place, current.began)
        shift = current.shift()
        facts = [cast(AnyFact, replace(cast(SubjectFact, fact), at=fact.at + shift)) for fact in result.facts]
        # Sessions change only here, because a row that cannot be read neither begins nor ends one.
        self.sessions.pop(key, None)
        if after := left(session, current, full):
            self.sessions[key] = after
        return result._replace(facts=facts)

    def _result(self, cells: Cells, place: RowPlace, session: datetime | None = None) -> RowResult:
        self._clock.noted.clear()
        subject_id, recorded_at = subject_of(self._mapping, cells, self._clock, session), self._recorded_at(cells)
        row_key = self._row_key(subject_id, cells)
        result = RowResult(subject_id, place, [], {}, join_of(self._mapping, cells, subject_id))
        for index, declared in enumerate(self._mapping.facts):
            for number, part in parts_of(declared, cells):
                values = read_values(declared, part, place, self._clock)
                if values and declared.per == "row":
                    by_field, key = dict.fromkeys(values.values, values), (*row_key, *number)
                    fact = make(self._mapping, declared, subject_id, key, by_field, self._now())
                    result.facts.append(_recorded(fact, recorded_at))
                elif values:
                    result.partial[index, number] = values
        if self._mapping.rows.key:
            self._place_of_key[subject_id, *row_key] = place
        return result._replace(notes=frozenset(self._clock.noted), recorded_at=recorded_at)

    def opened(self, row: RowResult) -> datetime | None:
        """When a row says that its subject began; None if it does not say."""
        opening = self._mapping.opening
        own = (fact.at for fact in row.facts if type(fact).__name__ == opening)
        shared = (values.at for (index, _), values in row.partial.items() if self._mapping.facts[index].fact == opening)
        return min((*own, *shared), default=None)

    def _digest(self, cells: Cells) -> bytes | None:
        """A digest that repeated rows share; a digest takes less memory than the row."""
        distinct_by = self._mapping.rows.distinct_by
        if not distinct_by:
            return None
        columns = sorted(cells) if distinct_by == WHOLE_ROW else distinct_by
        if distinct_by != WHOLE_ROW:
            for column in distinct_by:
                check_digits(cells.get(column, ""), (column,))
        text = repr([(column, cells.get(column)) for column in columns])
        return hashlib.blake2b(text.encode(), digest_size=16).digest()

    def _row_key(self, subject_id: str, cells: Cells) -> tuple[str, ...]:
        """The key that distinguishes the row from others of its subject; empty if the mapping has no row key."""
        columns = self._mapping.rows.key
        key = key_of(columns, cells)
        first = self._place_of_key.get((subject_id, *key)) if columns else None
        if first:
            raise MalformedError("repeated_key", ", ".join(columns), f"has the key of the row at {first}")
        return key


def _recorded(fact: AnyFact, at: datetime | None) -> AnyFact:
    return fact if at is None else cast(AnyFact, replace(cast(SubjectFact, fact), recorded_at=at))


def malformed(error: MalformedError, place: RowPlace, rows: int = 1) -> Malformed:
    """The entry for a fault in the list of malformed rows.

    Args:
        error: the fault.
        place: the row that was being read.
        rows: number of rows that give no facts because of it.
    """
    at = error.place or place
    return Malformed(line=at.line, file=at.file, column=error.column, fault=error.fault, what=error.what, rows=rows)


class _ExtractBuilder:
    """Collects the rows of an extract."""

    def __init__(self, mapping: Mapping, columns: frozenset[str], now: datetime) -> None:
        self._mapping = mapping
        self._reader = RowReader(mapping, lambda: now)
        self._malformed: list[Malformed] = []
        self._rows: Counter[str] = Counter()
        self._subjects: dict[str, list[RowResult]] = defaultdict(list)
        self._columns_empty = set(columns)
        self._notes: dict[Note, Counter[str]] = defaultdict(Counter)
        self._joins = Joins()
        self._keys: dict[str, str] = {}
        """The subject of each key, if the key is one column."""

    def add(self, row: Row | UnreadableRow, file: str) -> None:
        """Count a row, and keep what it gives."""
        if isinstance(row, Row) and not row.fault:
            self._columns_empty -= row.cells.keys()
        try:
            result = self._reader.read(row, file)
        except MalformedError as error:
            self._list(error, RowPlace(row.line, file))
            return
        if isinstance(result, str):
            self._rows[result] += 1
        else:
            self._subjects[result.subject_id].append(result)
            if isinstance(row, Row) and len(self._mapping.subject.key) == 1 and not self._mapping.subject.session:
                self._keys |= {row.cells[column]: result.subject_id for column in self._mapping.subject.columns}
            if result.join:
                self._joins.add(result.join)

    def build(self, name: str) -> Extract:
        """The extract, once every row has been added."""
        facts: list[AnyFact] = []
        read: dict[str, int] = {}
        second_openings = 0
        shortened = {self._keys[key] for key in shortened_among(self._keys, sum(map(len, self._subjects.values())))}
        for subject_id, rows in self._subjects.items():
            if subject_id in shortened:
                self._list(lost_digits(self._mapping.subject.columns), rows[0].place, len(rows))
                continue
            kept, own = self._facts_of(self._reader.in_order(rows))
            facts += own
            if used := self._count(kept):
                read[subject_id] = used
                second_openings += self._reader.has_second_opening(kept)
        return Extract(
            name=name,
            mapping=self._mapping,
            facts=tuple(sorted(self._joins.settled(facts), key=lambda fact: fact.at)),
            malformed=tuple(sorted(self._malformed, key=lambda each: each.line)),
            rows=self._rows.total(),
            rows_read=self._rows["read"],
            rows_excluded=self._rows["excluded"],
            rows_repeated=self._rows["repeated"],
            rows_replaced=self._rows["replaced"],
            rows_malformed=self._rows["malformed"],
            columns_empty=tuple(sorted(self._columns_empty)),
            subjects=read,
            second_openings=second_openings,
            are_keys_from_one=are_from_one(self._keys),
            notes={note: dict(columns) for note, columns in self._notes.items()},
        )

    def _facts_of(self, rows: list[RowResult]) -> tuple[list[RowResult], list[AnyFact]]:
        """The rows of a subject that count, and its facts; none if the subject cannot be reported whole."""
        try:
            return rows, self._reader.facts_of(rows) if rows else []
        except MalformedError as error:
            good = [row for row in rows if self._is_good(row)] if error.fault in _OF_ONE_ROW else rows
            if len(good) < len(rows):
                return self._facts_of(good)
            self._list(error, rows[0].place, len(rows))
            return [], []

    def _is_good(self, row: RowResult) -> bool:
        """Whether a row has no fault of its own; if it has one, it is listed."""
        try:
            self._reader.facts_of([row])
        except MalformedError as error:
            if error.fault in _OF_ONE_ROW:
                self._list(error, row.place)
                return False
        return True

    def _list(self, error: MalformedError, place: RowPlace, rows: int = 1) -> None:
        self._malformed.append(malformed(error, place, rows))
        self._rows["malformed"] += rows

    def _count(self, rows: Sequence[RowResult]) -> int:
        """Count the rows of a subject; returns the number that gave its facts."""
        last = rows[-1:] if self._mapping.rows.later == "replace" else rows
        excluded = sum(row.is_excluded for row in rows)
        read = sum(not row.is_excluded for row in last)
        for note, column in (noted for row in last for noted in row.notes):
            self._notes[note][column] += 1
        self._rows.update(excluded=excluded, read=read, replaced=len(rows) - excluded - read)
        return read


def _is_included(mapping: Mapping, cells: Cells) -> bool:
    rows = mapping.rows
    return all(cells.get(column, "") in values for column, values in rows.include.items()) and not any(
        cells.get(column, "") in values for column, values in rows.exclude.items()
    )
