"""Rebuilds the state: builds a new version from archive and log, compares it with the current one, and switches to it.

Readers and workers follow one key, which is set in one step, so no reading mixes two versions. Workers that still have the old
version are refused at their next batch.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import cast

import msgspec
from msgspec import Struct
from redis import Redis
from redis.exceptions import RedisError

from bluelamp.archive.reading import ArchiveAndLog
from bluelamp.rebuild.jobs import (
    Claim,
    FoldJob,
    RebuildParts,
    ReportProgress,
    TopicJob,
    Versions,
    compare_topic,
    fold,
    unreadable,
)
from bluelamp.rebuild.processes import InProcesses, InTurn, Runner, opened
from bluelamp.rebuild.versions import SET_IF, current_version, remove_version
from bluelamp.verify.audit import AuditDifference
from bluelamp.verify.compare import Difference
from bluelamp.verify.state_diff import StateDifference
from bluelamp.verify.words import exact
from bluelamp.wiring.settings import Settings
from facts.errors import IncompleteError
from facts.union import TOPICS
from measures.rules import Rules
from measures.window import WINDOWS
from streams.codec import FORMAT
from streams.keys import Names
from streams.record import Place
from streams.store import Identity, StateStore, UnreadableError, reading_state
from streams.version import FIRST, pointer, prefix_of
from streams.version_builder import VersionBuilder


class Rebuilt(Struct, kw_only=True):
    """The result of a rebuild.

    Attributes:
        current: the number of the current version, after the switch if there was one.
        built: the number of the version that was built.
        records: the number of records of archive and log in it.
        figures: the number of figures compared with the previous version.
        counts: the number of counts of panes compared.
        open_items: the number of open items compared.
        differing_figures: figures that differ; `read` is the previous version's, `recounted` the new one's.
        differing_cells: counts and open items that differ.
        not_compared: why the versions were not compared; empty if they were.
        behind: the number of records in the log that the previous version does not have yet.
        never_received: the forces from which nothing was ever received, which therefore have no figures to compare.
        log_compared: the number of counts and open items compared with a recount of the log.
        differing_from_log: the counts and open items that differ from it.
        moved: the number of facts that were on a wrong partition and were moved.
    """

    current: int
    built: int
    records: int = 0
    figures: int = 0
    counts: int = 0
    open_items: int = 0
    differing_figures: list[Difference] = []
    differing_cells: list[StateDifference] = []
    not_compared: str = ""
    behind: int = 0
    never_received: list[str] = []
    log_compared: int = 0
    differing_from_log: list[AuditDifference] = []
    moved: int = 0

    def is_same(self) -> bool:
        """Whether everything was compared with the current version or with the log, and nothing differs."""
        is_compared = not self.not_compared or self.log_compared > 0
        return is_compared and not (self.differing_figures or self.differing_cells or self.differing_from_log)


class Rebuild:
    """One rebuild.

    Args:
        settings: name the archive and the state, and allow a first start.
        parts: what this process needs for its part.
        runner: runs the jobs that can run at the same time; by default in turn.
        windows: the windows over which to compare figures; all counts and open items are compared.
    """

    def __init__(
        self, settings: Settings, parts: RebuildParts, runner: Runner | None = None, windows: Iterable[str] = WINDOWS
    ) -> None:
        self._settings, self._parts, self._windows = settings, parts, tuple(windows)
        self._runner = runner or InTurn(parts)
        self._redis, self._name = parts.redis, parts.state_name
        self.old = current_version(self._redis, self._name)
        self.new = self.old + 1
        self._identities: dict[str, Identity] = dict(parts.log.identities(TOPICS))
        self._before = {topic: self._count_before(topic) for topic in self._identities}

    async def run(self, *, is_from_scratch: bool, is_switched: bool, are_accepted: bool) -> Rebuilt:
        """Build the new version, compare it, and switch to it if requested.

        Args:
            is_from_scratch: discard an unfinished rebuild instead of continuing it.
            is_switched: switch to the new version if nothing differs.
            are_accepted: switch even if something differs.

        Raises:
            IncompleteError: records are missing in archive, log or state; says which.
            PartMissingError: a process of the rebuild has ended.
        """
        if is_from_scratch:
            remove_version(self._redis, self._name, self.new)
        if self._parts.archive is not None:
            self._parts.archive.check(self._identities)
        await self._parts.retry(lambda: self._announce(self._parts.store(self.new)))
        reach = ArchiveAndLog(self._parts.archive, self._parts.log).reach(self._parts.log.reach(self._identities))
        claims = [self._claim(place, first) for place, (first, _) in reach.items()]
        result = Rebuilt(current=self.old, built=self.new, not_compared=self._why_not_comparable(list(reach)))
        await self._fold(claims, {place: end for place, (_, end) in reach.items()}, result)
        await self._compare_topics(claims, result)
        builder = await self._own(claims)
        if is_switched and (result.is_same() or are_accepted):
            await self._switch(builder, result)
        result.records = sum(builder.applied_offset(place) - first for place, (first, _) in reach.items())
        return result

    async def _announce(self, store: StateStore) -> None:
        for topic, identity in self._identities.items():
            await store.announce(topic, identity.partitions)

    def _claim(self, place: Place, first: int) -> Claim:
        if first > 0 and not self._settings.first_start:
            what = f"Archive and log begin at offset {first}: offsets 0 to {first - 1} are missing."
            hint = (
                "Set BLUELAMP_ARCHIVE to the archive that holds them. If there is none and the new version does not need them, "
                "run this once with BLUELAMP_FIRST_START=yes."
            )
            raise IncompleteError(what, where=f"partition {place[0]}:{place[1]}", hint=hint)
        return Claim(place, self._identities[place[0]], first, self._before[place[0]])

    async def _own(self, claims: Iterable[Claim]) -> VersionBuilder:
        """A builder of the new version in this process, which owns every partition."""
        builder = self._parts.builder(self.new)
        for each in claims:
            await each.by(builder)
        return builder

    async def _advance_all(self, builder: VersionBuilder, result: Rebuilt) -> None:
        """Bring the new version to the present end of the log, including facts that are moved meanwhile."""
        before, moved = self._parts.mover.moved, -1
        while moved != self._parts.mover.moved:
            moved = self._parts.mover.moved
            for place, (_, last) in self._parts.log.reach(self._identities).items():
                await builder.advance(place, last, partial(self._report, place, last))
        result.moved += self._parts.mover.moved - before

    def _report(self, place: Place, last: int, applied_offset: int) -> None:
        self._parts.report(place, applied_offset, last)

    # Folding and comparing.

    async def _fold(self, claims: Sequence[Claim], ends: Mapping[Place, int], result: Rebuilt) -> None:
        """Fold every partition, and compare it with the current version at that version's applied offset."""
        versions, is_compared = Versions(self.old, self.new), not result.not_compared
        jobs = [
            FoldJob(versions=versions, claim=each, end=ends[each.place], is_compared=is_compared)
            for each in sorted(claims, key=lambda each: each.first - ends[each.place])  # the longest first
        ]
        for each in claims:
            self._parts.report(each.place, each.first, ends[each.place])
        for folded in await self._runner.run(fold, jobs, _Watch(self._redis, self.new, self._parts, ends).look):
            result.moved += folded.moved
            result.counts += folded.counts
            result.open_items += folded.open_items
            result.differing_cells += folded.cells
            result.not_compared = result.not_compared or folded.not_compared
        if result.not_compared:
            await self._advance_all(await self._own(claims), result)

    async def _compare_topics(self, claims: Sequence[Claim], result: Rebuilt) -> None:
        """Compare the figures of each topic with the current version's, and everything that is stored with the log."""
        jobs = [
            TopicJob(
                versions=Versions(self.old, self.new),
                topic=topic,
                claims=tuple(each for each in claims if each.place[0] == topic),
                windows=() if result.not_compared else self._windows,
                is_whole=not result.differing_cells,
            )
            for topic in TOPICS
            if topic in self._identities
        ]
        for compared in await self._runner.run(compare_topic, jobs, _nothing):
            result.figures += compared.figures
            result.differing_figures += compared.differing
            result.never_received += (each for each in compared.never_received if each not in result.never_received)
            result.log_compared += compared.from_log.compared
            result.differing_from_log += compared.from_log.differing
            result.not_compared = result.not_compared or compared.not_compared
        if not result.not_compared:
            self._count_records_behind(result)

    def _count_records_behind(self, result: Rebuilt) -> None:
        """Count the records that could not be compared, because the current version does not have them yet."""
        for place, (first, end) in self._parts.log.reach(self._identities).items():
            applied_offset = cast(
                "str | None", self._redis.hget(self._names(self.old, place).control, "applied_offset")
            )
            result.behind += end - int(applied_offset or first)

    def _count_before(self, topic: str) -> int:
        """The number of partitions of a topic when the current version was built; 0 if there is none or it is unknown."""
        for number in range(self._identities[topic].partitions):
            names = self._names(self.old, (topic, number))
            with suppress(UnreadableError), reading_state(names):
                stored = self._redis.hget(names.control, "identity")
                if stored is not None:
                    return msgspec.json.decode(cast(str, stored), type=Identity).partitions
        return 0

    def _why_not_comparable(self, places: list[Place]) -> str:
        try:
            return self._why_not_equal(places)
        except UnreadableError as error:
            return unreadable(error, prefix_of(self._name, self.old))

    def _why_not_equal(self, places: list[Place]) -> str:
        stored = [self._format_and_applied_offset(self._names(self.old, place)) for place in places]
        if not any(applied_offset for _, applied_offset in stored):
            return "There is no state yet."
        grown = [topic for topic, count in self._before.items() if 0 < count < self._identities[topic].partitions]
        if grown:
            changes = ", ".join(
                f"{each} has {self._identities[each].partitions}, not {self._before[each]}" for each in grown
            )
            return f"The current version was built with fewer partitions: {changes}."
        formats = {format_ for format_, applied_offset in stored if applied_offset} - {str(FORMAT)}
        return f"The current version is in format {', '.join(map(str, formats))}, not {FORMAT}." if formats else ""

    def _format_and_applied_offset(self, names: Names) -> list[str | None]:
        with reading_state(names):
            return cast("list[str | None]", self._redis.hmget(names.control, "format", "applied_offset"))

    # Switching.

    async def _switch(self, builder: VersionBuilder, result: Rebuilt) -> None:
        """Make the new version current, once it is at least as far in the log as the old one."""
        await self._advance_all(builder, result)
        await self._advance_all(builder, result)  # records that arrived meanwhile
        self._check_is_kept(builder)
        is_set = self._redis.eval(SET_IF, 1, pointer(self._name), str(self.old), str(self.new), str(FIRST))
        if not is_set:
            hint = "Find out who switched, then start again: `bluelamp rebuild --restart`."
            raise IncompleteError("Another version became current meanwhile.", where=pointer(self._name), hint=hint)
        result.current = self.new
        for topic, identity in self._identities.items():
            for number in range(self._before[topic] or identity.partitions):
                # A new epoch makes the old version's workers stale: they are refused at their next batch, exit, and continue
                # with the new version. Workers of a damaged version have exited already.
                names = self._names(self.old, (topic, number))
                with suppress(UnreadableError), reading_state(names):
                    self._redis.hincrby(names.control, "epoch", 1)

    def _check_is_kept(self, builder: VersionBuilder) -> None:
        """Check that the state server still has the whole new version, in case it was restarted or restored meanwhile.

        Raises:
            IncompleteError: it has lost part of it.
        """
        counts = cast(dict[str, str], self._redis.hgetall(f"{prefix_of(self._name, self.new)}:topics"))
        for topic, identity in self._identities.items():
            for number in range(identity.partitions):
                stored = cast(
                    "str | None", self._redis.hget(self._names(self.new, (topic, number)).control, "applied_offset")
                )
                if stored != str(builder.applied_offset((topic, number))) or counts.get(topic) != str(
                    identity.partitions
                ):
                    what = "The state server has lost part of the new version; it was probably restarted or restored."
                    hint = "Start again: `bluelamp rebuild --restart`."
                    raise IncompleteError(what, where=f"partition {topic}:{number}", hint=hint)

    def _names(self, number: int, place: Place) -> Names:
        return self._parts.names(number, place)


class _Watch:
    """Reports the progress of jobs in other processes, as the state server has it."""

    def __init__(self, redis: Redis, version: int, parts: RebuildParts, ends: Mapping[Place, int]) -> None:
        self._redis, self._version, self._parts, self._ends = redis, version, parts, ends
        self._seen: dict[Place, int] = {}

    def look(self) -> None:
        """Report each partition that has come further; nothing while the state server refuses, which the jobs wait for."""
        with suppress(RedisError):
            for place, end in self._ends.items():
                stored = self._redis.hget(self._parts.names(self._version, place).control, "applied_offset")
                if (applied_offset := int(cast("str | None", stored) or 0)) != self._seen.get(place, 0):
                    self._seen[place] = applied_offset
                    self._parts.report(place, applied_offset, end)


def _nothing() -> None:
    """Report no progress: comparing has none."""


def lines(result: Rebuilt, limit: int) -> Iterator[str]:
    """The report for people: what differs, what was compared, and which version is current.

    Args:
        result: the result of the rebuild.
        limit: the most figures, and the most cells, to list; 0 lists all.
    """
    yield from _limited([_figure(each) for each in result.differing_figures], limit)
    yield from _limited([each.line() for each in result.differing_cells], limit)
    yield from _limited([each.line() for each in result.differing_from_log], limit)
    if result.moved:
        yield f"{result.moved:,} facts were on a wrong partition and were moved."
    yield f"Built version {result.built} of the state from {result.records:,} records of archive and log."
    yield from _compared(result)
    if result.current == result.built:
        yield f"Version {result.current} is now current. To remove version {result.built - 1}: `bluelamp rebuild --forget`."
    elif result.is_same():
        yield f"Version {result.current} is still current. To switch to version {result.built}, add --switch."
    else:
        yield f"Version {result.current} is still current. To switch anyway, add --switch --accept-differences."


def _compared(result: Rebuilt) -> Iterator[str]:
    """What was and was not compared."""
    if result.log_compared:
        differing = len(result.differing_from_log)
        yield f"Compared {result.log_compared:,} counts and open items with a recount of the log: {differing:,} differ."
    else:
        yield "Nothing to compare with the log: neither has a count of a day that is kept, or an open item."
    if result.not_compared:
        yield f"Not compared with version {result.built - 1}: {result.not_compared}"
        return
    if not (result.figures or result.counts or result.open_items):
        yield "Nothing to compare: neither version has a figure, a count or an open item."
    else:
        version = f"with version {result.built - 1}"
        yield f"Compared {result.figures:,} figures {version}: {len(result.differing_figures):,} differ."
        cells = f"{result.counts:,} counts and {result.open_items:,} open items"
        yield f"Compared {cells} {version}: {len(result.differing_cells):,} differ."
    if result.behind:
        yield f"Not compared: {result.behind:,} records of the log that the current version does not have yet."
    if result.never_received:
        yield f"Not compared: the figures of {', '.join(result.never_received)}, from which nothing was ever received."


def _limited(all_lines: list[str], limit: int) -> Iterator[str]:
    yield from all_lines[: limit or None]
    if limit and len(all_lines) > limit:
        yield f"and {len(all_lines) - limit:,} more: use --limit 0 to list all."


def _figure(each: Difference) -> str:
    words = " ".join(f"{name}={word}" for name, word in each.dimensions.items())
    old, new = (exact(some) for some in (each.read, each.recounted))
    return "  ".join(part for part in ("figure", each.measure, each.window, words, f"old {old}, new {new}") if part)


async def rebuild(
    settings: Settings,
    rules: Mapping[str, Rules],
    now: Callable[[], datetime],
    report: ReportProgress,
    say: Callable[[str], object],
    *,
    processes: int = 1,
    is_from_scratch: bool = False,
    is_switched: bool = False,
    are_accepted: bool = False,
) -> Rebuilt:
    """Rebuild the state that the settings name, as `Rebuild.run`; `say` reports what the state server refuses meanwhile."""
    async with opened(settings, rules, now, report, say) as parts:
        runner = InProcesses(settings, processes) if processes > 1 else InTurn(parts)
        work = Rebuild(settings, parts, runner)
        return await work.run(is_from_scratch=is_from_scratch, is_switched=is_switched, are_accepted=are_accepted)
