"""What Blue Lamp needs from consumer groups, tested on the embedded broker and on Apache Kafka."""

import signal
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.protocol.consumer import (
    HeartbeatRequest,
    LeaveGroupRequest,
    OffsetCommitRequest,
    OffsetSpec,
    SyncGroupRequest,
)
from kafka.protocol.metadata import FindCoordinatorRequest
from kafka.structs import OffsetAndMetadata

from tests.conftest import LogBackend
from tests.contract.waiting import eventually
from tests.contract.wire import Wire, join_request

HERE = Path(__file__).parent
PARTITIONS = 4

ILLEGAL_GENERATION, UNKNOWN_MEMBER, REBALANCE, MEMBER_ID_REQUIRED, FENCED_INSTANCE = 22, 25, 27, 79, 82

Spawn = Callable[..., subprocess.Popen[bytes]]
Consumers = Callable[..., KafkaConsumer]


@pytest.fixture
def admin(log_backend: LogBackend) -> Iterator[KafkaAdminClient]:
    client = KafkaAdminClient(bootstrap_servers=log_backend.bootstrap)
    yield client
    client.close()


@pytest.fixture
def topic(admin: KafkaAdminClient) -> str:
    return create(admin, PARTITIONS)


def create(admin: KafkaAdminClient, partitions: int) -> str:
    name = f"topic-{uuid.uuid4().hex}"
    admin.create_topics({name: {"num_partitions": partitions, "replication_factor": 1}}, wait_for_metadata=True)
    admin.list_partition_offsets({TopicPartition(name, index): OffsetSpec.LATEST for index in range(partitions)})
    return name


@pytest.fixture
def group() -> str:
    return f"group-{uuid.uuid4().hex}"


@pytest.fixture
def wire(log_backend: LogBackend, group: str) -> Iterator[Wire]:
    """A connection to a broker that is ready to coordinate the group."""
    with Wire(log_backend.bootstrap) as connection:
        find = FindCoordinatorRequest(key=group, key_type=0)
        eventually(lambda: connection.ask(find, 2).error_code == 0, "the group has a coordinator")
        yield connection


@pytest.fixture
def spawn(tmp_path: Path) -> Iterator[Spawn]:
    """Starts one of the scripts in this directory as a process, and kills it after the test."""
    processes: list[subprocess.Popen[bytes]] = []

    def start(script: str, *arguments: str) -> subprocess.Popen[bytes]:
        with (tmp_path / f"{script}-{len(processes)}.log").open("wb") as log_file:
            command = [sys.executable, str(HERE / script), *arguments]
            processes.append(subprocess.Popen(command, stdout=log_file, stderr=log_file))
        return processes[-1]

    yield start
    for process in processes:
        process.kill()
        process.wait()


@pytest.fixture
def consumer_of(log_backend: LogBackend, group: str) -> Iterator[Consumers]:
    """Makes consumers of the group, with or without a topic; all are closed after the test."""
    made = []

    def make(*topics: str) -> KafkaConsumer:
        made.append(
            KafkaConsumer(
                *topics,
                bootstrap_servers=log_backend.bootstrap,
                group_id=group,
                enable_auto_commit=False,
                auto_offset_reset="earliest",
                session_timeout_ms=6_000,
                heartbeat_interval_ms=200,
            )
        )
        return made[-1]

    yield make
    for consumer in made:
        consumer.close()


def publish(bootstrap: str, topic: str, values: list[bytes], partitions: int = PARTITIONS) -> None:
    producer = KafkaProducer(bootstrap_servers=bootstrap)
    for index, value in enumerate(values):
        producer.send(topic, value, partition=index % partitions)
    producer.flush()
    producer.close()


def read(consumer: KafkaConsumer, count: int) -> list[bytes]:
    values: list[bytes] = []

    def read_on() -> bool:
        values.extend(one.value for records in consumer.poll(timeout_ms=1000).values() for one in records)
        return len(values) >= count

    # On a busy machine Kafka may need two of its sessions to give a group's partitions to its next member.
    eventually(read_on, f"{count} records are read", within_seconds=60)
    return values


# Committed offsets


def test_group_continues_where_it_committed(log_backend: LogBackend, topic: str, consumer_of: Consumers) -> None:
    values = [b"%d" % index for index in range(40)]
    publish(log_backend.bootstrap, topic, values[:20])
    first = consumer_of(topic)
    assert sorted(read(first, 20)) == sorted(values[:20])
    first.commit()
    first.close()
    publish(log_backend.bootstrap, topic, values[20:])
    second = consumer_of(topic)
    assert sorted(read(second, 20)) == sorted(values[20:])


def test_committed_offsets_are_listed(admin: KafkaAdminClient, topic: str, group: str, consumer_of: Consumers) -> None:
    consumer = consumer_of()
    places = [TopicPartition(topic, index) for index in range(PARTITIONS)]
    consumer.assign(places)
    consumer.commit({places[1]: OffsetAndMetadata(7, "why", -1), places[2]: OffsetAndMetadata(0, "", -1)})
    listed = admin.list_group_offsets([group])[group]
    assert {place: (kept.offset, kept.metadata) for place, kept in listed.items()} == {
        places[1]: (7, "why"),
        places[2]: (0, ""),
    }


def test_nothing_is_committed_at_first(topic: str, consumer_of: Consumers) -> None:
    consumer = consumer_of()
    assert consumer.committed(TopicPartition(topic, 0)) is None


def test_offsets_of_a_deleted_topic_are_deleted(
    admin: KafkaAdminClient, topic: str, group: str, consumer_of: Consumers
) -> None:
    """A new topic of the same name must not be read from the old one's offset."""
    consumer = consumer_of()
    place = TopicPartition(topic, 0)
    consumer.assign([place])
    consumer.commit({place: OffsetAndMetadata(7, "", -1)})
    consumer.close()
    admin.delete_topics([topic])
    eventually(lambda: not admin.list_group_offsets([group])[group], "the offsets are forgotten")


# Members, one by one


def request_member_id(wire: Wire, group: str) -> str:
    """The id with which a new member must join, from the first response."""
    answer = wire.ask(join_request(group), 5)
    assert answer.error_code == MEMBER_ID_REQUIRED
    return str(answer.member_id)


def join_alone(wire: Wire, group: str, instance_id: str | None = None) -> tuple[str, int]:
    """Become the only member; returns its id and the generation."""
    member_id = "" if instance_id else request_member_id(wire, group)
    answer = wire.ask(join_request(group, member_id, instance_id), 5)
    assert (answer.error_code, answer.leader, len(answer.members)) == (0, answer.member_id, 1)
    assigned = SyncGroupRequest.SyncGroupRequestAssignment(member_id=answer.member_id, assignment=b"all of it")
    assert sync(wire, group, answer.member_id, answer.generation_id, [assigned]).assignment == b"all of it"
    return str(answer.member_id), int(answer.generation_id)


def sync(wire: Wire, group: str, member_id: str, generation: int, assignments: list[Any]) -> Any:
    request = SyncGroupRequest(
        group_id=group, generation_id=generation, member_id=member_id, group_instance_id=None, assignments=assignments
    )
    return wire.ask(request, 3)


def heartbeat(wire: Wire, group: str, member_id: str, generation: int, instance_id: str | None = None) -> int:
    request = HeartbeatRequest(
        group_id=group, generation_id=generation, member_id=member_id, group_instance_id=instance_id
    )
    return int(wire.ask(request, 3).error_code)


def commit(wire: Wire, group: str, topic: str, member_id: str, generation: int) -> int:
    requested = OffsetCommitRequest.OffsetCommitRequestTopic.OffsetCommitRequestPartition(
        partition_index=0, committed_offset=5, committed_leader_epoch=-1, committed_metadata=""
    )
    request = OffsetCommitRequest(
        group_id=group,
        generation_id_or_member_epoch=generation,
        member_id=member_id,
        group_instance_id=None,
        topics=[OffsetCommitRequest.OffsetCommitRequestTopic(name=topic, partitions=[requested])],
    )
    return int(wire.ask(request, 7).topics[0].partitions[0].error_code)


def leave(wire: Wire, group: str, member_id: str) -> int:
    members = [LeaveGroupRequest.MemberIdentity(member_id=member_id, group_instance_id=None)]
    answer = wire.ask(LeaveGroupRequest(group_id=group, members=members), 3)
    return int(answer.error_code or answer.members[0].error_code)


def test_requests_of_other_members_or_generations_are_refused(wire: Wire, topic: str, group: str) -> None:
    member_id, generation = join_alone(wire, group)
    assert heartbeat(wire, group, member_id, generation) == 0
    assert heartbeat(wire, group, member_id, generation + 1) == ILLEGAL_GENERATION
    assert heartbeat(wire, group, "somebody", generation) == UNKNOWN_MEMBER
    assert commit(wire, group, topic, member_id, generation) == 0
    assert commit(wire, group, topic, member_id, generation - 1) == ILLEGAL_GENERATION
    assert commit(wire, group, topic, "somebody", generation) == UNKNOWN_MEMBER
    assert commit(wire, group, topic, "", -1) == UNKNOWN_MEMBER
    assert leave(wire, group, member_id) == 0
    assert heartbeat(wire, group, member_id, generation) == UNKNOWN_MEMBER
    assert commit(wire, group, topic, "", -1) == 0


def test_new_member_makes_the_others_join_again(log_backend: LogBackend, wire: Wire, group: str) -> None:
    first, generation = join_alone(wire, group)
    with Wire(log_backend.bootstrap) as other:
        second = request_member_id(other, group)
        newcomer = join_request(group, second)
        other.send(newcomer, 5)
        eventually(lambda: heartbeat(wire, group, first, generation) == REBALANCE, "the first must join again")
        again = wire.ask(join_request(group, first), 5)
        joined = other.receive(newcomer, 5)
        assert again.generation_id == joined.generation_id == generation + 1
        assert again.leader == joined.leader == first
        assert sorted(one.member_id for one in again.members) == sorted([first, second])
        assert joined.members == []
        shares = {first: b"half", second: b"the other"}
        assignments = [
            SyncGroupRequest.SyncGroupRequestAssignment(member_id=one, assignment=share)
            for one, share in shares.items()
        ]
        assert sync(wire, group, first, generation + 1, assignments).assignment == b"half"
        assert sync(other, group, second, generation + 1, []).assignment == b"the other"


def test_static_member_comes_back_without_a_rebalance(log_backend: LogBackend, wire: Wire, group: str) -> None:
    before, generation = join_alone(wire, group, instance_id="worker-1")
    with Wire(log_backend.bootstrap) as restarted:
        answer = restarted.ask(join_request(group, "", "worker-1"), 5)
        assert (answer.error_code, answer.generation_id) == (0, generation)
        assert answer.member_id != before
        assert sync(restarted, group, answer.member_id, generation, []).assignment == b"all of it"
        assert heartbeat(restarted, group, answer.member_id, generation, "worker-1") == 0
    assert heartbeat(wire, group, before, generation, "worker-1") == FENCED_INSTANCE


# Members as processes


def assignments(outputs: list[Path]) -> list[set[int]]:
    """The last assignment of each member."""
    lines = [output.read_text().splitlines() if output.exists() else [] for output in outputs]
    return [{int(one) for one in line[-1].split(",") if one} if line else set() for line in lines]


def are_shared(outputs: list[Path], *, by: int) -> bool:
    """Whether every partition has exactly one reader, and exactly `by` readers have partitions."""
    shares = [share for share in assignments(outputs) if share]
    everything = sorted(one for share in shares for one in share)
    return len(shares) == by and everything == list(range(PARTITIONS))


def test_partitions_are_shared_as_members_join_leave_and_die(
    log_backend: LogBackend, topic: str, group: str, spawn: Spawn, tmp_path: Path
) -> None:
    outputs = [tmp_path / f"member-{index}" for index in range(3)]
    members = [spawn("group_member.py", log_backend.bootstrap, topic, group, str(output)) for output in outputs]
    eventually(lambda: are_shared(outputs, by=3), "three members share the partitions")
    members[0].send_signal(signal.SIGTERM)
    assert members[0].wait(20) == 0
    eventually(lambda: are_shared(outputs[1:], by=2), "two share them after one has left")
    members[1].kill()
    eventually(lambda: are_shared(outputs[2:], by=1), "one has them all after another was killed")


def test_faust_workers_lose_nothing_when_one_is_killed(
    log_backend: LogBackend, admin: KafkaAdminClient, group: str, spawn: Spawn, tmp_path: Path
) -> None:
    """Six partitions, because Faust gives a worker up to ceil(partitions / workers): with four, one of three workers gets none."""
    topic = create(admin, 6)
    outputs = [tmp_path / f"seen-{index}" for index in range(3)]
    workers = [
        spawn("faust_worker.py", log_backend.bootstrap, topic, group, str(output), str(output) + "-data")
        for output in outputs
    ]
    sent: list[bytes] = []

    def send(count: int) -> None:
        values = [b"%d" % index for index in range(len(sent), len(sent) + count)]
        publish(log_backend.bootstrap, topic, values, 6)
        sent.extend(values)

    def seen() -> list[set[bytes]]:
        return [set(output.read_bytes().split()) if output.exists() else set() for output in outputs]

    def all_are_busy() -> bool:
        send(40)
        return all(seen())

    eventually(all_are_busy, "each of three workers has something to do")
    send(1_000)
    workers[0].kill()
    send(1_000)
    eventually(lambda: set.union(*seen()) == set(sent), "every message is seen after the kill", within_seconds=60)
    assert seen()[0] < set(sent)
