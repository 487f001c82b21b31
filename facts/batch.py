"""Reads Kafka's record batches: their records, and the offsets without readable records, with the reason. Pure.

Everything that reads the log uses this module, whichever client fetched the bytes. Workers, rebuilds, the archive and the recount
must agree on which batches are unreadable and which transactions were aborted.
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
"""A batch that decompresses to more is not read: a megabyte can be made to decompress to gigabytes."""
HEADER_BYTES = 61
MAGIC = 2
PREFIX_BYTES = 12
"""The base offset and the length field, which the length does not include."""
CHECKED_FROM = 21
"""The checksum covers everything from the attributes on."""
HEADER = struct.Struct(">qiibIhiqqqhii")
"""The fields of `Header`."""
_PREFIX = struct.Struct(">qi")
_MAGIC_AT = 16
_LEAST_LENGTH = 14
"""The least length in the oldest message format; anything shorter is not a batch, and the next one cannot be found."""
_CODEC_BITS, _APPEND_TIME_BIT, _TRANSACTIONAL_BIT, _CONTROL_BIT = 0x07, 0x08, 0x10, 0x20
_CONTROL_KIND = struct.Struct(">hh")
_ABORT, _COMMIT = 0, 1
_LATEST_MILLISECONDS = 253_402_300_799_999
"""The end of the year 9999."""
_GZIP = b"\x1f\x8b"
_XERIAL = b"\x82SNAPPY\x00"
_XERIAL_HEADER_BYTES = 16


class Header(NamedTuple):
    """The 61-byte header of every batch; times in epoch milliseconds."""

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
        """The size of the whole batch, including the prefix."""
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
        """The number of the compression codec; 0 for none."""
        return self.attributes & _CODEC_BITS

    @property
    def has_append_time(self) -> bool:
        """Whether the records have the broker's time (LogAppendTime)."""
        return bool(self.attributes & _APPEND_TIME_BIT)

    @property
    def is_transactional(self) -> bool:
        """Whether the batch is part of a transaction."""
        return bool(self.attributes & _TRANSACTIONAL_BIT)

    @property
    def is_control(self) -> bool:
        """Whether the batch is a transaction marker, with no records from a producer."""
        return bool(self.attributes & _CONTROL_BIT)


class BatchRecord(NamedTuple):
    """One record of the log.

    Attributes:
        offset: its offset in the partition.
        timestamp: in milliseconds since 1970.
        timestamp_type: 0 if the producer set the timestamp (CreateTime), 1 if the log did (LogAppendTime).
        key: the bytes of its key.
        value: the bytes of its value.
        headers: the name and bytes of each header.
    """

    offset: int
    timestamp: int
    timestamp_type: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]


class SkippedOffsets(NamedTuple):
    """A range of offsets without records to read.

    Attributes:
        first: the first offset.
        last: the last offset, included.
        timestamp: when the log received them, in milliseconds since 1970, if known.
        why: why the batch there cannot be read; empty if there is only a transaction marker, or records of an aborted transaction.
        batch: the bytes of the unreadable batch.
    """

    first: int
    last: int
    timestamp: int
    why: str = ""
    batch: bytes = b""


Entry = BatchRecord | SkippedOffsets
"""A record, or a range of offsets without records."""


class _UnreadableError(Exception):
    """A batch cannot be read; the message says why."""


def read_header(data: bytes | bytearray | memoryview, position: int = 0) -> Header:
    """The header of the batch at a position; struct.error if fewer than 61 bytes are left."""
    return Header._make(HEADER.unpack_from(data, position))


def is_sound(batch: memoryview, header: Header) -> bool:
    """Whether a whole batch matches its checksum."""
    return bool(crc32c(batch[CHECKED_FROM:]) == header.checksum)


def read(data: bytes | memoryview, position: int, aborted: Iterable[tuple[int, int]] = ()) -> Iterator[Entry]:
    """The entries of a fetch from an offset on, in the order of the log. Every offset up to the end is covered exactly once.

    Records of aborted transactions are skipped. The last batch may be incomplete: the next fetch returns it again.

    Args:
        data: the bytes of the batches.
        position: the offset that was fetched; the first batch may begin before it.
        aborted: the producer id and first offset of each aborted transaction.

    Raises:
        IncompleteError: the bytes are not a record batch.
    """
    reading = BatchReader(position, aborted)
    for batch, next_base in _with_next_base(_batches(memoryview(data), position)):
        yield from reading.entries(batch, next_base)


def batch_at(data: memoryview, at: int, position: int) -> memoryview | None:
    """The batch at a place of a fetch; None if no whole batch is left.

    Args:
        data: the bytes of the fetch.
        at: the place.
        position: the offset that was fetched.

    Raises:
        IncompleteError: the bytes are not a record batch.
    """
    if at + PREFIX_BYTES > len(data):
        return None
    base, length = _PREFIX.unpack_from(data, at)
    if length < _LEAST_LENGTH:
        what = f"The log contains bytes that are not a record batch: the one at offset {base} gives its length as {length}."
        hint = "Its file on the broker is damaged: restore it from another replica, or delete the records up to there."
        raise IncompleteError(what, where=f"the fetch from offset {position}", hint=hint)
    end = at + PREFIX_BYTES + length
    return data[at:end] if end <= len(data) else None


def base_offset_of(batch: memoryview) -> int:
    """The first offset of a batch, by its prefix."""
    return int(_PREFIX.unpack_from(batch)[0])


def _batches(data: memoryview, position: int) -> Iterator[memoryview]:
    at = 0
    while (batch := batch_at(data, at, position)) is not None:
        yield batch
        at += len(batch)


def _with_next_base(batches: Iterator[memoryview]) -> Iterator[tuple[memoryview, int | None]]:
    """Each batch with the base offset of the next one; None for the last."""
    before: memoryview | None = None
    for batch in batches:
        if before is not None:
            yield before, base_offset_of(batch)
        before = batch
    if before is not None:
        yield before, None


class BatchReader:
    """The state of reading one fetch: the next offset, and the producers with an aborted transaction.

    Args:
        position: the offset that was fetched.
        aborted: the producer id and first offset of each aborted transaction.

    Attributes:
        position: the next offset.
    """

    def __init__(self, position: int, aborted: Iterable[tuple[int, int]]) -> None:
        self.position, self._timestamp = position, 0
        self._aborts_ahead = deque(sorted((first, producer) for producer, first in aborted))
        self._aborted: set[int] = set()

    def move_past(self, last: int, timestamp: int) -> None:
        """Go on after records that were read elsewhere.

        Args:
            last: the offset of the last of them.
            timestamp: the time on it, in milliseconds since 1970.
        """
        self.position, self._timestamp = last + 1, timestamp

    def entries(self, batch: memoryview, next_base: int | None) -> Iterator[Entry]:
        """The entries of a batch, from the next offset on."""
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
        yield from self._emit(rows, last, why, batch)

    def _rows(self, batch: memoryview, header: Header) -> list[BatchRecord]:
        """The records of a batch; none for a transaction marker or an aborted transaction."""
        while self._aborts_ahead and self._aborts_ahead[0][0] <= header.last_offset:
            self._aborted.add(self._aborts_ahead.popleft()[1])
        if header.is_control:
            if _control_kind(batch, header) == _ABORT:
                self._aborted.discard(header.producer_id)
            return []
        if header.is_transactional and header.producer_id in self._aborted:
            return []
        return _rows_of(batch, header)

    def _end_of_unreadable(self, batch: memoryview, header: Header | None, next_base: int | None) -> int:
        """The last offset of an unreadable batch, whose own header may be wrong too."""
        if next_base is not None:
            return next_base - 1
        base = base_offset_of(batch)
        if header is None or header.magic != MAGIC:
            return max(base, self.position)  # in older formats this is the offset of the last record
        count = min(header.last_offset_delta + 1, header.record_count) if header.record_count > 0 else 1
        return max(base + count - 1, self.position)

    def _emit(self, rows: list[BatchRecord], last: int, why: str, batch: memoryview) -> Iterator[Entry]:
        for row in rows:
            if row.offset >= self.position:
                self.position, self._timestamp = row.offset + 1, row.timestamp
                yield row
        if last >= self.position:
            first, self.position = self.position, last + 1
            yield SkippedOffsets(first, last, self._timestamp, why, bytes(batch) if why else b"")


def _checked(batch: memoryview, header: Header | None, next_base: int | None) -> Header:
    """The header of a valid batch, whose checksum and offsets match."""
    magic = batch[_MAGIC_AT]
    if magic != MAGIC:
        raise _UnreadableError(f"its message format is {magic}, and only format {MAGIC} is supported")
    if header is None or not is_sound(batch, header):
        raise _UnreadableError("it does not match its checksum")
    if header.last_offset_delta < 0 or (next_base is not None and next_base <= header.last_offset):
        raise _UnreadableError("its offsets do not match the log")
    return header


def _control_kind(batch: memoryview, header: Header) -> int:
    """Whether a transaction marker is a commit or an abort; other kinds of control batch are unreadable."""
    keys = [row.key for row in _rows_of(batch, header)]
    if len(keys) == 1 and keys[0] is not None and len(keys[0]) >= _CONTROL_KIND.size:
        kind = int(_CONTROL_KIND.unpack_from(keys[0])[1])
        if kind in (_ABORT, _COMMIT):
            return kind
    raise _UnreadableError("it is a control batch of an unknown kind")


def _rows_of(batch: memoryview, header: Header) -> list[BatchRecord]:
    packed = bytes(batch[HEADER_BYTES:])
    if header.codec not in _UNPACK:
        raise _UnreadableError(f"it uses an unknown compression codec, {header.codec}")
    name, unpack = _UNPACK[header.codec]
    try:
        unpacked = unpack(packed)
    except (cramjam.DecompressionError, zlib.error, struct.error, ValueError, OSError) as error:
        raise _UnreadableError(f"its records cannot be decompressed by {name} ({error})") from None
    try:
        rows = list(_parsed(unpacked, header))
    except (IndexError, ValueError) as error:
        raise _UnreadableError(f"its records are malformed ({error})") from None
    if any(not -1 <= row.timestamp <= _LATEST_MILLISECONDS for row in rows):
        raise _UnreadableError("its records have timestamps out of range")
    return rows


def _parsed(data: bytes, header: Header) -> Iterator[BatchRecord]:
    at, before = 0, -1
    kind = int(header.has_append_time)
    for _ in range(header.record_count):
        length, start = _number(data, at)
        elapsed, at = _number(data, start + 1)  # skips the attributes of the record, an unused byte
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
        # Like Kafka's Java client: a name with invalid UTF-8 does not make the record unreadable.
        found.append((name.decode(errors="replace"), value))
    if count < 0:
        raise ValueError(f"{count} headers")
    return tuple(found), at


def _bytes(data: bytes, at: int) -> tuple[bytes | None, int]:
    size, at = _number(data, at)
    if size < 0:
        return None, at
    if at + size > len(data):
        raise ValueError("it is truncated")
    return data[at : at + size], at + size


def _number(data: bytes, at: int) -> tuple[int, int]:
    """A signed variable-length number (zigzag varint), and the position after it."""
    byte = data[at]
    if byte < 0x80:  # noqa: PLR2004 - nearly all have one byte
        return byte >> 1 ^ -(byte & 1), at + 1
    value, shift = byte & 0x7F, 7
    while byte & 0x80:
        at += 1
        byte = data[at]
        value |= (byte & 0x7F) << shift
        shift += 7
        if shift > 70:  # noqa: PLR2004 - ten bytes of seven bits hold any 64-bit number
            raise ValueError("a number of more than ten bytes")
    return value >> 1 ^ -(value & 1), at + 1


# Codecs. None decompresses to more than the limit.


def _gunzip(packed: bytes) -> bytes:
    unpacked = b""
    # Like Kafka's Java client: several streams may follow each other, and other trailing bytes are ignored.
    while not unpacked or packed.startswith(_GZIP):
        inflating = zlib.decompressobj(31)
        unpacked += inflating.decompress(packed, UNPACKED_LIMIT_BYTES + 1 - len(unpacked))
        if len(unpacked) > UNPACKED_LIMIT_BYTES:
            raise ValueError(_TOO_LARGE)
        if not inflating.eof:
            raise ValueError("it is truncated")
        packed = inflating.unused_data
    return unpacked


def _into(decompress: Callable[[bytes, mmap], int]) -> Callable[[bytes], bytes]:
    """Decompress into a buffer of the greatest size allowed; the system allocates only the part that is filled."""

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
            raise ValueError("it is truncated")
        found += _unsnap_block(packed[at + 4 : at + 4 + size], UNPACKED_LIMIT_BYTES - len(found))
        at += 4 + size
    return bytes(found)


def _unsnap_block(block: bytes, limit: int) -> bytes:
    if cramjam.snappy.decompress_raw_len(block) > limit:
        raise ValueError(_TOO_LARGE)
    return bytes(cramjam.snappy.decompress_raw(block))


_TOO_LARGE = f"it decompresses to more than {UNPACKED_LIMIT_BYTES:,} bytes"
_UNPACK: dict[int, tuple[str, Callable[[bytes], bytes]]] = {
    0: ("no codec", bytes),
    1: ("gzip", _gunzip),
    2: ("snappy", _unsnap),
    3: ("lz4", _into(cramjam.lz4.decompress_into)),
    4: ("zstd", _into(cramjam.zstd.decompress_into)),
}
