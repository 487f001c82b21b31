"""Kafka's record batch (magic 2): read its header, check it, give it its place. Pure.

A batch is stored as it arrived, records and compression untouched. Only its base offset and leader
epoch are set, which its checksum leaves out; a topic with LogAppendTime also has the time set, and
the checksum made again.
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from aiokafka.record.util import calc_crc32c  # compiled, ~2 GB/s; kafka-python's own is pure Python, ~12 MB/s

from bluelamp.embedded.broker.errors import BrokerError, ErrorCode

HEADER_BYTES = 61
MAGIC = 2
LEADER_EPOCH = 0
SEQUENCES = 2**31

_HEADER = struct.Struct(">qiibIhiqqqhii")
_PREFIX_BYTES = 12  # the base offset and the length, which the length itself does not count
_PLACE = struct.Struct(">qiib")
_CRC = struct.Struct(">I")
_CRC_AT = 17
_CHECKED_FROM = 21  # the checksum covers everything from the attributes on
_ATTRIBUTES = struct.Struct(">h")
_NEWEST = struct.Struct(">q")
_NEWEST_AT = 35

_APPEND_TIME_BIT = 0x08
_CODEC_BITS = 0x07
_TRANSACTIONAL_OR_CONTROL_BITS = 0x30


class Header(NamedTuple):
    """The 61 bytes every batch begins with; times in epoch milliseconds."""

    base_offset: int
    length_bytes: int
    leader_epoch: int
    magic: int
    checksum: int
    attributes: int
    last_offset_delta: int
    oldest_milliseconds: int
    newest_milliseconds: int
    producer_id: int
    producer_epoch: int
    base_sequence: int
    record_count: int

    @property
    def size_bytes(self) -> int:
        """The whole batch, prefix included."""
        return self.length_bytes + _PREFIX_BYTES

    @property
    def next_offset(self) -> int:
        """The offset after the last record of the batch."""
        return self.base_offset + self.last_offset_delta + 1

    @property
    def last_sequence(self) -> int:
        """The producer's sequence number of the last record; it wraps to 0 after 2**31 - 1."""
        return (self.base_sequence + self.last_offset_delta) % SEQUENCES

    @property
    def is_idempotent(self) -> bool:
        """Whether a producer numbered this batch, so that a repeat can be told."""
        return self.producer_id >= 0

    @property
    def is_compressed(self) -> bool:
        """Whether the records are packed by any codec."""
        return bool(self.attributes & _CODEC_BITS)

    @property
    def has_append_time(self) -> bool:
        """Whether every record of the batch carries the broker's time."""
        return bool(self.attributes & _APPEND_TIME_BIT)


def read_header(data: bytes | bytearray | memoryview, position: int = 0) -> Header:
    """The header of the batch at `position`; struct.error if fewer than 61 bytes are left."""
    return Header._make(_HEADER.unpack_from(data, position))


def check(batch: bytes) -> Header:
    """The header of one whole, sound batch as a producer may send it; BrokerError says what is wrong."""
    if len(batch) < HEADER_BYTES:
        raise BrokerError(ErrorCode.CORRUPT_MESSAGE, f"{len(batch)} bytes are too few for a record batch")
    header = read_header(batch)
    _check_shape(header, len(batch))
    if calc_crc32c(memoryview(batch)[_CHECKED_FROM:]) != header.checksum:
        raise BrokerError(ErrorCode.CORRUPT_MESSAGE, "the batch does not match its checksum; send it again")
    return header


def _check_shape(header: Header, size_bytes: int) -> None:
    if header.magic != MAGIC:
        raise BrokerError(ErrorCode.UNSUPPORTED_FOR_MESSAGE_FORMAT, f"message format {header.magic}; send format 2")
    if header.size_bytes > size_bytes:
        raise BrokerError(ErrorCode.CORRUPT_MESSAGE, "the batch is cut short; send it again")
    if header.size_bytes < size_bytes:
        raise BrokerError(ErrorCode.INVALID_RECORD, "more than one batch for one partition; send one")
    if header.record_count < 1 or header.last_offset_delta != header.record_count - 1:
        raise BrokerError(
            ErrorCode.INVALID_RECORD, f"{header.record_count} records, last delta {header.last_offset_delta}"
        )
    if header.attributes & _TRANSACTIONAL_OR_CONTROL_BITS:
        raise BrokerError(ErrorCode.INVALID_RECORD, "transactions are not supported by the embedded broker")
    if header.has_append_time:
        raise BrokerError(ErrorCode.INVALID_TIMESTAMP, "only the broker sets the append time")


def place(batch: bytes, base_offset: int, append_milliseconds: int | None) -> tuple[bytearray, Header]:
    """The batch as it is stored from `base_offset` on, with the broker's time if that is given."""
    stored = bytearray(batch)
    length_bytes = len(batch) - _PREFIX_BYTES
    _PLACE.pack_into(stored, 0, base_offset, length_bytes, LEADER_EPOCH, MAGIC)
    if append_milliseconds is not None:
        _stamp(stored, append_milliseconds)
    return stored, read_header(stored)


def _stamp(stored: bytearray, append_milliseconds: int) -> None:
    attributes = _ATTRIBUTES.unpack_from(stored, _CHECKED_FROM)[0]
    _ATTRIBUTES.pack_into(stored, _CHECKED_FROM, attributes | _APPEND_TIME_BIT)
    _NEWEST.pack_into(stored, _NEWEST_AT, append_milliseconds)
    _CRC.pack_into(stored, _CRC_AT, calc_crc32c(memoryview(stored)[_CHECKED_FROM:]))


def whole_batches(data: bytes, base_offset: int) -> Iterator[tuple[int, Header]]:
    """The position and header of each sound batch from the start of `data`, up to the first that is not.

    Sound is: whole, matching its checksum, and following on from the offset before it.
    """
    view, position, offset = memoryview(data), 0, base_offset
    while position + HEADER_BYTES <= len(view):
        header = read_header(view, position)
        end = position + header.size_bytes
        if not _follows(header, offset) or end > len(view):
            return
        if calc_crc32c(view[position + _CHECKED_FROM : end]) != header.checksum:
            return
        yield position, header
        position, offset = end, header.next_offset


def _follows(header: Header, offset: int) -> bool:
    is_batch = header.magic == MAGIC and header.size_bytes >= HEADER_BYTES and header.last_offset_delta >= 0
    return is_batch and header.base_offset == offset
