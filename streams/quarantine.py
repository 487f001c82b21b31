"""Where what may not be counted waits: a topic of its own, with its place in the log and its reason."""

from collections.abc import Awaitable, Callable, Sequence

import msgspec
from msgspec import Struct

from streams.fold import Quarantined

Send = Callable[[str, bytes], Awaitable[object]]
"""Sends a key and a value to the quarantine topic; done when the log has it."""


class QuarantineRecord(Struct, frozen=True):
    """One entry of the quarantine topic.

    Attributes:
        topic: of the record refused.
        partition: likewise.
        offset: likewise; the first one of a batch that cannot be read.
        last_offset: the same, or the last one of that batch.
        index: of the fact in its parcel; None when the whole record is meant.
        reason: one word of a closed list.
        what: what is wrong.
        where: the place in the parcel.
        hint: what to do.
        fact: the fact as JSON when it could be read; what cannot be read is not copied, it might be personal.
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
        """Its identity: an entry sent twice is one."""
        return f"{self.topic}:{self.partition}:{self.offset}:{'-' if self.index is None else self.index}"


async def send_all(send: Send, topic: str, partition: int, quarantined: Sequence[Quarantined]) -> None:
    """Send entries and wait until the log has them: only then may the batch they come from be applied."""
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
