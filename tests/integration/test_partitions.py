"""One subject, one partition: other clients' partitioners, and topics that are given more partitions, change no figure."""

import random
import zlib
from collections.abc import Callable, Sequence
from itertools import count
from typing import cast

import pytest
from confluent_kafka import Producer
from kafka import KafkaProducer

from bluelamp.recount.load import from_records
from bluelamp.recount.log import from_log
from bluelamp.verify.compare import RecountComparison, compare, every_query, read_state
from facts.fact import SubjectFact
from facts.union import AnyFact, topic_of
from facts.wire import encode
from producers.publish import PublisherSettings
from tests.integration.conftest import FORCE, REAL_IN_FAULTS
from tests.integration.test_kills import beat, keep_settling
from tests.integration.test_week import WEEK, facts, run
from tests.recount.story import records
from tests.support.system import System, until

pytestmark = pytest.mark.usefixtures("dropped_sockets")
CHANGED = ("-m", "tests.integration.changed_worker")
WINDOWS = (WEEK, "15m", "24h", "this_month")
PARTITIONS = 4
_small = PublisherSettings(batch_facts=20, linger_seconds=0.01)


def by_librdkafka(system: System, told: Sequence[SubjectFact]) -> None:
    """By librdkafka as it comes: the hash of its default partitioner is CRC32."""
    producer = Producer({"bootstrap.servers": system.settings.kafka, "linger.ms": 5})
    for fact in told:
        producer.produce("incidents", encode([fact]), key=fact.subject_id)
    assert producer.flush(30) == 0


def to_partitions(system: System, told: Sequence[SubjectFact], place: Callable[[SubjectFact], int]) -> None:
    """By a client that chooses the partition itself."""
    with KafkaProducer(bootstrap_servers=system.settings.kafka, linger_ms=5) as producer:
        for fact in told:
            producer.send("incidents", encode([fact]), partition=place(fact))


def in_turn(system: System, told: Sequence[SubjectFact]) -> None:
    """Round robin, as clients do without a key: the facts of a subject lie on two partitions and more."""
    number = count()
    to_partitions(system, told, lambda _: next(number) % PARTITIONS)


def by_a_salted_hash(system: System, told: Sequence[SubjectFact]) -> None:
    """By a hash that no other process has."""
    to_partitions(system, told, lambda fact: zlib.adler32(f"salt{fact.subject_id}".encode()) % PARTITIONS)


def in_mixed_parcels(system: System, told: Sequence[SubjectFact]) -> None:
    """Parcels that hold facts of subjects of every partition."""
    chance = random.Random(3)
    with KafkaProducer(bootstrap_servers=system.settings.kafka, linger_ms=5) as producer:
        for start in range(0, len(told), 25):
            parcel = encode(told[start : start + 25])
            producer.send("incidents", parcel, partition=chance.randrange(PARTITIONS))


def week(length: int) -> list[SubjectFact]:
    """The first facts of the week, all of them about incidents."""
    told: list[AnyFact] = facts()[:length]
    assert {topic_of(type(fact)) for fact in told} == {"incidents"}
    return [fact for fact in told if isinstance(fact, SubjectFact)]


def hear(system: System, told: Sequence[SubjectFact]) -> None:
    """A heartbeat on every partition: nothing older is to come."""
    with system.publisher(_small) as publisher:
        publisher.heartbeat(beat(max(fact.at for fact in told)), "incidents")


def against_the_log(system: System) -> RecountComparison:
    """Every figure of the state against a recount of the log."""
    reader = system.reader()
    reader.refresh()
    taken = read_state(reader, FORCE, list(every_query(WINDOWS, system.rules[FORCE].force)), reader.present(FORCE))
    with from_log(system.settings.kafka, [each.force for each in system.rules.values()]) as recount:
        return compare(taken, recount)


def assert_figures_are_those_of(system: System, told: Sequence[SubjectFact]) -> None:
    """Every figure equals a recount of the log, and one of the facts themselves, which were never in a log."""
    found = against_the_log(system)
    assert (found.differences, found.cells > 1000) == ([], True)
    reader = system.reader()
    reader.refresh()
    taken = read_state(reader, FORCE, list(every_query([WEEK], system.rules[FORCE].force)), reader.present(FORCE))
    with from_records(records(cast("list[AnyFact]", told)), [system.rules[FORCE].force]) as recount:
        assert compare(taken, recount).differences == []


@REAL_IN_FAULTS
def test_where_other_clients_put_facts_changes_no_figure(system: System) -> None:
    told = week(600)
    assert set(system.ends().values()) == {0}, "the topics are there, and empty"
    clients = (by_librdkafka, in_turn, by_a_salted_hash, in_mixed_parcels)
    # The four take turns, so that each has a part of most subjects.
    for number, client in enumerate(clients):
        client(system, [fact for index, fact in enumerate(told) if index % len(clients) == number])
    before = sum(system.ends().values())
    system.start_workers(1, (*CHANGED, "holding"))
    (worker,) = system.workers
    until(lambda: sum(system.ends().values()) > before, 60, "facts that are moved")
    worker.kill()
    assert system.count("moved") == 0, "it was killed between moving facts and the state"
    worker.become()
    keep_settling(system)
    hear(system, told)
    keep_settling(system)

    assert system.count("facts") == len(told)
    assert system.count("quarantined") == 0
    assert_figures_are_those_of(system, told)
    with from_log(system.settings.kafka, [each.force for each in system.rules.values()]) as recount:
        left_out = recount.loaded.left_out
    assert left_out == {"wrong_partition": system.count("moved")}
    assert left_out["wrong_partition"] > len(told) / 3
    assert "holds facts of other partitions" in worker.said()
    compared = run(system, "recount", "--window", WEEK, "--compare")
    assert (compared["differences"], compared["behind"]) == ([], 0)
    assert compared["left_out"] == left_out
