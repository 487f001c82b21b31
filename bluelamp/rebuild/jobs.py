"""The parts of a rebuild that can run at the same time: a partition to fold, and a topic to compare."""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import NamedTuple, cast

import msgspec
from msgspec import Struct
from redis import Redis
from redis.asyncio import Redis as AsyncRedis

from bluelamp.archive.reading import Archive, ArchiveAndLog
from bluelamp.rebuild.certify import Certified, Recounter, certify
from bluelamp.rebuild.repartition import LogSource, Mover
from bluelamp.rebuild.versions import remove_partition
from bluelamp.verify.compare import Difference, every_query, numbers, pairs_of, read_state
from bluelamp.verify.state_diff import PartitionDiff, StateDifference, compare_versions, read_by
from facts.errors import IncompleteError
from facts.union import Topic
from measures.pane import EVERY_PANE, FirstKept
from measures.reading import Reading
from measures.rules import Rules
from streams.fold import kept_panes
from streams.keys import Names
from streams.readings import Reader
from streams.record import Place
from streams.retrying import Retry
from streams.store import Identity, StateStore, UnreadableError
from streams.version import prefix_of
from streams.version_builder import VersionBuilder

_LEFT_OUT = "left_out"
"""The field of a partition's control hash that says, while it is folded up to the current version, which panes are left out."""
ReportProgress = Callable[[Place, int, int], None]
"""Called with a partition, its new version's applied offset, and the offset to reach."""


class RebuildParts(NamedTuple):
    """What a process needs to do its part of a rebuild.

    Attributes:
        state_name: the name of the state.
        rules: the rules of every force, with which to build.
        redis: a blocking client of the state server.
        log: reads the log.
        archive: the archive of the log; None if there is none.
        mover: moves facts that are on a wrong partition.
        recounter: recounts the log.
        client: a client of the state server for the new version.
        now: the wall clock.
        report: called with the progress of each partition.
        retry: runs idempotent work on the state server.
    """

    state_name: str
    rules: Mapping[str, Rules]
    redis: Redis
    log: LogSource
    archive: Archive | None
    mover: Mover
    recounter: Recounter
    client: AsyncRedis
    now: Callable[[], datetime]
    report: ReportProgress
    retry: Retry

    def store(self, version: int) -> StateStore:
        """The store of a version."""
        return StateStore(self.client, prefix_of(self.state_name, version))

    def builder(self, version: int) -> VersionBuilder:
        """A builder of a version, from archive and log."""
        whole = ArchiveAndLog(self.archive, self.log)
        return VersionBuilder(self.store(version), self.rules, whole, self.mover.move, self.retry)

    def names(self, version: int, place: Place) -> Names:
        """The keys of a partition in a version."""
        return Names(prefix_of(self.state_name, version), *place)

    def reader(self, version: int) -> Reader:
        """A reader of a version."""
        return Reader(self.redis, self.state_name, self.rules, self.now, version)

    def advance(self, builder: VersionBuilder, place: Place) -> Callable[[int], Awaitable[None]]:
        """What brings a partition of the new version to an offset, and refuses to go back to one."""

        async def advance(after: int) -> None:
            if builder.applied_offset(place) > after:
                what = f"The new version is at offset {builder.applied_offset(place)}, but the current one only at {after}."
                hint = "Let the workers catch up with the log, or start again: `bluelamp rebuild --restart`."
                raise IncompleteError(what, where=f"partition {place[0]}:{place[1]}", hint=hint)
            await builder.advance(place, after, lambda applied_offset: self.report(place, applied_offset, after))

        return advance


class Versions(Struct, frozen=True):
    """The numbers of the current version and of the new one."""

    old: int
    new: int


class Claim(Struct, frozen=True):
    """A partition of the new version, for its builder.

    Attributes:
        place: the partition.
        identity: the identity of its topic.
        first: the offset at which a new partition begins.
        before: the number of partitions of its topic when the current version was built.
    """

    place: Place
    identity: Identity
    first: int
    before: int

    async def by(self, builder: VersionBuilder, dropped_before: Mapping[str, FirstKept] = MappingProxyType({})) -> None:
        """Claim it; `dropped_before` is as in `PartitionFold`."""
        await builder.claim(self.place, self.identity, self.first, self.before, dropped_before)


class FoldJob(Struct, frozen=True, kw_only=True):
    """A partition to fold.

    Attributes:
        versions: the versions.
        claim: the partition.
        end: the offset to fold up to if it is not compared.
        is_compared: whether to compare it with the current version, at that version's applied offset.
    """

    versions: Versions
    claim: Claim
    end: int
    is_compared: bool


class Folded(Struct, kw_only=True):
    """A partition that was folded.

    Attributes:
        moved: the number of its facts that were moved to another partition.
        counts: the number of counts of panes compared.
        open_items: the number of open items compared.
        cells: counts and open items that differ.
        not_compared: why the current version cannot be read; empty if it was compared or need not be.
    """

    moved: int = 0
    counts: int = 0
    open_items: int = 0
    cells: list[StateDifference] = []
    not_compared: str = ""


async def fold(parts: RebuildParts, job: FoldJob) -> Folded:
    """Fold a partition, and compare it with the current version.

    Raises:
        IncompleteError: records are missing, or the new version is already beyond the current one.
    """
    place, builder, result, moved = job.claim.place, parts.builder(job.versions.new), Folded(), parts.mover.moved
    try:
        if job.is_compared:
            held = await _fold_and_compare(parts, job, builder)
            result.counts, result.open_items, result.cells = held.counts, held.open_items, held.cells
    except UnreadableError as error:
        result.not_compared = unreadable(error, prefix_of(parts.state_name, job.versions.old))
    if not job.is_compared or result.not_compared:
        _check_left_out(parts.redis, parts.names(job.versions.new, place), {})
        await job.claim.by(builder)
        await builder.advance(place, job.end, lambda applied_offset: parts.report(place, applied_offset, job.end))
    result.moved = parts.mover.moved - moved
    return result


async def _fold_and_compare(parts: RebuildParts, job: FoldJob, builder: VersionBuilder) -> PartitionDiff:
    """Fold a partition up to the current version's applied offset, without the panes that version has dropped, and compare it."""
    place = job.claim.place
    old, new = (read_by(parts.redis, parts.names(each, place)) for each in (job.versions.old, job.versions.new))
    old.refresh()
    topic = cast(Topic, place[0])
    dropped_before = {name: kept_panes(old.feeds, each, topic) for name, each in parts.rules.items()}
    _check_left_out(parts.redis, new.names, dropped_before)
    await job.claim.by(builder, dropped_before)
    left_out = msgspec.json.encode(dropped_before).decode()
    await parts.retry(lambda: parts.client.hset(new.names.control, _LEFT_OUT, left_out))
    advance = parts.advance(builder, place)
    if old.applied_offset is not None:
        await advance(old.applied_offset)
    if builder.has_dropped_what_it_left_out(place):
        await parts.retry(lambda: parts.client.hdel(new.names.control, _LEFT_OUT))
    else:
        # The current version has dropped more than the log says, so panes that are kept would lack counts.
        remove_partition(parts.redis, new.names)
        await job.claim.by(builder)
    return await compare_versions(old, new, parts.rules, advance)


def _check_left_out(redis: Redis, names: Names, kept: Mapping[str, FirstKept]) -> None:
    """Remove what an interrupted rebuild has built of a partition, if it may have left out panes that are kept."""
    stored = cast("str | None", redis.hget(names.control, _LEFT_OUT))
    if stored is None:
        return
    left_out = msgspec.json.decode(stored, type=dict[str, FirstKept])
    if any(
        first > known
        for force, each in left_out.items()
        for first, known in zip(each, kept.get(force, EVERY_PANE), strict=True)
    ):
        remove_partition(redis, names)


def unreadable(error: UnreadableError, prefix: str) -> str:
    """Why a version cannot be compared.

    Args:
        error: what could not be read.
        prefix: the version's prefix.

    Raises:
        UnreadableError: it belongs to another version.
    """
    if error.names.prefix != prefix:
        raise error
    return f"The current version cannot be read. {error.what} ({error.where})"


class TopicJob(Struct, frozen=True, kw_only=True):
    """A topic to compare, once every partition is folded.

    Attributes:
        versions: the versions.
        topic: the topic.
        claims: its partitions.
        windows: the windows over which to compare figures with the current version; empty if it cannot be compared.
        is_whole: whether every count and open item is the same in both. Then breakdowns cannot differ, because they are
            made of the same counts, and only whole figures are compared.
    """

    versions: Versions
    topic: Topic
    claims: tuple[Claim, ...]
    windows: tuple[str, ...]
    is_whole: bool


class TopicCompared(Struct, kw_only=True):
    """A topic that was compared.

    Attributes:
        figures: the number of figures compared with the current version.
        differing: figures that differ; `read` is the current version's, `recounted` the new one's.
        never_received: the forces from which nothing was ever received, which therefore have no figures to compare.
        from_log: the result of the comparison with a recount of the log.
        not_compared: as in `Folded`.
    """

    figures: int = 0
    differing: list[Difference] = []
    never_received: list[str] = []
    from_log: Certified
    not_compared: str = ""


async def compare_topic(parts: RebuildParts, job: TopicJob) -> TopicCompared:
    """Compare the figures of a topic with the current version's, and its counts and open items with a recount of the log.

    The current version may have the same fault as the new one, so that the two do not differ.

    Raises:
        IncompleteError: records are missing, or the new version is already beyond the current one.
    """
    builder, result = parts.builder(job.versions.new), TopicCompared(from_log=Certified())
    for claim in job.claims:
        await claim.by(builder)
    try:
        for force, rules in parts.rules.items() if job.windows else ():
            await _compare_figures(parts, job, builder, (force, rules), result)
    except UnreadableError as error:
        result.not_compared = unreadable(error, prefix_of(parts.state_name, job.versions.old))
    applied_offsets = {claim.place: builder.applied_offset(claim.place) for claim in job.claims}
    reader = parts.reader(job.versions.new)
    result.from_log = certify(reader, parts.rules, applied_offsets, parts.recounter, (job.topic,))
    return result


async def _compare_figures(
    parts: RebuildParts, job: TopicJob, builder: VersionBuilder, of_force: tuple[str, Rules], result: TopicCompared
) -> None:
    """Compare every figure of a force and topic over every window, at one time."""
    force, rules = of_force
    reader, other = (parts.reader(each) for each in (job.versions.old, job.versions.new))
    reader.refresh()
    if not reader.is_received(force):
        result.never_received.append(force)
        return
    windows = [each for each in job.windows if each != "shift" or rules.force.shifts]
    queries = [
        each
        for each in every_query(windows, rules.force)
        if job.topic in each.measure.topics() and not (job.is_whole and each.by)
    ]
    seen = read_state(reader, force, queries, reader.present(force))
    for claim in job.claims:
        await parts.advance(builder, claim.place)(seen.applied_offsets[claim.place])
    rebuilt = read_state(other, force, queries, seen.as_of)
    for (query, readings), (_, again) in zip(seen.results, rebuilt.results, strict=True):
        result.figures += len(readings)
        result.differing += _differing(query.measure.name, query.window, readings, again)


def _differing(measure: str, window: str, old: Sequence[Reading], new: Sequence[Reading]) -> Iterator[Difference]:
    for words, before, after in pairs_of(old, new):
        one, other = (each and numbers(each) for each in (before, after))
        if one != other:
            yield Difference(measure=measure, window=window, dimensions=words, read=one, recounted=other)
