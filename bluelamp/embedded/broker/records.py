"""Finds the record of a given time in a batch; the only place where the broker decodes records."""

from kafka.record import MemoryRecords

from facts.batch import Header


def first_at_or_after(whole_batch: bytes, header: Header, milliseconds: int) -> tuple[int, int]:
    """The offset and time of the first record in a batch at or after a time.

    Records with the broker's time all have the same one. A compressed batch is not decoded, because it could decompress to any
    size: the result is its first offset, from which reading misses nothing. The same applies to one that cannot be decoded.
    """
    first = header.base_offset, header.newest_milliseconds
    if header.has_append_time or header.codec:
        return first
    try:
        decoded = MemoryRecords(whole_batch).next_batch()
        at_or_after = ((record.offset, record.timestamp) for record in decoded if record.timestamp >= milliseconds)
        return next(at_or_after, first)
    except Exception:  # noqa: BLE001 - the broker does not judge what producers send
        return first
