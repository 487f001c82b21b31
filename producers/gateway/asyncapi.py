"""The AsyncAPI document of the log, for systems that write to Kafka directly."""

from typing import Any

from facts.fact import Fact
from facts.partitioning import EXAMPLE_COUNTS, EXAMPLES, murmur2, partition_of
from facts.union import FACT_TYPES, TOPICS, Topic
from facts.wire import RECORD_LIMIT_BYTES
from producers.gateway.shapes import facts_of, one_of, schemas_of

_PURPOSE: dict[Topic, str] = {
    "contacts": "Facts about contacts: 999 calls, 101 calls and digital contacts.",
    "incidents": "Facts about incidents and the units sent to them.",
    "custody": "Facts about detentions and voluntary attendances.",
    "call_takers": (
        "Facts about call takers at work: signing on and off, and each change of state. No fact says who the call taker is."
    ),
    "occurrences": (
        "Facts about recorded crimes, anti-social behaviour and other occurrences, their parties, and victims' referrals and "
        "contracts."
    ),
}


def asyncapi() -> dict[str, Any]:
    """The document, in AsyncAPI 3.0."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Blue Lamp log",
            "version": "1",
            "description": (
                "Write facts to Blue Lamp's Kafka topics. A record holds one fact as a JSON object, or a batch of facts for "
                "the same partition as an array, or CloudEvents 1.0 in the JSON format whose `data` is one of these, and at most "
                f"{RECORD_LIMIT_BYTES} bytes. Write each fact to the partition "
                "of its subject; `x-partitioning` says how to find it. Use the subject_id as the key of a single fact, and "
                "no key for a batch. Write a heartbeat to every partition of its topic, once Kafka has acknowledged "
                "every fact up to its `complete_to`."
            ),
        },
        "x-partitioning": _partitioning(),
        "defaultContentType": "application/json",
        "channels": {topic: _channel(topic) for topic in TOPICS},
        "operations": {f"read_{topic}": _operation(topic) for topic in TOPICS},
        "components": {
            "messages": {each.__name__: _message(each) for each in FACT_TYPES},
            "schemas": schemas_of(FACT_TYPES) | {_batch_name(topic): _batch(topic) for topic in TOPICS},
        },
    }


def _partitioning() -> dict[str, Any]:
    """How to find a subject's partition, with examples to test a client against."""
    return {
        "description": (
            "The partition of a fact is (murmur2(subject_id) & 0x7fffffff) % partitions. murmur2 is the hash that Kafka's "
            "Java client uses, computed over the id in UTF-8; partitions is the topic's number of partitions. "
            "Kafka's Java client, kafka-python and aiokafka do this by default if the key is the subject_id; librdkafka "
            "needs partitioner=murmur2_random. Blue Lamp moves a fact written to another partition to the right one."
        ),
        "key": "subject_id",
        "hash": "murmur2",
        "examples": [
            {
                "subject_id": each,
                "murmur2": murmur2(each.encode()),
                "partition_of": {str(count): partition_of(each, count) for count in EXAMPLE_COUNTS},
            }
            for each in EXAMPLES
        ],
    }


def _channel(topic: Topic) -> dict[str, Any]:
    messages = {each.__name__: {"$ref": f"#/components/messages/{each.__name__}"} for each in facts_of(topic)}
    batch = {
        "name": _batch_name(topic),
        "summary": "A batch: several facts in one record.",
        "payload": {"$ref": f"#/components/schemas/{_batch_name(topic)}"},
    }
    return {"address": topic, "description": _PURPOSE[topic], "messages": {**messages, _batch_name(topic): batch}}


def _operation(topic: Topic) -> dict[str, Any]:
    return {"action": "receive", "channel": {"$ref": f"#/channels/{topic}"}, "summary": _PURPOSE[topic]}


def _message(fact: type[Fact]) -> dict[str, Any]:
    return {"name": fact.__name__, "payload": {"$ref": f"#/components/schemas/{fact.__name__}"}}


def _batch_name(topic: Topic) -> str:
    return f"{topic}_batch"


def _batch(topic: Topic) -> dict[str, Any]:
    fact = one_of(each.__name__ for each in facts_of(topic))
    # AsyncAPI's discriminator has no mapping, so only `oneOf` is used.
    return {"type": "array", "minItems": 1, "items": {"oneOf": fact["oneOf"]}}
