"""The quarantine topic: facts that cannot be counted, each with its place in the log and its reason."""

from collections.abc import Awaitable, Callable, Sequence

import msgspec
from msgspec import Struct

from streams.fold import Quarantined

Send = Callable[[str, bytes], Awaitable[object]]
"""Sends a key and a value to the quarantine topic; completes when the log has them."""


class QuarantineRecord(Struct, frozen=True):
    """One entry of the quarantine topic.

    Attributes:
        topic: the topic of the refused record.
        partition: its partition.
        offset: its offset, or the first offset of an unreadable batch.
        last_offset: the same, or the last offset of that batch.
        index: the position of the fact in its record; None for the whole record.
        reason: one word of a closed list.
        what: what is wrong.
        where: the place in the record.
        hint: what to do.
        fact: the fact as JSON if it could be read; unreadable content is not copied, because it may be personal data.
    """

    topic: str
    partition: int
    offset: int
    last_offset: int
    index: int | None
    reason: str
    what: str
    where: str
    hint: str
    fact: str | None

    def key(self) -> str:
        """The identity of the entry: one that is sent twice has the same key."""
        return f"{self.topic}:{self.partition}:{self.offset}:{'-' if self.index is None else self.index}"


async def send_all(send: Send, topic: str, partition: int, quarantined: Sequence[Quarantined]) -> None:
    """Send entries and wait until the log has them; only then may their batch be applied."""
    for each in quarantined:
        refusal = each.refusal
        record = QuarantineRecord(
            topic,
            partition,
            each.offset,
            each.last_offset,
            refusal.index,
            refusal.reason,
            refusal.what,
            refusal.where,
            refusal.hint,
            each.fact,
        )
        await send(record.key(), msgspec.json.encode(record))
