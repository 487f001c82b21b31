"""The documentation page that lists every fact and its fields, for people who write a mapping or send facts."""

import inspect
import re
from collections.abc import Iterator
from typing import Any

from msgspec import Struct, json

from facts.union import FACT_TYPES, TOPICS, topic_of
from producers.explain import VOCABULARIES
from producers.shape import fields_of

_ATTRIBUTE = re.compile(r"^    (\w+): ", re.MULTILINE)
_TITLES = {
    "contacts": "Contacts",
    "incidents": "Incidents",
    "custody": "Custody",
    "occurrences": "Occurrences",
    "call_takers": "Call takers",
}


def fact_page(note: str) -> str:
    """The page.

    Args:
        note: the comment that says how the page is made.
    """
    lines = [
        "# Facts and their fields",
        "",
        note,
        "",
        "Every fact has `fact_id`, `force`, `subject_id` and `at`, which a [mapping](mappings.md) fills in from the keys and the",
        "event time. Its own fields are listed here. Their exact form is in `facts/schema`.",
        "",
    ]
    for topic in TOPICS:
        lines += [f"## {_TITLES[topic]}", ""]
        for fact in FACT_TYPES:
            if topic_of(fact) == topic:
                lines += [f"### {fact.__name__}", "", *_summary(fact), *_fields(fact)]
    return "\n".join(lines).rstrip() + "\n"


def _summary(fact: type[Struct]) -> Iterator[str]:
    yield _flat((inspect.getdoc(fact) or "").partition("Attributes:")[0])
    yield ""


def _fields(fact: type[Struct]) -> Iterator[str]:
    """The table of a fact's own fields; nothing if it has none."""
    own = fields_of(fact.__name__)
    described = _descriptions(fact)
    if own:
        yield "| field | | holds | meaning |"
        yield "|---|---|---|---|"
        for name, shape in own.items():
            need = "required" if shape.is_required else "optional"
            yield f"| `{name}` | {need} | {_holds(name, shape.type)} | {described.get(name, '')} |"
        yield ""


def _descriptions(fact: type[Struct]) -> dict[str, str]:
    """What the docstring says of each field."""
    parts = _ATTRIBUTE.split((inspect.getdoc(fact) or "").partition("Attributes:")[2])[1:]
    return {name: _flat(text) for name, text in zip(parts[::2], parts[1::2], strict=True)}


def _flat(text: str) -> str:
    return " ".join(text.split())


def _holds(name: str, kind: Any) -> str:
    """What a field holds, in words."""
    if name in VOCABULARIES:
        return f"a label from the profile's `{VOCABULARIES[name]}`"
    schema = json.schema(kind)
    options = [schema, *schema.get("anyOf", ())]
    listed = next((option["enum"] for option in options if "enum" in option), None)
    if listed:
        return ", ".join(f"`{value}`" for value in listed)
    if any(option.get("format") == "date-time" for option in options):
        return "a time"
    words = {"boolean": "true or false", "integer": "a whole number", "string": "an id or a label"}
    return next((words[option["type"]] for option in options if option.get("type") in words), "a value")
