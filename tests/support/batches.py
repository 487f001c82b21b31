"""Record batches built by hand, for content that no producer would send."""

import struct
from collections.abc import Iterable

from crc32c import crc32c

_HEADER = struct.Struct(">qiibIhiqqqhii")
_HEADER_BYTES, _PREFIX_BYTES, _CRC_AT, _CHECKED_FROM = 61, 12, 17, 21
TRANSACTIONAL, CONTROL, APPEND_TIME = 0x10, 0x20, 0x08
ABORT, COMMIT = 0, 1
AT = 1_733_130_000_000
"""2 December 2024, 9:00 in UTC."""


def checksummed(batch: bytes | bytearray) -> bytes:
    """A batch with the correct checksum of its bytes."""
    changed = bytearray(batch)
    struct.pack_into(">I", changed, _CRC_AT, crc32c(bytes(changed[_CHECKED_FROM:])))
    return bytes(changed)


def altered(batch: bytes, layout: str, at: int, value: int) -> bytes:
    """A batch with one field changed, and a correct checksum."""
    changed = bytearray(batch)
    struct.pack_into(layout, changed, at, value)
    return checksummed(changed)


def placed(batch: bytes, base_offset: int) -> bytes:
    """A batch at this offset in a partition; the checksum does not cover the offset."""
    return struct.pack(">q", base_offset) + batch[8:]


def batch_of(
    payload: bytes,
    records: int = 1,
    *,
    base_offset: int = 0,
    attributes: int = 0,
    producer_id: int = -1,
    last_delta: int | None = None,
    times: tuple[int, int] = (AT, AT),
) -> bytes:
    """A batch with this payload and a correct checksum.

    Args:
        payload: everything after the header.
        records: the number of records, according to the header.
        base_offset: the offset of the first record.
        attributes: codec, type of time, transactional and control bits.
        producer_id: the id of the producer.
        last_delta: the delta of the last offset; by default one less than the number of records.
        times: the times of the oldest and the newest record.
    """
    delta = records - 1 if last_delta is None else last_delta
    length = _HEADER_BYTES - _PREFIX_BYTES + len(payload)
    epoch, sequence = (0, 0) if producer_id >= 0 else (-1, -1)
    fields = (base_offset, length, 0, 2, 0, attributes, delta, *times, producer_id, epoch, sequence, records)
    return checksummed(_HEADER.pack(*fields) + payload)


def record_of(delta: int, value: bytes | None, key: bytes | None = None, *, elapsed: int = 0) -> bytes:
    """One record, encoded as in a batch."""
    parts = [b"\0", number(elapsed), number(delta), _sized(key), _sized(value), number(0)]
    body = b"".join(parts)
    return number(len(body)) + body


def records_of(values: Iterable[bytes]) -> bytes:
    """The payload of a batch that is not compressed."""
    return b"".join(record_of(delta, value) for delta, value in enumerate(values))


def mark(base_offset: int, producer_id: int, kind: int) -> bytes:
    """The control batch that ends a transaction."""
    payload = record_of(0, b"\0" * 6, struct.pack(">hh", 0, kind))
    return batch_of(payload, base_offset=base_offset, attributes=TRANSACTIONAL | CONTROL, producer_id=producer_id)


def number(value: int) -> bytes:
    """A signed number as a varint."""
    zigzag = (value << 1) ^ (value >> 63)
    found = bytearray()
    while zigzag > 0x7F:
        found.append(zigzag & 0x7F | 0x80)
        zigzag >>= 7
    found.append(zigzag)
    return bytes(found)


def _sized(data: bytes | None) -> bytes:
    return number(-1) if data is None else number(len(data)) + data
