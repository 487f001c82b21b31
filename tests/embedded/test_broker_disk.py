"""The embedded broker and its disk: when it syncs, and what it does when the disk is full."""

import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kafka.protocol.consumer import OffsetCommitRequest, OffsetFetchRequest

from bluelamp.embedded.broker import BrokerSettings
from tests.contract.waiting import eventually
from tests.contract.wire import Wire, produce, record_batch
from tests.embedded.broker_process import BrokerProcess
from tests.embedded.broker_requests import create_topic, read_all
from tests.embedded.in_process import running_broker
from tests.support.disk import fill, small_disk

STORAGE_ERROR, COORDINATOR_AWAY = 56, 15
DISK_BYTES = 4 * 1024 * 1024


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 4 MB in memory."""
    with small_disk(tmp_path / "disk", DISK_BYTES) as place:
        yield place


def commit(wire: Wire, offset: int, metadata: str = "") -> int:
    requested = OffsetCommitRequest.OffsetCommitRequestTopic.OffsetCommitRequestPartition(
        partition_index=0, committed_offset=offset, committed_leader_epoch=-1, committed_metadata=metadata
    )
    topics = [OffsetCommitRequest.OffsetCommitRequestTopic(name="kept", partitions=[requested])]
    request = OffsetCommitRequest(
        group_id="readers",
        generation_id_or_member_epoch=-1,
        member_id="",
        group_instance_id=None,
        topics=topics,
    )
    return int(wire.ask(request, 7).topics[0].partitions[0].error_code)


def committed(wire: Wire) -> int:
    topics = [OffsetFetchRequest.OffsetFetchRequestTopic(name="kept", partition_indexes=[0])]
    answer = wire.ask(OffsetFetchRequest(group_id="readers", topics=topics), 5)
    return int(answer.topics[0].partitions[0].committed_offset)


def numbered(index: int) -> bytes:
    return b"%06d" % index * 5_000


def fill_the_disk(wire: Wire) -> list[bytes]:
    """Produce until the disk is full; returns what was acknowledged."""
    stored: list[bytes] = []
    while (answer := produce(wire, "kept", record_batch(numbered(len(stored))))).error_code == 0:
        assert answer.base_offset == len(stored)
        stored.append(numbered(len(stored)))
        assert len(stored) < DISK_BYTES // len(stored[0]), "the disk is larger than it was created"
    assert answer.error_code == STORAGE_ERROR
    return stored


def test_full_disk_refuses_and_recovers_when_there_is_space(disk: Path) -> None:
    broker = BrokerProcess(disk / "log", "--segment-bytes", "500000")
    filler = disk / "filler"
    filler.write_bytes(b"\0" * 1_000_000)
    broker.start()
    try:
        with Wire(broker.bootstrap) as wire:
            create_topic(wire, "kept")
            assert commit(wire, 1) == 0
            stored = fill_the_disk(wire)
            assert [record.value for record in read_all(wire, "kept")] == stored
            eventually(lambda: commit(wire, 2, "m" * 4_000) == COORDINATOR_AWAY, "a commit is refused too")
            acknowledged = committed(wire)
            filler.unlink()
            assert produce(wire, "kept", record_batch(b"after")).base_offset == len(stored)
            assert commit(wire, 3) == 0
            assert acknowledged in {1, 2}
        broker.kill()
        broker.start()
        with Wire(broker.bootstrap) as wire:
            assert [record.value for record in read_all(wire, "kept")] == [*stored, b"after"]
            assert committed(wire) == 3
    finally:
        broker.stop()
    assert broker.logged().count("Cannot write to") == 1
    assert broker.logged().count("succeeds again") == 1
    assert "Traceback" not in broker.logged()


def test_start_on_a_full_disk_serves_existing_records(disk: Path) -> None:
    broker = BrokerProcess(disk / "log", "--segment-bytes", "500000")
    broker.start()
    try:
        with Wire(broker.bootstrap) as wire:
            create_topic(wire, "kept")
            stored = fill_the_disk(wire)
        broker.kill()
        fill(disk, chunk_bytes=512)
        broker.start()
        with Wire(broker.bootstrap) as wire:
            assert [record.value for record in read_all(wire, "kept")] == stored
            assert create_topic(wire, "another") == STORAGE_ERROR
    finally:
        broker.stop()


# Syncing


class Syncs:
    """Counts the files that are forced to disk, and can refuse it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.paths: list[str] = []
        self.refuses = False
        self._genuine = os.fsync
        monkeypatch.setattr(os, "fsync", self._sync)

    def _sync(self, descriptor: int) -> Any:
        path = str(Path(f"/proc/self/fd/{descriptor}").readlink())
        if self.refuses and path.endswith(".log"):
            raise OSError(errno.EIO, "Input/output error")
        self.paths.append(path)
        return self._genuine(descriptor)

    def of_logs(self) -> int:
        """How often a log file was synced."""
        return sum(path.endswith(".log") for path in self.paths)


def test_always_syncs_before_it_acknowledges(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    syncs = Syncs(monkeypatch)
    settings = BrokerSettings(fsync="always")
    with running_broker(tmp_path, settings) as broker, Wire(broker.bootstrap) as wire:
        create_topic(wire, "kept")
        for index in range(1, 4):
            produce(wire, "kept", record_batch(b"x"))
            assert syncs.of_logs() == index
        syncs.refuses = True
        assert produce(wire, "kept", record_batch(b"x")).error_code == STORAGE_ERROR
        syncs.refuses = False


def test_interval_syncs_soon_after(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    syncs = Syncs(monkeypatch)
    settings = BrokerSettings(fsync="interval", fsync_interval_seconds=0.2)
    with running_broker(tmp_path, settings) as broker, Wire(broker.bootstrap) as wire:
        create_topic(wire, "kept")
        for _ in range(50):
            produce(wire, "kept", record_batch(b"x"))
        eventually(lambda: syncs.of_logs() > 0, "the log is synced")
        assert syncs.of_logs() < 50


def test_never_leaves_syncing_to_the_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    syncs = Syncs(monkeypatch)
    settings = BrokerSettings(fsync="never", segment_bytes=1_024)
    with running_broker(tmp_path, settings) as broker, Wire(broker.bootstrap) as wire:
        create_topic(wire, "kept")
        before = sum(1 for _ in Path("/proc/self/fd").iterdir())
        for _ in range(50):
            produce(wire, "kept", record_batch(b"x" * 1_000))
        assert len(list(tmp_path.rglob("*.log"))) == 50
        assert sum(1 for _ in Path("/proc/self/fd").iterdir()) == before
    assert syncs.of_logs() == 0


def test_clean_stop_syncs_the_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    syncs = Syncs(monkeypatch)
    settings = BrokerSettings(fsync="interval", fsync_interval_seconds=1_000)
    with running_broker(tmp_path, settings) as broker, Wire(broker.bootstrap) as wire:
        create_topic(wire, "kept")
        produce(wire, "kept", record_batch(b"x"))
        assert syncs.of_logs() == 0
    assert syncs.of_logs() == 1
