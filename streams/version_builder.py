"""Folds a log into a version of the state outside of a worker: the same fold, the same atomic step, another place."""

from collections.abc import Callable, Mapping, Sequence

from facts.batch import Entry, SkippedOffsets
from facts.errors import IncompleteError
from measures.rules import Rules
from streams.fold import Quarantined
from streams.logreader import RecordSource
from streams.moving import Move, OwnPartition
from streams.ownership import DamagedError, Owner, StaleOwnerError
from streams.patience import Patiently, once
from streams.record import record_of
from streams.stall import Place
from streams.store import Identity, StateStore

_BATCH_RECORDS = 500


class VersionBuilder:
    """Folds partitions one after the other; stopped at any moment, another goes on at their applied offsets.

    What may not be counted is counted as such, and not sent to the quarantine again: the fold before has sent it.

    Args:
        store: of the version.
        rules: by force.
        source: what is folded.
        move: sends facts to the partition they belong on.
        patiently: does some work on the state server, which is harmless to do twice; once unless given.
    """

    def __init__(
        self,
        store: StateStore,
        rules: Mapping[str, Rules],
        source: RecordSource,
        move: Move,
        patiently: Patiently = once,
    ) -> None:
        self._owner, self._source = Owner(store, rules, _leave, move, patiently=patiently), source
        self._patiently = patiently

    async def claim(self, place: Place, identity: Identity, first: int, before: int = 0) -> int:
        """Claim a partition, so that no earlier rebuild continues with it; answers with its applied offset.

        Args:
            place: the partition.
            identity: of its topic.
            first: where it begins when it is new.
            before: how many partitions its topic had when the version shown was built.

        Raises:
            IncompleteError: what there is of it was folded from another log, or by other definitions.
        """
        share = OwnPartition(place[1], identity.partitions, before)
        control = await self._patiently(lambda: self._owner.claim(place, identity))
        return await self._patiently(lambda: self._owner.start(place, control, first, share))

    def applied_offset(self, place: Place) -> int:
        """The offset up to which a partition is folded."""
        return self._owner.owned[place].applied_offset

    async def advance(self, place: Place, after: int, report: Callable[[int], None]) -> None:
        """Fold a partition up to, and without, an offset.

        Args:
            place: the partition, which is claimed.
            after: the offset.
            report: is given the applied offset of the partition after each batch.

        Raises:
            IncompleteError: somebody else has claimed the partition, or its keys hold what is not of a state.
        """
        owned = self._owner.owned[place]
        for some in self._source.read(place, owned.applied_offset, after) if owned.applied_offset < after else ():
            for start in range(0, len(some), _BATCH_RECORDS):
                await self._fold(place, some[start : start + _BATCH_RECORDS])
                report(owned.applied_offset)
        if (
            owned.applied_offset < after
        ):  # an archive does not keep what holds no record, such as the mark of a transaction
            await self._fold(place, [SkippedOffsets(owned.applied_offset, after - 1, 0)])

    async def _fold(self, place: Place, batch: Sequence[Entry]) -> None:
        records = [record_of(each) for each in batch]
        try:
            await self._owner.fold(place, records)
        except (StaleOwnerError, DamagedError) as error:
            hint = "Does another `bluelamp rebuild` run? Let it end. Else begin again: `bluelamp rebuild --anew`."
            raise IncompleteError(
                f"The new version could not be built: {error}", where=f"partition {place[0]}:{place[1]}", hint=hint
            ) from error


async def _leave(_place: Place, _quarantined: Sequence[Quarantined]) -> None:
    """Send nothing: the fold before has sent it."""
