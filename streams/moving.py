"""Moves facts to the partition they belong on: as a copy that says where it was first received."""

from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

from facts.moved import header_of
from facts.wire import encode
from streams.fold import Moved
from streams.stall import Place

Move = Callable[[Place, Sequence[Moved]], Awaitable[None]]
"""Sends facts found on a partition to those they belong on; returns when the log has them."""


class Copy(NamedTuple):
    """A record to be sent.

    Attributes:
        topic: where to.
        partition: likewise.
        key: the subject's id where it holds one fact.
        value: its facts.
        headers: where they were first received.
    """

    topic: str
    partition: int
    key: bytes | None
    value: bytes
    headers: list[tuple[str, bytes]]


def copy_of(place: Place, moved: Moved) -> Copy:
    """The record that carries facts to the partition they belong on."""
    key = moved.facts[0].subject_id.encode() if len(moved.facts) == 1 else None
    return Copy(place[0], moved.partition, key, encode(moved.facts), [header_of(moved.origin)])
