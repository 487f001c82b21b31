"""Loading a mapping: TOML to a checked declaration, or an error that says where the fault is and what to do."""

import tomllib
from collections.abc import Iterator
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from msgspec import Struct

from facts.errors import MappingError
from facts.union import topic_of
from producers.declaration import (
    EPOCH,
    ISO,
    REFUSE,
    Condition,
    Constant,
    DeclaredFact,
    ExtractSource,
    Field,
    Mapping,
    columns_used,
)
from producers.shape import FACTS_BY_NAME, FieldShape, fields_of

_HINT = "docs/mappings.md lists every key of a mapping, with an example."
_NO_DATE = date(1900, 1, 1)
_ANY_MOMENT = datetime(2024, 11, 23, 14, 5, 6, tzinfo=UTC)


def load_mapping(text: str, source: str) -> Mapping:
    """Read a mapping.

    Args:
        text: the mapping in TOML.
        source: its file name, for errors.

    Raises:
        MappingError: with the place of the fault.
    """
    try:
        mapping = msgspec.convert(tomllib.loads(text), Mapping)
    except tomllib.TOMLDecodeError as error:
        raise MappingError(f"This is not TOML: {error}.", where=source, hint="Mend the line it names.") from None
    except msgspec.ValidationError as error:
        what, _, path = str(error).partition(" - at ")
        raise MappingError(f"{what}.", where=f"{source}, {path.strip('`') or '$'}", hint=_HINT) from None
    for fault in _faults(mapping):
        raise MappingError(fault.what, where=f"{source}, {fault.path}", hint=fault.hint)
    return mapping


class _Fault(Struct, frozen=True):
    path: str
    what: str
    hint: str = _HINT


def _faults(mapping: Mapping) -> Iterator[_Fault]:
    yield from _source_faults(mapping.source)
    yield from _column_faults(mapping)
    yield from _name_faults(mapping.facts)
    for index, declared in enumerate(mapping.facts):
        path = f"$.facts[{index}]"
        yield from _fact_faults(path, declared, mapping)
        for position, condition in enumerate(declared.when):
            yield from _condition_faults(f"{path}.when[{position}]", condition)


def _source_faults(source: ExtractSource) -> Iterator[_Fault]:
    try:
        ZoneInfo(source.time_zone)
    except (ZoneInfoNotFoundError, ValueError):
        what = f"There is no time zone {source.time_zone!r}."
        yield _Fault("$.source.time_zone", what, "Give an IANA name, such as Europe/London.")
    try:
        "a".encode(source.encoding)
    except LookupError:
        what = f"There is no encoding {source.encoding!r}."
        yield _Fault("$.source.encoding", what, "Give one that Python knows, such as utf-8 or cp1252.")
    if source.format == "json_lines" and (source.columns or source.short_rows != "refuse"):
        yield _Fault("$.source.columns", "JSON lines name their own fields.", "Leave `columns` and `short_rows` out.")
    if source.format == "csv" and source.delimiter == source.quote:
        yield _Fault("$.source.delimiter", "The delimiter and the quote are the same character.")
    for index, form in enumerate(source.times):
        if form not in (ISO, EPOCH) and not _tells_a_date(form):
            what = f"The time format {form!r} cannot be read, or does not tell a date."
            hint = f"Use {ISO!r}, {EPOCH!r}, or a strptime format with year, month and day, such as %d/%m/%Y %H:%M:%S."
            yield _Fault(f"$.source.times[{index}]", what, hint)
    for index, form in enumerate(source.times_of_day):
        if not _tells_a_time_of_day(form):
            what = f"The format {form!r} cannot be read, or does not tell a time of day alone."
            yield _Fault(f"$.source.times_of_day[{index}]", what, "Use one such as %H:%M:%S.")


def _column_faults(mapping: Mapping) -> Iterator[_Fault]:
    columns = mapping.source.columns
    if not columns:
        return
    unknown = sorted({column for column in columns_used(mapping) if column not in columns})
    if unknown:
        what = f"`columns` does not name {', '.join(map(repr, unknown))}, which the mapping uses."
        yield _Fault("$.source.columns", what, "Name every column of the file, in its order.")
    if len(set(columns)) < len(columns):
        yield _Fault("$.source.columns", "It names a column twice.", "Give each column a name of its own.")


def _tells_a_date(form: str) -> bool:
    """Whether a time written by the format is read back with its date."""
    try:
        return datetime.strptime(_ANY_MOMENT.strftime(form), form).date() == _ANY_MOMENT.date()  # noqa: DTZ007 - a date
    except ValueError:
        return False


def _tells_a_time_of_day(form: str) -> bool:
    """Whether a time written by the format is read back to the minute, and says nothing of the day."""
    try:
        read = datetime.strptime(_ANY_MOMENT.strftime(form), form)  # noqa: DTZ007 - a time of day
    except ValueError:
        return False
    return read.date() == _NO_DATE and (read.hour, read.minute) == (_ANY_MOMENT.hour, _ANY_MOMENT.minute)


def _name_faults(facts: tuple[DeclaredFact, ...]) -> Iterator[_Fault]:
    seen: set[str] = set()
    for index, declared in enumerate(facts):
        if declared.label in seen:
            what = f"Two declared facts are called {declared.label!r}."
            yield _Fault(f"$.facts[{index}]", what, "Give each its own `name`: it becomes part of the fact_id.")
        seen.add(declared.label)


def _fact_faults(path: str, declared: DeclaredFact, mapping: Mapping) -> Iterator[_Fault]:
    fact_type = FACTS_BY_NAME.get(declared.fact)
    if fact_type is None or topic_of(fact_type) != mapping.topic:
        known = ", ".join(name for name, each in FACTS_BY_NAME.items() if topic_of(each) == mapping.topic)
        what = f"There is no fact {declared.fact!r} on the topic {mapping.topic}."
        yield _Fault(f"{path}.fact", what, f"Use one of {known}.")
        return
    if declared.per == "row" and not mapping.rows.key:
        what = f"{declared.label} is told by each row, but nothing tells a row from the others of its subject."
        yield _Fault("$.rows.key", what, "Name the columns that do, such as the unit's.")
    if declared.per == "row" and declared.pick:
        yield _Fault(f"{path}.pick", "A fact told by each row has nothing to pick from.", "Leave `pick` out.")
    shapes = fields_of(declared.fact)
    for name in (name for name, shape in shapes.items() if shape.is_required and name not in declared.fields):
        yield _Fault(f"{path}.fields", f"{declared.fact} needs the field {name!r}.")
    for name, field in declared.fields.items():
        yield from _field_faults(f"{path}.fields.{name}", declared, field, shapes.get(name))


def _field_faults(path: str, declared: DeclaredFact, field: Field, shape: FieldShape | None) -> Iterator[_Fault]:
    if shape is None:
        known = ", ".join(fields_of(declared.fact)) or "none"
        yield _Fault(path, f"{declared.fact} has no field of this name.", f"Its own fields: {known}.")
        return
    if (field.column is None) == (field.constant is None):
        yield _Fault(path, "A field comes either from a `column` or from a `constant`.", "Give one of the two.")
    if field.column is None and (field.values or field.pick):
        yield _Fault(path, "A constant has no `values` and no `pick`.", "Leave them out.")
    if declared.per == "row" and field.pick:
        yield _Fault(path, "A fact told by each row has nothing to pick from.", "Leave `pick` out.")
    if not field.values and field.otherwise != REFUSE:
        yield _Fault(path, "`otherwise` needs `values` that it is the alternative to.")
    for value in _fixed_values(field):
        yield from _value_faults(path, value, shape)


def _fixed_values(field: Field) -> Iterator[Constant]:
    if field.constant is not None:
        yield field.constant
    yield from field.values.values()
    if field.otherwise != REFUSE:
        yield field.otherwise


def _value_faults(path: str, value: Constant, shape: FieldShape) -> Iterator[_Fault]:
    try:
        msgspec.convert(value, shape.type)
    except msgspec.ValidationError as error:
        yield _Fault(path, f"{value!r} cannot be its value: {str(error).partition(' - at ')[0]}.")


def _condition_faults(path: str, condition: Condition) -> Iterator[_Fault]:
    tests = [condition.present, condition.equals, condition.differs_from]
    if sum(test is not None for test in tests) != 1:
        what = "A condition makes one test: `present`, `equals` or `differs_from`."
        yield _Fault(path, what, "Give one of the three; several conditions must all hold.")
