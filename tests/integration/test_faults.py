"""Faults of workers, log and state: garbage, deleted records, a recreated topic, a lost state, servers down, a stuck worker."""

import re
import shutil
import signal
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, get_args

import pytest
from kafka import TopicPartition
from kafka.admin import KafkaAdminClient

from bluelamp.recount.log import from_log
from bluelamp.verify.compare import compare, every_query, read_state
from facts.union import AnyFact
from facts.wire import Reason, decode
from producers.publish import PublisherSettings
from streams.retrying import report_key
from streams.settings import PERSON_NEEDED, RESTART_ME
from tests.integration.conftest import EMBEDDED, FORCE, REAL_IN_FAULTS, Parts
from tests.integration.refusals import NUMBER, PERSONAL, Place, entries, quarantine, refused, send
from tests.integration.test_kills import beat, keep_settling
from tests.integration.test_week import WEEK, facts
from tests.support.fault_table import Fault
from tests.support.forces import STRICT, STRICT_PROFILE
from tests.support.system import System, WorkerProcess, until

pytestmark = pytest.mark.usefixtures("dropped_sockets")
CHANGED = ("-m", "tests.integration.changed_worker")
_small = PublisherSettings(batch_facts=20, linger_seconds=0.01)


@cache
def week() -> tuple[AnyFact, ...]:
    """The facts of the week."""
    return tuple(facts())


def publish(system: System, published: Sequence[AnyFact]) -> None:
    """Publish facts, and a heartbeat that nothing older will come."""
    with system.publisher(_small) as publisher:
        for fact in published:
            publisher.publish(fact)
        publisher.heartbeat(beat(max(fact.at for fact in published)), "incidents")


def assert_every_cell_equals_the_recount(
    system: System, fault: Fault | None = None, missing: dict[tuple[str, int], int] | None = None
) -> None:
    """Compare every measure over the week, whole, by grade and by area; also for a state that began where the log now begins."""
    reader = system.reader()
    every = every_query([WEEK], system.rules[FORCE].force)
    queries = [each for each in every if each.by in ((), ("grade",), ("area",))]
    reader.refresh()
    readings = read_state(reader, FORCE, queries, reader.present(FORCE))
    with from_log(system.settings.kafka, [each.force for each in system.rules.values()]) as recount:
        assert recount.loaded.missing_before == (missing or {})
        recount.loaded.missing_before.clear()
        found = compare(readings, recount)
    if fault is not None:
        fault.compared(found.cells, len(found.differences))
    assert found.differences == []
    assert found.cells > 300


def last_words(worker: WorkerProcess) -> str:
    """The last log output of a worker that has stopped by itself."""
    return worker.said().rpartition("bluelamp worker stops ")[2]


def state(system: System) -> dict[str, Any]:
    """Everything the state holds, except how many owners its partitions have had."""
    read: dict[str, Callable[[str], Any]] = {
        "hash": system.redis.hgetall,
        "zset": lambda key: system.redis.zrange(key, 0, -1, withscores=True),
        "stream": system.redis.xrange,
    }
    content = {key: read[str(system.redis.type(key))](key) for key in keys(system)}
    for key, value in content.items():
        if key.endswith(":control"):
            value.pop("epoch")
    return content


def keys(system: System) -> list[str]:
    """The keys of everything the state holds, without the report of a refusal and the list of starts."""
    name = system.settings.state_name
    found = system.redis.scan_iter(match=f"{name}:*", count=1000)
    return sorted({*found} - {report_key(name), f"{name}:starts"})


@REAL_IN_FAULTS
@pytest.mark.injects(11)
def test_invalid_records_are_quarantined_once_with_their_reason_and_counted(system: System, fault: Fault) -> None:
    good = week()[:1000]
    publish(system, good[:500])
    due = send(system, first := refused("first"))
    system.start_workers(1, (*CHANGED, "holding"))
    (worker,) = system.workers
    until(lambda: quarantine(system), 60, "something in quarantine")
    worker.kill()
    assert system.count("quarantined") == 0, "it must be killed between the quarantine and the state"
    worker.become()
    publish(system, good[500:])
    due |= send(system, second := refused("second"))
    system.settle()

    # A subject with too many facts needs thousands: tests/laws compares those with the recount.
    assert set(due.values()) == set(get_args(Reason)) - {"too_many_facts"}, "every reason must occur"
    fault.fired(len(due))
    found = quarantine(system)
    assert_is_in_quarantine(system, due)
    assert len(found) > len(due), "what was sent before the kill must be sent again"
    assert system.count("quarantined") == len(due)
    for reason, times in Counter(due.values()).items():
        assert system.count(f"quarantined_{reason}") == times
    assert system.count("facts") == len(good) + sum(record.good for record in first + second)
    assert_every_cell_equals_the_recount(system, fault)
    assert_only_readable_facts_are_copied(list(entries(found).values()))
    assert_nowhere(f"{PERSONAL} {NUMBER}", b"".join(found).decode(), worker.said(), str(state(system)))


def assert_is_in_quarantine(system: System, due: Mapping[Place, Reason]) -> None:
    """The quarantine has each fact that must not be counted, once, with its reason, and nothing else."""
    assert {place: entry.reason for place, entry in entries(quarantine(system)).items()} == due


@EMBEDDED
@pytest.mark.faults
def test_a_quarantine_that_drops_is_caught(system: System) -> None:
    publish(system, week()[:300])
    due = send(system, refused("dropped"))
    system.start_workers(1, (*CHANGED, "dropping"))
    system.settle()
    assert system.count("quarantined") == len(due), "the counter must include them all the same"
    with pytest.raises(AssertionError):
        assert_is_in_quarantine(system, due)


def assert_only_readable_facts_are_copied(found: Sequence[Any]) -> None:
    """A fact that came too late is kept whole; of a record that cannot be read, only the place is kept."""
    for entry in found:
        assert (entry.fact is not None) == (entry.reason == "too_late")
        assert entry.what
        assert entry.hint
        if entry.fact:
            ((_, fact),) = decode(entry.fact.encode(), "incidents", week()[-1].at).facts
            assert fact.at.year == 2014


def assert_nowhere(personal: str, *texts: str) -> None:
    """No word of a personal text occurs in any of these."""
    for word in re.findall(r"\w+", personal):
        assert not any(word in text for text in texts), word


@REAL_IN_FAULTS
@pytest.mark.injects(16)
def test_a_worker_stops_for_a_person_if_the_log_lacks_what_the_state_needs(
    new_system: Callable[..., System], fault: Fault
) -> None:
    system = new_system(stall_seconds=3.0)
    publish(system, week()[:300])
    system.start_workers(1)
    (worker,) = system.workers
    keep_settling(system)
    worker.stop()
    before, applied_offset = state(system), system.applied_offsets()["incidents", 1]
    publish(system, week()[300:600])
    cut(system, partition=1, first=applied_offset + 2)

    worker.become(BLUELAMP_FIRST_START="yes")  # this is only for a state that does not exist yet
    assert worker.wait() == PERSON_NEEDED
    assert f"offsets {applied_offset} to {applied_offset + 1} are missing" in last_words(worker)
    assert "partition incidents:1" in last_words(worker)
    assert state(system) == before

    system.redis.delete(*keys(system))
    worker.become(BLUELAMP_FIRST_START="no")
    assert worker.wait() == PERSON_NEEDED
    assert (
        f"no state yet, but the log begins at offset {applied_offset + 2}: offsets 0 to {applied_offset + 1}"
        in last_words(worker)
    )
    assert "BLUELAMP_FIRST_START=yes" in last_words(worker)
    assert system.count("facts") == 0
    worker.become(BLUELAMP_FIRST_START="yes")
    keep_settling(system)
    assert_every_cell_equals_the_recount(system, fault, {("incidents", 1): applied_offset + 2})

    # A client that was out of reach continues in the new topic as if it were the old one: it knows topics by name.
    worker.send(signal.SIGSTOP)
    recreate(system, "incidents")
    publish(system, week()[600:900])
    worker.send(signal.SIGCONT)
    status = worker.wait()
    if status == RESTART_ME:
        assert "deleted and created again" in worker.said()
        worker.start()
        status = worker.wait()
    assert status == PERSON_NEEDED
    assert "built from another log" in last_words(worker)
    assert "state of incidents" in last_words(worker)
    assert "bluelamp rebuild" in last_words(worker)
    fault.fired(3)


def cut(system: System, partition: int, first: int) -> None:
    """Delete the records of a partition of incidents up to an offset."""
    admin = KafkaAdminClient(bootstrap_servers=system.settings.kafka)
    admin.delete_records({TopicPartition("incidents", partition): first})
    admin.close()


def recreate(system: System, topic: str) -> None:
    """Delete a topic and wait until it is gone; the next producer creates it again."""
    admin = KafkaAdminClient(bootstrap_servers=system.settings.kafka)
    admin.delete_topics([topic])
    until(lambda: topic not in admin.list_topics(), 60, "the topic to be deleted")
    admin.close()


@EMBEDDED
@pytest.mark.injects(23)
def test_a_state_restored_from_a_copy_or_lost_is_rebuilt_from_the_log(
    new_system: Callable[..., System], fault: Fault
) -> None:
    """An old copy is restored under a running worker, then the whole state is deleted: both put the state behind the worker."""
    system = new_system(stall_seconds=2.0)
    publish(system, week()[:300])
    system.start_workers(1, (*CHANGED, "crashing"))
    (worker,) = system.workers
    assert worker.wait() == RESTART_ME
    assert "Faust has crashed" in last_words(worker)
    worker.become()
    keep_settling(system)
    copy: dict[str, Any] = {key: system.redis.dump(key) for key in keys(system)}
    publish(system, week()[300:600])
    keep_settling(system)
    system.redis.delete(*keys(system))
    for key, value in copy.items():
        system.redis.restore(key, 0, value)
    publish(system, week()[600:900])
    assert worker.wait() == RESTART_ME
    worker.become()
    keep_settling(system)
    assert system.count("facts") == 900

    system.redis.delete(*keys(system))
    assert worker.wait() == RESTART_ME, "it must notice although no fact arrives"
    worker.become()
    keep_settling(system)
    assert system.count("facts") == 900
    assert_every_cell_equals_the_recount(system, fault)
    fault.fired(2)


@EMBEDDED
def test_a_stalled_worker_ends_itself_and_an_idle_one_does_not(
    new_system: Callable[..., System],
) -> None:
    idle, stuck = new_system(stall_seconds=2.0), new_system(stall_seconds=4.0)
    publish(idle, week()[:300])
    idle.start_workers(1)
    keep_settling(idle)  # on a busy machine it may seem stalled for a moment before it begins
    ended = len(idle.workers[0].statuses)
    stuck.start_workers(1, (*CHANGED, "stuck"))
    (worker,) = stuck.workers
    assert worker.wait() == RESTART_ME
    assert "stalled" in worker.said()
    assert stuck.count("facts") == 0
    assert idle.workers[0].is_running()
    assert len(idle.workers[0].statuses) == ended
    worker.become(BLUELAMP_STALL_SECONDS="20")
    stuck.settle()
    assert stuck.count("facts") == 300


@REAL_IN_FAULTS
@pytest.mark.injects(4, 5)
def test_a_server_that_is_down_for_a_while_costs_no_fact(system: System, parts: Parts, fault: Fault) -> None:
    publish(system, week()[:300])
    system.start_workers(1)
    (worker,) = system.workers
    system.settle()
    parts.state.kill()
    publish(system, week()[300:600])
    until(lambda: "The state server does not answer (nothing listens at its address)" in worker.said(), 60, "a warning")
    assert worker.is_running(), "it must keep its batch"
    worker.kill()
    worker.start()
    assert worker.wait(60) == RESTART_ME
    assert "The state server does not answer" in last_words(worker)
    parts.state.start()
    keep_settling(system)
    assert system.count("facts") == 600

    noticed = worker.said().count("Kafka does not answer")
    with system.publisher(_small) as publisher:
        for fact in week()[600:700]:
            publisher.publish(fact)
        parts.broker.kill()
        for fact in week()[700:900]:
            publisher.publish(fact)
        until(lambda: worker.said().count("Kafka does not answer") > noticed, 60, "a worker without its log")
        parts.broker.start()
    keep_settling(system)
    assert system.count("facts") == 900
    assert set(worker.statuses) - {-signal.SIGKILL} == {RESTART_ME}
    fault.fired(1, 4)
    fault.fired(1, 5)
    assert_every_cell_equals_the_recount(system, fault)


@EMBEDDED
def test_a_worker_that_starts_as_the_log_goes_down_reads_it_once_it_is_back(system: System, parts: Parts) -> None:
    """It joins its group before it knows the topics, and is assigned no partition at first."""
    publish(system, week()[:300])
    system.start_workers(1)
    (worker,) = system.workers
    until(lambda: "App]: Starting" in worker.said(), 60, "a worker that starts")
    parts.broker.kill()
    until(lambda: has_lost_its_log(worker), 60, "a worker without its log")
    worker.send(signal.SIGTERM)
    assert worker.wait(15) in (0, RESTART_ME), "it must not wait for the log before it stops"
    worker.start()
    parts.broker.start()
    keep_settling(system)
    assert system.count("facts") == 300


def has_lost_its_log(worker: WorkerProcess) -> bool:
    """Whether a worker reports a refused connection, or has ended without its log: which step meets the fault first varies."""
    reports = "refused|Connect call failed|bootstrap|Kafka does not answer"
    return re.search(reports, worker.said()) is not None or not worker.is_running()


@pytest.mark.faults
def test_without_a_log_a_worker_can_be_stopped_and_a_start_exits_for_a_restart(system: System, parts: Parts) -> None:
    publish(system, week()[:300])
    system.start_workers(1)
    (worker,) = system.workers
    system.settle()
    publish(system, week()[300:600])
    parts.broker.kill()
    worker.send(signal.SIGTERM)
    assert worker.wait(15) == 0
    worker.start()
    assert worker.wait(90) == RESTART_ME
    assert "Kafka does not answer" in last_words(worker)
    parts.broker.start()
    worker.start()
    system.settle()
    assert system.count("facts") == 600


@EMBEDDED
def test_a_profile_that_would_change_counts_is_refused_for_an_existing_state(
    new_system: Callable[..., System], tmp_path: Path
) -> None:
    system = new_system(forces=str(profiles(tmp_path / "own")))
    publish(system, week()[:300])
    system.start_workers(1)
    (worker,) = system.workers
    system.settle()
    worker.stop()
    before = state(system)
    renamed = profiles(tmp_path / "renamed", ('name = "Battalion 1"', 'name = "First Battalion"'))
    stricter = profiles(tmp_path / "stricter", ("opened_to_arrived_seconds = 900", "opened_to_arrived_seconds = 300"))
    without = profiles(tmp_path / "without")
    (without / f"{STRICT.name}.toml").unlink()
    for directory, words in (
        (stricter, f"{FORCE} has changed since the state was built"),
        (without, f"{STRICT.name} is missing"),
    ):
        worker.become(BLUELAMP_FORCES=str(directory))
        assert worker.wait() == PERSON_NEEDED
        assert f"The profile of {words}" in last_words(worker)
        assert "bluelamp rebuild" in last_words(worker)
    assert state(system) == before

    rebuilt = new_system(forces=str(stricter))
    rebuilt.start_workers(1)
    worker.become(BLUELAMP_FORCES=str(renamed))  # names are for people: no count changes
    publish(system, week()[300:600])
    for each in (rebuilt, system):
        each.settle()
        assert each.count("facts") == 600
    assert_every_cell_equals_the_recount(rebuilt)
    within = "opened_to_arrived_within_target_ratio"
    met, met_rebuilt = (each.reader().read(within, WEEK, force=FORCE)[0].met for each in (system, rebuilt))
    assert met is not None
    assert met_rebuilt is not None
    assert met > met_rebuilt > 0


def profiles(directory: Path, *changes: tuple[str, str]) -> Path:
    """A copy of the profiles with one more, and with changes in the profile of the test's force."""
    shutil.copytree(str(files("facts").joinpath("forces")), directory)
    (directory / f"{STRICT.name}.toml").write_text(STRICT_PROFILE)
    profile = directory / f"{FORCE}.toml"
    for before, after in changes:
        assert before in profile.read_text()
        profile.write_text(profile.read_text().replace(before, after))
    return directory
