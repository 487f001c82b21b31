"""The AsyncAPI document: the topics that systems which speak Kafka themselves write to, and what they may carry."""

from typing import Any

from facts.fact import Fact
from facts.partitioning import EXAMPLE_COUNTS, EXAMPLES, murmur2, partition_of
from facts.union import FACT_TYPES, TOPICS, Topic
from facts.wire import RECORD_LIMIT_BYTES
from producers.gateway.shapes import facts_of, one_of, schemas_of

_PURPOSE: dict[Topic, str] = {
    "contacts": "What happened to contacts: 999, 101 and digital.",
    "incidents": "What happened to incidents and the units sent to them.",
    "custody": "What happened to detentions, and voluntary attendances.",
    "occurrences": "Crimes and ASB as recorded, their parties, referrals of and contracts with victims, and what is only counted.",
}


def asyncapi() -> dict[str, Any]:
    """The document, in version 3.0 of AsyncAPI."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Blue Lamp: the log",
            "version": "1",
            "description": (
                "A record is a parcel: one fact as a JSON object, or several facts of subjects of the same partition as "
                f"an array; at most {RECORD_LIMIT_BYTES} bytes. A fact goes to the partition of its subject, as "
                "`x-partitioning` says. The key is the subject_id of a single fact; a parcel of several has none. A "
                "heartbeat goes to every partition of its topic, after everything that it vouches for has been "
                "acknowledged."
            ),
        },
        "x-partitioning": _partitioning(),
        "defaultContentType": "application/json",
        "channels": {topic: _channel(topic) for topic in TOPICS},
        "operations": {f"read_{topic}": _operation(topic) for topic in TOPICS},
        "components": {
            "messages": {each.__name__: _message(each) for each in FACT_TYPES},
            "schemas": schemas_of(FACT_TYPES) | {_parcel_name(topic): _parcel(topic) for topic in TOPICS},
        },
    }


def _partitioning() -> dict[str, Any]:
    """The partition of a subject, with examples that a client can be held to."""
    return {
        "description": (
            "Every fact of a subject goes to the partition (murmur2(subject_id) & 0x7fffffff) % partitions of its "
            "topic: murmur2 of the id in UTF-8 as Kafka's Java client computes it, and the number of partitions that "
            "the topic has. It is the default of Kafka's Java client, kafka-python and aiokafka for the subject_id as "
            "key; librdkafka needs partitioner=murmur2_random. A fact on another partition is moved to its own."
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
    parcel = {
        "name": _parcel_name(topic),
        "summary": "Several facts in one record.",
        "payload": {"$ref": f"#/components/schemas/{_parcel_name(topic)}"},
    }
    return {"address": topic, "description": _PURPOSE[topic], "messages": {**messages, _parcel_name(topic): parcel}}


def _operation(topic: Topic) -> dict[str, Any]:
    return {"action": "receive", "channel": {"$ref": f"#/channels/{topic}"}, "summary": _PURPOSE[topic]}


def _message(fact: type[Fact]) -> dict[str, Any]:
    return {"name": fact.__name__, "payload": {"$ref": f"#/components/schemas/{fact.__name__}"}}


def _parcel_name(topic: Topic) -> str:
    return f"{topic}_parcel"


def _parcel(topic: Topic) -> dict[str, Any]:
    fact = one_of(each.__name__ for each in facts_of(topic))
    # AsyncAPI's discriminator is a field's name alone; `oneOf` says the rest.
    return {"type": "array", "minItems": 1, "items": {"oneOf": fact["oneOf"]}}
