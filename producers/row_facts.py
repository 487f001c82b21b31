"""Makes facts from rows: from one row, or from values picked from all the rows of a subject."""

import hashlib
import re
from collections.abc import Mapping as MappingOf
from collections.abc import Sequence
from datetime import datetime

import msgspec
from msgspec import Struct

from facts import wire
from facts.union import AnyFact
from producers.declaration import DeclaredFact, Mapping, Pick, columns_of
from producers.shape import fields_of
from producers.times import After, LocalClock
from producers.values import Cells, MalformedError, RowPlace, Value, duration, holds, text_of, value_of

AT = "at"
_NOT_AN_ID = (
    "is not a valid id (up to 64 letters, digits and ._:-, and not a telephone number). Use a column that identifies the row and no person; "
    "`digest = true` reads other characters"
)
_FIELD = re.compile(r"`(\w+)`")


class RowValues(Struct, frozen=True):
    """The values that one row gives for one declared fact.

    Attributes:
        place: where the row is.
        at: the event time.
        values: values of `at` and of the fields that are present, by name.
    """

    place: RowPlace
    at: datetime
    values: dict[str, Value]


def parts_of(declared: DeclaredFact, cells: Cells) -> list[tuple[tuple[str, ...], Cells]]:
    """The row, repeated for each time in the cell of a declared fact, with its number; the row alone if there is no separator."""
    if declared.separator is None:
        return [((), cells)]
    (column,) = columns_of(declared.at)
    times = [part.strip() for part in cells.get(column, "").split(declared.separator)]
    return [((str(number),), {**cells, column: time}) for number, time in enumerate(filter(None, times), 1)]


def read_values(declared: DeclaredFact, cells: Cells, place: RowPlace, clock: LocalClock) -> RowValues | None:
    """Read a row's values for a declared fact; None if the row does not meet the fact's conditions.

    Raises:
        MalformedError: the event time is absent, or a value cannot be read.
    """
    if not all(holds(condition, cells) for condition in declared.when):
        return None
    at = _event_time(declared, cells, clock)
    shapes = fields_of(declared.fact)
    read = {name: value_of(field, shapes[name].kind, cells, clock) for name, field in declared.fields.items()}
    return RowValues(place, at, {AT: at, **{name: value for name, value in read.items() if value is not None}})


def _event_time(declared: DeclaredFact, cells: Cells, clock: LocalClock) -> datetime:
    columns = columns_of(declared.at)
    text = text_of(cells, columns)
    if text is None:
        raise MalformedError("missing_value", ", ".join(columns), f"is empty, but {declared.label} needs its time")
    at = clock.read_time(text, columns, _after(declared, cells, clock))
    length = cells.get(declared.plus) if declared.plus else None
    return at + duration(length, columns_of(declared.plus)) if length else at


def is_out_of_order(declared: DeclaredFact, cells: Cells, clock: LocalClock) -> bool:
    """Whether a row gives a fact whose time is before the time it should follow.

    Raises:
        MalformedError: a time cannot be read.
    """
    after = _after(declared, cells, clock)
    if after is None or not all(holds(condition, cells) for condition in declared.when):
        return False
    return _event_time(declared, cells, clock) < after.time


def _after(declared: DeclaredFact, cells: Cells, clock: LocalClock) -> After | None:
    if declared.after is None:
        return None
    return clock.after(cells, columns_of(declared.after), declared.within_seconds, declared.tolerance_seconds)


def choose_rows(declared: DeclaredFact, rows: Sequence[RowValues]) -> dict[str, RowValues]:
    """Choose the row for each field of a fact per subject; a field that no row gives is left out.

    Raises:
        MalformedError: rows that must agree do not.
    """
    chosen: dict[str, RowValues] = {}
    for name in (AT, *declared.fields):
        given = [row for row in rows if name in row.values]
        own = declared.fields[name].pick if name in declared.fields else None
        if given:
            chosen[name] = _pick(own or declared.pick or "only", given, name, declared)
    return chosen


def _pick(pick: Pick, given: Sequence[RowValues], name: str, declared: DeclaredFact) -> RowValues:
    if pick == "last":
        return given[-1]
    if pick == "earliest":
        return min(given, key=lambda row: row.at)
    if pick == "latest":
        return max(given, key=lambda row: row.at)
    if pick == "only":
        _must_agree(given, name, declared)
    return given[0]


def _must_agree(given: Sequence[RowValues], name: str, declared: DeclaredFact) -> None:
    first = given[0]
    other = next((row for row in given if row.values[name] != first.values[name]), None)
    if other:
        what = f"differs from {first.place}, but both rows give the same {declared.label}"
        raise MalformedError("rows_disagree", column_of(declared, name), what, other.place)


def make(
    mapping: Mapping,
    declared: DeclaredFact,
    subject_id: str,
    row_key: Sequence[str],
    rows: MappingOf[str, RowValues],
    now: datetime,
) -> AnyFact:
    """Make a fact, checked as the workers will check it when they read it from the log.

    Args:
        mapping: the mapping.
        declared: the declared fact.
        subject_id: the fact's subject.
        row_key: distinguishes the row from others of the subject; empty for a fact per subject.
        rows: the row that gives each field, including `at`.
        now: the present; a fact with a later time is malformed.

    Raises:
        MalformedError: the values do not make a valid fact.
    """
    for name, shape in fields_of(declared.fact).items():
        if shape.is_required and name not in rows:
            what = f"is empty, but {declared.label} needs it"
            raise MalformedError("missing_value", column_of(declared, name), what, rows[AT].place)
    fact = {
        "fact": declared.fact,
        "fact_id": digest(mapping.name, declared.label, subject_id, *row_key),
        "force": mapping.force,
        "subject_id": subject_id,
        **{name: row.values[name] for name, row in rows.items()},
    }
    decoded = wire.decode(msgspec.json.encode(fact), mapping.topic, now)
    if decoded.facts:
        return decoded.facts[0][1]
    refusal = decoded.unreadable[0]
    named = _FIELD.match(refusal.what)
    name = named[1] if named else refusal.where.rpartition("$.")[2]
    column = column_of(declared, name) or ", ".join(mapping.subject.columns)
    raise MalformedError("bad_value", column, _in_words(refusal.what, name), rows.get(name, rows[AT]).place)


def _in_words(what: str, name: str) -> str:
    """What is wrong with a value of a row, in the words of its file."""
    if name == "subject_id":
        return _NOT_AN_ID
    return "is before 1990 or in the future" if "is before 1990" in what else what


def column_of(declared: DeclaredFact, name: str) -> str:
    """The column, or columns, that a field is read from; empty if it comes from a constant."""
    if name == AT:
        return ", ".join(columns_of(declared.at))
    field = declared.fields.get(name)
    return ", ".join(columns_of(field.column)) if field else ""


def digest(*parts: str | None) -> str:
    """An id derived from parts: the same parts always give the same id."""
    return hashlib.blake2b(msgspec.json.encode(parts), digest_size=16).hexdigest()
