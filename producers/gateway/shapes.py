"""The shapes of facts as the gateway's documents show them: by topic, from the types themselves."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from facts.fact import Fact, FactWithdrawn
from facts.feed import FeedHeartbeat
from facts.union import FACT_TYPES, Topic, topic_of

REFERENCE = "#/components/schemas/{name}"


def facts_of(topic: Topic) -> tuple[type[Fact], ...]:
    """The facts that travel on a topic: its own, withdrawals and heartbeats."""
    own = tuple(each for each in FACT_TYPES if topic_of(each) == topic)
    return (*own, FactWithdrawn, FeedHeartbeat)


def schemas_of(types: Iterable[type[Fact]], forces: Iterable[str] = ()) -> dict[str, Any]:
    """A JSON Schema for each fact, by name.

    Args:
        types: of the facts.
        forces: the forces that have a profile; where they are given, a fact can name no other.
    """
    _, schemas = msgspec.json.schema_components(types, ref_template=REFERENCE)
    names = sorted(forces)
    for schema in schemas.values():
        schema["description"] = _first_sentence(schema)
        if names:
            schema["properties"]["force"] = {"enum": names, "description": "A force that has a profile."}
    return schemas


def _first_sentence(schema: Mapping[str, Any]) -> str:
    """Without the attributes, which the properties describe."""
    description: str = schema.get("description", "")
    return " ".join(description.partition("\n\n")[0].split())


def one_of(names: Iterable[str], field: str = "fact") -> dict[str, Any]:
    """One of several shapes, told apart by a field that holds its name."""
    references = {name: REFERENCE.format(name=name) for name in names}
    return {
        "oneOf": [{"$ref": reference} for reference in references.values()],
        "discriminator": {"propertyName": field, "mapping": references},
    }
