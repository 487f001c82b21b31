"""Records that must not be counted, with the reasons why each is refused, and the quarantine's entries about them."""

import gzip
import json
import math
from collections.abc import Iterable
from functools import cache
from typing import Any, NamedTuple

import msgspec
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from facts.batch import UNPACKED_LIMIT_BYTES
from facts.union import Topic
from facts.wire import Reason
from streams.log import QUARANTINE_TOPIC
from streams.quarantine import QuarantineRecord
from tests.contract.wire import GZIP, Wire, produce
from tests.support.batches import batch_of, record_of
from tests.support.system import System

PERSONAL = "Zebedee Quincewort, Marrowfat Lane"
NUMBER = "07700900123"
TEN_MEGABYTES = 10 * 1024 * 1024
Place = tuple[str, int, int, int | None]
"""Topic, partition, offset, and index in the batch; None for the record as a whole."""


class Refused(NamedTuple):
    """One record that must be refused, in whole or in part.

    Attributes:
        value: the record's bytes.
        reasons: why, by index in the batch; None for the record as a whole.
        good: the number of its facts that are counted all the same.
        topic: the topic it is sent to.
    """

    value: bytes | None
    reasons: dict[int | None, Reason]
    good: int = 0
    topic: Topic = "incidents"


def incident(**changed: Any) -> dict[str, Any]:
    """A valid fact of the week, with these fields changed."""
    fields = {"fact": "IncidentOpened", "fact_id": "f", "subject_id": "s", "grade": "2"}
    return {**fields, "force": "san_francisco_fire", "at": "2017-01-03T10:00:00-08:00", **changed}


def _alone(reason: Reason, **changed: Any) -> Refused:
    return Refused(json.dumps(incident(**changed)).encode(), {0: reason})


def refused(name: str) -> list[Refused]:
    """At least one record for every reason there is.

    Args:
        name: distinguishes the valid facts of one call from those of another.
    """
    good = [incident(fact_id=f"{name}-{number}", subject_id=f"{name}-{number}") for number in range(4)]
    naive, nan = incident(at="2017-01-03T10:00:00"), incident(grade=math.nan)
    without_grade = {key: value for key, value in incident().items() if key != "grade"}
    return [
        Refused(b"", {None: "empty"}),
        Refused(None, {None: "empty"}),
        Refused(b"[]", {None: "empty"}),
        Refused(f"\xff {PERSONAL}".encode("latin-1"), {None: "not_json"}),
        Refused(f'{{"fact": "IncidentOpened", {PERSONAL}'.encode(), {None: "not_json"}),
        Refused(b"[" * 100_000, {None: "not_json"}),
        Refused(json.dumps(incident(grade=PERSONAL.ljust(TEN_MEGABYTES))).encode(), {None: "too_large"}),
        Refused(json.dumps(nan).encode(), {0: "not_a_number"}),
        Refused(json.dumps(naive).encode(), {0: "no_time_zone"}),
        Refused(json.dumps(without_grade).encode(), {0: "missing_field"}),
        Refused(json.dumps(incident()).encode(), {0: "wrong_topic"}, topic="contacts"),
        Refused(json.dumps({"specversion": "1.0", "type": PERSONAL}).encode(), {0: "bad_cloudevent"}),
        _alone("unknown_fact", fact=PERSONAL),
        _alone("unknown_field", caller=PERSONAL),
        _alone("unknown_field", **{PERSONAL: "caller"}),
        _alone("bad_value", grade=PERSONAL),
        _alone("bad_value", subject_id=NUMBER),
        _alone("bad_value", at=PERSONAL),
        _alone("implausible_time", at="2099-01-01T00:00:00Z"),
        _alone("implausible_time", at="1970-01-01T00:00:00Z"),
        _alone("unlisted_force", force="atlantis"),
        _alone("too_late", at="2014-01-01T00:00:00Z"),
        Refused(json.dumps([good[0], naive, good[1]]).encode(), {1: "no_time_zone"}, good=2),
        Refused(
            json.dumps([nan, good[2], incident(caller=PERSONAL)]).encode(),
            {0: "not_a_number", 2: "unknown_field"},
            good=1,
        ),
        Refused(json.dumps([incident(at="2014-01-01T00:00:00Z"), good[3]]).encode(), {0: "too_late"}, good=1),
    ]


def send(system: System, records: Iterable[Refused]) -> dict[Place, Reason]:
    """Send records to the partitions in turn, then a batch that cannot be read; returns where each must be refused, and why."""
    due: dict[Place, Reason] = {}
    # Compressed, so that a broker with its default limit accepts what decompresses to ten megabytes.
    packing = {"compression_type": "gzip", "max_request_size": 2 * TEN_MEGABYTES}
    with KafkaProducer(bootstrap_servers=system.settings.kafka, **packing) as producer:
        for number, record in enumerate(records):
            sent = producer.send(record.topic, record.value, key=b"\xff", partition=number % 4).get(30)
            due |= {(record.topic, sent.partition, sent.offset, at): why for at, why in record.reasons.items()}
    with Wire(system.settings.kafka) as wire:
        unreadable = produce(wire, "incidents", batch_of(_bomb(), attributes=GZIP))
    return {**due, ("incidents", 0, unreadable.base_offset, None): "unreadable_batch"}


@cache
def _bomb() -> bytes:
    """A record that decompresses to more than is allowed."""
    return gzip.compress(record_of(0, bytes(UNPACKED_LIMIT_BYTES)), 9)


def quarantine(system: System) -> list[bytes]:
    """Every record of the quarantine topic."""
    consumer = KafkaConsumer(bootstrap_servers=system.settings.kafka, enable_auto_commit=False)
    places = [
        TopicPartition(QUARANTINE_TOPIC, number) for number in consumer.partitions_for_topic(QUARANTINE_TOPIC) or ()
    ]
    try:
        consumer.assign(places)
        consumer.seek_to_beginning()
        ends = consumer.end_offsets(places)
        found: list[bytes] = []
        while any(consumer.position(place) < ends[place] for place in places):
            for batch in consumer.poll(timeout_ms=1000).values():
                found += [record.value for record in batch]
    finally:
        consumer.close()
    return found


def entries(found: Iterable[bytes]) -> dict[Place, QuarantineRecord]:
    """Quarantine entries by place; entries sent twice must be equal."""
    by_place: dict[Place, QuarantineRecord] = {}
    for value in found:
        entry = msgspec.json.decode(value, type=QuarantineRecord)
        place = (entry.topic, entry.partition, entry.offset, entry.index)
        assert by_place.setdefault(place, entry) == entry
    return by_place
