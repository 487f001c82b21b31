"""Rebuilds the state: a new version from archive and log beside the one that is shown, compared with it, then shown.

Nothing is ever shown of two versions: readers and workers follow one key, which is set in one step, and workers that still had
the old version are refused as stale out of it.
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
from bluelamp.archive.reading import Whole, opened
from bluelamp.rebuild.certify import CountAgain, certify, line
from bluelamp.rebuild.repartition import LogSource, Mover, sending
from bluelamp.recount.recount import Recount
from bluelamp.verify.audit import AuditDifference
from bluelamp.verify.compare import Difference, every_query, numbers, read_one, read_state
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
from streams.logreader import LogReader
from streams.partition_cache import PartitionCache
from streams.patience import Patience, Patiently, once
from streams.readings import Reader
from streams.stall import Place
from streams.store import Identity, Names, StateStore, UnreadableError, legible
from streams.version import FIRST, number_of, pattern_of, pointer, prefix_of
from streams.version_builder import VersionBuilder

_BATCH_KEYS = 500
Tell = Callable[[Place, int, int], None]
"""Is told of a partition, where its new version stands, and where it is to come to."""


class Rebuilt(Struct, kw_only=True):
    """What came of a rebuild.

    Attributes:
        shown: the version that is shown now.
        built: the version that was built.
        records: how many records of archive and log it holds.
        figures: how many figures were compared with the version that was shown.
        counts: how many counts of panes.
        standing: how many matters that stand open.
        differing_figures: those that differ; `read` is of the version that was shown, `recounted` of the one built.
        differing_cells: counts and open matters that differ.
        not_compared: why it was not compared with the version shown; empty when it was.
        behind: records of the log that the version shown does not hold yet.
        never_received: the forces that nothing was ever received of, so that they have no figures to compare.
        log_compared: how many counts and open items were compared with a recount of the log.
        differing_from_log: those that differ.
        moved: how many facts lay on another partition than their subject's, and were moved to it.
    """

    shown: int
    built: int
    records: int = 0
    figures: int = 0
    counts: int = 0
    standing: int = 0
    differing_figures: list[Difference] = []
    differing_cells: list[StateDifference] = []
    not_compared: str = ""
    behind: int = 0
    never_received: list[str] = []
    log_compared: int = 0
    differing_from_log: list[AuditDifference] = []
    moved: int = 0

    def is_same(self) -> bool:
        """Whether everything was compared with the version shown, or with the log, and nothing differs."""
        is_compared = not self.not_compared or self.log_compared > 0
        return is_compared and not (self.differing_figures or self.differing_cells or self.differing_from_log)


class Rebuild:
    """A rebuild on its way.

    Args:
        settings: name log, archive and state.
        rules: of every force, as they are to be counted by.
        redis: a blocking client of the state server.
        log: reads the log.
        mover: moves what lies on the wrong partition.
        count_again: recounts the log.
        client: a client of the state server for the new version.
        now: the wall clock.
        tell: is told of its course.
        windows: over which figures are compared; counts and open matters are compared all.
        patiently: does some work on the state server, which is harmless to do twice; once unless given.
    """

    def __init__(
        self,
        settings: Settings,
        rules: Mapping[str, Rules],
        redis: Redis,
        log: LogSource,
        mover: Mover,
        count_again: CountAgain,
        client: AsyncRedis,
        now: Callable[[], datetime],
        tell: Tell,
        windows: Iterable[str] = WINDOWS,
        patiently: Patiently = once,
    ) -> None:
        self._patiently = patiently
        self._settings, self._rules, self._redis, self._log = settings, rules, redis, log
        self._mover, self._count_again = mover, count_again
        self._client, self._now, self._tell, self._windows = client, now, tell, tuple(windows)
        self._name = settings.state_name
        self.old = shown_of(redis, self._name)
        self.new = self.old + 1
        self._archive = opened(settings.archive)
        self._identities: dict[str, Identity] = dict(log.identities(TOPICS))
        self._before = {topic: self._count_before(topic) for topic in self._identities}

    async def run(self, *, is_anew: bool, is_switched: bool, are_accepted: bool) -> Rebuilt:
        """Build, compare, and show what was built if that is wanted.

        Args:
            is_anew: forget what an earlier rebuild has left, instead of going on with it.
            is_switched: show the new version, where nothing differs.
            are_accepted: show it also where something does.

        Raises:
            IncompleteError: something is missing between archive, log and state; says what.
        """
        if is_anew:
            forget(self._redis, self._name, self.new)
        if self._archive is not None:
            self._archive.check(self._identities)
        whole = Whole(self._archive, self._log)
        store = StateStore(self._client, prefix_of(self._name, self.new))
        refold = VersionBuilder(store, self._rules, whole, self._mover.move, self._patiently)
        await self._patiently(lambda: self._announce(store))
        reach = whole.reach(self._log.reach(self._identities))
        for place, (first, _) in reach.items():
            begin, before = self._begin(place, first), self._before[place[0]]
            await refold.claim(place, self._identities[place[0]], begin, before)
        told = Rebuilt(shown=self.old, built=self.new)
        if not await self._compare(refold, list(reach), told):
            await self._advance_all(refold)
        self._compare_with_log(refold, told)
        if is_switched and (told.is_same() or are_accepted):
            await self._switch(refold, told)
        told.records = sum(refold.applied_offset(place) - first for place, (first, _) in reach.items())
        told.moved = self._mover.moved
        return told

    async def _announce(self, store: StateStore) -> None:
        for topic, identity in self._identities.items():
            await store.announce(topic, identity.partitions)

    def _begin(self, place: Place, first: int) -> int:
        if first > 0 and not self._settings.first_start:
            what = f"Archive and log begin at offset {first}: offsets 0 to {first - 1} are missing."
            hint = (
                "Name the archive that holds them (BLUELAMP_ARCHIVE). If there is none and the new version need not hold "
                "them, say so once with BLUELAMP_FIRST_START=yes."
            )
            raise IncompleteError(what, where=f"partition {place[0]}:{place[1]}", hint=hint)
        return first

    def _advance(self, refold: VersionBuilder, place: Place) -> Callable[[int], Awaitable[None]]:
        async def advance(after: int) -> None:
            if refold.applied_offset(place) > after:
                what = f"The new version stands at offset {refold.applied_offset(place)}, and the one shown at {after} only."
                hint = "Let a worker bring it up to the log's end, or begin again: `bluelamp rebuild --anew`."
                raise IncompleteError(what, where=f"partition {place[0]}:{place[1]}", hint=hint)
            await refold.advance(place, after, lambda applied_offset: self._tell(place, applied_offset, after))

        return advance

    def _report(self, place: Place, last: int, applied_offset: int) -> None:
        self._tell(place, applied_offset, last)

    async def _advance_all(self, refold: VersionBuilder) -> None:
        """Bring the new version to the end of the log as it is now, with what is moved to there on the way."""
        moved = -1
        while moved != self._mover.moved:
            moved = self._mover.moved
            for place, (_, last) in self._log.reach(self._identities).items():
                await refold.advance(place, last, partial(self._report, place, last))

    # Comparing.

    async def _compare(self, refold: VersionBuilder, places: list[Place], told: Rebuilt) -> bool:
        """Compare every cell at the place where the version shown stands; whether it could be."""
        try:
            told.not_compared = self._why_not(places)
            if not told.not_compared:
                await self._compare_all(refold, places, told)
                self._leave_out(told)
        except UnreadableError as error:
            if error.names.prefix != prefix_of(self._name, self.old):
                raise
            told.not_compared = f"The version shown cannot be read. {error.what} ({error.where})"
        return not told.not_compared

    async def _compare_all(self, refold: VersionBuilder, places: list[Place], told: Rebuilt) -> None:
        for place in places:
            old, new = (PartitionCache(self._redis, self._names(number, place)) for number in (self.old, self.new))
            held = await compare_versions(old, new, self._rules, self._advance(refold, place))
            told.counts += held.counts
            told.standing += held.open_items
            told.differing_cells += held.cells
        for force, rules in self._rules.items():
            await self._figures(refold, force, rules, told)

    def _leave_out(self, told: Rebuilt) -> None:
        """Note what could not be compared: what the log holds and the version shown does not."""
        for place, (first, end) in self._log.reach(self._identities).items():
            applied_offset = cast(
                "str | None", self._redis.hget(self._names(self.old, place).control, "applied_offset")
            )
            told.behind += end - int(applied_offset or first)

    async def _figures(self, refold: VersionBuilder, force: str, rules: Rules, told: Rebuilt) -> None:
        """Compare every figure over every window, whole and by each dimension, at one instant."""
        reader, other = (Reader(self._redis, self._name, self._rules, self._now, n) for n in (self.old, self.new))
        reader.refresh()
        if not reader.is_received(force):
            told.never_received.append(force)
            return
        windows = [each for each in self._windows if each != "shift" or rules.force.shifts]
        taken = read_state(reader, force, list(every_query(windows, rules.force)), reader.present(force))
        for place, applied_offset in taken.applied_offsets.items():
            await self._advance(refold, place)(applied_offset)
        for query, readings in taken.answers:
            again = read_one(other, force, query, taken.as_of)
            told.figures += len(readings)
            told.differing_figures += _differing(query.measure.name, query.window, readings, again)

    def _compare_with_log(self, refold: VersionBuilder, told: Rebuilt) -> None:
        """Compare the new version with a recount of the log up to where it stands: the one shown may be wrong likewise."""
        reader = Reader(self._redis, self._name, self._rules, self._now, self.new)
        applied_offsets = {
            (topic, number): refold.applied_offset((topic, number))
            for topic, identity in self._identities.items()
            for number in range(identity.partitions)
        }
        found = certify(reader, self._rules, applied_offsets, self._count_again)
        told.log_compared, told.differing_from_log = found.compared, found.differing

    def _count_before(self, topic: str) -> int:
        """How many partitions a topic had when the version shown was folded; 0 where there is none, or none that says."""
        for number in range(self._identities[topic].partitions):
            names = self._names(self.old, (topic, number))
            with suppress(UnreadableError), legible(names):
                stored = self._redis.hget(names.control, "identity")
                if stored is not None:
                    return msgspec.json.decode(cast(str, stored), type=Identity).partitions
        return 0

    def _why_not(self, places: list[Place]) -> str:
        stored = [self._format_and_applied_offset(self._names(self.old, place)) for place in places]
        if not any(applied_offset for _, applied_offset in stored):
            return "There is no state yet that it could be compared with."
        grown = [topic for topic, count in self._before.items() if 0 < count < self._identities[topic].partitions]
        if grown:
            changes = ", ".join(
                f"{each} has {self._identities[each].partitions}, not {self._before[each]}" for each in grown
            )
            return f"The version shown was folded from fewer partitions: {changes}."
        formats = {format_ for format_, applied_offset in stored if applied_offset} - {str(FORMAT)}
        return (
            f"The version shown is written in format {', '.join(map(str, formats))}, not {FORMAT}." if formats else ""
        )

    def _format_and_applied_offset(self, names: Names) -> list[str | None]:
        with legible(names):
            return cast("list[str | None]", self._redis.hmget(names.control, "format", "applied_offset"))

    # Showing.

    async def _switch(self, refold: VersionBuilder, told: Rebuilt) -> None:
        """Show the new version from now on, at a place of the log not before the old one's."""
        await self._advance_all(refold)
        await self._advance_all(refold)  # what arrived meanwhile: a moment's worth
        self._check_is_kept(refold)
        changed = self._redis.eval(_SET_IF, 1, pointer(self._name), str(self.old), str(self.new), str(FIRST))
        if not changed:
            hint = "Look at it, and begin again: `bluelamp rebuild --anew`."
            raise IncompleteError("Another version was shown meanwhile.", where=pointer(self._name), hint=hint)
        told.shown = self.new
        for topic, identity in self._identities.items():
            for number in range(self._before[topic] or identity.partitions):
                # A worker that has the old version is refused as stale at its next batch, ends, and continues with the new one. One
                # whose old version is damaged has ended already.
                names = self._names(self.old, (topic, number))
                with suppress(UnreadableError), legible(names):
                    self._redis.hincrby(names.control, "epoch", 1)

    def _check_is_kept(self, refold: VersionBuilder) -> None:
        """A state server that was restarted or restored meanwhile may have lost some of what was built.

        Raises:
            IncompleteError: it has.
        """
        counts = cast(dict[str, str], self._redis.hgetall(f"{prefix_of(self._name, self.new)}:topics"))
        for topic, identity in self._identities.items():
            for number in range(identity.partitions):
                stored = cast(
                    "str | None", self._redis.hget(self._names(self.new, (topic, number)).control, "applied_offset")
                )
                if stored != str(refold.applied_offset((topic, number))) or counts.get(topic) != str(
                    identity.partitions
                ):
                    what = "The state server has lost some of the new version: was it restarted or restored meanwhile?"
                    hint = "Begin again: `bluelamp rebuild --anew`."
                    raise IncompleteError(what, where=f"partition {topic}:{number}", hint=hint)

    def _names(self, number: int, place: Place) -> Names:
        return Names(prefix_of(self._name, number), *place)


_SET_IF = """
if (redis.call('GET', KEYS[1]) or ARGV[3]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2])
return 1
"""


def _differing(measure: str, window: str, old: list[Reading], new: list[Reading]) -> Iterator[Difference]:
    ours, theirs = ({tuple(each.dimensions.items()): each for each in some} for some in (old, new))
    for words in ours | theirs:
        one, other = ours.get(words), theirs.get(words)
        read, again = (each and numbers(each) for each in (one, other))
        if read != again:
            yield Difference(measure=measure, window=window, dimensions=dict(words), read=read, recounted=again)


def lines(told: Rebuilt, limit: int) -> Iterator[str]:
    """What a person reads: what differs, what was compared, and what is shown now.

    Args:
        told: what came of it.
        limit: how many figures, and how many cells, are listed; 0 for all.
    """
    yield from _first([_figure(each) for each in told.differing_figures], limit)
    yield from _first([each.line() for each in told.differing_cells], limit)
    yield from _first([line(each) for each in told.differing_from_log], limit)
    if told.moved:
        yield f"{told.moved:,} facts lay on another partition than their subject's, and were moved to it."
    yield f"Version {told.built} of the state is built from {told.records:,} records of archive and log."
    yield from _compared(told)
    if told.shown == told.built:
        yield f"Version {told.shown} is shown now. Version {told.built - 1} is kept: `bluelamp rebuild --forget` removes it."
    elif told.is_same():
        yield f"Version {told.shown} is still shown: --switch shows version {told.built}."
    else:
        yield f"Version {told.shown} is still shown: --switch --accept-differences shows version {told.built}."


def _compared(told: Rebuilt) -> Iterator[str]:
    """What was compared, and what was not."""
    if told.log_compared:
        differing = len(told.differing_from_log)
        yield f"{told.log_compared:,} counts and open items compared with a recount of the log, {differing:,} differ."
    else:
        yield "Nothing was compared with the log: neither holds a count or an open item."
    if told.not_compared:
        yield f"Not compared with version {told.built - 1}: {told.not_compared}"
        return
    if not (told.figures or told.counts or told.standing):
        yield "Nothing was compared: neither version holds a figure, a count or an open item."
    else:
        version = f"compared with version {told.built - 1}"
        yield f"{told.figures:,} figures {version}, {len(told.differing_figures):,} differ."
        cells = f"{told.counts:,} counts and {told.standing:,} open items {version}"
        yield f"{cells}, {len(told.differing_cells):,} differ."
    if told.behind:
        yield f"Not compared: {told.behind:,} records of the log that the version shown does not hold yet."
    if told.never_received:
        yield f"Not compared: figures of {', '.join(told.never_received)}, for which nothing was ever received."


def _first(every: list[str], limit: int) -> Iterator[str]:
    yield from every[: limit or None]
    if limit and len(every) > limit:
        yield f"and {len(every) - limit:,} more: --limit 0 lists all of them."


def _figure(each: Difference) -> str:
    words = " ".join(f"{name}={word}" for name, word in each.dimensions.items())
    old, new = (exact(some) for some in (each.read, each.recounted))
    return "  ".join(part for part in ("figure", each.measure, each.window, words, f"old {old}, new {new}") if part)


def shown_of(redis: Redis, state_name: str) -> int:
    """The number of the version that is shown."""
    return number_of(cast("str | None", redis.get(pointer(state_name))))


def versions(redis: Redis, state_name: str) -> list[int]:
    """The numbers of the versions there are."""
    later = (str(key).split(":v")[-1].removesuffix(":topics") for key in redis.scan_iter(f"{state_name}:v*:topics"))
    found = {int(number) for number in later if number.isdigit()}
    return sorted(found | ({FIRST} if redis.exists(f"{state_name}:topics") else set()))


def forget(redis: Redis, state_name: str, number: int) -> int:
    """Remove a version that is not shown; how many keys it had.

    Raises:
        SettingError: it is shown.
    """
    if number == shown_of(redis, state_name):
        raise SettingError(f"Version {number} is shown.", where=state_name, hint="Show another first.")
    keys = [*redis.scan_iter(pattern_of(state_name, number), _BATCH_KEYS), f"{prefix_of(state_name, number)}:topics"]
    for start in range(0, len(keys), _BATCH_KEYS):
        redis.unlink(*keys[start : start + _BATCH_KEYS])
    return len(keys)


@contextmanager
def _clients(settings: Settings) -> Iterator[tuple[Redis, LogReader, Mover]]:
    with (
        state_client(settings, 30.0) as redis,
        LogReader(settings.kafka) as log,
        LogReader(settings.kafka) as beside,
        sending(settings.kafka) as send,
    ):
        yield redis, log, Mover(opened(settings.archive), beside, send)


def _again(settings: Settings, forces: Sequence[Force]) -> CountAgain:
    def count_again(until: Mapping[Place, int]) -> Recount:
        recount = recount_of(settings, forces, until, keeps_facts=True)
        if settings.first_start:
            recount.loaded.missing_before = {}  # both begin there, and it was said that they may
        return recount

    return count_again


async def rebuild(
    settings: Settings,
    rules: Mapping[str, Rules],
    now: Callable[[], datetime],
    tell: Tell,
    say: Callable[[str], object],
    *,
    is_anew: bool = False,
    is_switched: bool = False,
    are_accepted: bool = False,
) -> Rebuilt:
    """Rebuild the state that the settings name; as `Rebuild.run`. What the state server refuses is said, and waited for."""
    again = _again(settings, [each.force for each in rules.values()])
    with _clients(settings) as (redis, log, mover):
        async with AsyncRedis.from_url(settings.redis, decode_responses=True, socket_timeout=30) as client:
            patience = Patience(client, say, time.monotonic)
            made = Rebuild(settings, rules, redis, log, mover, again, client, now, tell, patiently=patience)
            return await made.run(is_anew=is_anew, is_switched=is_switched, are_accepted=are_accepted)
