"""Runs of heartbeats: heartbeats that follow each other in the log, found without decoding and checking each of them in full."""

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

from crc32c import crc32c

from facts.batch import (
    CHECKED_FROM,
    HEADER,
    HEADER_BYTES,
    MAGIC,
    PREFIX_BYTES,
    BatchReader,
    BatchRecord,
    Entry,
    base_offset_of,
    batch_at,
)
from facts.wire import CLOCK_TOLERANCE, EARLIEST

_LABEL = rb"[A-Za-z0-9][A-Za-z0-9_-]{0,39}"
_TIME = rb"0000-00-00T00:00:00(?:\.000000)?Z"
_TAIL = (
    rb'(true|false),"history_to":null,"history_from":(null|"' + _TIME + rb'"),"complete_from":(null|"' + _TIME + rb'"),'
    rb'"ended":false,"simulated":(true|false)\}'
)
_SHAPE = re.compile(
    rb'","force":"(' + _LABEL + rb')","at":"(' + _TIME + rb')","feed":"(' + _LABEL + rb')","seq":(0{1,15}),'
    rb'"complete_to":"(' + _TIME + rb')","replay":(' + _TAIL + rb")"
)
"""A heartbeat as `facts.wire.encode` writes it, after its `fact_id` and with every digit as 0, if it neither loads history nor ends."""
_FLAGS = re.compile(_TAIL.replace(b"0", b"[0-9]"))
_AS_ZERO = bytes.maketrans(b"123456789", b"000000000")
_ID = re.compile(rb"(?=.{0,11}[A-Za-z._:-])[A-Za-z0-9][A-Za-z0-9._:-]{0,63}\Z")
"""An id that is not a telephone number: not all of it, up to 12 characters, is digits. Others are decoded in full."""
_ZERO, _SIX = b"06"
_BEGIN = b'{"fact":"FeedHeartbeat","fact_id":"'
_ID_AT = len(_BEGIN)
_NO_KEY = b"\0\0\0\x01"
"""No attributes, the time and the offset of the batch, and no key."""
_BEFORE_VALUE_BYTES, _AROUND_BYTES = 8, 9
"""A record begins with its length, `_NO_KEY` and the length of its value, two bytes each. It ends with a zero: no headers."""
_SHORTEST_BYTES, _LONGEST_BYTES = 200, 400
_PLAIN = {0x00: 0, 0x08: 1}
"""The kind of time by the attributes of a batch without compression or transaction."""
_LATEST_MILLISECONDS = 253_402_300_799_999
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_MINUTE, _SECOND_AT = 60_000_000, len("2024-12-01T09:59")
_EARLIEST = (EARLIEST - _EPOCH) // _MICROSECOND
_TOLERANCE = CLOCK_TOLERANCE // _MICROSECOND


class Layout(NamedTuple):
    """Where the parts of a heartbeat are, counted from its end; the flags are everything from `replay` on."""

    force: slice
    at: slice
    feed: slice
    seq: slice
    complete_to: slice
    flags: slice


class HeartbeatRun(NamedTuple):
    """Heartbeats at consecutive offsets of the log, each alone in its batch, without key and headers.

    All of them are valid, apart from their times, and none loads history or ends its feed.

    Attributes:
        first: the offset of the first.
        timestamp_type: that of their records.
        timestamps: the time on the record of each, in milliseconds since 1970.
        values: the bytes of each.
        layouts: where the parts of each are.
    """

    first: int
    timestamp_type: int
    timestamps: list[int]
    values: list[bytes]
    layouts: list[Layout]

    @property
    def last(self) -> int:
        """The offset of the last."""
        return self.first + len(self.values) - 1

    @property
    def timestamp(self) -> int:
        """The time on the first record, in milliseconds since 1970."""
        return self.timestamps[0]

    def record(self, place: int) -> BatchRecord:
        """One heartbeat, by its place in the run, as an ordinary record."""
        return BatchRecord(
            self.first + place, self.timestamps[place], self.timestamp_type, None, self.values[place], ()
        )

    def within(self, first: int, after: int) -> "HeartbeatRun | None":
        """The heartbeats from one offset up to but excluding another; None if there are none."""
        if first <= self.first and self.last < after:
            return self
        kept = slice(max(0, first - self.first), max(0, after - self.first))
        if not self.values[kept]:
            return None
        return HeartbeatRun(
            max(first, self.first), self.timestamp_type, self.timestamps[kept], self.values[kept], self.layouts[kept]
        )


class Sender(NamedTuple):
    """The force and name of the feed that sent a heartbeat, and what the heartbeat says of the feed; times are in microseconds."""

    feed: tuple[str, str]
    is_replay: bool
    is_simulated: bool
    history_from: int | None
    complete_from: int | None


def layout_of(value: bytes) -> Layout | None:
    """Where the parts of a heartbeat are; None if it has to be decoded in full."""
    return _layout_after_begin(value) if value.startswith(_BEGIN) else None


def _layout_after_begin(value: bytes) -> Layout | None:
    end = value.find(b'"', _ID_AT)
    if not _ID.match(value, _ID_AT, end):
        return None
    layout = _layout(value[end:].translate(_AS_ZERO))
    # A number does not begin with 0.
    return None if layout is None or (value[layout.seq.start] == _ZERO and value[layout.seq] != b"0") else layout


@lru_cache(maxsize=1000)
def _layout(shape: bytes) -> Layout | None:
    found = _SHAPE.fullmatch(shape)
    if found is None:
        return None
    force, at, feed, seq, complete_to, flags = (_from_end(found.span(group), len(shape)) for group in range(1, 7))
    return Layout(force, at, feed, seq, complete_to, flags)


def _from_end(span: tuple[int, int], size: int) -> slice:
    """Where a part is, counted from the end of the text, which may be the end of the part."""
    return slice(span[0] - size, span[1] - size or None)


def sender_of(value: bytes, layout: Layout) -> Sender | None:
    """The feed that sent a heartbeat; None if one of the times that it says of the feed may be refused."""
    return _sender(value[layout.force], value[layout.feed], value[layout.flags])


@lru_cache(maxsize=1000)
def _sender(force: bytes, feed: bytes, flags: bytes) -> Sender | None:
    found = _FLAGS.fullmatch(flags)
    if found is None:
        return None
    try:
        history_from, complete_from = (_time(found[group]) for group in (2, 3))
    except ValueError:  # there is no such time
        return None
    if complete_from is not None and complete_from < _EARLIEST:
        return None
    name = force.decode(), feed.decode()
    return Sender(name, found[1] == b"true", found[4] == b"true", history_from, complete_from)


def _time(text: bytes) -> int | None:
    return None if text == b"null" else _instant(text.strip(b'"'))


def _instant(text: bytes) -> int:
    return (datetime.fromisoformat(text.decode()) - _EPOCH) // _MICROSECOND


def complete_to_of(value: bytes, layout: Layout, sender: Sender, received_at: int) -> int | None:
    """What a heartbeat claims, in microseconds since 1970; None if one of its times may be refused: `facts.wire.decode` decides.

    Args:
        value: its bytes.
        layout: where its parts are.
        sender: its sender.
        received_at: the time on its record, in microseconds.
    """
    text, latest = value[layout.complete_to], received_at + _TOLERANCE
    if value[layout.at] != text and not _is_plausible(value[layout.at], latest):
        return None
    try:
        claimed = _instant(text)
    except ValueError:  # there is no such time
        return None
    if sender.complete_from is not None and sender.complete_from > claimed:
        return None
    return claimed if _EARLIEST <= claimed <= latest else None


def _is_plausible(at: bytes, latest: int) -> bool:
    """Whether it is a valid time, in a minute that ends no later than the latest time."""
    minute = _minute(at[:_SECOND_AT])
    return minute is not None and at[_SECOND_AT + 1] < _SIX and _EARLIEST <= minute <= latest - _MINUTE


@lru_cache(maxsize=1000)
def _minute(text: bytes) -> int | None:
    """A minute, in microseconds since 1970; None if there is no such minute."""
    try:
        return (datetime.fromisoformat(text.decode() + "Z") - _EPOCH) // _MICROSECOND
    except ValueError:
        return None


def read_in_runs(
    data: bytes | memoryview, position: int, aborted: Iterable[tuple[int, int]] = ()
) -> Iterator[Entry | HeartbeatRun]:
    """The entries of a fetch, as `facts.batch.read` gives them, but several heartbeats that follow each other are one entry.

    Args:
        data: as for `read`.
        position: as for `read`.
        aborted: as for `read`.

    Raises:
        IncompleteError: as `read`.
    """
    data, at = bytes(data), 0
    reading, view = BatchReader(position, aborted), memoryview(data)
    while True:
        run, at = _run_at(view, data, at, reading.position)
        if run is not None:
            reading.move_past(run.last, run.timestamps[-1])
            yield run if len(run.values) > 1 else run.record(0)
        batch = batch_at(view, at, position)
        if batch is None:
            return
        at += len(batch)
        following = batch_at(view, at, position)
        yield from reading.entries(batch, None if following is None else base_offset_of(following))


def _run_at(view: memoryview, data: bytes, at: int, position: int) -> tuple[HeartbeatRun | None, int]:
    """The run at a place of a fetch, and the place after it; None if there is no heartbeat."""
    timestamps: list[int] = []
    values: list[bytes] = []
    layouts: list[Layout] = []
    before, after, kind = at, position, -1
    while at + HEADER_BYTES <= len(data):
        base, length, _, magic, checksum, attributes, delta, oldest, newest, _, _, _, count = HEADER.unpack_from(
            data, at
        )
        head, start, end = _HEADS.get(length), at + HEADER_BYTES, at + PREFIX_BYTES + length
        if head is None or end > len(data) or not data.startswith(head, start) or data[end - 1]:
            break
        if count != 1 or delta or magic != MAGIC or attributes not in _PLAIN:
            break
        if (base != after or attributes != kind) if values else base < after:
            break
        value = data[start + _BEFORE_VALUE_BYTES : end - 1]
        layout, timestamp = _layout_after_begin(value), newest if attributes else oldest
        if (
            layout is None
            or not 0 <= timestamp <= _LATEST_MILLISECONDS
            or crc32c(view[at + CHECKED_FROM : end]) != checksum
        ):
            break
        timestamps.append(timestamp)
        values.append(value)
        layouts.append(layout)
        before, at, after, kind = at, end, base + 1, attributes
    following = batch_at(view, at, position) if values else None
    if following is not None and base_offset_of(following) < after:
        # The last heartbeat does not fit to what follows: `BatchReader` says so.
        at, after = before, after - 1
        del timestamps[-1], values[-1], layouts[-1]
    if not values:
        return None, at
    return HeartbeatRun(after - len(values), _PLAIN[kind], timestamps, values, layouts), at


def in_runs(entries: Iterable[Entry]) -> Iterator[Entry | HeartbeatRun]:
    """Entries of the log, but several heartbeats that follow each other are one entry."""
    run = HeartbeatRun(0, 0, [], [], [])
    for entry in entries:
        layout = _layout_in(entry)
        if layout is None or not isinstance(entry, BatchRecord) or entry.value is None:
            yield from _ended(run)
            run = HeartbeatRun(0, 0, [], [], [])
            yield entry
            continue
        if not run.values or (entry.offset, entry.timestamp_type) != (run.last + 1, run.timestamp_type):
            yield from _ended(run)
            run = HeartbeatRun(entry.offset, entry.timestamp_type, [], [], [])
        run.timestamps.append(entry.timestamp)
        run.values.append(entry.value)
        run.layouts.append(layout)
    yield from _ended(run)


def _layout_in(entry: Entry) -> Layout | None:
    """Where the parts of a heartbeat are; None if it must not be in a run."""
    if not isinstance(entry, BatchRecord) or entry.key is not None or entry.headers:
        return None
    return layout_of(entry.value) if entry.value else None


def _ended(run: HeartbeatRun) -> Iterator[Entry | HeartbeatRun]:
    if run.values:
        yield run if len(run.values) > 1 else run.record(0)


def one_by_one(entries: Iterable[Entry | HeartbeatRun]) -> Iterator[Entry]:
    """The entries, with the heartbeats of every run as ordinary records."""
    for entry in entries:
        if isinstance(entry, HeartbeatRun):
            yield from map(entry.record, range(len(entry.values)))
        else:
            yield entry


def span_of(entry: Entry | HeartbeatRun) -> tuple[int, int]:
    """The first offset of an entry, and the one after its last."""
    return (entry.offset, entry.offset + 1) if isinstance(entry, BatchRecord) else (entry.first, entry.last + 1)


def before(entry: Entry | HeartbeatRun, after: int) -> Entry | HeartbeatRun | None:
    """The entry if it begins before an offset, and of a run only the heartbeats before it; None if it begins later."""
    if isinstance(entry, HeartbeatRun):
        return entry.within(entry.first, after)
    return entry if span_of(entry)[0] < after else None


def _heads() -> dict[int, bytes]:
    """By the length of a batch with one heartbeat, the bytes between its header and what differs between heartbeats."""
    around = HEADER_BYTES - PREFIX_BYTES
    return {
        around + _AROUND_BYTES + size: _two_bytes(size + _AROUND_BYTES - 2) + _NO_KEY + _two_bytes(size) + _BEGIN
        for size in range(_SHORTEST_BYTES, _LONGEST_BYTES)
    }


def _two_bytes(number: int) -> bytes:
    """A number from 64 to 8191, as a batch stores it."""
    return bytes((number << 1 & 0x7F | 0x80, number >> 6))


_HEADS = _heads()
