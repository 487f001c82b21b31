"""Explains what a mapping makes of an extract: each column, each fact and each fault."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import get_args

import msgspec
from msgspec import Struct

from facts.fact import Identifier
from facts.force import Force
from facts.union import AnyFact
from producers.declaration import (
    WHOLE_ROW,
    DeclaredFact,
    Session,
    columns_of,
    columns_tested,
    columns_used,
    source_columns,
)
from producers.declaration import Mapping as Declared
from producers.extract import Extract, read_extracts
from producers.row_facts import is_out_of_order
from producers.rows import Row, read_rows
from producers.shape import fields_of
from producers.times import LocalClock
from producers.values import Fault, MalformedError

VOCABULARIES = {
    "queue": "queues",
    "channel": "channels",
    "grade": "grades",
    "area": "areas",
    "group": "groups",
    "category": "categories",
    "suite": "suites",
    "type": "occurrence_types",
    "skill": "skills",
}
"""Fields with a label from the force's own vocabulary, and the part of the profile that lists those labels."""


class ColumnSummary(Struct, frozen=True, kw_only=True):
    """What a column becomes.

    Attributes:
        column: name of the column.
        rows: number of readable rows with a value in it.
        became: what it is used for; empty if it is not used.
        refused: number of rows lost to each fault in it.
    """

    column: str
    rows: int
    became: tuple[str, ...]
    refused: dict[Fault, int]


class FactSummary(Struct, frozen=True, kw_only=True):
    """The facts of one type.

    Attributes:
        fact: the type.
        count: number of facts.
        first: the earliest event time; None if there are no facts.
        last: the latest event time.
        words: by field, how often each value occurs.
        unlisted: by field, the values that the force's profile does not list; they will count as `unlisted`.
        before: number of facts that happened before the event they should follow; they will count as contradictions.
    """

    fact: str
    count: int
    first: datetime | None
    last: datetime | None
    words: dict[str, dict[str, int]]
    unlisted: dict[str, tuple[str, ...]]
    before: int


class Explanation(Struct, frozen=True, kw_only=True):
    """What a mapping makes of an extract.

    Attributes:
        extract: the extract as read.
        columns: the columns used, in alphabetical order, then those not used.
        facts: the facts by type, in the order the mapping declares them.
    """

    extract: Extract
    columns: tuple[ColumnSummary, ...]
    facts: tuple[FactSummary, ...]


def explain(
    paths: Sequence[Path | Traversable], mapping: Declared, force: Force | None, *, now: datetime
) -> Explanation:
    """Read an extract and explain what becomes of it.

    Args:
        paths: paths of the files, read as if they were one.
        mapping: the mapping to read them by.
        force: the profile of the mapping's force; None if it has none.
        now: the present; facts with a later time are malformed.

    Raises:
        MappingError: a file as a whole does not fit the mapping.
        OSError: a file cannot be opened.
    """
    extract = read_extracts(paths, mapping, now=now)
    present: Counter[str] = Counter(dict.fromkeys(columns_used(mapping), 0))
    before: Counter[str] = Counter()
    clock = LocalClock(mapping)
    for path in paths:
        with path.open("rb") as stream:
            for row in read_rows(stream, mapping.source, frozenset(columns_used(mapping)), path.name):
                if isinstance(row, Row) and not row.fault:
                    present.update(row.cells.keys() - mapping.source.first_of.keys())
                    before.update(_out_of_order(row, mapping, clock))
    return Explanation(
        extract=extract,
        columns=tuple(_columns(extract, present)),
        facts=tuple(_facts(extract, before, force)),
    )


def _out_of_order(row: Row, mapping: Declared, clock: LocalClock) -> Iterator[str]:
    for declared in mapping.facts:
        try:
            if is_out_of_order(declared, row.cells, clock):
                yield declared.fact
        except MalformedError:
            # The extract already lists it as malformed.
            continue


def _columns(extract: Extract, present: Counter[str]) -> Iterator[ColumnSummary]:
    became = _uses(extract.mapping)
    for column in sorted(present, key=lambda column: (column not in became, column)):
        faults: Counter[Fault] = Counter()
        for each in extract.malformed:
            if column in each.column.split(", ") or column == each.column:
                faults[each.fault] += each.rows
        yield ColumnSummary(
            column=column, rows=present[column], became=tuple(became.get(column, ())), refused=dict(faults)
        )


def _uses(mapping: Declared) -> dict[str, list[str]]:
    """What each column is used for, each use once."""
    uses: dict[str, dict[str, None]] = {}
    for name, use in _every_use(mapping):
        for column in source_columns(mapping.source, name):
            uses.setdefault(column, {})[use] = None
    return {column: list(own) for column, own in uses.items()}


def _every_use(mapping: Declared) -> Iterator[tuple[str, str]]:
    rows = mapping.rows
    yield from ((column, "key of the subject") for column in mapping.subject.columns)
    if mapping.subject.join:
        yield mapping.subject.join.column, "second key of the subject"
        yield from ((each.column, "whether the row gives a second key") for each in mapping.subject.join.when)
    if mapping.subject.session:
        yield from _uses_in_session(mapping.subject.session)
    yield from ((column, "key of the row") for column in rows.key)
    yield from ((column, "which rows count") for column in (*rows.include, *rows.exclude))
    if rows.distinct_by != WHOLE_ROW:
        yield from ((column, "which rows are repeats") for column in rows.distinct_by)
    yield from ((column, "when the row was recorded") for column in columns_of(rows.recorded))
    for declared in mapping.facts:
        yield from _uses_in_fact(declared)


def _uses_in_session(session: Session) -> Iterator[tuple[str, str]]:
    yield from ((column, "time of the row") for column in columns_of(session.at))
    yield from ((column, "when a session begins") for column in columns_tested(session.begins))
    yield from ((column, "when a session ends") for column in columns_tested(session.ends))
    for each in session.remembers:
        yield from ((column, f"{each.column} of later rows") for column in columns_of(each.copies))
        yield from ((column, f"when {each.column} of later rows changes") for column in columns_tested(each.when))


def _uses_in_fact(declared: DeclaredFact) -> Iterator[tuple[str, str]]:
    yield from ((column, f"{declared.label}.at") for column in columns_of(declared.at))
    yield from ((column, f"{declared.label}.at, as a duration") for column in columns_of(declared.plus))
    yield from ((column, f"earlier time that {declared.label} follows") for column in columns_of(declared.after))
    for name, field in declared.fields.items():
        yield from ((column, f"{declared.label}.{name}") for column in columns_of(field.column))
    yield from ((column, f"whether {declared.label} happened") for column in columns_tested(declared.when))


def _facts(extract: Extract, before: Mapping[str, int], force: Force | None) -> Iterator[FactSummary]:
    for fact in extract.counts():
        facts = [each for each in extract.facts if type(each).__name__ == fact]
        words = _words(fact, facts)
        yield FactSummary(
            fact=fact,
            count=len(facts),
            first=facts[0].at if facts else None,
            last=facts[-1].at if facts else None,
            words=words,
            unlisted=dict(_unlisted(words, force)) if force else {},
            before=before.get(fact, 0),
        )


def _words(fact: str, facts: list[AnyFact]) -> dict[str, dict[str, int]]:
    """By field, how often each value occurs, leaving out ids, times and numbers."""
    counted: dict[str, dict[str, int]] = {}
    for name, shape in fields_of(fact).items():
        if shape.kind in ("text", "yes_or_no") and Identifier not in (shape.type, *get_args(shape.type)):
            values = Counter(_word(getattr(each, name)) for each in facts)
            counted[name] = dict(values.most_common())
    return counted


def _word(value: object) -> str:
    if value is None:
        return "none"
    return str(msgspec.to_builtins(value)) if not isinstance(value, bool) else "yes" if value else "no"


def _unlisted(words: Mapping[str, Mapping[str, int]], force: Force) -> Iterator[tuple[str, tuple[str, ...]]]:
    for name, counted in words.items():
        if name in VOCABULARIES:
            listed = {term.label for term in getattr(force, VOCABULARIES[name])}
            unlisted = tuple(word for word in counted if word not in listed and word != "none")
            if unlisted:
                yield name, unlisted
