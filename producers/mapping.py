"""Loads a mapping from TOML, or raises an error that says where the fault is and what to do."""

from collections.abc import Iterator

import msgspec
from msgspec import Struct, structs

from facts.errors import MappingError
from facts.force import is_time_zone
from facts.required import required_hint
from facts.toml import TOMLDecodeError, read_toml
from facts.union import topic_of
from producers.declaration import (
    REFUSE,
    Condition,
    Constant,
    DeclaredFact,
    ExtractSource,
    Field,
    Mapping,
    Signing,
    columns_of,
    columns_used,
)
from producers.shape import FACTS_BY_NAME, FieldShape, fields_of
from producers.time_formats import faults_of_times

_HINT = "docs/feed/mappings.md describes every key of a mapping, with an example."


def load_mapping(text: str, source: str) -> Mapping:
    """Read a mapping.

    Args:
        text: the mapping in TOML.
        source: the file name, for errors.

    Raises:
        MappingError: the mapping is invalid; the error says where.
    """
    try:
        mapping = msgspec.convert(read_toml(text), Mapping)
    except TOMLDecodeError as error:
        raise MappingError(f"This is not TOML: {error}.", where=source, hint="Correct the line named.") from None
    except msgspec.ValidationError as error:
        what, _, path = str(error).partition(" - at ")
        place = path.strip("`") or "$"
        hint = required_hint(Mapping, what, place, _HINT)
        raise MappingError(f"{what}.", where=f"{source}, {place}", hint=hint) from None
    for fault in _values_faults(mapping):
        raise MappingError(fault.what, where=f"{source}, {fault.path}", hint=fault.hint)
    mapping = _with_values(mapping)
    for fault in _faults(mapping):
        raise MappingError(fault.what, where=f"{source}, {fault.path}", hint=fault.hint)
    return mapping


class _Fault(Struct, frozen=True):
    path: str
    what: str
    hint: str = _HINT


def _values_faults(mapping: Mapping) -> Iterator[_Fault]:
    for index, declared in enumerate(mapping.facts):
        for name, field in declared.fields.items():
            path = f"$.facts[{index}].fields.{name}.values_of"
            if field.values_of is not None and field.values:
                yield _Fault(path, "A field has `values` or `values_of`, not both.", "Remove one of the two.")
            if field.values_of is not None and field.values_of not in mapping.values:
                known = ", ".join(mapping.values) or "none"
                what = f"The mapping has no table of values named {field.values_of!r}."
                yield _Fault(path, what, f"Its tables under `values`: {known}.")


def _with_values(mapping: Mapping) -> Mapping:
    """The mapping with each field's table of values in its place."""
    facts = tuple(
        structs.replace(declared, fields={name: _with_table(field, mapping) for name, field in declared.fields.items()})
        for declared in mapping.facts
    )
    return structs.replace(mapping, facts=facts)


def _with_table(field: Field, mapping: Mapping) -> Field:
    return field if field.values_of is None else structs.replace(field, values=mapping.values[field.values_of])


def _faults(mapping: Mapping) -> Iterator[_Fault]:
    yield from _source_faults(mapping.source)
    yield from _first_of_faults(mapping.source)
    yield from _column_faults(mapping)
    yield from _join_faults(mapping)
    yield from _session_faults(mapping)
    yield from _signing_faults(mapping.signing)
    yield from _name_faults(mapping.facts)
    yield from _order_faults(mapping.facts)
    yield from _replacing_faults(mapping)
    for index, declared in enumerate(mapping.facts):
        path = f"$.facts[{index}]"
        yield from _fact_faults(path, declared, mapping)
        for position, condition in enumerate(declared.when):
            yield from _condition_faults(f"{path}.when[{position}]", condition)


def _source_faults(source: ExtractSource) -> Iterator[_Fault]:
    if not is_time_zone(source.time_zone):
        what = f"There is no time zone {source.time_zone!r}."
        yield _Fault("$.source.time_zone", what, "Give an IANA name, such as Europe/London.")
    try:
        "a".encode(source.encoding)
    except LookupError:
        what = f"There is no encoding {source.encoding!r}."
        yield _Fault("$.source.encoding", what, "Give an encoding that Python knows, such as utf-8 or cp1252.")
    if source.format == "json_lines" and (source.columns or source.short_rows != "refuse"):
        yield _Fault("$.source.columns", "These keys are for CSV only.", "Remove `columns` and `short_rows`.")
    if source.format != "xlsx" and source.sheet:
        yield _Fault("$.source.sheet", "This key is for workbooks only.", "Remove `sheet`.")
    if source.format == "csv" and source.delimiter == source.quote:
        yield _Fault("$.source.delimiter", "The delimiter and the quote are the same character.")
    if not is_time_zone(source.time_zone):
        return
    for key, what, hint in faults_of_times(source):
        yield _Fault(f"$.source.{key}", what, hint)


def _first_of_faults(source: ExtractSource) -> Iterator[_Fault]:
    for key, given in (("json_in", source.json_in), ("first_in", source.first_in)):
        if given and source.format != "json_lines":
            yield _Fault(f"$.source.{key}", "This key is for JSON only.", f"Remove `{key}`.")
    earlier: set[str] = set()
    for name, columns in source.first_of.items():
        if name in source.columns:
            what = f"{name!r} is already the name of a column."
            yield _Fault(f"$.source.first_of.{name}", what, "Give it a name that no column has.")
        later = sorted({column for column in columns if column in source.first_of} - earlier)
        if later:
            what = f"{name!r} uses {', '.join(map(repr, later))}, which is not declared before it."
            yield _Fault(f"$.source.first_of.{name}", what, "Declare each name before it is used.")
        earlier.add(name)
    for name in sorted(source.first_in.keys() & source.first_of.keys()):
        what = f"{name!r} is declared twice."
        yield _Fault(f"$.source.first_in.{name}", what, "Give it a name that nothing else has.")


def _join_faults(mapping: Mapping) -> Iterator[_Fault]:
    if mapping.subject.join is None:
        return
    for position, condition in enumerate(mapping.subject.join.when):
        yield from _condition_faults(f"$.subject.join.when[{position}]", condition)
    if len(mapping.subject.columns) > 1 or mapping.subject.columns != mapping.subject.key:
        yield _Fault(
            "$.subject.join", "A subject with several key columns cannot be joined.", "Use `first_of`, or one key."
        )
    if any(declared.per == "subject" for declared in mapping.facts) or mapping.rows.later == "replace":
        what = "Subjects whose rows together give one fact, or replace each other, cannot be joined."
        yield _Fault("$.subject.join", what, 'Remove `join`, or give every fact `per = "row"` and remove `later`.')


def _session_faults(mapping: Mapping) -> Iterator[_Fault]:
    session = mapping.subject.session
    if session is None:
        return
    for condition in session.conditions():
        yield from _condition_faults("$.subject.session", condition)
    if any(declared.per == "subject" for declared in mapping.facts) or mapping.rows.later == "replace":
        what = "In a mapping with sessions, each row must give its own facts, and no row may replace another."
        yield _Fault("$.subject.session", what, 'Set `per = "row"` for every fact, and remove `later`.')
    if mapping.subject.join or mapping.subject.columns != mapping.subject.key:
        what = "In a mapping with sessions, the key can neither be joined nor contain a day."
        yield _Fault("$.subject.session", what, "Remove `join`, and `day_of` in the key.")
    for each in session.remembers:
        if each.copies is not None and each.value:
            what = f"{each.column!r} has both a `value` and a column that it copies."
            yield _Fault("$.subject.session.remembers", what, "Remove one of the two.")
        if each.column in (*mapping.source.columns, *mapping.source.first_of, *mapping.source.first_in):
            what = f"{each.column!r} is already the name of a column."
            yield _Fault("$.subject.session.remembers", what, "Give it a name that no column has.")


def _signing_faults(signing: Signing | None) -> Iterator[_Fault]:
    if signing and (signing.scheme == "hmac") != bool(signing.header):
        what = "An HMAC needs the `header` that holds it, and Twilio's scheme has its own."
        yield _Fault("$.signing.header", what, 'Give `header` for `scheme = "hmac"` only.')


def _column_faults(mapping: Mapping) -> Iterator[_Fault]:
    columns = mapping.source.columns
    if not columns:
        return
    unknown = sorted({column for column in columns_used(mapping) if column not in columns})
    if unknown:
        what = f"`columns` does not name {', '.join(map(repr, unknown))}, which the mapping uses."
        yield _Fault("$.source.columns", what, "Name every column of the file, in its order.")
    if len(set(columns)) < len(columns):
        yield _Fault("$.source.columns", "Two columns have the same name.", "Give each column its own name.")


def _name_faults(facts: tuple[DeclaredFact, ...]) -> Iterator[_Fault]:
    seen: set[str] = set()
    for index, declared in enumerate(facts):
        if declared.label in seen:
            what = f"Two facts are named {declared.label!r}."
            yield _Fault(f"$.facts[{index}]", what, "Give each its own `name`, which becomes part of the fact_id.")
        seen.add(declared.label)


def _order_faults(facts: tuple[DeclaredFact, ...]) -> Iterator[_Fault]:
    """Times that follow one another in a circle."""
    follows = {columns_of(each.at): columns_of(each.after) for each in reversed(facts) if each.after is not None}
    for index, declared in enumerate(facts):
        columns, seen = columns_of(declared.after), {columns_of(declared.at)}
        while columns and columns not in seen:
            seen.add(columns)
            columns = follows.get(columns, ())
        if columns:
            what = f"{', '.join(columns)} would follow itself."
            yield _Fault(f"$.facts[{index}].after", what, "Name the column of a time that comes before.")


def _replacing_faults(mapping: Mapping) -> Iterator[_Fault]:
    if mapping.rows.later != "replace":
        return
    if mapping.rows.distinct_by:
        what = "Where a later row replaces the earlier ones, a repeated row may undo a change made in between."
        yield _Fault("$.rows.distinct_by", what, "Remove `distinct_by`.")
    if any(each.per == "row" for each in mapping.facts):
        what = "Where a later row replaces the earlier ones, no row can have facts of its own."
        yield _Fault("$.rows.later", what, 'Use `per = "subject"` for every fact, or remove `later`.')


def _fact_faults(path: str, declared: DeclaredFact, mapping: Mapping) -> Iterator[_Fault]:
    fact_type = FACTS_BY_NAME.get(declared.fact)
    if fact_type is None or topic_of(fact_type) != mapping.topic:
        known = ", ".join(name for name, each in FACTS_BY_NAME.items() if topic_of(each) == mapping.topic)
        what = f"There is no fact {declared.fact!r} on the topic {mapping.topic}."
        yield _Fault(f"{path}.fact", what, f"Use one of {known}.")
        return
    if declared.per == "row" and not mapping.rows.key:
        what = f"Each row gives a {declared.label}, so rows of one subject need a key of their own."
        yield _Fault("$.rows.key", what, "Name the columns that distinguish them, such as the unit's.")
    if declared.per == "row" and declared.pick:
        yield _Fault(f"{path}.pick", "`pick` does not apply to a fact that each row gives.", "Remove `pick`.")
    if declared.separator and len(columns_of(declared.at)) > 1:
        what = "A separator splits one cell, but `at` joins several columns."
        yield _Fault(f"{path}.separator", what, "Name one column, or remove `separator`.")
    shapes = fields_of(declared.fact)
    for name in (name for name, shape in shapes.items() if shape.is_required and name not in declared.fields):
        yield _Fault(f"{path}.fields", f"{declared.fact} needs the field {name!r}.")
    for name, field in declared.fields.items():
        yield from _field_faults(f"{path}.fields.{name}", declared, field, shapes.get(name))


def _field_faults(path: str, declared: DeclaredFact, field: Field, shape: FieldShape | None) -> Iterator[_Fault]:
    if shape is None:
        known = ", ".join(fields_of(declared.fact)) or "none"
        yield _Fault(path, f"{declared.fact} has no such field.", f"Its fields: {known}.")
        return
    if (field.column is None) == (field.constant is None):
        yield _Fault(path, "A field needs either a `column` or a `constant`.", "Give one of the two.")
    if field.column is None and (field.values or field.pick):
        yield _Fault(path, "`values` and `pick` do not apply to a constant.", "Remove them.")
    if declared.per == "row" and field.pick:
        yield _Fault(path, "`pick` does not apply to a fact that each row gives.", "Remove `pick`.")
    if not field.values and field.otherwise != REFUSE:
        yield _Fault(path, "`otherwise` applies only where the field has `values`.")
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
        yield _Fault(path, f"{value!r} is not a valid value: {str(error).partition(' - at ')[0]}.")


def _condition_faults(path: str, condition: Condition) -> Iterator[_Fault]:
    tests = [condition.present, condition.equals, condition.not_equals, condition.differs_from]
    if sum(test is not None for test in tests) != 1:
        what = "A condition has exactly one test: `present`, `equals`, `not_equals` or `differs_from`."
        yield _Fault(path, what, "Give one of the four. Write several conditions to require them all.")
