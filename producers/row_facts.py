"""What rows tell of a declared fact, and the fact made of it: of one row, or picked from all the rows of a subject."""

import hashlib
from collections.abc import Mapping as MappingOf
from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec
from msgspec import Struct

from facts import wire
from facts.union import AnyFact
from producers.declaration import DeclaredFact, Mapping, Pick, columns_of
from producers.shape import fields_of
from producers.values import After, Cells, LocalClock, MalformedError, Value, duration, holds, text_of, value_of

AT = "at"


class RowValues(Struct, frozen=True):
    """What one row tells of one declared fact.

    Attributes:
        line: of the row.
        at: the event time.
        values: of the fields that are present, and of `at`.
    """

    line: int
    at: datetime
    values: dict[str, Value]


def read_values(declared: DeclaredFact, cells: Cells, line: int, clock: LocalClock) -> RowValues | None:
    """What a row tells of a fact; None when the fact's conditions do not hold in it.

    Raises:
        MalformedError: the event time is absent, or a value cannot be read.
    """
    if not all(holds(condition, cells) for condition in declared.when):
        return None
    at = _event_time(declared, cells, clock)
    shapes = fields_of(declared.fact)
    read = {name: value_of(field, shapes[name].kind, cells, clock) for name, field in declared.fields.items()}
    return RowValues(line, at, {AT: at, **{name: value for name, value in read.items() if value is not None}})


def _event_time(declared: DeclaredFact, cells: Cells, clock: LocalClock) -> datetime:
    columns = columns_of(declared.at)
    text = text_of(cells, columns)
    if text is None:
        raise MalformedError("missing_value", ", ".join(columns), f"is empty, and {declared.label} needs its time")
    at = clock.read_time(text, columns, _after(declared, cells, clock))
    lasting = cells.get(declared.plus) if declared.plus else None
    return at + duration(lasting, columns_of(declared.plus)) if lasting else at


def is_out_of_order(declared: DeclaredFact, cells: Cells, clock: LocalClock) -> bool:
    """Whether a row tells a fact that comes before what it came after.

    Raises:
        MalformedError: a time cannot be read.
    """
    after = _after(declared, cells, clock)
    is_told = after is not None and all(holds(condition, cells) for condition in declared.when)
    return bool(is_told and after and _event_time(declared, cells, clock) < after.moment)


def _after(declared: DeclaredFact, cells: Cells, clock: LocalClock) -> After | None:
    columns = columns_of(declared.after)
    text = text_of(cells, columns) if columns else None
    return After(clock.read_time(text, columns), timedelta(seconds=declared.within_seconds)) if text else None


def choose_rows(declared: DeclaredFact, tellings: Sequence[RowValues]) -> dict[str, RowValues]:
    """Which row tells each field of a fact that is told once per subject; what no row tells is left out.

    Raises:
        MalformedError: rows that must agree do not.
    """
    settled: dict[str, RowValues] = {}
    for name in (AT, *declared.fields):
        given = [telling for telling in tellings if name in telling.values]
        own = declared.fields[name].pick if name in declared.fields else None
        if given:
            settled[name] = _pick(own or declared.pick or "only", given, name, declared)
    return settled


def _pick(pick: Pick, given: Sequence[RowValues], name: str, declared: DeclaredFact) -> RowValues:
    if pick == "last":
        return given[-1]
    if pick == "earliest":
        return min(given, key=lambda telling: telling.at)
    if pick == "latest":
        return max(given, key=lambda telling: telling.at)
    if pick == "only":
        _must_agree(given, name, declared)
    return given[0]


def _must_agree(given: Sequence[RowValues], name: str, declared: DeclaredFact) -> None:
    first = given[0]
    other = next((telling for telling in given if telling.values[name] != first.values[name]), None)
    if other:
        what = f"does not agree with line {first.line}, and {declared.label} is told once for both"
        raise MalformedError("rows_disagree", column_of(declared, name), what, other.line)


def make(
    mapping: Mapping,
    declared: DeclaredFact,
    subject_id: str,
    row_key: Sequence[str],
    told: MappingOf[str, RowValues],
    now: datetime,
) -> AnyFact:
    """The fact, checked as the log's readers will check it.

    Args:
        mapping: whose fact it is.
        declared: which fact it is.
        subject_id: what it is about.
        row_key: tells its row from the others of the subject; empty for a fact told once per subject.
        told: which row tells each field, `at` among them.
        now: it cannot have happened later.

    Raises:
        MalformedError: it cannot be such a fact.
    """
    for name, shape in fields_of(declared.fact).items():
        if shape.is_required and name not in told:
            what = f"is empty, and {declared.label} needs it"
            raise MalformedError("missing_value", column_of(declared, name), what, told[AT].line)
    fact = {
        "fact": declared.fact,
        "fact_id": digest(mapping.name, declared.label, subject_id, *row_key),
        "force": mapping.force,
        "subject_id": subject_id,
        **{name: telling.values[name] for name, telling in told.items()},
    }
    parcel = wire.decode(msgspec.json.encode(fact), mapping.topic, now)
    if parcel.facts:
        return parcel.facts[0][1]
    refusal = parcel.unreadable[0]
    name = refusal.where.rpartition("$.")[2]
    column = column_of(declared, name) or ", ".join(mapping.subject.key)
    raise MalformedError("bad_value", column, refusal.what, told.get(name, told[AT]).line)


def column_of(declared: DeclaredFact, name: str) -> str:
    """The column, or columns, a field of a fact is read from; empty where it comes from none."""
    if name == AT:
        return ", ".join(columns_of(declared.at))
    field = declared.fields.get(name)
    return ", ".join(columns_of(field.column)) if field else ""


def digest(*parts: str | None) -> str:
    """An id made of parts: the same parts give the same id, in every run."""
    return hashlib.blake2b(msgspec.json.encode(parts), digest_size=16).hexdigest()
