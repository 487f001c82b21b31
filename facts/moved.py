"""The mark of a moved fact: a record's header that says on which partition, and when, the log first received it."""

from collections.abc import Iterable
from typing import Literal

import msgspec
from msgspec import Struct

HEADER = "bluelamp-moved-from"
Why = Literal["wrong_partition", "partitions_changed"]


class Origin(Struct, frozen=True, kw_only=True):
    """Where a moved fact was first received.

    Attributes:
        partition: the number of the partition, of the same topic.
        offset: of its record there.
        index: of the fact in that record; of the first of several.
        received_at: when the log received that record, in milliseconds since 1970.
        why: it was on another partition than its subject's; or on its subject's, before the topic was given more.
    """

    partition: int
    offset: int
    index: int
    received_at: int
    why: Why


def header_of(origin: Origin) -> tuple[str, bytes]:
    """The header of a record that holds facts moved from there."""
    return HEADER, msgspec.json.encode(origin)


def origin_of(headers: Iterable[tuple[str, bytes | None]]) -> Origin | None:
    """Where a record's facts were first received; None when they were received where they are."""
    for name, value in headers:
        if name == HEADER and value is not None:
            try:
                return msgspec.json.decode(value, type=Origin)
            except msgspec.MsgspecError:
                return None
    return None
