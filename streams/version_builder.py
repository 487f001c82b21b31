"""Builds a state version from a log outside a worker, with the same fold and the same atomic step."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType

from facts.batch import BatchRecord, Entry, SkippedOffsets
from facts.errors import IncompleteError
from facts.heartbeat_run import HeartbeatRun
from measures.pane import FirstKept
from measures.rules import Rules
from streams.fold import Quarantined
from streams.logreader import RunSource
from streams.moving import Move, OwnPartition
from streams.ownership import DamagedError, Owner, StaleOwnerError
from streams.record import Place, record_of
from streams.retrying import Retry, once
from streams.store import Identity, StateStore

_BATCH_BYTES = 2_000_000
"""Some 9,000 facts: a subject whose facts are in one batch is evaluated and stored once. Live facts wait while a batch is applied, a tenth of a second."""


class VersionBuilder:
    """Folds one partition after the other; if it stops, another builder continues at their applied offsets.

    Facts that cannot be counted are not sent to quarantine again, because the first fold has sent them.

    Args:
        store: the store of the version.
        rules: the rules, by force.
        source: the records to fold.
        move: sends facts to their right partition.
        retry: runs idempotent work on the state server; once by default.
    """

    def __init__(
        self,
        store: StateStore,
        rules: Mapping[str, Rules],
        source: RunSource,
        move: Move,
        retry: Retry = once,
    ) -> None:
        self._owner, self._source = Owner(store, rules, _send_nothing, move, retry=retry), source
        self._retry = retry

    async def claim(
        self,
        place: Place,
        identity: Identity,
        first: int,
        before: int = 0,
        dropped_before: Mapping[str, FirstKept] = MappingProxyType({}),
    ) -> int:
        """Claim a partition, so that no earlier rebuild can continue it; returns its applied offset.

        Args:
            place: the partition.
            identity: the identity of its topic.
            first: the offset at which a new partition begins.
            before: the number of partitions of its topic when the current version was built.
            dropped_before: as in `PartitionFold`.

        Raises:
            IncompleteError: its present state was folded from another log, or with other definitions.
        """
        own_partition = OwnPartition(place[1], identity.partitions, before)
        control = await self._retry(lambda: self._owner.claim(place, identity))
        return await self._retry(lambda: self._owner.start(place, control, first, own_partition, dropped_before))

    def applied_offset(self, place: Place) -> int:
        """The offset up to which a partition is folded."""
        return self._owner.owned[place].applied_offset

    def has_dropped_what_it_left_out(self, place: Place) -> bool:
        """As in `PartitionFold`, of a partition."""
        return self._owner.owned[place].partition.has_dropped_what_it_left_out()

    async def advance(self, place: Place, after: int, report: Callable[[int], None]) -> None:
        """Fold a partition up to but excluding an offset.

        Args:
            place: the partition, which must be claimed.
            after: the offset.
            report: called with the applied offset after each batch.

        Raises:
            IncompleteError: another owner has claimed the partition, or its state is damaged.
        """
        owned = self._owner.owned[place]
        if owned.applied_offset < after:
            for batch in _batches(self._source.read_in_runs(place, owned.applied_offset, after)):
                await self._fold(place, batch)
                report(owned.applied_offset)
        if owned.applied_offset < after:
            # An archive does not keep offsets without a record, such as transaction markers.
            await self._fold(place, [SkippedOffsets(owned.applied_offset, after - 1, 0)])

    async def _fold(self, place: Place, batch: Sequence[Entry | HeartbeatRun]) -> None:
        records = [record_of(each) for each in batch]
        try:
            await self._owner.fold(place, records)
        except (StaleOwnerError, DamagedError) as error:
            hint = "If another `bluelamp rebuild` is running, let it finish. Otherwise start again: `bluelamp rebuild --restart`."
            raise IncompleteError(
                f"The new version could not be built: {error}", where=f"partition {place[0]}:{place[1]}", hint=hint
            ) from error


def _batches(read: Iterable[Sequence[Entry | HeartbeatRun]]) -> Iterator[list[Entry | HeartbeatRun]]:
    """What was read, in batches of about the same size, however it was read."""
    batch, size = list[Entry | HeartbeatRun](), 0
    for entries in read:
        for entry in entries:
            batch.append(entry)
            size += len(entry.value or b"") if isinstance(entry, BatchRecord) else 0
            if size >= _BATCH_BYTES:
                yield batch
                batch, size = [], 0
    if batch:
        yield batch


async def _send_nothing(_place: Place, _quarantined: Sequence[Quarantined]) -> None:
    """Send nothing: the first fold has sent it."""
