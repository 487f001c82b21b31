"""Tests that every type of fact has an example and a schema, and that both agree with the decoder."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from facts.custody import DetaineeArrived, WarrantIssued
from facts.union import FACT_TYPES, TOPICS, AnyFact, topic_of
from facts.wire import decode, encode

FACTS = Path(__file__).parents[2] / "facts"
RECEIVED = datetime(2025, 1, 1, tzinfo=UTC)


def example(fact: type[AnyFact]) -> bytes:
    """The example of a type of fact, as it is sent."""
    return (FACTS / "examples" / f"{fact.__name__}.json").read_bytes()


def schema(fact: type[AnyFact]) -> dict[str, Any]:
    """The published schema of a type of fact."""
    loaded: dict[str, Any] = json.loads((FACTS / "schema" / f"{fact.__name__}.json").read_text())
    return loaded


@pytest.mark.parametrize("fact", FACT_TYPES)
def test_the_example_is_read_and_written_back_the_same(fact: type[AnyFact]) -> None:
    topic = topic_of(fact) or TOPICS[0]
    decoded = decode(example(fact), topic, RECEIVED)
    assert decoded.unreadable == []
    ((index, decoded_fact),) = decoded.facts
    assert (index, type(decoded_fact)) == (0, fact)
    assert decode(encode([decoded_fact]), topic, RECEIVED).facts == [(0, decoded_fact)]


@pytest.mark.parametrize("fact", FACT_TYPES)
def test_the_schema_accepts_the_example_and_refuses_what_the_decoder_refuses(fact: type[AnyFact]) -> None:
    validator = jsonschema.Draft202012Validator(schema(fact))
    good = json.loads(example(fact))
    validator.validate(good)
    for invalid in ({**good, "name": "x"}, {**good, "fact_id": "two words"}, {**good, "force": "07700900123\n"}):
        assert not validator.is_valid(invalid)
        assert decode(json.dumps(invalid).encode(), topic_of(fact) or TOPICS[0], RECEIVED).facts == []


@pytest.mark.parametrize(
    ("fact", "changes", "is_valid"),
    [
        (WarrantIssued, {"hours": 0, "minutes": 0}, False),
        (WarrantIssued, {"hours": 0, "minutes": None}, False),
        (WarrantIssued, {"hours": 0, "minutes": 30}, True),
        (DetaineeArrived, {"relevant_time": None}, False),
        (DetaineeArrived, {"relevant_time": None, "continues": False}, False),
        (DetaineeArrived, {"relevant_time": None, "continues": True}, True),
        (DetaineeArrived, {"relevant_time": None, "basis": "warrant"}, True),
    ],
)
def test_the_schema_and_the_decoder_agree_on_what_depends_on_two_fields(
    fact: type[AnyFact], changes: dict[str, Any], *, is_valid: bool
) -> None:
    changed = {name: value for name, value in {**json.loads(example(fact)), **changes}.items() if value is not None}
    assert jsonschema.Draft202012Validator(schema(fact)).is_valid(changed) is is_valid
    assert bool(decode(json.dumps(changed).encode(), "custody", RECEIVED).facts) is is_valid


def test_there_are_no_other_examples_or_schemas() -> None:
    names = {f"{fact.__name__}.json" for fact in FACT_TYPES}
    assert {path.name for path in (FACTS / "examples").iterdir()} == names
    assert {path.name for path in (FACTS / "schema").iterdir()} == names
