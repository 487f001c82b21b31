"""Kafka's record batch (magic 2): reads and checks its header, and sets its offset. Pure.

A batch is stored as it arrived; records and compression stay unchanged. Only its base offset and leader epoch are set, which its
checksum does not cover. If the topic uses LogAppendTime, the time is set too and the checksum recomputed.
"""

import struct
from collections.abc import Iterator

from crc32c import crc32c

from bluelamp.embedded.broker.errors import NO_TRANSACTIONS, BrokerError, ErrorCode
from facts.batch import CHECKED_FROM, HEADER_BYTES, MAGIC, PREFIX_BYTES, Header, is_sound, read_header

LEADER_EPOCH = 0
SEQUENCES = 2**31

_PLACE = struct.Struct(">qiib")
_CRC = struct.Struct(">I")
_CRC_AT = 17
_ATTRIBUTES = struct.Struct(">h")
_NEWEST = struct.Struct(">q")
_NEWEST_AT = 35

_APPEND_TIME_BIT = 0x08
_CODECS = range(5)


def last_sequence(header: Header) -> int:
    """The producer's sequence number of the last record; after 2**31 - 1 it starts again at 0."""
    return (header.base_sequence + header.last_offset_delta) % SEQUENCES


def is_idempotent(header: Header) -> bool:
    """Whether the producer numbered this batch, so that a repeat can be recognised."""
    return header.producer_id >= 0


def check(batch: bytes) -> Header:
    """The header of one valid batch from a producer; BrokerError says what is wrong with an invalid one."""
    if len(batch) < HEADER_BYTES:
        raise BrokerError(ErrorCode.CORRUPT_MESSAGE, f"{len(batch)} bytes are too few for a record batch")
    header = read_header(batch)
    _check_shape(header, len(batch))
    if not is_sound(memoryview(batch), header):
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
    if header.codec not in _CODECS:
        raise BrokerError(
            ErrorCode.UNSUPPORTED_COMPRESSION_TYPE, f"codec {header.codec} does not exist; the last is 4, zstd"
        )
    if header.is_transactional or header.is_control:
        raise BrokerError(ErrorCode.INVALID_RECORD, NO_TRANSACTIONS)
    if header.has_append_time:
        raise BrokerError(ErrorCode.INVALID_TIMESTAMP, "only the broker sets the append time")


def place(batch: bytes, base_offset: int, append_milliseconds: int | None) -> tuple[bytearray, Header]:
    """The batch as it is stored at `base_offset`, with the broker's time if given."""
    stored = bytearray(batch)
    length_bytes = len(batch) - PREFIX_BYTES
    _PLACE.pack_into(stored, 0, base_offset, length_bytes, LEADER_EPOCH, MAGIC)
    if append_milliseconds is not None:
        _stamp(stored, append_milliseconds)
    return stored, read_header(stored)


def _stamp(stored: bytearray, append_milliseconds: int) -> None:
    attributes = _ATTRIBUTES.unpack_from(stored, CHECKED_FROM)[0]
    _ATTRIBUTES.pack_into(stored, CHECKED_FROM, attributes | _APPEND_TIME_BIT)
    _NEWEST.pack_into(stored, _NEWEST_AT, append_milliseconds)
    _CRC.pack_into(stored, _CRC_AT, crc32c(memoryview(stored)[CHECKED_FROM:]))


def whole_batches(data: bytes, base_offset: int) -> Iterator[tuple[int, Header]]:
    """The position and header of each batch from the start of `data` up to the last valid one.

    A valid batch is complete, matches its checksum, and continues the offsets. Anything after the last valid one is an incomplete
    write. An invalid batch before a valid one was acknowledged and has been damaged since: it keeps its place, and readers get
    its bytes as they are.
    """
    view, position, offset = memoryview(data), 0, base_offset
    damaged: list[tuple[int, Header]] = []
    while position + HEADER_BYTES <= len(view):
        header = read_header(view, position)
        end = position + header.size_bytes
        if header.size_bytes < HEADER_BYTES or end > len(view):
            return
        # The offsets in a damaged batch may be wrong too; it had at least one.
        is_next = header.base_offset > offset if damaged else header.base_offset == offset
        if is_next and header.magic == MAGIC and is_sound(view[position:end], header):
            yield from damaged
            damaged.clear()
            yield position, header
            offset = header.next_offset
        else:
            damaged.append((position, header))
        position = end
