"""Log, state, workers, rebuilds and readers in one process, one turn at a time, in the order that a schedule chooses.

Workers, rebuilds and readers are the product's own; the log and the state server are models. Every page must equal a simple recount
of a prefix of the log, and no live figure may come from an earlier prefix than a figure shown before.
"""

from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, TypeVar, cast

import msgspec
from msgspec import Struct
from redis.exceptions import RedisError

from bluelamp.rebuild.certify import Certified
from bluelamp.rebuild.jobs import RebuildParts, TopicCompared, compare_topic
from bluelamp.rebuild.processes import InTurn
from bluelamp.rebuild.rebuild import Rebuild
from bluelamp.rebuild.repartition import Mover
from bluelamp.rebuild.versions import remove_version
from bluelamp.wiring.settings import Settings
from facts.batch import BatchRecord, Entry
from facts.errors import BlueLampError, IncompleteError
from facts.feed import FeedHeartbeat
from facts.heartbeat_run import HeartbeatRun, in_runs
from facts.moved import Origin, header_of, origin_of
from facts.partitioning import partition_of
from facts.times import SKEW
from facts.wire import encode
from measures.catalogue import find
from measures.outcome import microseconds
from measures.reading import Reading
from streams.block_forms import BlockForms
from streams.fold import Quarantined
from streams.moving import Copy, Moved, OwnPartition, copy_of
from streams.ownership import GapError, Owner, StaleOwnerError
from streams.readings import Reader
from streams.record import Place, Record
from streams.refusal import refusal_of
from streams.retrying import once
from streams.store import Identity, StateStore
from streams.version import number_of, pointer, prefix_of
from tests.schedules.choices import Choices
from tests.schedules.recount import Cell, count
from tests.schedules.reports import FORCE, TOPICS, Reports, as_record
from tests.schedules.server import REFUSALS, AsyncClient, Client, Server, Turn
from tests.support.forces import STRICT, rules

RULES = rules(STRICT)
STATE = "s"
PARTITIONS = 2
PLACES: tuple[Place, ...] = tuple((topic, number) for topic in TOPICS for number in range(PARTITIONS))
IDENTITIES = {topic: Identity("cluster", f"id-{topic}", PARTITIONS) for topic in TOPICS}
START = datetime(2024, 12, 3, 12, 0, tzinfo=UTC)
SILENT_AFTER = 60
_Answer = TypeVar("_Answer")
_TURNS = 9
_VERSION_TURNS, _CLOCK_TURNS = 9, 7
_ALL_BLOCKS_REST = 10**15
"""In microseconds, so large that every block counts as old enough."""
_SETTLING_TURNS = 8_000
_PAGE: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("contact_999_waiting_count", "now", ()),
    *(
        each
        for window in ("60m", "day")
        for each in (
            ("contact_999_offered_count", window, ()),
            ("contact_999_answered_within_target_ratio", window, ()),
            ("incident_count", window, ("grade",)),
            ("grade_1_opened_to_arrived_median_seconds", window, ()),
        )
    ),
    ("incident_unattended_count", "now", ("grade",)),
)
_DAY = "2024-12-03/2024-12-04"


class FoundError(Exception):
    """Something happened that must not happen.

    Args:
        kind: one or two words, the same for every schedule with the same fault.
        what: the details.
    """

    def __init__(self, kind: str, what: object) -> None:
        super().__init__(f"{kind}: {what}")
        self.kind = kind


class Page(NamedTuple):
    """The content of a page at one moment."""

    as_of: datetime
    applied_offsets: dict[Place, int]
    cells: dict[tuple[str, ...], Cell]
    readings: list[Reading]
    listed: int


class Process(Struct):
    """A process that runs one turn at a time, and may be killed between any two turns.

    Attributes:
        name: for error messages.
        work: creates its coroutine when it starts.
        running: its coroutine; None while it is not running.
        is_in_turn: whether it is in the middle of a turn.
    """

    name: str
    work: Callable[[], Coroutine[Any, Any, None]]
    running: Coroutine[Any, Any, None] | None = None
    is_in_turn: bool = False

    def turn(self) -> bool:
        """Run one turn; returns whether it is still running."""
        if self.running is None:
            self.running = self.work()
        self.is_in_turn = True
        try:
            self.running.send(None)
        except StopIteration:
            self.running = None
        finally:
            self.is_in_turn = False
        return self.running is not None

    def kill(self) -> None:
        """End it at once; its memory is lost."""
        if self.running is not None and not self.is_in_turn:
            self.running.close()
            self.running = None


async def _compress(owner: Owner, place: Place) -> None:
    """Compress what has not changed since the last time; what the state server refuses is left for the next time."""
    with suppress(RedisError):
        await owner.compress(place, await owner.blocks_at_rest(place))


class World:
    """Everything of one schedule.

    Args:
        choices: decide what happens.
        has_faults: whether processes are killed, connections lost and the state restored; otherwise only the order varies.
    """

    def __init__(self, choices: Choices, *, has_faults: bool = True) -> None:
        self.choices, self.has_faults = choices, has_faults
        self.now = START
        self.step_of_clock = timedelta()
        self.steps = 0
        self.log: dict[Place, list[Record]] = {place: [] for place in PLACES}
        self.facts: dict[Place, list[list[dict[str, Any]]]] = {place: [] for place in PLACES}
        self.beats: dict[Place, list[tuple[int, datetime]]] = {place: [] for place in PLACES}
        self.misplaced: list[tuple[str, list[dict[str, Any]]]] = []
        self.reports = Reports(choices, START - timedelta(minutes=30))
        self.server = Server(4, self._lose, self._give_way)
        self.snapshots: list[dict[str, Any]] = []
        self.workers = [Process(f"worker {number}", self._worker(number)) for number in range(2)]
        self.assigned: dict[Place, int] = dict.fromkeys(PLACES, 0)
        self.generation = 0
        self.rebuild = Process("rebuild", self._rebuild)
        self.readers = [self._reader() for _ in range(2)]
        self.shown: list[dict[Place, int]] = [{} for _ in self.readers]
        self.given_up: list[str] = []
        self._depth = 0
        self._is_settling = False
        self._heartbeats = 0
        for topic in TOPICS:
            self.server.hset(f"{STATE}:topics", topic, PARTITIONS)

    # The schedule.

    def run(self, steps: int) -> None:
        """Run a schedule, then let it settle: without further faults, every page must include the whole log."""
        while self.steps < steps and not self.choices.is_over:
            self.step()
        self._settle()

    def step(self) -> None:
        """Do whatever happens next."""
        self.steps += 1
        chosen = self.choices.pick(_ACTIONS if self._depth == 0 else _NESTED)
        if self.has_faults or chosen not in _FAULTS:
            getattr(self, f"_{chosen}")()

    def _settle(self) -> None:
        self._is_settling, self.server.refusing, self.step_of_clock = True, None, timedelta()
        self._heartbeat()
        for turn in range(_SETTLING_TURNS):
            ready = [*self.workers, *([self.rebuild] if self.rebuild.running else [])]
            ready[turn % len(ready)].turn()
            if (
                all(self._applied_offset(place) == len(self.log[place]) for place in PLACES)
                and self.rebuild.running is None
            ):
                break
        else:
            raise FoundError(
                "never settled",
                f"applied offsets {[self._applied_offset(p) for p in PLACES]}, given up: {self.given_up}",
            )
        self._check_moved()
        for number, reader in enumerate([*self.readers, self._reader()]):
            page = self._check_page(reader, number)
            if page.applied_offsets != {place: len(records) for place, records in self.log.items()}:
                raise FoundError("settled behind", page.applied_offsets)
            late = [
                each
                for each in page.readings
                if each.value is not None and each.state not in ("live", "in_part", "too_few")
            ]
            if late:
                raise FoundError("settled and not live", [(each.measure, each.state, each.reason) for each in late])

    def _check_moved(self) -> None:
        """Check that every misplaced fact is now on its right partition."""
        counted = {
            (place[0], fact["subject_id"], fact["fact_id"])
            for place, batches in self.facts.items()
            for facts in batches
            for fact in facts
        }
        for topic, facts in self.misplaced:
            for fact in facts:
                if (topic, fact["subject_id"], fact["fact_id"]) not in counted:
                    raise FoundError("lost", f"{topic}: {fact}")

    def _applied_offset(self, place: Place) -> int:
        prefix = prefix_of(STATE, number_of(self.server.get(pointer(STATE))))
        return int(self.server.hget(f"{prefix}:{{{place[0]}:{place[1]}}}:control", "applied_offset") or -1)

    # What may happen.

    def _report(self) -> None:
        """A record with some facts reaches the log; sometimes its client chooses a wrong partition."""
        wanted = [self.reports.next(self.now) for _ in range(1 + self.choices.below(4))]
        by_place: dict[Place, list[dict[str, Any]]] = {}
        for subject, fact in wanted:
            by_place.setdefault((subject.topic, partition_of(subject.name, PARTITIONS)), []).append(fact)
        for (topic, number), facts in by_place.items():
            if self.choices.happens(10):
                self.misplaced.append((topic, facts))
                self._append((topic, (number + 1) % PARTITIONS), as_record(facts), [])
            else:
                self._append((topic, number), as_record(facts), facts)

    def _heartbeat(self) -> None:
        """Every feed reports that it has sent everything."""
        self._heartbeats += 1
        for feed in (each for each in STRICT.feeds if each.topic in TOPICS):
            beat = FeedHeartbeat(
                fact_id=f"h{self._heartbeats}",
                force=FORCE,
                at=self.clock(),
                feed=feed.name,
                seq=self._heartbeats,
                complete_to=self.clock(),
            )
            for number in range(PARTITIONS):
                self.beats[feed.topic, number].append((len(self.log[feed.topic, number]), self.now))
                self._append((feed.topic, number), encode([beat]), [])

    def _append(
        self, place: Place, value: bytes, facts: list[dict[str, Any]], moved_from: Origin | None = None
    ) -> None:
        self.log[place].append(Record(len(self.log[place]), self.clock(), value, moved_from=moved_from))
        self.facts[place].append(facts)

    def clock(self) -> datetime:
        """The time by the machine's clocks, which may be wrong."""
        return self.now + self.step_of_clock

    def _set_clock(self) -> None:
        """Set the clocks: hours ahead, some minutes back, or right again."""
        self.step_of_clock = self.choices.pick((timedelta(), timedelta(hours=2), timedelta(minutes=-20), timedelta()))

    def _refuse(self) -> None:
        """Let the state server refuse writes, or accept them again."""
        self.server.refusing = None if self.server.refusing else self.choices.pick(REFUSALS)

    def _pass_time(self) -> None:
        """Let some seconds pass."""
        self.now += timedelta(seconds=self.choices.pick((1, 3, 10, 59)))

    def _work(self) -> None:
        """Give some turns to a worker, or to the rebuild that is running."""
        ready = [each for each in (*self.workers, self.rebuild) if not each.is_in_turn]
        ready = [each for each in ready if each is not self.rebuild or each.running is not None]
        if ready:
            chosen = self.choices.pick(ready)
            for _ in range(1 + self.choices.below(_TURNS)):
                self.steps += 1
                if not chosen.turn():
                    break
            if chosen is self.rebuild and chosen.running and self.has_faults and self.choices.happens(12):
                self._restore()

    def _begin_rebuild(self) -> None:
        """Start a rebuild, unless one is running."""
        if self.rebuild.running is None and not self.rebuild.is_in_turn:
            self.rebuild.turn()

    def _look(self) -> None:
        """Read a page, while other processes run."""
        number = self.choices.below(len(self.readers))
        try:
            self._check_page(self.readers[number], number)
        except RedisError:
            return

    def _open_reader(self) -> None:
        """Open a board."""
        number = self.choices.below(len(self.readers))
        self.readers[number], self.shown[number] = self._reader(), {}

    def _kill(self) -> None:
        """Kill a process and restart it."""
        self.choices.pick([*self.workers, self.rebuild]).kill()

    def _rebalance(self) -> None:
        """Give partitions to other workers; each notices it sooner or later."""
        self.generation += 1
        self.assigned = {place: self.choices.below(len(self.workers)) for place in PLACES}

    def _back_up(self) -> None:
        """Take a snapshot of the state."""
        self.snapshots.append(self.server.snapshot())

    def _restore(self) -> None:
        """Restore the state from a snapshot, so that everything since is lost."""
        if self.snapshots and not self._depth:
            self.server.restore(self.choices.pick(self.snapshots[-2:]))
            if self.choices.happens(2):
                self._look()

    # Faults of connections, and the order of processes.

    def _lose(self) -> str:
        if self._is_settling or not self.has_faults or not self.choices.happens(60):
            return ""
        return self.choices.pick(("before", "after"))

    def _give_way(self) -> None:
        """Let other processes run before a blocking call is executed."""
        if self._depth < 1 and not self._is_settling:
            self._depth += 1
            try:
                for _ in range(self.choices.below(4)):
                    self.step()
            finally:
                self._depth -= 1

    # Processes.

    def _worker(self, number: int) -> Callable[[], Coroutine[Any, Any, None]]:
        async def work() -> None:
            try:
                await self._own(number)
            except (StaleOwnerError, GapError, RedisError):
                return  # it exits for a restart
            except IncompleteError as error:
                self.given_up.append(f"worker {number}: {error}")
                raise FoundError("gave up for good", error) from error

        return work

    async def _own(self, number: int) -> None:
        client = AsyncClient(self.server)
        version = number_of(await client.get(pointer(STATE)))

        async def retry(work: Callable[[], Awaitable[_Answer]]) -> _Answer:
            while True:
                try:
                    return await work()
                except RedisError as error:
                    if not refusal_of(error).heals():
                        raise FoundError("gave up for good", error) from error
                    await Turn()

        store = StateStore(cast(Any, client), prefix_of(STATE, version))
        store.forms = BlockForms(cast(Any, client), fewest=1)
        owner = Owner(
            store, RULES, self._quarantine, self._move, self._next_offset, retry, resting_after=-_ALL_BLOCKS_REST
        )
        mine: list[Place] = []
        generation, turns = -1, 0
        while True:
            await Turn()
            turns += 1
            if turns % _CLOCK_TURNS == 0:
                await owner.disprove(microseconds(self.clock()))
            if generation != self.generation and (self._is_settling or not mine or self.choices.happens(3)):
                generation, mine = self.generation, await self._claim(owner, number)
            if turns % _VERSION_TURNS == 0 and number_of(await client.get(pointer(STATE))) != version:
                return  # as the stall watch stops a worker whose version is not the current one
            if mine:
                await self._deliver(owner, mine[(turns + self.choices.below(len(mine))) % len(mine)])

    async def _claim(self, owner: Owner, number: int) -> list[Place]:
        """Claim the partitions that a worker is given, and stop owning any other."""
        mine = [place for place in PLACES if self.assigned[place] == number]
        owner.owned.clear()
        for place in mine:
            await owner.start(
                place, await owner.claim(place, IDENTITIES[place[0]]), 0, OwnPartition(place[1], PARTITIONS)
            )
        return mine

    async def _deliver(self, owner: Owner, place: Place) -> None:
        """Deliver some records: the next ones, some that were delivered before, or some with one left out."""
        log, applied_offset = self.log[place], owner.owned[place].applied_offset
        if applied_offset > len(log):
            raise FoundError("state beyond log", f"{place}: {applied_offset} of {len(log)}")
        if self.choices.happens(3):
            await _compress(owner, place)
        batch = 1 + self.choices.below(5)
        if self.choices.happens(8):
            applied_offset = max(0, applied_offset - 2)
        elif self.has_faults and not self._is_settling and self.choices.happens(30):
            applied_offset += 1
        await owner.fold(place, log[applied_offset : applied_offset + batch])

    async def _next_offset(self, place: Place, offset: int) -> int | None:
        await Turn()
        return offset if offset < len(self.log[place]) else None

    async def _quarantine(self, _place: Place, quarantined: Sequence[Quarantined]) -> None:
        await Turn()
        if quarantined:
            raise FoundError("quarantined", quarantined)

    async def _move(self, place: Place, moved: Sequence[Moved]) -> None:
        for each in moved:
            await Turn()
            self._send([copy_of(place, each)])

    def _send(self, copies: Sequence[Copy]) -> None:
        for copy in copies:
            self._give_way()
            decoded = msgspec.json.decode(copy.value)
            ids = [
                (each["subject_id"], each["fact_id"]) for each in (decoded if isinstance(decoded, list) else [decoded])
            ]
            known = {
                (fact["subject_id"], fact["fact_id"]): fact
                for topic, facts in self.misplaced
                for fact in facts
                if topic == copy.topic
            }
            facts = [known[each] for each in ids]
            self._append((copy.topic, copy.partition), copy.value, facts, origin_of(copy.headers))

    async def _rebuild(self) -> None:
        redis = cast(Any, Client(self.server))
        try:
            client, log = cast(Any, AsyncClient(self.server)), Log(self)
            mover = Mover(None, log, self._send)
            parts = RebuildParts(
                STATE, RULES, redis, log, None, mover, cast(Any, None), client, self.clock, _no_progress, once
            )
            work = Rebuild(Settings(state_name=STATE), parts, _WithoutRecount(parts), windows=())
            built = await work.run(is_from_scratch=self.choices.happens(2), is_switched=True, are_accepted=False)
            if not built.is_same() and not built.not_compared:
                raise FoundError("rebuild differs", built.differing_cells[:2])
            if built.current == built.built and self.choices.happens(2):
                remove_version(redis, STATE, built.current - 1)
        except (RedisError, BlueLampError):
            return

    # Reading.

    def _reader(self) -> Reader:
        return Reader(cast(Any, Client(self.server)), STATE, RULES, self.clock)

    def _check_page(self, reader: Reader, number: int) -> Page:
        requested = [each for each in _PAGE if self._is_settling or self.choices.below(2)]
        page = reader.at_one_moment(lambda: _page(reader, requested))
        unknown = {
            (each.measure, *each.dimensions.values())
            for each in page.readings
            if each.state == "no_data" or each.n is None
        }
        facts = [
            fact
            for place in PLACES
            for facts in self.facts[place][: page.applied_offsets.get(place, 0)]
            for fact in facts
        ]
        names = {(measure, window) for measure, window, _ in requested}
        every = count(facts, page.as_of)
        wanted = {key: cell for key, cell in every.items() if key[:2] in names and (key[0], *key[2:]) not in unknown}
        known = {key: page.cells.get(key, Cell(0, 0, None)) for key in wanted}
        extra = {
            key: cell for key, cell in page.cells.items() if key not in wanted and (key[0], *key[2:]) not in unknown
        }
        if known != wanted or extra:
            wrong = {key: (known[key], wanted[key]) for key in wanted if known[key] != wanted[key]} | extra
            raise FoundError("wrong figure", f"reader {number} at {page.applied_offsets}: {wrong}")
        waiting = every["contact_999_waiting_count", "now"].n
        if page.listed != waiting:
            raise FoundError("wrong list", f"reader {number}: {page.listed} are listed where {waiting} wait")
        self._check_live(page, number)
        return page

    def _is_alive(self, page: Page, place: Place) -> bool:
        """Whether a heartbeat on the page was really sent in the time allowed, whatever clocks said."""
        sent = [at for offset, at in self.beats[place] if offset < page.applied_offsets[place]]
        return bool(sent) and self.now - sent[-1] <= timedelta(seconds=SILENT_AFTER) + 2 * SKEW

    def _check_live(self, page: Page, number: int) -> None:
        """Check that a live page is not from an earlier place than one shown before, and that its feeds sent recent heartbeats."""
        shown = self.shown[number] if number < len(self.shown) else {}
        for reading in page.readings:
            topic = "incidents" if "incident" in reading.measure or "grade" in reading.measure else "contacts"
            places = [place for place in PLACES if place[0] == topic]
            if reading.state == "live" and any(page.applied_offsets[place] < shown.get(place, 0) for place in places):
                raise FoundError(
                    "gone back", f"reader {number}: live at {page.applied_offsets} after {shown} was shown"
                )
            if (
                reading.state == "live"
                and not self.step_of_clock
                and not all(self._is_alive(page, each) for each in places)
            ):
                raise FoundError(
                    "a dead feed is live", f"reader {number} at {page.applied_offsets}, {self.now}: {self.beats}"
                )
            if reading.met is not None and reading.met > (reading.n or 0):
                raise FoundError("share above 1", f"reader {number}: {reading.met} of {reading.n}")
        for place, applied_offset in page.applied_offsets.items():
            shown[place] = max(applied_offset, shown.get(place, 0))


def _page(reader: Reader, requested: Sequence[tuple[str, str, tuple[str, ...]]]) -> Page:
    """The content of a page, all from one moment: otherwise it would equal no prefix of the log."""
    cells: dict[tuple[str, ...], Cell] = {}
    readings: list[Reading] = []
    for measure, window, by in requested:
        found = reader.read(measure, {"day": _DAY, "now": "60m"}.get(window, window), by=by, force=FORCE)
        readings += found
        for each in found:
            cells[measure, window, *each.dimensions.values()] = Cell(each.value, each.n or 0, each.met)
    listed = len(reader.listed(find("contact_999_waiting_count"), force=FORCE))
    return Page(reader.present(FORCE), reader.applied_offsets(), cells, readings, listed)


class _WithoutRecount(InTurn):
    """A rebuild without a comparison with the log: here every page is compared with it instead, and it would take longest of all."""

    async def run(self, work: Any, jobs: Sequence[Any], watch: Callable[[], None]) -> list[Any]:
        """Fold, and compare no topic."""
        return (
            [TopicCompared(from_log=Certified()) for _ in jobs]
            if work is compare_topic
            else await super().run(work, jobs, watch)
        )


def _no_progress(_place: Place, _applied_offset: int, _after: int) -> None:
    """Ignore the progress of a rebuild: nobody watches it here."""


class Log:
    """The log as a rebuild reads it."""

    def __init__(self, world: World) -> None:
        self._world = world

    def identities(self, _topics: Sequence[str]) -> dict[str, Identity]:
        """The identity of every topic."""
        return dict(IDENTITIES)

    def reach(self, _identities: Mapping[str, Identity]) -> dict[Place, tuple[int, int]]:
        """The first and end offset of each partition."""
        return {place: (0, len(records)) for place, records in self._world.log.items()}

    def read_in_runs(self, place: Place, first: int, after: int) -> Iterator[list[Entry | HeartbeatRun]]:
        """As `read`, with runs of heartbeats."""
        for entries in self.read(place, first, after):
            yield list(in_runs(entries))

    def read(self, place: Place, first: int, after: int) -> Iterator[list[Entry]]:
        """Records, a few at a time."""
        for start in range(first, after, 3):
            records = self._world.log[place][start : min(start + 3, after)]
            yield [
                BatchRecord(each.offset, _milliseconds(each), 1, None, each.value, _headers(each)) for each in records
            ]


def _headers(record: Record) -> tuple[tuple[str, bytes | None], ...]:
    return (header_of(record.moved_from),) if record.moved_from else ()


def _milliseconds(record: Record) -> int:
    return round(record.received_at.timestamp() * 1000)


_FAULTS = ("kill", "rebalance", "restore", "back_up", "set_clock", "refuse")
_NESTED = (*["work"] * 8, *["report"] * 3, "heartbeat", "kill", "rebalance", "set_clock")
_ACTIONS = (
    *["work"] * 14, *["report"] * 5, *["heartbeat"] * 3, "pass_time", *["look"] * 7, *["rebalance"] * 2, *["back_up"] * 2,
    *["begin_rebuild"] * 2, "open_reader", "kill", *["restore"] * 2, "refuse", "set_clock",
)  # fmt: skip
