"""JSON Schemas of the facts for the gateway's documents, derived from the facts' types."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from facts.fact import EndedByHand, Fact, FactWithdrawn
from facts.feed import FeedHeartbeat
from facts.union import FACT_TYPES, Topic, topic_of

REFERENCE = "#/components/schemas/{name}"


def facts_of(topic: Topic) -> tuple[type[Fact], ...]:
    """The facts that a topic carries: its own, withdrawals and heartbeats."""
    own = tuple(each for each in FACT_TYPES if topic_of(each) == topic)
    return (*own, FactWithdrawn, EndedByHand, FeedHeartbeat)


def schemas_of(types: Iterable[type[Fact]], forces: Iterable[str] = ()) -> dict[str, Any]:
    """A JSON Schema for each fact, by name.

    Args:
        types: the facts' types.
        forces: the forces that have a profile; if given, the schemas allow no other force.
    """
    types = tuple(types)
    _, schemas = msgspec.json.schema_components(types, ref_template=REFERENCE)
    add_alternatives(schemas, types)
    names = sorted(forces)
    for schema in schemas.values():
        schema["description"] = summary(schema)
        if names:
            schema["properties"]["force"] = {"enum": names, "description": "A force that has a profile."}
    return schemas


def add_alternatives(schemas: dict[str, Any], types: Iterable[type[Fact]]) -> None:
    """Add to the facts' schemas, by name, what is checked between fields: a valid fact meets at least one alternative."""
    for fact in types:
        if fact.needs_one_of:
            schemas[fact.__name__]["anyOf"] = list(fact.needs_one_of)


def summary(schema: Mapping[str, Any]) -> str:
    """A schema's description without the list of attributes, which its properties describe."""
    description: str = schema.get("description", "")
    return " ".join(description.partition("\n\n")[0].split())


def one_of(names: Iterable[str], field: str = "fact") -> dict[str, Any]:
    """A schema for one of several facts, distinguished by a field that holds its name."""
    references = {name: REFERENCE.format(name=name) for name in names}
    return {
        "oneOf": [{"$ref": reference} for reference in references.values()],
        "discriminator": {"propertyName": field, "mapping": references},
    }
