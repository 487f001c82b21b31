"""Tests reading record batches: valid ones from any client, and invalid ones, which are skipped by their offsets."""

import gzip
import random
import struct
import zlib
from collections.abc import Callable
from functools import cache, partial
from typing import Any

import cramjam
import pytest
from aiokafka.record.memory_records import MemoryRecords

from facts.batch import UNPACKED_LIMIT_BYTES, BatchRecord, SkippedOffsets, read
from facts.errors import IncompleteError
from tests.contract.wire import CODECS, GZIP, LZ4, SNAPPY, ZSTD, record_batch
from tests.support.batches import (
    ABORT,
    APPEND_TIME,
    AT,
    COMMIT,
    CONTROL,
    TRANSACTIONAL,
    altered,
    batch_of,
    mark,
    number,
    placed,
    record_of,
    records_of,
)

GOOD = [b"a", b"b", b"c"]
BOMB_BYTES = UNPACKED_LIMIT_BYTES + 1


def values(found: list[BatchRecord | SkippedOffsets]) -> list[bytes | None]:
    return [each.value for each in found if isinstance(each, BatchRecord)]


def offsets(found: list[BatchRecord | SkippedOffsets]) -> list[int]:
    """Every offset covered, in order."""
    spans = ((each.first, each.last) if isinstance(each, SkippedOffsets) else (each.offset,) * 2 for each in found)
    return [offset for first, last in spans for offset in range(first, last + 1)]


def whys(found: list[BatchRecord | SkippedOffsets]) -> list[str]:
    return [each.why for each in found if isinstance(each, SkippedOffsets)]


@pytest.mark.parametrize("codec", CODECS)
def test_a_batch_with_any_codec_is_read_as_another_library_reads_it(codec: int) -> None:
    large = [b"%d" % number * 5_000 for number in range(400)]
    batches = placed(record_batch(*GOOD, codec=codec), 5) + placed(record_batch(*large, codec=codec), 8)
    found = [each for each in read(batches, 5) if isinstance(each, BatchRecord)]
    assert [each.value for each in found] == [*GOOD, *large]
    memory, expected = MemoryRecords(batches), list[Any]()
    while memory.has_next():
        expected += list(memory.next_batch())
    assert [(row.offset, row.timestamp, row.timestamp_type, row.key, row.value) for row in found] == [
        (each.offset, each.timestamp, each.timestamp_type, each.key, each.value) for each in expected
    ]


def test_a_fetch_may_begin_within_a_batch_and_end_within_another() -> None:
    one, other = placed(record_batch(*GOOD), 0), placed(record_batch(*GOOD), 3)
    for cut in (1, 11, 12, 60, 61, len(other) - 1):
        assert values(list(read(one + other[:cut], 1))) == [b"b", b"c"]
    assert list(read(b"", 0)) == []


def test_headers_keys_and_the_broker_s_time_are_read() -> None:
    header = number(1) + number(3) + b"abc" + number(-1)
    record = b"\0" + number(5) + number(0) + number(1) + b"k" + number(-1) + header
    payload = number(len(record)) + record
    assert list(read(batch_of(payload), 0)) == [BatchRecord(0, AT + 5, 0, b"k", None, (("abc", None),))]
    stamped = batch_of(payload, attributes=APPEND_TIME, times=(1, AT + 9))
    assert list(read(stamped, 0)) == [BatchRecord(0, AT + 9, 1, b"k", None, (("abc", None),))]


def test_a_header_name_with_invalid_utf_8_does_not_make_the_record_unreadable() -> None:
    header = number(1) + number(2) + b"\xff\xfe" + number(0)
    record = b"\0" + number(0) * 2 + number(-1) + number(1) + b"v" + header
    assert values(list(read(batch_of(number(len(record)) + record), 0))) == [b"v"]


def _damaged(batch: bytes, at: int) -> bytes:
    changed = bytearray(batch)
    changed[at] ^= 0xFF
    return bytes(changed)


def _packed_by(codec: int, payload: bytes, records: int = 3) -> bytes:
    return batch_of(payload, records, attributes=codec)


@cache
def _bomb(codec: int) -> bytes:
    """A batch that decompresses to just more than the limit."""
    empty = bytes(BOMB_BYTES)
    packed: dict[int, Callable[[], Any]] = {
        GZIP: lambda: gzip.compress(empty, 9),
        SNAPPY: lambda: cramjam.snappy.compress_raw(empty),
        LZ4: lambda: cramjam.lz4.compress(empty),
        ZSTD: lambda: cramjam.zstd.compress(empty),
    }
    return _packed_by(codec, bytes(packed[codec]()))


def _xerial(*blocks: bytes) -> bytes:
    return b"\x82SNAPPY\0" + struct.pack(">ii", 1, 1) + b"".join(struct.pack(">i", len(each)) + each for each in blocks)


ROWS = records_of(GOOD)
UNREADABLE: dict[str, tuple[bytes | Callable[[], bytes], str]] = {
    "a flipped byte in the records": (_damaged(record_batch(*GOOD), -2), "checksum"),
    "a flipped byte in the attributes": (_damaged(record_batch(*GOOD), 22), "checksum"),
    "a damaged last offset": (_damaged(record_batch(*GOOD), 23), "checksum"),
    "message format 0": (altered(record_batch(*GOOD), ">b", 16, 0), "format is 0"),
    "message format 1": (altered(record_batch(*GOOD), ">b", 16, 1), "format is 1"),
    "message format 3": (altered(record_batch(*GOOD), ">b", 16, 3), "format is 3"),
    "codec 5": (_packed_by(5, ROWS), "unknown compression codec, 5"),
    "codec 7": (_packed_by(7, ROWS), "unknown compression codec, 7"),
    "not gzip": (_packed_by(GZIP, b"no gzip"), "decompressed by gzip"),
    "gzip truncated": (_packed_by(GZIP, gzip.compress(ROWS)[:-9]), "decompressed by gzip"),
    "gzip with a wrong checksum": (_packed_by(GZIP, _damaged(gzip.compress(ROWS), -5)), "decompressed by gzip"),
    "zlib for gzip": (_packed_by(GZIP, zlib.compress(ROWS)), "decompressed by gzip"),
    "not snappy": (_packed_by(SNAPPY, b"\xff" * 9), "decompressed by snappy"),
    "snappy truncated": (_packed_by(SNAPPY, bytes(cramjam.snappy.compress_raw(ROWS))[:-3]), "decompressed by snappy"),
    "snappy in blocks truncated": (_packed_by(SNAPPY, _xerial(b"abc")[:-1]), "decompressed by snappy"),
    "snappy in a block of a negative size": (
        _packed_by(SNAPPY, b"\x82SNAPPY\0" + struct.pack(">iii", 1, 1, -9)), "decompressed by snappy",
    ),
    "not lz4": (_packed_by(LZ4, b"no lz4 at all"), "decompressed by lz4"),
    "lz4 truncated": (_packed_by(LZ4, bytes(cramjam.lz4.compress(ROWS))[:-6]), "decompressed by lz4"),
    "not zstd": (_packed_by(ZSTD, b"no zstd at all"), "decompressed by zstd"),
    "zstd truncated": (_packed_by(ZSTD, bytes(cramjam.zstd.compress(ROWS))[:-3]), "decompressed by zstd"),
    "no bytes for the records": (batch_of(b"", 3), "malformed"),
    "a record count too high": (batch_of(ROWS, 2**31 - 1, last_delta=2), "malformed"),
    "a record count too low": (batch_of(ROWS, 2, last_delta=2), "malformed"),
    "a negative record count": (batch_of(ROWS, -3, last_delta=2), "malformed"),
    "a record longer than its length": (batch_of(number(3) + record_of(0, b"abc")[1:]), "malformed"),
    "a value beyond the end": (batch_of(number(7) + b"\0" + number(0) * 2 + number(-1) + number(99) + b"a"), "malformed"),
    "an endless number": (batch_of(b"\xff" * 40), "malformed"),
    "endless headers": (batch_of(number(20) + b"\0" + number(0) * 2 + number(-1) * 2 + number(2**30)), "malformed"),
    "a negative header count": (batch_of(number(6) + b"\0" + number(0) * 2 + number(-1) * 3), "malformed"),
    "an offset beyond the batch": (batch_of(record_of(0, b"a") + record_of(9, b"b"), 2), "malformed"),
    "the same offset twice": (batch_of(record_of(0, b"a") + record_of(0, b"b"), 2), "malformed"),
    "a timestamp too late": (batch_of(record_of(0, b"a"), times=(2**62, 2**62)), "out of range"),
    "a timestamp too early": (batch_of(record_of(0, b"a", elapsed=-(2**61)), times=(0, 0)), "out of range"),
    "a transaction marker of an unknown kind": (mark(0, 7, 9), "unknown kind"),
    "a transaction marker without a record": (batch_of(b"", 0, last_delta=0, attributes=CONTROL), "unknown kind"),
    "a transaction marker without a key": (batch_of(record_of(0, b"x"), attributes=CONTROL), "unknown kind"),
    **{f"a bomb, codec {codec}": (partial(_bomb, codec), "decompressed") for codec in CODECS if codec},
}  # fmt: skip


@pytest.fixture
def batch(request: pytest.FixtureRequest) -> bytes:
    """An unreadable batch. A decompression bomb is made only when its test needs it, because making it takes a while."""
    made: bytes | Callable[[], bytes] = request.param
    return made if isinstance(made, bytes) else made()


@pytest.mark.parametrize(("batch", "why"), UNREADABLE.values(), ids=UNREADABLE, indirect=["batch"])
def test_an_unreadable_batch_is_skipped_and_the_rest_is_read(batch: bytes, why: str) -> None:
    length = max(1, struct.unpack_from(">i", record_batch(*GOOD), 23)[0] + 1)
    bad = placed(batch, 10)
    before, after = placed(record_batch(*GOOD), 7), placed(record_batch(*GOOD), 10 + length)
    found = list(read(before + bad + after, 7))
    assert values(found) == [*GOOD, *GOOD]
    assert offsets(found) == list(range(7, 10 + 2 * length))
    (skipped,) = (each for each in found if isinstance(each, SkippedOffsets))
    assert why in skipped.why
    assert skipped.batch == bad
    assert skipped.timestamp == 1_002, "the time of the record before: the batch's own may be wrong"


@pytest.mark.parametrize(("batch", "why"), UNREADABLE.values(), ids=UNREADABLE, indirect=["batch"])
def test_an_unreadable_batch_at_the_end_of_a_fetch_ends_where_its_header_says(batch: bytes, why: str) -> None:
    found = list(read(placed(batch, 10), 10))
    assert len(found) == 1
    assert why in whys(found)[0]
    assert set(offsets(found)) <= {10, 11, 12}


def test_offsets_of_an_unreadable_batch_before_the_position_are_not_covered_again() -> None:
    found = list(read(placed(_packed_by(5, ROWS), 10), 12))
    assert offsets(found) == [12]


def test_a_damaged_batch_before_the_position_is_ignored_whatever_its_last_offset() -> None:
    """A broker may have found the position by the damaged batch's last offset."""
    damaged = bytearray(placed(record_batch(*GOOD), 10))
    struct.pack_into(">i", damaged, 23, 99)
    assert offsets(list(read(bytes(damaged) + placed(record_batch(*GOOD), 13), 14))) == [14, 15]


def test_a_batch_that_decompresses_to_less_than_the_limit_is_read() -> None:
    payload = record_of(0, bytes(UNPACKED_LIMIT_BYTES - 40))
    for codec, packed in ((GZIP, gzip.compress(payload, 1)), (ZSTD, bytes(cramjam.zstd.compress(payload)))):
        (row,) = read(batch_of(packed, attributes=codec), 0)
        assert isinstance(row, BatchRecord)


def test_several_gzip_streams_are_read_and_trailing_bytes_are_ignored() -> None:
    """Kafka's Java client does the same, and the broker accepts such a batch."""
    halves = gzip.compress(ROWS[:9]) + gzip.compress(ROWS[9:])
    for packed in (halves, halves + b"x", gzip.compress(ROWS) + bytes(20)):
        assert values(list(read(_packed_by(GZIP, packed), 0))) == GOOD


def test_snappy_is_read_in_blocks_and_without() -> None:
    raw = bytes(cramjam.snappy.compress_raw(ROWS))
    halves = _xerial(*(bytes(cramjam.snappy.compress_raw(part)) for part in (ROWS[:9], ROWS[9:])))
    for packed in (raw, _xerial(raw), halves):
        assert values(list(read(_packed_by(SNAPPY, packed), 0))) == GOOD


def transactional(base_offset: int, producer_id: int, *sent: bytes) -> bytes:
    return batch_of(
        records_of(sent), len(sent), base_offset=base_offset, attributes=TRANSACTIONAL, producer_id=producer_id
    )


def test_committed_transactions_are_read_and_every_offset_is_covered() -> None:
    log = b"".join(
        (
            transactional(0, 1, b"kept"),
            transactional(1, 2, b"aborted", b"aborted"),
            placed(record_batch(b"plain"), 3),
            transactional(4, 1, b"kept too"),
            transactional(5, 2, b"aborted"),
            mark(6, 2, ABORT),
            mark(7, 1, COMMIT),
            transactional(8, 2, b"kept after all"),
            mark(9, 2, COMMIT),
        )
    )
    found = list(read(log, 0, [(2, 1)]))
    assert values(found) == [b"kept", b"plain", b"kept too", b"kept after all"]
    assert offsets(found) == list(range(10))
    assert set(whys(found)) == {""}
    assert all(not each.batch for each in found if isinstance(each, SkippedOffsets))


def test_two_transactions_of_one_producer_are_distinguished() -> None:
    log = b"".join(
        (
            transactional(0, 2, b"aborted"),
            mark(1, 2, ABORT),
            transactional(2, 2, b"kept"),
            mark(3, 2, COMMIT),
            transactional(4, 2, b"aborted"),
            mark(5, 2, ABORT),
        )
    )
    assert values(list(read(log, 0, [(2, 4), (2, 0)]))) == [b"kept"]


def test_a_batch_with_a_wrong_checksum_is_unreadable_even_in_an_aborted_transaction() -> None:
    """The producer is known only if the batch matches its checksum."""
    broken = _damaged(transactional(0, 2, b"x"), -1)
    assert "checksum" in whys(list(read(broken, 0, [(2, 0)])))[0]
    aborted = batch_of(b"no gzip", attributes=TRANSACTIONAL | GZIP, producer_id=2)
    assert whys(list(read(aborted, 0, [(2, 0)]))) == [""]


def test_records_removed_by_compaction_are_skipped() -> None:
    kept = batch_of(record_of(1, b"b"), 1, last_delta=4)
    empty = placed(batch_of(b"", 0, last_delta=2), 5)
    found = list(read(kept + empty, 0))
    assert values(found) == [b"b"]
    assert offsets(found) == [1, 2, 3, 4, 5, 6, 7]
    assert set(whys(found)) == {""}


def test_bytes_that_are_not_a_batch_are_an_error_and_are_not_skipped() -> None:
    """The start of the next batch is unknown and must not be guessed."""
    for length in (-1, 0, 13):
        broken = placed(record_batch(*GOOD), 0) + struct.pack(">qi", 3, length) + b"\0" * 80
        found = list[BatchRecord | SkippedOffsets]()
        with pytest.raises(IncompleteError, match=f"gives its length as {length}"):
            found.extend(read(broken, 0))


@pytest.mark.parametrize("codec", CODECS)
def test_with_any_bytes_changed_every_offset_is_covered_once_and_other_batches_are_read(codec: int) -> None:
    """The checksum is corrected, so that the code behind the check is reached."""
    chance = random.Random(codec)
    good = record_batch(*[b"%d" % each * 40 for each in range(20)], codec=codec)
    for _ in range(400):
        changed = bytearray(good)
        for _ in range(chance.choice((1, 2, 8))):
            changed[chance.randrange(21, len(changed))] = chance.randrange(256)
        bad = altered(bytes(changed), ">b", 16, 2)
        log = placed(record_batch(*GOOD), 0) + placed(bad, 3) + placed(record_batch(*GOOD), 23)
        found = list(read(log, 0))
        covered = offsets(found)
        assert covered == sorted(set(covered))
        assert set(covered) >= {0, 1, 2, 23, 24, 25}
        assert values(found)[:3] == values(found)[-3:] == GOOD
