"""Looking into a batch for the record of a given time: the one place where records are decoded."""

from kafka.record import MemoryRecords

from facts.batch import Header


def first_at_or_after(whole_batch: bytes, header: Header, milliseconds: int) -> tuple[int, int]:
    """The offset and time of the first record of the batch that is not before the time.

    Records with the broker's time all have the same one. A compressed batch is not opened, for it
    may be made to unpack to any size: its first offset is given, and reading from there misses
    nothing. So it is with one that cannot be decoded.
    """
    first = header.base_offset, header.newest_milliseconds
    if header.has_append_time or header.codec:
        return first
    try:
        decoded = MemoryRecords(whole_batch).next_batch()
        at_or_after = ((record.offset, record.timestamp) for record in decoded if record.timestamp >= milliseconds)
        return next(at_or_after, first)
    except Exception:  # noqa: BLE001 - whatever a decoder stumbles over, what a producer sent is not ours to judge
        return first
