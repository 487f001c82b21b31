"""Rebuilds the state: builds a new version from archive and log, compares it with the current one, and switches to it.

Readers and workers follow one key, which is set in one step, so no reading mixes two versions. Workers that still have the old
version are refused at their next batch.
"""

import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from functools import partial
from typing import cast

import msgspec
from msgspec import Struct
from redis import Redis
from redis.asyncio import Redis as AsyncRedis

from bluelamp.archive.full_log import recount_of
from bluelamp.archive.reading import ArchiveAndLog, open_archive
from bluelamp.rebuild.certify import Recounter, certify
from bluelamp.rebuild.repartition import LogSource, Mover, sending
from bluelamp.recount.recount import Recount
from bluelamp.verify.audit import AuditDifference
from bluelamp.verify.compare import Difference, every_query, numbers, pairs_of, read_state
from bluelamp.verify.state_diff import StateDifference, compare_versions
from bluelamp.verify.words import exact
from bluelamp.wiring.connections import state_client
from bluelamp.wiring.settings import Settings
from facts.errors import IncompleteError, SettingError
from facts.force import Force
from facts.union import TOPICS
from measures.reading import Reading
from measures.rules import Rules
from measures.window import WINDOWS
from streams.codec import FORMAT
from streams.keys import Names
from streams.logreader import LogReader
from streams.partition_cache import PartitionCache
from streams.readings import Reader
from streams.record import Place
from streams.retrying import Retry, Retrying, once
from streams.state_address import async_client
from streams.store import Identity, StateStore, UnreadableError, reading_state
from streams.version import FIRST, number_of, pattern_of, pointer, prefix_of
from streams.version_builder import VersionBuilder

_BATCH_KEYS = 500
ReportProgress = Callable[[Place, int, int], None]
"""Called with a partition, its new version's applied offset, and the offset to reach."""


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
        settings: name log, archive and state.
        rules: the rules of every force, with which to build.
        redis: a blocking client of the state server.
        log: reads the log.
        mover: moves facts that are on a wrong partition.
        recounter: recounts the log.
        client: a client of the state server for the new version.
        now: the wall clock.
        report: called with the progress of each partition.
        windows: the windows over which to compare figures; all counts and open items are compared.
        retry: runs idempotent work on the state server; once by default.
    """

    def __init__(
        self,
        settings: Settings,
        rules: Mapping[str, Rules],
        redis: Redis,
        log: LogSource,
        mover: Mover,
        recounter: Recounter,
        client: AsyncRedis,
        now: Callable[[], datetime],
        report: ReportProgress,
        windows: Iterable[str] = WINDOWS,
        retry: Retry = once,
    ) -> None:
        self._retry = retry
        self._settings, self._rules, self._redis, self._log = settings, rules, redis, log
        self._mover, self._recounter = mover, recounter
        self._client, self._now, self._report, self._windows = client, now, report, tuple(windows)
        self._name = settings.state_name
        self.old = current_version(redis, self._name)
        self.new = self.old + 1
        self._archive = open_archive(settings.archive)
        self._identities: dict[str, Identity] = dict(log.identities(TOPICS))
        self._before = {topic: self._count_before(topic) for topic in self._identities}

    async def run(self, *, is_from_scratch: bool, is_switched: bool, are_accepted: bool) -> Rebuilt:
        """Build the new version, compare it, and switch to it if requested.

        Args:
            is_from_scratch: discard an unfinished rebuild instead of continuing it.
            is_switched: switch to the new version if nothing differs.
            are_accepted: switch even if something differs.

        Raises:
            IncompleteError: records are missing in archive, log or state; says which.
        """
        if is_from_scratch:
            remove_version(self._redis, self._name, self.new)
        if self._archive is not None:
            self._archive.check(self._identities)
        whole = ArchiveAndLog(self._archive, self._log)
        store = StateStore(self._client, prefix_of(self._name, self.new))
        builder = VersionBuilder(store, self._rules, whole, self._mover.move, self._retry)
        await self._retry(lambda: self._announce(store))
        reach = whole.reach(self._log.reach(self._identities))
        for place, (first, _) in reach.items():
            begin, before = self._begin(place, first), self._before[place[0]]
            await builder.claim(place, self._identities[place[0]], begin, before)
        result = Rebuilt(current=self.old, built=self.new)
        if not await self._compare(builder, list(reach), result):
            await self._advance_all(builder)
        self._compare_with_log(builder, result)
        if is_switched and (result.is_same() or are_accepted):
            await self._switch(builder, result)
        result.records = sum(builder.applied_offset(place) - first for place, (first, _) in reach.items())
        result.moved = self._mover.moved
        return result

    async def _announce(self, store: StateStore) -> None:
        for topic, identity in self._identities.items():
            await store.announce(topic, identity.partitions)

    def _begin(self, place: Place, first: int) -> int:
        if first > 0 and not self._settings.first_start:
            what = f"Archive and log begin at offset {first}: offsets 0 to {first - 1} are missing."
            hint = (
                "Set BLUELAMP_ARCHIVE to the archive that holds them. If there is none and the new version does not need them, "
                "run this once with BLUELAMP_FIRST_START=yes."
            )
            raise IncompleteError(what, where=f"partition {place[0]}:{place[1]}", hint=hint)
        return first

    def _advance(self, builder: VersionBuilder, place: Place) -> Callable[[int], Awaitable[None]]:
        async def advance(after: int) -> None:
            if builder.applied_offset(place) > after:
                what = f"The new version is at offset {builder.applied_offset(place)}, but the current one only at {after}."
                hint = "Let the workers catch up with the log, or start again: `bluelamp rebuild --restart`."
                raise IncompleteError(what, where=f"partition {place[0]}:{place[1]}", hint=hint)
            await builder.advance(place, after, lambda applied_offset: self._report(place, applied_offset, after))

        return advance

    def _report_advance(self, place: Place, last: int, applied_offset: int) -> None:
        self._report(place, applied_offset, last)

    async def _advance_all(self, builder: VersionBuilder) -> None:
        """Bring the new version to the present end of the log, including facts that are moved meanwhile."""
        moved = -1
        while moved != self._mover.moved:
            moved = self._mover.moved
            for place, (_, last) in self._log.reach(self._identities).items():
                await builder.advance(place, last, partial(self._report_advance, place, last))

    # Comparing.

    async def _compare(self, builder: VersionBuilder, places: list[Place], result: Rebuilt) -> bool:
        """Compare the versions at the current one's applied offsets; returns whether that was possible."""
        try:
            result.not_compared = self._why_not_comparable(places)
            if not result.not_compared:
                await self._compare_all(builder, places, result)
                self._count_records_behind(result)
        except UnreadableError as error:
            if error.names.prefix != prefix_of(self._name, self.old):
                raise
            result.not_compared = f"The current version cannot be read. {error.what} ({error.where})"
        return not result.not_compared

    async def _compare_all(self, builder: VersionBuilder, places: list[Place], result: Rebuilt) -> None:
        for place in places:
            old, new = (PartitionCache(self._redis, self._names(number, place)) for number in (self.old, self.new))
            held = await compare_versions(old, new, self._rules, self._advance(builder, place))
            result.counts += held.counts
            result.open_items += held.open_items
            result.differing_cells += held.cells
        for force, rules in self._rules.items():
            await self._figures(builder, force, rules, result)

    def _count_records_behind(self, result: Rebuilt) -> None:
        """Count the records that could not be compared, because the current version does not have them yet."""
        for place, (first, end) in self._log.reach(self._identities).items():
            applied_offset = cast(
                "str | None", self._redis.hget(self._names(self.old, place).control, "applied_offset")
            )
            result.behind += end - int(applied_offset or first)

    async def _figures(self, builder: VersionBuilder, force: str, rules: Rules, result: Rebuilt) -> None:
        """Compare every figure over every window, at one time.

        If a count or an open item differs, figures are also compared by each dimension. Otherwise a breakdown cannot differ, because
        it is made of the same counts.
        """
        reader, other = (Reader(self._redis, self._name, self._rules, self._now, n) for n in (self.old, self.new))
        reader.refresh()
        if not reader.is_received(force):
            result.never_received.append(force)
            return
        windows = [each for each in self._windows if each != "shift" or rules.force.shifts]
        is_whole = not result.differing_cells
        queries = [each for each in every_query(windows, rules.force) if not (is_whole and each.by)]
        seen = read_state(reader, force, queries, reader.present(force))
        for place, applied_offset in seen.applied_offsets.items():
            await self._advance(builder, place)(applied_offset)
        rebuilt = read_state(other, force, queries, seen.as_of)
        for (query, readings), (_, again) in zip(seen.results, rebuilt.results, strict=True):
            result.figures += len(readings)
            result.differing_figures += _differing(query.measure.name, query.window, readings, again)

    def _compare_with_log(self, builder: VersionBuilder, result: Rebuilt) -> None:
        """Compare the new version with a recount of the log, because the current version may have the same fault."""
        reader = Reader(self._redis, self._name, self._rules, self._now, self.new)
        applied_offsets = {
            (topic, number): builder.applied_offset((topic, number))
            for topic, identity in self._identities.items()
            for number in range(identity.partitions)
        }
        certified = certify(reader, self._rules, applied_offsets, self._recounter)
        result.log_compared, result.differing_from_log = certified.compared, certified.differing

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
        await self._advance_all(builder)
        await self._advance_all(builder)  # records that arrived meanwhile
        self._check_is_kept(builder)
        is_set = self._redis.eval(_SET_IF, 1, pointer(self._name), str(self.old), str(self.new), str(FIRST))
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
        return Names(prefix_of(self._name, number), *place)


_SET_IF = """
if (redis.call('GET', KEYS[1]) or ARGV[3]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2])
return 1
"""


def _differing(measure: str, window: str, old: list[Reading], new: list[Reading]) -> Iterator[Difference]:
    for words, before, after in pairs_of(old, new):
        one, other = (each and numbers(each) for each in (before, after))
        if one != other:
            yield Difference(measure=measure, window=window, dimensions=words, read=one, recounted=other)


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
        yield "Nothing to compare with the log: neither has a count or an open item."
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


def current_version(redis: Redis, state_name: str) -> int:
    """The number of the current version."""
    return number_of(cast("str | None", redis.get(pointer(state_name))))


def existing_versions(redis: Redis, state_name: str) -> list[int]:
    """The numbers of all versions."""
    later = (str(key).split(":v")[-1].removesuffix(":topics") for key in redis.scan_iter(f"{state_name}:v*:topics"))
    found = {int(number) for number in later if number.isdigit()}
    return sorted(found | ({FIRST} if redis.exists(f"{state_name}:topics") else set()))


def switch_back(redis: Redis, state_name: str) -> tuple[int, int]:
    """Make the previous version current again; returns the number of the version that was current, and that of the one that is now.

    Workers on it continue at its applied offsets. Workers on the version that was current are refused.

    Raises:
        IncompleteError: there is no earlier version, or another one became current meanwhile.
    """
    current = current_version(redis, state_name)
    earlier = [each for each in existing_versions(redis, state_name) if each < current]
    if not earlier:
        hint = "Build one with the earlier program: `bluelamp rebuild --switch --accept-differences`."
        raise IncompleteError(f"There is no version before version {current}.", where=state_name, hint=hint)
    if not redis.eval(_SET_IF, 1, pointer(state_name), str(current), str(earlier[-1]), str(FIRST)):
        raise IncompleteError("Another version became current meanwhile.", where=state_name, hint="Try again.")
    prefix = prefix_of(state_name, current)
    counts = cast(dict[str, str], redis.hgetall(f"{prefix}:topics"))
    for topic, count in counts.items():
        for number in range(int(count)):
            redis.hincrby(Names(prefix, topic, number).control, "epoch", 1)
    return current, earlier[-1]


def remove_version(redis: Redis, state_name: str, number: int) -> int:
    """Remove a version that is not current; returns the number of its keys.

    Raises:
        SettingError: it is current.
    """
    if number == current_version(redis, state_name):
        hint = "Switch to another version first."
        raise SettingError(f"Version {number} is current.", where=state_name, hint=hint)
    keys = [*redis.scan_iter(pattern_of(state_name, number), _BATCH_KEYS), f"{prefix_of(state_name, number)}:topics"]
    for start in range(0, len(keys), _BATCH_KEYS):
        redis.unlink(*keys[start : start + _BATCH_KEYS])
    return len(keys)


@contextmanager
def _clients(settings: Settings) -> Iterator[tuple[Redis, LogReader, Mover]]:
    with (
        state_client(settings, 30.0) as redis,
        LogReader(settings.log()) as log,
        LogReader(settings.log()) as second_log,
        sending(settings.log()) as send,
    ):
        yield redis, log, Mover(open_archive(settings.archive), second_log, send)


def _recounter_of(settings: Settings, forces: Sequence[Force]) -> Recounter:
    def recounter(until: Mapping[Place, int]) -> Recount:
        recount = recount_of(settings, forces, until, keeps_facts=True)
        if settings.first_start:
            recount.loaded.missing_before = {}  # the setting allows both to begin there
        return recount

    return recounter


async def rebuild(
    settings: Settings,
    rules: Mapping[str, Rules],
    now: Callable[[], datetime],
    report: ReportProgress,
    say: Callable[[str], object],
    *,
    is_from_scratch: bool = False,
    is_switched: bool = False,
    are_accepted: bool = False,
) -> Rebuilt:
    """Rebuild the state that the settings name, as `Rebuild.run`; `say` reports what the state server refuses meanwhile."""
    recounter = _recounter_of(settings, [each.force for each in rules.values()])
    with _clients(settings) as (redis, log, mover):
        async with async_client(settings.state_server(), socket_timeout=30) as client:
            retry = Retrying(client, say, time.monotonic)
            work = Rebuild(settings, rules, redis, log, mover, recounter, client, now, report, retry=retry)
            return await work.run(is_from_scratch=is_from_scratch, is_switched=is_switched, are_accepted=are_accepted)
