"""The record batch: which are accepted, and how their offsets are set."""

import struct

import pytest

from bluelamp.embedded.broker.batch import check, last_sequence, place, whole_batches
from bluelamp.embedded.broker.errors import BrokerError, ErrorCode
from facts.batch import read_header
from tests.contract.wire import CODECS, record_batch
from tests.embedded.broker_requests import records_of
from tests.support.batches import checksummed

ATTRIBUTES_AT, DELTA_AT, MAGIC_AT = 21, 23, 16


def altered(batch: bytes, layout: str, at: int, value: int) -> bytes:
    """The batch with one field changed and its checksum recomputed."""
    changed = bytearray(batch)
    struct.pack_into(layout, changed, at, value)
    return checksummed(changed)


@pytest.mark.parametrize("codec", CODECS)
def test_placed_batch_keeps_its_records_and_passes_its_checksum(codec: int) -> None:
    stored, header = place(record_batch(b"a", b"b", codec=codec), 42, None)
    assert [(one.offset, one.timestamp, one.value) for one in records_of(bytes(stored))] == [
        (42, 1_000, b"a"),
        (43, 1_001, b"b"),
    ]
    assert header.next_offset == 44


@pytest.mark.parametrize("codec", CODECS)
def test_stamped_batch_gives_every_record_the_append_time(codec: int) -> None:
    stored, header = place(record_batch(b"a", b"b", codec=codec), 0, 777_777)
    assert [(one.timestamp, one.timestamp_type) for one in records_of(bytes(stored))] == [(777_777, 1)] * 2
    assert header.has_append_time


@pytest.mark.parametrize(
    ("batch", "code"),
    [
        (b"", ErrorCode.CORRUPT_MESSAGE),
        (b"x" * 60, ErrorCode.CORRUPT_MESSAGE),
        (record_batch(b"a")[:-1], ErrorCode.CORRUPT_MESSAGE),
        (record_batch(b"a")[:-1] + b"!", ErrorCode.CORRUPT_MESSAGE),
        (record_batch(b"a") + record_batch(b"b"), ErrorCode.INVALID_RECORD),
        (altered(record_batch(b"a", b"b"), ">i", DELTA_AT, 7), ErrorCode.INVALID_RECORD),
        (altered(record_batch(b"a"), ">h", ATTRIBUTES_AT, 0x05), ErrorCode.UNSUPPORTED_COMPRESSION_TYPE),
        (altered(record_batch(b"a"), ">h", ATTRIBUTES_AT, 0x10), ErrorCode.INVALID_RECORD),
        (altered(record_batch(b"a"), ">h", ATTRIBUTES_AT, 0x20), ErrorCode.INVALID_RECORD),
        (altered(record_batch(b"a"), ">h", ATTRIBUTES_AT, 0x08), ErrorCode.INVALID_TIMESTAMP),
        (altered(record_batch(b"a"), ">b", MAGIC_AT, 1), ErrorCode.UNSUPPORTED_FOR_MESSAGE_FORMAT),
    ],
)
def test_invalid_batch_is_refused(batch: bytes, code: ErrorCode) -> None:
    with pytest.raises(BrokerError) as refused:
        check(batch)
    assert refused.value.code == code


def test_a_damaged_batch_among_valid_ones_keeps_its_place() -> None:
    """Otherwise the acknowledged batches after it would be lost with it."""
    batches = [bytes(place(record_batch(b"a", b"b"), offset, None)[0]) for offset in (0, 2, 4, 6)]
    for at in (-2, DELTA_AT, DELTA_AT + 3, MAGIC_AT, ATTRIBUTES_AT):
        damaged = bytearray(batches[1])
        damaged[at] ^= 1
        found = list(whole_batches(batches[0] + bytes(damaged) + batches[2] + batches[3], 0))
        assert [header.base_offset for _, header in found] == [0, 2, 4, 6]


def test_reading_stops_after_the_last_valid_batch() -> None:
    batches = [bytes(place(record_batch(b"a", b"b"), offset, None)[0]) for offset in (0, 2, 4)]
    gap = bytes(place(record_batch(b"z"), 9, None)[0])
    damaged = bytearray(batches[2])
    damaged[-2] ^= 1
    for tail in (b"", b"\0" * 500, batches[2][:-1], bytes(damaged), gap):
        found = list(whole_batches(batches[0] + batches[1] + tail, 0))
        assert [header.base_offset for _, header in found] == [0, 2]


def test_sequence_numbers_wrap() -> None:
    header = read_header(record_batch(b"a", b"b", b"c", producer_id=1, producer_epoch=0, base_sequence=2**31 - 2))
    assert last_sequence(header) == 0
