"""The gateway's documents agree with what the gateway does, and its page of the documentation shows its real answers."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from facts.union import FACT_TYPES, TOPICS, Topic, topic_of
from producers.gateway.asyncapi import asyncapi
from producers.gateway.limits import Limits
from producers.gateway.openapi import openapi
from producers.gateway.reading import read_facts
from producers.gateway.sent import Sent
from producers.http.problem import ProblemError, response_of
from tests.producers.extracts import NOW
from tests.support.forces import shipped

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "feed" / "gateway.md").read_text()
FORCES = {"staffordshire": shipped("staffordshire")}
OPENAPI = openapi(FORCES.values(), Limits())
ASYNCAPI = asyncapi()
EXAMPLES = {path.stem: json.loads(path.read_text()) for path in (ROOT / "facts" / "examples").glob("*.json")}


def references(value: Any) -> list[str]:
    """Every reference in a document."""
    if isinstance(value, dict):
        own = [value["$ref"]] if "$ref" in value else []
        return own + [each for inner in value.values() for each in references(inner)]
    return [each for inner in value for each in references(inner)] if isinstance(value, list) else []


@pytest.mark.parametrize("document", [OPENAPI, ASYNCAPI], ids=["openapi", "asyncapi"])
def test_every_reference_resolves(document: dict[str, Any]) -> None:
    assert references(document)
    for reference in set(references(document)):
        found: Any = document
        for step in reference.removeprefix("#/").split("/"):
            found = found[step]
        assert found


def validator(document: dict[str, Any], reference: str) -> Draft202012Validator:
    """A validator for a schema of a document."""
    return Draft202012Validator({"$ref": reference, "components": document["components"]})


def places(name: str) -> list[Topic]:
    """The topics that carry a fact."""
    own = next(topic_of(each) for each in FACT_TYPES if each.__name__ == name)
    return [own] if own else list(TOPICS)


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_the_gateway_and_its_document_accept_every_example_only_on_its_own_topics(name: str) -> None:
    example = EXAMPLES[name]
    for topic in TOPICS:
        is_own = topic in places(name) and example.get("feed") in (
            None,
            *(feed.name for feed in FORCES["staffordshire"].feeds if feed.topic == topic),
        )
        schema = validator(OPENAPI, f"#/components/schemas/{topic}_batch")
        assert schema.is_valid(example) == schema.is_valid([example, example]) == is_own
        assert is_accepted(example, topic) == is_own


def is_accepted(fact: dict[str, Any], topic: Topic) -> bool:
    """Whether the gateway accepts a fact."""
    try:
        return len(read_facts(Sent(body=json.dumps(fact).encode()), topic, FORCES, NOW, 10)) == 1
    except ProblemError:
        return False


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_the_asyncapi_document_lists_every_fact_on_its_topics(name: str) -> None:
    listed = [topic for topic, channel in ASYNCAPI["channels"].items() if name in channel["messages"]]
    assert listed == places(name)
    payload = ASYNCAPI["components"]["messages"][name]["payload"]["$ref"]
    assert validator(ASYNCAPI, payload).is_valid(EXAMPLES[name])
    assert not validator(ASYNCAPI, payload).is_valid({**EXAMPLES[name], "caller_name": "x"})


def test_the_page_shows_the_gateways_real_answer() -> None:
    (example,) = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    good = EXAMPLES["ContactOffered"]
    with pytest.raises(ProblemError) as caught:
        read_facts(Sent(body=json.dumps([good, {**good, "caller_name": "x"}]).encode()), "contacts", FORCES, NOW, 10)
    answer = json.loads(bytes(response_of(caught.value).body))
    assert json.loads(example) == answer
    assert validator(OPENAPI, "#/components/schemas/FactsProblem").is_valid(answer)


def test_the_page_and_the_document_list_the_same_statuses() -> None:
    documented = set(OPENAPI["paths"]["/v1/contacts"]["post"]["responses"])
    assert set(re.findall(r"^\| (\d{3}) \|", PAGE, re.MULTILINE)) == documented - {"500"}
