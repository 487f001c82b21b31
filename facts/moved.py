"""The record header of moved facts: on which partition, and when, the log first received them."""

from collections.abc import Iterable
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

HEADER = "bluelamp-moved-from"
Count = Annotated[int, Meta(ge=0)]
Why = Literal["wrong_partition", "partitions_changed"]


class Origin(Struct, frozen=True, kw_only=True):
    """Where moved facts were first received.

    Attributes:
        partition: the partition of the same topic.
        offset: the offset of their record there.
        indexes: the index of each of them in that record.
        received_at: when the log received that record, in milliseconds since 1970.
        why: `wrong_partition` if they were not on their subject's partition; `partitions_changed` if they were, until the topic was
            given more partitions.
        counted_on: the partition on which they counted before the topic was given more partitions; None if they counted nowhere.
        counted_at: the offset there.
    """

    partition: Count
    offset: Count
    indexes: tuple[Count, ...]
    received_at: Annotated[int, Meta(ge=0, le=253_402_300_799_999)]
    why: Why = "wrong_partition"
    counted_on: Count | None = None
    counted_at: Count | None = None


def header_of(origin: Origin) -> tuple[str, bytes]:
    """The header of a record of moved facts."""
    return HEADER, msgspec.json.encode(origin)


def origin_of(headers: Iterable[tuple[str, bytes | None]]) -> Origin | None:
    """Where a record's facts were first received; None if they were not moved."""
    for name, value in headers:
        if name == HEADER and value is not None:
            try:
                return msgspec.json.decode(value, type=Origin)
            except msgspec.MsgspecError:
                return None
    return None
