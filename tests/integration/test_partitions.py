"""One subject, one partition: neither other clients' partitioners nor additional partitions change a figure."""

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
from tests.recount.outcomes import records
from tests.support.system import System, until

pytestmark = pytest.mark.usefixtures("dropped_sockets")
CHANGED = ("-m", "tests.integration.changed_worker")
WINDOWS = (WEEK,)
PARTITIONS = 4
_small = PublisherSettings(batch_facts=20, linger_seconds=0.01)


def by_librdkafka(system: System, published: Sequence[SubjectFact]) -> None:
    """Send facts with librdkafka's default partitioner, whose hash is CRC32."""
    producer = Producer({"bootstrap.servers": system.settings.kafka, "linger.ms": 5})
    for fact in published:
        producer.produce("incidents", encode([fact]), key=fact.subject_id)
    assert producer.flush(30) == 0


def to_partitions(system: System, published: Sequence[SubjectFact], place: Callable[[SubjectFact], int]) -> None:
    """Send facts with a client that chooses the partition itself."""
    with KafkaProducer(bootstrap_servers=system.settings.kafka, linger_ms=5) as producer:
        for fact in published:
            producer.send("incidents", encode([fact]), partition=place(fact))


def in_turn(system: System, published: Sequence[SubjectFact]) -> None:
    """Send facts round robin, as clients do without a key: the facts of a subject end up in two or more partitions."""
    number = count()
    to_partitions(system, published, lambda _: next(number) % PARTITIONS)


def by_a_salted_hash(system: System, published: Sequence[SubjectFact]) -> None:
    """Send facts by a hash that no other process uses."""
    to_partitions(system, published, lambda fact: zlib.adler32(f"salt{fact.subject_id}".encode()) % PARTITIONS)


def in_mixed_batches(system: System, published: Sequence[SubjectFact]) -> None:
    """Send batches that hold facts of subjects of every partition."""
    chance = random.Random(3)
    with KafkaProducer(bootstrap_servers=system.settings.kafka, linger_ms=5) as producer:
        for start in range(0, len(published), 25):
            batch = encode(published[start : start + 25])
            producer.send("incidents", batch, partition=chance.randrange(PARTITIONS))


def week(length: int) -> list[SubjectFact]:
    """The first facts of the week, all about incidents."""
    published: list[AnyFact] = facts()[:length]
    assert {topic_of(type(fact)) for fact in published} == {"incidents"}
    return [fact for fact in published if isinstance(fact, SubjectFact)]


def send_heartbeat(system: System, published: Sequence[SubjectFact]) -> None:
    """Send a heartbeat to every partition: nothing older will come."""
    with system.publisher(_small) as publisher:
        publisher.heartbeat(beat(max(fact.at for fact in published)), "incidents")


def against_the_log(system: System) -> RecountComparison:
    """Compare every figure of the state with a recount of the log."""
    reader = system.reader()
    reader.refresh()
    readings = read_state(reader, FORCE, list(every_query(WINDOWS, system.rules[FORCE].force)), reader.present(FORCE))
    with from_log(system.settings.kafka, [each.force for each in system.rules.values()]) as recount:
        return compare(readings, recount)


def assert_figures_are_those_of(system: System, published: Sequence[SubjectFact]) -> None:
    """Every figure equals a recount of the log, and a recount of the facts as they were before they were sent."""
    found = against_the_log(system)
    assert (found.differences, found.cells > 400) == ([], True)
    reader = system.reader()
    reader.refresh()
    whole = [each for each in every_query([WEEK], system.rules[FORCE].force) if not each.by]
    readings = read_state(reader, FORCE, whole, reader.present(FORCE))
    with from_records(records(cast("list[AnyFact]", published)), [system.rules[FORCE].force]) as recount:
        assert compare(readings, recount).differences == []


@REAL_IN_FAULTS
def test_the_partitions_that_other_clients_choose_change_no_figure(system: System) -> None:
    published = week(600)
    assert set(system.ends().values()) == {0}, "the topics must exist and be empty"
    clients = (by_librdkafka, in_turn, by_a_salted_hash, in_mixed_batches)
    # The four clients take turns, so that each sends some facts of most subjects.
    for number, client in enumerate(clients):
        client(system, [fact for index, fact in enumerate(published) if index % len(clients) == number])
    before = sum(system.ends().values())
    system.start_workers(1, (*CHANGED, "holding"))
    (worker,) = system.workers
    system.supervise()
    until(lambda: sum(system.ends().values()) > before, 60, "moved facts")
    worker.kill()
    assert system.count("moved") == 0, "it must be killed between moving facts and updating the state"
    worker.become()
    keep_settling(system)
    send_heartbeat(system, published)
    keep_settling(system)

    assert system.count("facts") == len(published)
    assert system.count("quarantined") == 0
    assert_figures_are_those_of(system, published)
    with from_log(system.settings.kafka, [each.force for each in system.rules.values()]) as recount:
        left_out = recount.loaded.left_out
    assert left_out == {"wrong_partition": system.count("moved")}
    assert left_out["wrong_partition"] > len(published) / 3
    assert "holds facts of other partitions" in worker.said()
    compared = run(system, "audit", "--window", WEEK)
    assert (compared["differences"], compared["behind"]) == ([], 0)
    assert compared["left_out"] == left_out
