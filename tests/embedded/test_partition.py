"""The log of one partition on disk: incomplete writes, retention, time, and what a restart remembers."""

import errno
import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from bluelamp.embedded.broker import BrokerSettings
from bluelamp.embedded.broker.errors import BrokerError, ErrorCode
from bluelamp.embedded.broker.partition import Partition
from bluelamp.embedded.broker.topicconfig import TopicConfig, topic_config
from tests.contract.wire import record_batch
from tests.embedded.broker_requests import records_of

INDEX_INTERVAL_BYTES = 256
NOW = 1_700_000_000_000


def config(**overrides: str) -> TopicConfig:
    return topic_config({key.replace("_", "."): value for key, value in overrides.items()}, BrokerSettings())


SMALL_SEGMENTS = config(segment_bytes="2000")


@pytest.fixture
def partition(tmp_path: Path) -> Partition:
    return opened(tmp_path)


OPENED: list[Partition] = []


def opened(directory: Path) -> Partition:
    OPENED.append(Partition(directory / "0", INDEX_INTERVAL_BYTES, NOW))
    return OPENED[-1]


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    """Close every file after a test."""
    yield
    for partition in OPENED:
        partition.remove()
    OPENED.clear()


def fill(partition: Partition, count: int, using: TopicConfig = SMALL_SEGMENTS, at: int = NOW) -> None:
    for index in range(partition.end_offset, partition.end_offset + count):
        partition.append(record_batch(b"value-%03d" % index, at_milliseconds=at + index), using, at)


def values(partition: Partition, offset: int | None = None) -> list[bytes]:
    position, found = partition.start_offset if offset is None else offset, []
    while position < partition.end_offset:
        records = records_of(partition.read(position, 700, whole_batch=True))
        found += [record.value for record in records if record.offset >= position]
        position = records[-1].offset + 1
    return found


def expected(first: int, end: int) -> list[bytes]:
    return [b"value-%03d" % index for index in range(first, end)]


def files(partition: Partition) -> list[Path]:
    return sorted(partition.directory.glob("*.log"))


def test_log_is_read_across_segments(partition: Partition) -> None:
    fill(partition, 100)
    assert len(files(partition)) > 3
    for offset in range(100):
        assert values(partition, offset) == expected(offset, 100)


@pytest.mark.parametrize("is_stopped_cleanly", [True, False])
def test_restart_remembers_everything(tmp_path: Path, partition: Partition, is_stopped_cleanly: bool) -> None:
    fill(partition, 100)
    if is_stopped_cleanly:
        partition.close()
    again = opened(tmp_path)
    assert (again.start_offset, again.end_offset) == (0, 100)
    fill(again, 20)
    assert values(again) == expected(0, 120)


def test_incomplete_write_of_any_length_is_truncated(tmp_path: Path) -> None:
    """As after a power failure: the complete batches before it are kept, and writing continues."""
    chance = random.Random(41)
    cut_somewhere_inside = 0
    for round_number in range(60):
        directory = tmp_path / str(round_number)
        partition = opened(directory)
        fill(partition, 40)
        last = files(partition)[-1]
        first_of_last = int(last.stem)
        size = last.stat().st_size // (40 - first_of_last)
        torn_at = chance.randrange(last.stat().st_size)
        kept = first_of_last + torn_at // size
        os.truncate(last, torn_at)
        if round_number % 2:  # something else, where the data never reached the disk
            with last.open("ab") as file:
                file.write(b"\x7f" * chance.randrange(1, 5000))
        cut_somewhere_inside += bool(torn_at % size)
        again = opened(directory)
        assert again.end_offset == kept
        fill(again, 5)
        assert values(opened(directory)) == expected(0, kept + 5)
    assert cut_somewhere_inside > 40


def test_summary_that_does_not_match_is_ignored(tmp_path: Path, partition: Partition) -> None:
    fill(partition, 30)
    partition.close()
    for path in partition.directory.glob("*.index"):
        path.write_text(path.read_text().replace('"end_offset": ', '"end_offset": 9'))
    assert values(opened(tmp_path)) == expected(0, 30)


def test_zeros_at_the_end_are_found_although_the_size_matches(tmp_path: Path, partition: Partition) -> None:
    fill(partition, 3)
    partition.close()
    path = files(partition)[-1]
    content = path.read_bytes()
    path.write_bytes(content[:-40] + bytes(40))
    assert values(opened(tmp_path)) == expected(0, 2)


def test_segments_after_a_damaged_one_are_set_aside(tmp_path: Path, partition: Partition) -> None:
    """A gap inside the log would be read as if nothing were missing."""
    fill(partition, 60)
    second = files(partition)[1]
    os.truncate(second, second.stat().st_size - 1)
    again = opened(tmp_path)
    assert 0 < again.end_offset < 60
    assert values(again) == expected(0, again.end_offset)
    assert list(partition.directory.glob("*.set-aside"))


def test_repeat_is_recognised_after_a_restart(tmp_path: Path, partition: Partition) -> None:
    identity = {"producer_id": 5, "producer_epoch": 0}
    fill(partition, 30)
    batch = record_batch(b"once", base_sequence=0, **identity)
    partition.append(batch, SMALL_SEGMENTS, NOW)
    for _ in range(2):
        again = opened(tmp_path)
        assert again.append(batch, SMALL_SEGMENTS, NOW).base_offset == 30
        assert again.end_offset == 31
        again.close()  # the first time the log is scanned, the second time its summary is read


def test_retention_by_size_drops_whole_old_segments(tmp_path: Path, partition: Partition) -> None:
    fill(partition, 100)
    limit = partition.size_bytes // 2
    assert partition.retain(config(retention_bytes=str(limit)), NOW) > 0
    assert limit <= partition.size_bytes < limit + 2000
    assert partition.start_offset > 0
    assert values(partition) == expected(partition.start_offset, 100)
    assert opened(tmp_path).start_offset == partition.start_offset
    with pytest.raises(BrokerError) as refused:
        partition.read(partition.start_offset - 1, 1000, whole_batch=True)
    assert refused.value.code == ErrorCode.OFFSET_OUT_OF_RANGE


def test_retention_by_time_drops_old_segments(partition: Partition) -> None:
    fill(partition, 50, at=NOW)
    fill(partition, 50, at=NOW + 10_000)
    assert partition.retain(config(retention_ms="10000"), NOW + 9_000) == 0
    assert partition.retain(config(retention_ms="10000"), NOW + 15_000) > 0
    assert 0 < partition.start_offset <= 50
    assert values(partition) == expected(partition.start_offset, 100)


def test_retention_by_time_drops_the_newest_segment_too(tmp_path: Path, partition: Partition) -> None:
    fill(partition, 10)
    partition.retain(config(retention_ms="10000"), NOW + 60_000)
    assert (partition.start_offset, partition.end_offset) == (10, 10)
    assert (opened(tmp_path).start_offset, opened(tmp_path).end_offset) == (10, 10)
    fill(partition, 1)
    assert values(partition) == expected(10, 11)


def test_retention_without_limit_keeps_everything(partition: Partition) -> None:
    fill(partition, 100)
    assert partition.retain(config(retention_ms="-1", retention_bytes="-1"), NOW * 2) == 0
    assert values(partition) == expected(0, 100)


def test_compacted_topic_is_never_deleted_by_retention(partition: Partition) -> None:
    """Its records are valid until a later one replaces them; since this broker replaces none, all are kept."""
    fill(partition, 100)
    policy = config(cleanup_policy="compact", retention_ms="1", retention_bytes="1")
    assert partition.retain(policy, NOW * 2) == 0


def test_deleted_records_stay_deleted_after_a_restart(tmp_path: Path, partition: Partition) -> None:
    fill(partition, 100)
    assert partition.delete_before(57) == 57
    assert int(files(partition)[0].stem) > 0
    again = opened(tmp_path)
    assert again.start_offset == 57
    assert values(again) == expected(57, 100)
    assert again.delete_before(-1) == 100
    assert again.delete_before(3) == 100


def test_offset_is_never_used_twice(tmp_path: Path, partition: Partition) -> None:
    """Even if truncating an incomplete write takes the log back below the deleted offsets."""
    fill(partition, 10)
    partition.delete_before(10)
    os.truncate(files(partition)[-1], 10)
    again = opened(tmp_path)
    assert (again.start_offset, again.end_offset) == (10, 10)
    fill(again, 3)
    assert values(opened(tmp_path)) == expected(10, 13)


def test_time_is_found_across_segments_and_restarts(tmp_path: Path, partition: Partition) -> None:
    fill(partition, 100)
    for looked_into in (partition, opened(tmp_path)):
        assert [looked_into.find_time(NOW + index) for index in (0, 37, 99)] == [
            (0, NOW),
            (37, NOW + 37),
            (99, NOW + 99),
        ]
        assert looked_into.find_time(NOW + 100) is None


def test_first_of_many_records_of_the_same_time_is_found(partition: Partition) -> None:
    """A busy millisecond spans index entries and segments."""
    for _ in range(100):
        partition.append(record_batch(b"value"), config(message_timestamp_type="LogAppendTime"), NOW)
    assert partition.find_time(NOW) == (0, NOW)


def test_full_disk_leaves_no_partial_batch(
    tmp_path: Path, partition: Partition, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk accepts half of a batch and then no more, as a full one does."""
    fill(partition, 5)
    genuine = os.pwrite

    def half(descriptor: int, content: memoryview, position: int) -> int:
        if len(content) > 60:
            return genuine(descriptor, content[:60], position)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "pwrite", half)
    with pytest.raises(BrokerError) as refused:
        fill(partition, 1)
    assert refused.value.code == ErrorCode.KAFKA_STORAGE_ERROR
    monkeypatch.undo()
    assert files(partition)[-1].stat().st_size == partition.size_bytes
    fill(partition, 5)
    assert values(opened(tmp_path)) == values(partition) == expected(0, 10)
