"""Folds a log into a version of the state outside of a worker: the same fold, the same atomic step, another place."""

from collections.abc import Callable, Mapping, Sequence
from typing import cast

from msgspec import Struct

from facts.errors import IncompleteError
from facts.union import Topic
from measures.rules import Rules
from streams.fold import Partition, record_of
from streams.logreader import LogRecord, Source
from streams.stall import Place
from streams.store import Control, Identity, Names, Store

_BATCH_RECORDS = 500


class _Owned(Struct):
    names: Names
    epoch: int
    fence: int
    partition: Partition


class Refold:
    """Folds partitions one after the other; stopped at any moment, another goes on at their fences.

    What may not be counted is counted as such, and not sent to the quarantine again: the fold before has sent it.

    Args:
        store: of the version.
        rules: by force.
        source: what is folded.
    """

    def __init__(self, store: Store, rules: Mapping[str, Rules], source: Source) -> None:
        self._store, self._rules, self._source = store, rules, source
        self._owned: dict[Place, _Owned] = {}

    async def claim(self, place: Place, identity: Identity, first: int) -> int:
        """Take a partition over, so that nobody else goes on with it; where it stands.

        Args:
            place: the partition.
            identity: of its topic.
            first: where it begins when it is new.

        Raises:
            IncompleteError: what there is of it was folded from another log, or by other definitions.
        """
        names = self._store.names(*place)
        fingerprints = {name: each.force.fingerprint() for name, each in self._rules.items()}
        control: Control = await self._store.claim(names, identity, fingerprints)
        if control.fence is None:
            await self._store.begin(names, first)
        fence = first if control.fence is None else control.fence
        memory = Partition(cast(Topic, place[0]), self._rules, control.feeds, control.events)
        self._owned[place] = _Owned(names, control.epoch, fence, memory)
        return fence

    def fence(self, place: Place) -> int:
        """Where a partition stands."""
        return self._owned[place].fence

    async def advance(self, place: Place, after: int, tell: Callable[[int], None]) -> None:
        """Fold a partition up to, and without, an offset.

        Args:
            place: the partition, which is claimed.
            after: the offset.
            tell: is told after each batch where the partition stands.

        Raises:
            IncompleteError: somebody else has taken the partition over, or its keys hold what is not of a state.
        """
        owned = self._owned[place]
        for some in self._source.read(place, owned.fence, after) if owned.fence < after else ():
            for start in range(0, len(some), _BATCH_RECORDS):
                await self._fold(owned, some[start : start + _BATCH_RECORDS])
                tell(owned.fence)

    async def _fold(self, owned: _Owned, told: Sequence[LogRecord]) -> None:
        records = [record_of(each.offset, each.timestamp, each.timestamp_type, each.value) for each in told]
        admitted = owned.partition.admit(records)
        for key, timeline in (await self._store.timelines(owned.names, owned.partition.unknown(admitted))).items():
            owned.partition.remember(key, timeline)
        change, after = owned.partition.fold(admitted), records[-1].offset + 1
        applied = await self._store.apply(owned.names, owned.epoch, owned.fence, after, change)
        if applied.outcome != "applied":
            what = (
                f"Offset {owned.fence} could not be folded in: {applied.reason or 'another process has taken it over'}."
            )
            hint = "Does another `bluelamp rebuild` run? Let it end. Else begin again: `bluelamp rebuild --anew`."
            raise IncompleteError(what, where=f"version under {owned.names.base}", hint=hint)
        owned.fence = after
