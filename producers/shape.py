"""The fields of each fact that a mapping may declare, and what each field may hold."""

from functools import cache
from typing import Any, Literal, cast, get_type_hints

import msgspec
from msgspec import Struct, inspect

from facts.fact import SubjectFact
from facts.union import FACT_TYPES, topic_of

Kind = Literal["text", "yes_or_no", "whole_number", "time"]

_ENVELOPE = {field.name for field in msgspec.structs.fields(SubjectFact)}
_KINDS: dict[type[inspect.Type], Kind] = {
    inspect.DateTimeType: "time",
    inspect.BoolType: "yes_or_no",
    inspect.IntType: "whole_number",
}

FACTS_BY_NAME = {fact.__name__: fact for fact in FACT_TYPES if topic_of(fact) is not None}
"""The facts that an extract can give: those with a topic of their own."""


class FieldShape(Struct, frozen=True):
    """One field of a fact.

    Attributes:
        name: name of the field.
        kind: how to read a cell for it.
        is_required: whether the fact must have it.
        type: the type that msgspec checks a value against.
    """

    name: str
    kind: Kind
    is_required: bool
    type: Any


@cache
def fields_of(fact: str) -> dict[str, FieldShape]:
    """The fields of a fact, by name, without those that every fact has."""
    fact_type = FACTS_BY_NAME[fact]
    hints = get_type_hints(fact_type, include_extras=True)
    info = cast(inspect.StructType, inspect.type_info(fact_type))
    return {
        field.name: FieldShape(field.name, _kind(field.type), field.required, hints[field.name])
        for field in info.fields
        if field.name not in _ENVELOPE
    }


def _kind(declared: inspect.Type) -> Kind:
    if isinstance(declared, inspect.Metadata):
        return _kind(declared.type)
    if isinstance(declared, inspect.UnionType):
        return next((kind for kind in map(_kind, declared.types) if kind != "text"), "text")
    return _KINDS.get(type(declared), "text")
