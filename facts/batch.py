"""Kafka's record batches, read: the records of each, and where there are none that may be read, the offsets and why. Pure.

Whatever reads the log reads it through this, whichever client fetched the bytes: which batch cannot be read, and which transaction
was aborted, must be the same for a worker, a rebuild, the archive and the recount.
"""

import struct
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from mmap import mmap
from typing import NamedTuple

import cramjam
from crc32c import crc32c

from facts.errors import IncompleteError

UNPACKED_LIMIT_BYTES = 64 * 1024 * 1024
"""A batch that unpacks to more is not opened: a megabyte may be made to unpack to gigabytes."""
HEADER_BYTES = 61
MAGIC = 2
PREFIX_BYTES = 12
"""The base offset and the length, which the length itself does not count."""
CHECKED_FROM = 21
"""The checksum covers everything from the attributes on."""
_HEADER = struct.Struct(">qiibIhiqqqhii")
_PREFIX = struct.Struct(">qi")
_MAGIC_AT = 16
_LEAST_LENGTH = 14
"""Of the oldest message format; what is shorter is no batch, and where the next begins is not known."""
_CODEC_BITS, _APPEND_TIME_BIT, _TRANSACTIONAL_BIT, _CONTROL_BIT = 0x07, 0x08, 0x10, 0x20
_CONTROL_KIND = struct.Struct(">hh")
_ABORT, _COMMIT = 0, 1
_LATEST_MILLISECONDS = 253_402_300_799_999
"""The end of the year 9999."""
_GZIP = b"\x1f\x8b"
_XERIAL = b"\x82SNAPPY\x00"
_XERIAL_HEADER_BYTES = 16


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
        return self.length_bytes + PREFIX_BYTES

    @property
    def last_offset(self) -> int:
        """The offset of the last record of the batch."""
        return self.base_offset + self.last_offset_delta

    @property
    def next_offset(self) -> int:
        """The offset after the last record of the batch."""
        return self.last_offset + 1

    @property
    def codec(self) -> int:
        """The number of the codec that the records are packed by; 0 for none."""
        return self.attributes & _CODEC_BITS

    @property
    def has_append_time(self) -> bool:
        """Whether every record of the batch carries the broker's time."""
        return bool(self.attributes & _APPEND_TIME_BIT)

    @property
    def is_transactional(self) -> bool:
        """Whether the batch is part of a transaction."""
        return bool(self.attributes & _TRANSACTIONAL_BIT)

    @property
    def is_control(self) -> bool:
        """Whether the batch holds the mark that ends a transaction, and no records of a producer."""
        return bool(self.attributes & _CONTROL_BIT)


class BatchRecord(NamedTuple):
    """One record as the log holds it.

    Attributes:
        offset: its place in the partition.
        timestamp: in milliseconds since 1970.
        timestamp_type: 0 when the producer set it, 1 when the log did as it received the record.
        key: its bytes.
        value: its bytes.
        headers: names and bytes.
    """

    offset: int
    timestamp: int
    timestamp_type: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]


class SkippedOffsets(NamedTuple):
    """Offsets at which there is no record to be read.

    Attributes:
        first: the first of them.
        last: the last.
        timestamp: when the log received them, in milliseconds since 1970, as far as that is known.
        why: a batch lies there that cannot be read, and this is why; empty where the log itself holds none, but the mark of a
            transaction or the records of one that was aborted.
        batch: the bytes of the batch that cannot be read.
    """

    first: int
    last: int
    timestamp: int
    why: str = ""
    batch: bytes = b""


Entry = BatchRecord | SkippedOffsets
"""What lies at one place of the log."""


class _UnreadableError(Exception):
    """A batch cannot be read; says why."""


def read_header(data: bytes | bytearray | memoryview, position: int = 0) -> Header:
    """The header of the batch at a position; struct.error if fewer than 61 bytes are left."""
    return Header._make(_HEADER.unpack_from(data, position))


def is_sound(batch: memoryview, header: Header) -> bool:
    """Whether a whole batch matches its checksum."""
    return bool(crc32c(batch[CHECKED_FROM:]) == header.checksum)


def read(data: bytes | memoryview, position: int, aborted: Iterable[tuple[int, int]] = ()) -> Iterator[Entry]:
    """What a fetch gave, from an offset on, in the order of the log; every offset up to the end is covered once.

    Records of aborted transactions are passed over. The last batch may be cut off: it comes with the next fetch.

    Args:
        data: the batches.
        position: the offset that was asked for; the first batch may begin before it.
        aborted: the producer id and the first offset of each transaction that was aborted there.

    Raises:
        IncompleteError: bytes that are no batch at all.
    """
    reading = _Reading(position, aborted)
    for batch, next_base in _followed(_batches(memoryview(data), position)):
        yield from reading.take(batch, next_base)


def _batches(data: memoryview, position: int) -> Iterator[memoryview]:
    at = 0
    while at + PREFIX_BYTES <= len(data):
        base, length = _PREFIX.unpack_from(data, at)
        if length < _LEAST_LENGTH:
            what = f"The log holds what is no batch of records: one at offset {base} says that it has {length} bytes."
            hint = (
                "Its file on the broker is damaged: restore it from another replica, or delete the records before that."
            )
            raise IncompleteError(what, where=f"the fetch from offset {position}", hint=hint)
        end = at + PREFIX_BYTES + length
        if end > len(data):
            return
        yield data[at:end]
        at = end


def _followed(batches: Iterator[memoryview]) -> Iterator[tuple[memoryview, int | None]]:
    """Each batch with the base offset of the one that follows."""
    before: memoryview | None = None
    for batch in batches:
        if before is not None:
            yield before, _PREFIX.unpack_from(batch)[0]
        before = batch
    if before is not None:
        yield before, None


class _Reading:
    """A fetch on the way: where it is, and whose transactions were aborted."""

    def __init__(self, position: int, aborted: Iterable[tuple[int, int]]) -> None:
        self._position, self._timestamp = position, 0
        self._to_come = deque(sorted((first, producer) for producer, first in aborted))
        self._aborted: set[int] = set()

    def take(self, batch: memoryview, next_base: int | None) -> Iterator[Entry]:
        """What is in a batch, from the position on."""
        header = read_header(batch) if len(batch) >= HEADER_BYTES else None
        try:
            sound = _checked(batch, header, next_base)
            rows = self._rows(batch, sound)
            last, why = sound.last_offset, ""
        except _UnreadableError as error:
            rows, why = [], str(error)
            last = self._end_of_unreadable(batch, header, next_base)
            if header and not self._timestamp and 0 < header.newest_milliseconds <= _LATEST_MILLISECONDS:
                self._timestamp = header.newest_milliseconds
        yield from self._give(rows, last, why, batch)

    def _rows(self, batch: memoryview, header: Header) -> list[BatchRecord]:
        """The records that count; none where the log holds none, or a transaction was aborted."""
        while self._to_come and self._to_come[0][0] <= header.last_offset:
            self._aborted.add(self._to_come.popleft()[1])
        if header.is_control:
            if _control_kind(batch, header) == _ABORT:
                self._aborted.discard(header.producer_id)
            return []
        if header.is_transactional and header.producer_id in self._aborted:
            return []
        return _rows_of(batch, header)

    def _end_of_unreadable(self, batch: memoryview, header: Header | None, next_base: int | None) -> int:
        """The last offset of a batch that cannot be read: what its own header says of that may be wrong too."""
        if next_base is not None:
            return next_base - 1
        base = int(_PREFIX.unpack_from(batch)[0])
        if header is None or header.magic != MAGIC:
            return max(base, self._position)  # of the older formats this is the offset of the last record
        count = min(header.last_offset_delta + 1, header.record_count) if header.record_count > 0 else 1
        return max(base + count - 1, self._position)

    def _give(self, rows: list[BatchRecord], last: int, why: str, batch: memoryview) -> Iterator[Entry]:
        for row in rows:
            if row.offset >= self._position:
                self._position, self._timestamp = row.offset + 1, row.timestamp
                yield row
        if last >= self._position:
            first, self._position = self._position, last + 1
            yield SkippedOffsets(first, last, self._timestamp, why, bytes(batch) if why else b"")


def _checked(batch: memoryview, header: Header | None, next_base: int | None) -> Header:
    """The header of a batch that is what its producer sent."""
    magic = batch[_MAGIC_AT]
    if magic != MAGIC:
        raise _UnreadableError(f"its message format is {magic}, and only format {MAGIC} is read")
    if header is None or not is_sound(batch, header):
        raise _UnreadableError("it does not match its checksum")
    if header.last_offset_delta < 0 or (next_base is not None and next_base <= header.last_offset):
        raise _UnreadableError("its offsets do not fit those of the log")
    return header


def _control_kind(batch: memoryview, header: Header) -> int:
    """What a mark of a transaction says; no other kind of control batch is known in a topic of records."""
    keys = [row.key for row in _rows_of(batch, header)]
    if len(keys) == 1 and keys[0] is not None and len(keys[0]) >= _CONTROL_KIND.size:
        kind = int(_CONTROL_KIND.unpack_from(keys[0])[1])
        if kind in (_ABORT, _COMMIT):
            return kind
    raise _UnreadableError("it is a control batch of an unknown kind")


def _rows_of(batch: memoryview, header: Header) -> list[BatchRecord]:
    packed = bytes(batch[HEADER_BYTES:])
    if header.codec not in _UNPACK:
        raise _UnreadableError(f"it is packed by a codec of an unknown number, {header.codec}")
    name, unpack = _UNPACK[header.codec]
    try:
        unpacked = unpack(packed)
    except (cramjam.DecompressionError, zlib.error, struct.error, ValueError, OSError) as error:
        raise _UnreadableError(f"its records cannot be unpacked by {name} ({error})") from None
    try:
        rows = list(_parsed(unpacked, header))
    except (IndexError, ValueError) as error:
        raise _UnreadableError(f"its records are not of the form they must have ({error})") from None
    if any(not -1 <= row.timestamp <= _LATEST_MILLISECONDS for row in rows):
        raise _UnreadableError("its records carry times that no calendar has")
    return rows


def _parsed(data: bytes, header: Header) -> Iterator[BatchRecord]:
    at, before = 0, -1
    kind = int(header.has_append_time)
    for _ in range(header.record_count):
        length, start = _number(data, at)
        elapsed, at = _number(data, start + 1)  # the attributes of a record, one byte, say nothing yet
        delta, at = _number(data, at)
        if not before < delta <= header.last_offset_delta:
            raise ValueError(f"record {delta} after {before} of {header.last_offset_delta + 1}")
        before = delta
        key, at = _bytes(data, at)
        value, at = _bytes(data, at)
        headers, at = _headers(data, at)
        if at != start + length:
            raise ValueError(f"record {delta} has {at - start} bytes, not {length}")
        timestamp = header.newest_milliseconds if kind else header.oldest_milliseconds + elapsed
        yield BatchRecord(header.base_offset + delta, timestamp, kind, key, value, headers)
    if at != len(data):
        raise ValueError(f"{len(data) - at} bytes after {header.record_count} records")


def _headers(data: bytes, at: int) -> tuple[tuple[tuple[str, bytes | None], ...], int]:
    count, at = _number(data, at)
    if count == 0:
        return (), at
    found: list[tuple[str, bytes | None]] = []
    for _ in range(count):
        name, at = _bytes(data, at)
        value, at = _bytes(data, at)
        if name is None:
            raise ValueError("a header without a name")
        # As Kafka's Java client reads them: a name in no good UTF-8 makes no record unreadable.
        found.append((name.decode(errors="replace"), value))
    if count < 0:
        raise ValueError(f"{count} headers")
    return tuple(found), at


def _bytes(data: bytes, at: int) -> tuple[bytes | None, int]:
    size, at = _number(data, at)
    if size < 0:
        return None, at
    if at + size > len(data):
        raise ValueError("it is cut short")
    return data[at : at + size], at + size


def _number(data: bytes, at: int) -> tuple[int, int]:
    """A signed number of as many bytes as it needs, and where it ends."""
    byte = data[at]
    if byte < 0x80:  # noqa: PLR2004 - nearly all of them have one byte
        return byte >> 1 ^ -(byte & 1), at + 1
    value, shift = byte & 0x7F, 7
    while byte & 0x80:
        at += 1
        byte = data[at]
        value |= (byte & 0x7F) << shift
        shift += 7
        if shift > 70:  # noqa: PLR2004 - ten bytes of seven bits hold any number of 64
            raise ValueError("a number without end")
    return value >> 1 ^ -(value & 1), at + 1


# Codecs. Each unpacks into no more than the limit.


def _gunzip(packed: bytes) -> bytes:
    found = b""
    # As Kafka's Java client reads it: one stream may follow another, and what follows and is none is left alone.
    while not found or packed.startswith(_GZIP):
        inflating = zlib.decompressobj(31)
        found += inflating.decompress(packed, UNPACKED_LIMIT_BYTES + 1 - len(found))
        if len(found) > UNPACKED_LIMIT_BYTES:
            raise ValueError(_TOO_LARGE)
        if not inflating.eof:
            raise ValueError("it is cut short")
        packed = inflating.unused_data
    return found


def _into(decompress: Callable[[bytes, mmap], int]) -> Callable[[bytes], bytes]:
    """Unpack into as much room as is allowed; what is not filled is never taken from the machine."""

    def unpack(packed: bytes) -> bytes:
        with mmap(-1, UNPACKED_LIMIT_BYTES) as room:
            return room[: decompress(packed, room)]

    return unpack


def _unsnap(packed: bytes) -> bytes:
    if not packed.startswith(_XERIAL):
        return _unsnap_block(packed, UNPACKED_LIMIT_BYTES)
    found, at = bytearray(), _XERIAL_HEADER_BYTES
    while at < len(packed):
        size = int(struct.unpack_from(">i", packed, at)[0])
        if size < 0 or at + 4 + size > len(packed):
            raise ValueError("it is cut short")
        found += _unsnap_block(packed[at + 4 : at + 4 + size], UNPACKED_LIMIT_BYTES - len(found))
        at += 4 + size
    return bytes(found)


def _unsnap_block(block: bytes, limit: int) -> bytes:
    if cramjam.snappy.decompress_raw_len(block) > limit:
        raise ValueError(_TOO_LARGE)
    return bytes(cramjam.snappy.decompress_raw(block))


_TOO_LARGE = f"it unpacks to more than {UNPACKED_LIMIT_BYTES:,} bytes"
_UNPACK: dict[int, tuple[str, Callable[[bytes], bytes]]] = {
    0: ("no codec", bytes),
    1: ("gzip", _gunzip),
    2: ("snappy", _unsnap),
    3: ("lz4", _into(cramjam.lz4.decompress_into)),
    4: ("zstd", _into(cramjam.zstd.decompress_into)),
}
