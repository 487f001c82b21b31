"""Owns partitions: claims them, folds records into their state, and notices when another owner has claimed them."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from types import MappingProxyType
from typing import NamedTuple, cast

from msgspec import Struct, field

from facts.errors import IncompleteError
from facts.union import Topic
from measures.pane import BLOCK, Deltas, FirstKept, Grain
from measures.rules import Rules
from measures.window import slot_at
from streams.block_forms import ExpectedState
from streams.fold import Change, PartitionFold, Quarantined
from streams.keys import Names
from streams.moving import Move, OwnPartition
from streams.record import Place, Record
from streams.retrying import Retry, once
from streams.settings import CACHED_FACTS
from streams.store import NEW_STATE, Applied, Control, Identity, StateStore, kinds_of

NextOffset = Callable[[Place, int], Awaitable[int | None]]
"""The first offset, at or after the given one, that holds a record; None if none does."""
Quarantine = Callable[[Place, Sequence[Quarantined]], Awaitable[None]]
"""Sends entries to the quarantine topic; returns when the log has them."""


Block = tuple[str, Grain, int]
"""All kinds of a block: force, grain and number."""
RESTING_GRAINS: tuple[Grain, ...] = ("half_hour", "hour", "day")
"""Blocks of minutes stay as they are: they have a few counts, and are dropped after some days."""
RESTING_AFTER = timedelta(days=2) // timedelta(microseconds=1)
"""How far behind what is settled a block must be to be at rest, in microseconds."""


class Owned(Struct):
    """A partition as its owner last saw it.

    Attributes:
        names: the names of its keys.
        epoch: the epoch of this ownership.
        applied_offset: the offset up to which the log is applied to its state.
        partition: its owner's memory of it.
        changed: the blocks whose counts have changed since `blocks_at_rest` was last asked.
        lock: the lock under which its state is changed.
    """

    names: Names
    epoch: int
    applied_offset: int
    partition: PartitionFold
    changed: set[Block] = field(default_factory=set)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class Offer(NamedTuple):
    """A folded batch, ready to be applied.

    Attributes:
        owned: the partition.
        after: the offset after its last record.
        change: its change to the state.
    """

    owned: Owned
    after: int
    change: Change


class StaleOwnerError(Exception):
    """The state has moved without its owner: another owner has claimed the partition, or an older state was restored."""


class DamagedError(IncompleteError):
    """The state is damaged: a batch could not be applied to it, and it is unchanged."""

    def __init__(self, owned: Owned, reason: str) -> None:
        what = f"The state is damaged, so the batch at offset {owned.applied_offset} was not applied: {reason}."
        super().__init__(what, where=f"state of {owned.names}", hint=NEW_STATE)


class GapError(Exception):
    """Records are missing from a batch that the log still holds."""


class Owner:
    """Folds the records of the partitions it owns; workers and rebuilds both use it.

    Args:
        store: the store of the state.
        rules: the rules, by force.
        quarantine: sends what cannot be counted to quarantine, before the batch is applied.
        move: sends facts to their right partition, before the batch is applied.
        next_offset: finds the next record in the log; None if the records are known to have no gaps.
        retry: runs idempotent work on the state server; once by default.
        cached_facts: the most facts that its partitions keep in memory together.
        resting_after: how far behind what is settled a block must be to be at rest, in microseconds.

    Attributes:
        owned: the partitions it owns.
    """

    def __init__(
        self,
        store: StateStore,
        rules: Mapping[str, Rules],
        quarantine: Quarantine,
        move: Move,
        next_offset: NextOffset | None = None,
        retry: Retry = once,
        cached_facts: int = CACHED_FACTS,
        resting_after: int = RESTING_AFTER,
    ) -> None:
        self._cached_facts, self._resting_after = cached_facts, resting_after
        self.store, self.rules = store, rules
        self.owned: dict[Place, Owned] = {}
        self._quarantine, self._move = quarantine, move
        self._next_offset, self._retry = next_offset, retry
        self._fingerprints = {name: each.fingerprint for name, each in rules.items()}

    async def check(self, place: Place, identity: Identity) -> None:
        """Check that this program may continue a partition's state.

        Raises:
            IncompleteError: the state was folded from another log, in another format, or with other definitions.
        """
        await self.store.check(self.store.names(*place), identity, self._fingerprints)

    async def claim(self, place: Place, identity: Identity) -> Control:
        """Claim a partition: from now on an older owner's writes are refused.

        Raises:
            IncompleteError: as `check`.
        """
        return await self.store.claim(self.store.names(*place), identity, self._fingerprints)

    async def start(
        self,
        place: Place,
        control: Control,
        first: int,
        own_partition: OwnPartition,
        dropped_before: Mapping[str, FirstKept] = MappingProxyType({}),
    ) -> int:
        """Own a claimed partition; returns the offset to continue from.

        Args:
            place: the partition.
            control: the result of `claim`.
            first: the offset at which a partition without a state begins.
            own_partition: which of its topic's partitions it is.
            dropped_before: as in `PartitionFold`.
        """
        names = self.store.names(*place)
        applied_offset = first if control.applied_offset is None else control.applied_offset
        if control.applied_offset is None:
            await self.store.begin(names, applied_offset)
        memory = PartitionFold(
            cast(Topic, place[0]), own_partition, self.rules, control.feeds, control.events, dropped_before
        )
        self.owned[place] = Owned(names, control.epoch, applied_offset, memory)
        for each in self.owned.values():
            each.partition.subjects.limit = self._cached_facts // len(self.owned)
        return applied_offset

    async def fold(self, place: Place, records: Sequence[Record]) -> None:
        """Fold records into the state; those already in it are skipped.

        Args:
            place: the partition; nothing happens if it is not owned.
            records: in the log's order.

        Raises:
            StaleOwnerError: another owner has claimed the partition.
            DamagedError: the state is damaged.
            GapError: the log holds records that were not delivered.
        """
        owned = self.owned.get(place)
        if owned is not None:
            async with owned.lock:
                await self._fold(place, owned, records)

    async def disprove(self, now: int) -> None:
        """Doubt the feeds that claim a time in the future, in the state too; they would look live when that time comes.

        Args:
            now: the wall clock, in microseconds.

        Raises:
            StaleOwnerError: another owner has claimed a partition.
            DamagedError: the state is damaged.
        """
        for place, owned in list(self.owned.items()):
            async with owned.lock:
                change = owned.partition.disprove(now)
                if change.feeds and self.owned.get(place) is owned:
                    await self._offer(place, Offer(owned, owned.applied_offset, change))

    async def blocks_at_rest(self, place: Place) -> list[Block]:
        """The blocks of a partition that are some days old and have not changed since this was last asked, oldest first.

        Raises:
            RedisError: the state server refused it.
        """
        owned = self.owned.get(place)
        if owned is None:
            return []
        found = [
            (force, grain, block)
            for force, rules in self.rules.items()
            if (settled := owned.partition.settled(force)) is not None
            for grain in RESTING_GRAINS
            for block in await self.store.blocks(
                owned.names, force, grain, slot_at(grain, settled - self._resting_after, rules) // BLOCK[grain]
            )
        ]
        changed, owned.changed = owned.changed, set()
        return [each for each in found if each not in changed]

    async def compress(self, place: Place, blocks: Sequence[Block]) -> int:
        """Compress blocks that are still at rest; returns how many hashes were compressed.

        Raises:
            RedisError: the state server refused it, or its reply was lost; no figure is different in either case.
        """
        owned = self.owned.get(place)
        if owned is None:
            return 0
        async with owned.lock:
            names, kinds = owned.names, kinds_of(place[0])
            keys = [
                names.panes_of(force, grain, block, kind)
                for force, grain, block in blocks
                if (force, grain, block) not in owned.changed
                for kind in kinds
            ]
            return await self.store.forms.compress(ExpectedState(names, owned.epoch, owned.applied_offset), keys)

    async def _fold(self, place: Place, owned: Owned, records: Sequence[Record]) -> None:
        new = [rest for record in records if (rest := record.since(owned.applied_offset))]
        if not new:
            return
        await self._check_gaps(place, owned.applied_offset, new)
        admitted = owned.partition.admit(new)
        if uncached := owned.partition.uncached(admitted):
            await self._load_timelines(owned, uncached)
        change = owned.partition.fold(admitted)
        await self._quarantine(place, change.quarantined)
        await self._move(place, change.moved)
        await self._offer(place, Offer(owned, new[-1].after, change))

    async def _load_timelines(self, owned: Owned, keys: Sequence[str]) -> None:
        applied_offset, known = await self._retry(lambda: self.store.timelines(owned.names, keys))
        if applied_offset != owned.applied_offset:
            raise _stale(owned, applied_offset)
        for key, timeline in known.items():
            owned.partition.cache_subject(key, timeline)

    async def _check_gaps(self, place: Place, applied_offset: int, records: Sequence[Record]) -> None:
        """Check for missing offsets before or between records; continue only if the log holds no records there either."""
        expected = applied_offset
        for record in records if self._next_offset else ():
            if record.offset != expected:
                found = await cast(NextOffset, self._next_offset)(place, expected)
                if found != record.offset:
                    what = f"received offset {record.offset} instead of {expected}; reading again"
                    raise GapError(f"{place[0]}:{place[1]}: {what}.")
            expected = record.after

    async def _offer(self, place: Place, offer: Offer) -> None:
        owned, after = offer.owned, offer.after
        applied = await self._retry(lambda: self._apply_once(offer))
        if applied.outcome == "damaged":
            raise DamagedError(owned, applied.reason)
        if applied.outcome == "applied" or (applied.applied_offset == after and applied.epoch == owned.epoch):
            # The state is already at this batch's end: the reply to an earlier attempt was lost.
            owned.applied_offset = after
            owned.changed.update(_blocks(offer.change.panes))
        elif self.owned.get(place) is owned:
            raise _stale(owned, applied.applied_offset)

    async def _apply_once(self, offer: Offer) -> Applied:
        owned = offer.owned
        return await self.store.apply(owned.names, owned.epoch, owned.applied_offset, offer.after, offer.change)


def _blocks(panes: Mapping[str, Deltas]) -> Iterator[Block]:
    """The blocks in which a change adds counts."""
    return (
        (force, grain, slot // BLOCK[grain])
        for force, kinds in panes.items()
        for of_kind in kinds.values()
        for grain in RESTING_GRAINS
        for slot in of_kind[grain]
    )


def _stale(owned: Owned, applied_offset: int | None) -> StaleOwnerError:
    return StaleOwnerError(
        f"{owned.names}: this owner is stale. The state is at offset {applied_offset}, this owner at {owned.applied_offset}."
    )
