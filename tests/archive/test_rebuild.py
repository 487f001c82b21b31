"""The rebuild: a new version next to the current one, every cell compared, and a switch in one step for readers and workers."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from msgspec.structs import replace
from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from redis.exceptions import RedisError

import streams.store
from bluelamp.archive.reading import ArchiveAndLog, open_archive
from bluelamp.archive.writing import write_new
from bluelamp.embedded.state import StateServer
from bluelamp.rebuild.certify import Recounter
from bluelamp.rebuild.jobs import RebuildParts
from bluelamp.rebuild.rebuild import Rebuild, Rebuilt, _Watch, lines
from bluelamp.rebuild.repartition import Mover
from bluelamp.rebuild.versions import existing_versions, remove_version, switch_back
from bluelamp.recount.load import LogRecord, from_records
from bluelamp.recount.log import records_of
from bluelamp.recount.recount import Recount
from bluelamp.wiring.settings import Settings
from facts.errors import IncompleteError, SettingError
from facts.force import Force, QueueTarget
from facts.incident import IncidentClosed, IncidentOpened, IncidentRegraded, UnitArrived, UnitDispatched
from facts.union import AnyFact, Topic
from facts.wire import encode
from measures.catalogue import find
from measures.rules import Rules
from streams.codec import FORMAT
from streams.fold import Change
from streams.keys import Names
from streams.reading_metrics import ReadingMetrics
from streams.readings import Reader
from streams.record import Place
from streams.retrying import once
from streams.store import Applied, StateStore
from streams.version import pointer
from streams.version_builder import VersionBuilder
from tests.archive.logs import IDENTITY, MemoryLog, record
from tests.support.facts import heartbeat
from tests.support.forces import STRICT

PLACE = ("incidents", 0)
START = datetime(2024, 12, 2, 8, tzinfo=UTC)
NOW = datetime(2024, 12, 3, 9, tzinfo=UTC)
KIND, FIELD = "incident_opened", "1|none|north|none|none|0"
WINDOWS = ("this_month",)
WINDOW = "2024-12-01/2024-12-04"
NAME = "test"
RULES = {STRICT.name: Rules(STRICT)}
LATER = {
    STRICT.name: Rules(
        replace(
            STRICT,
            grades=(
                replace(
                    STRICT.grades[0], targets=(replace(STRICT.grades[0].targets[1], opened_to_arrived_seconds=300),)
                ),
                *STRICT.grades[1:],
            ),
        )
    )
}
"""The profile with another target, so that figures that depend on it must be rebuilt."""


def incident_facts() -> list[AnyFact]:
    """Forty incidents over a day, a quarter of them regraded, and some still open."""
    facts: list[AnyFact] = []
    for number in range(40):
        common: dict[str, Any] = {"force": STRICT.name, "subject_id": f"i{number}"}
        at = [START + timedelta(minutes=20 * number + part) for part in range(12)]
        facts.append(IncidentOpened(fact_id=f"o{number}", at=at[0], grade=str(1 + number % 3), area="north", **common))
        facts.append(UnitDispatched(fact_id=f"d{number}", at=at[1], unit="u", **common))
        if number % 4 == 0:
            facts.append(IncidentRegraded(fact_id=f"r{number}", at=at[2], grade="1", **common))
        if number % 5:
            facts.append(UnitArrived(fact_id=f"a{number}", at=at[2 + number % 10], unit="u", **common))
            facts.append(IncidentClosed(fact_id=f"c{number}", at=at[11], result="attended", **common))
    return sorted(facts, key=lambda each: each.at)


def before() -> list[AnyFact]:
    """An incident of the month before: the record begins with it."""
    at = START - timedelta(days=3)
    return [IncidentOpened(fact_id="before", force=STRICT.name, subject_id="before", at=at, grade="1", area="north")]


def log_of(facts: list[AnyFact], now: datetime = NOW) -> MemoryLog:
    """A log of one partition with one fact per record, and heartbeats up to the present at its end."""
    beat = heartbeat("dispatch", now)
    values = [encode([fact]) for fact in (*facts, beat)]
    return MemoryLog({PLACE: [record(at, _milliseconds(now), value) for at, value in enumerate(values)]})


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


async def moves_nothing(*_: object) -> None:
    """On a log of one partition nothing is moved."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StateServer]:
    """Only the embedded state server; tests/integration checks the same with the real one."""
    started = StateServer(tmp_path_factory.mktemp("rebuilt"))
    started.start()
    yield started
    started.stop()


@pytest.fixture
def redis(server: StateServer) -> Iterator[Redis]:
    with Redis.from_url(server.url, decode_responses=True) as client:
        client.flushall()
        yield client


def folded(server: StateServer, made: MemoryLog) -> MemoryLog:
    """A log, and the current version folded from it."""

    async def fold() -> None:
        async with AsyncRedis.from_url(server.url, decode_responses=True) as client:
            store = StateStore(client, NAME)
            await store.announce(PLACE[0], 1)
            builder = VersionBuilder(store, RULES, made, moves_nothing)
            await builder.claim(PLACE, IDENTITY, 0)
            await builder.advance(PLACE, made.ends[PLACE], lambda _: None)

    asyncio.run(fold())
    return made


@pytest.fixture
def log(redis: Redis, server: StateServer) -> MemoryLog:
    """A log from which the current version was folded."""
    return folded(server, log_of(incident_facts()))


def counting(whole: ArchiveAndLog, log: MemoryLog, rules: dict[str, Rules]) -> Recounter:
    """A recount of a log and its archive."""

    def again(until: Mapping[Place, int], topics: Collection[Topic]) -> Recount:
        reach = whole.reach(log.reach())
        entries = (
            found
            for place, after in until.items()
            for some in whole.read(place, reach[place][0], after)
            for entry in some
            for found in records_of(cast(Topic, place[0]), place[1], entry)
        )
        counts = Counter(topic for topic, _ in until)
        return from_records(entries, [each.force for each in rules.values()], counts, keeps_facts=True)

    return again


def rebuilt(
    server: StateServer, log: MemoryLog, rules: dict[str, Rules] = RULES, archive: str = "", **wanted: bool
) -> Rebuilt:
    async def run() -> Rebuilt:
        async with AsyncRedis.from_url(server.url, decode_responses=True) as client:
            with Redis.from_url(server.url, decode_responses=True) as blocking:
                settings = Settings(state_name=NAME, archive=archive)
                kept = open_archive(archive)
                mover, recounter = Mover(kept, log, log.send), counting(ArchiveAndLog(kept, log), log, rules)
                parts = RebuildParts(
                    NAME, rules, blocking, log, kept, mover, recounter, client, lambda: NOW, lambda *_: None, once
                )
                made = Rebuild(settings, parts, windows=WINDOWS)
                usual = {"is_from_scratch": False, "is_switched": False, "are_accepted": False}
                return await made.run(**(usual | wanted))

    return asyncio.run(run())


def reader(redis: Redis, rules: dict[str, Rules] = RULES) -> Reader:
    return Reader(redis, NAME, rules, lambda: NOW)


def count(source: Reader) -> float | None:
    (reading,) = source.read("incident_count", WINDOW, as_of=NOW)
    return reading.value


OLD = Names(NAME, *PLACE)


def replaced(redis: Redis, key: str) -> None:
    """Give a key to another program."""
    redis.delete(key)
    redis.set(key, "of another program")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda redis: redis.hset(next(redis.scan_iter(match="*:pane:strict:day:*")), FIELD, "of another program"),
        lambda redis: redis.hset(OLD.open, "strict|i1", "of another program"),
        lambda redis: redis.hset(OLD.control, "applied_offset", "of another program"),
        lambda redis: replaced(redis, OLD.control),
        lambda redis: replaced(redis, OLD.index(STRICT.name, "day")),
        lambda redis: replaced(redis, next(redis.scan_iter(match="*:pane:strict:day:*"))),
    ],
)
def test_a_damaged_state_is_rebuilt_and_compared_with_the_log(
    redis: Redis, server: StateServer, log: MemoryLog, spoil: Callable[[Redis], object]
) -> None:
    before = numbers_of(reader(redis))
    spoil(redis)
    made = rebuilt(server, log, is_switched=True)
    assert made.not_compared.startswith("The current version cannot be read. The state is damaged: ")
    assert "state of incidents:0" in made.not_compared
    assert (made.is_same(), made.current, made.log_compared > 100) == (True, 2, True)
    assert numbers_of(reader(redis)) == before


def numbers_of(source: Reader) -> list[tuple[float | None, int | None]]:
    """Some figures of the day."""
    names = ("incident_count", "opened_to_arrived_within_target_ratio", "grade_1_unattended_over_15_minutes_count")
    return [(each.value, each.n) for name in names for each in source.read(name, WINDOW, force=STRICT.name)]


def test_a_rebuild_is_the_same_and_becomes_current_when_requested(
    redis: Redis, server: StateServer, log: MemoryLog
) -> None:
    source = reader(redis)
    assert (count(source), source.version) == (40, 1)
    first = rebuilt(server, log)
    assert (first.is_same(), first.current, first.built) == (True, 1, 2), list(lines(first, 0))
    assert first.figures > 40
    assert first.counts > 500
    assert first.open_items > 10
    assert (count(source), source.version) == (40, 1)
    again = rebuilt(server, log, is_switched=True)
    assert (again.is_same(), again.current, again.records) == (True, 2, log.ends[PLACE])
    assert (count(source), source.version) == (40, 2)
    assert existing_versions(redis, NAME) == [1, 2]
    assert rebuilt(server, log).built == 3


@pytest.mark.parametrize("grain", ["day", "hour", "minute"])
def test_one_altered_count_is_named_and_prevents_the_switch(
    redis: Redis, server: StateServer, log: MemoryLog, grain: str
) -> None:
    names = Names(NAME, *PLACE)
    slot = first_slot(redis, grain)
    key = names.panes_of("strict", grain, slot, KIND)
    place = cast(list[str], redis.hkeys(key))[0].partition("|")[0]
    redis.hincrby(key, FIELD if grain == "day" else f"{place}|{FIELD}", 2)
    found = rebuilt(server, log, is_switched=True)
    (cell,) = found.differing_cells
    assert (cell.kind, cell.words["grade"], cell.words["area"], cell.old - cell.new) == (
        "incident_opened",
        "1",
        "north",
        2,
    )
    assert cell.pane.startswith(grain)
    assert (found.current, reader(redis).read("incident_count", WINDOW, as_of=NOW)[0].value) == (
        1,
        42 if grain == "day" else 40,
    )
    figures = [line for line in lines(found, 0) if line.startswith("figure  incident_count  this_month")]
    assert (figures[:1] == ["figure  incident_count  this_month  old 42 (n 42), new 40 (n 40)"]) == (grain == "day"), (
        figures
    )
    assert any(each.dimensions == {"area": "north"} for each in found.differing_figures) == (grain == "day")
    assert rebuilt(server, log, is_switched=True, are_accepted=True).current == 2
    assert count(reader(redis)) == 40


def test_a_missing_open_item_is_named(redis: Redis, server: StateServer, log: MemoryLog) -> None:
    key = "strict|i5"
    redis.hdel(Names(NAME, *PLACE).open, key)
    found = rebuilt(server, log)
    assert found.differing_cells
    assert {(cell.pane, cell.old, cell.new) for cell in found.differing_cells} == {("i5", 0, 1)}


def first_slot(redis: Redis, grain: str) -> str:
    """The first block in which anything was counted."""
    return str(cast(list[str], redis.zrange(Names(NAME, *PLACE).index("strict", grain), 0, 0))[0])


class Died(BaseException):
    """The rebuild ends at this moment."""


def test_a_rebuild_interrupted_at_any_batch_continues_without_loss_or_repetition(
    redis: Redis, server: StateServer, log: MemoryLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    really, done = StateStore.apply, 0

    async def apply(
        self: StateStore, names: Names, epoch: int, applied_offset: int, after: int, change: Change
    ) -> Applied:
        nonlocal done
        done += 1
        if done % 7 == 3:
            raise Died
        applied = await really(self, names, epoch, applied_offset, after, change)
        if done % 7 == 6:
            raise Died
        return applied

    monkeypatch.setattr(StateStore, "apply", apply)
    monkeypatch.setattr("streams.version_builder._BATCH_BYTES", 500)
    deaths = 0
    while True:
        try:
            found = rebuilt(server, log)
        except Died:
            deaths += 1
        else:
            break
    assert deaths > 8
    assert found.is_same(), list(lines(found, 0))


def test_a_changed_profile_asks_for_a_rebuild_which_counts_with_it(
    redis: Redis, server: StateServer, log: MemoryLog
) -> None:
    async def claim() -> None:
        async with AsyncRedis.from_url(server.url, decode_responses=True) as client:
            await VersionBuilder(StateStore(client, NAME), LATER, log, moves_nothing).claim(PLACE, IDENTITY, 0)

    with pytest.raises(IncompleteError, match="profile of strict has changed") as caught:
        asyncio.run(claim())
    assert "`bluelamp rebuild`" in caught.value.hint

    before = reader(redis)
    assert count(before) == 40
    found = rebuilt(server, log, LATER, is_switched=True, are_accepted=True)
    assert found.current == 2
    assert {cell.kind for cell in found.differing_cells} >= {"opened_to_arrived_decided"}
    assert all(
        "dispatched" not in cell.kind or "to_arrived" in cell.kind
        for cell in found.differing_cells
        if cell.new > cell.old
    )
    assert_recounted(redis, log, LATER[STRICT.name].force)
    with pytest.raises(IncompleteError, match="built with a profile of strict that differs from this process's"):
        count(before)


def test_a_future_target_needs_a_rebuild_in_which_nothing_differs(server: StateServer, log: MemoryLog) -> None:
    """For a queue as for a grade."""
    (grade, *grades), (queue, *queues) = STRICT.grades, STRICT.queues
    graded = replace(grade, targets=(*grade.targets, replace(grade.targets[1], since=date(2026, 1, 1))))
    queued = replace(queue, targets=(*queue.targets, QueueTarget(since=date(2026, 1, 1), seconds=5)))
    for profile in (replace(STRICT, grades=(graded, *grades)), replace(STRICT, queues=(queued, *queues))):
        assert profile.fingerprint() != STRICT.fingerprint()
        found = rebuilt(server, log, {STRICT.name: Rules(profile)}, is_from_scratch=True)
        assert found.is_same(), list(lines(found, 0))
        assert found.counts > 100


def assert_recounted(redis: Redis, log: MemoryLog, force: Force) -> None:
    """Check that every figure equals a recount with the same profile."""
    name = "grade_1_opened_to_arrived_within_target_ratio"
    source = reader(redis, {force.name: Rules(force)})
    records = [LogRecord("incidents", 0, each.offset, NOW, each.value) for each in log.records[PLACE]]
    with from_records(records, [force]) as counted:
        (cell,) = counted.answer(find(name), force.name, WINDOW, NOW)
    (reading,) = source.read(name, WINDOW, as_of=NOW)
    assert (reading.value, reading.n, reading.met) == (cell.value, cell.n, cell.met)
    assert 0 < (reading.value or 0) < 1


def test_a_program_that_counts_differently_asks_for_a_rebuild(
    redis: Redis, server: StateServer, log: MemoryLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = streams.store.kinds()
    monkeypatch.setattr(streams.store, "kinds", lambda: {**known, "a_new_kind": "incidents", "incident_opened": "else"})
    with pytest.raises(
        IncompleteError, match="counts differently from the one that built the state: a_new_kind, incident_opened"
    ) as caught:
        streams.store.check_control(
            Names(NAME, *PLACE),
            redis.hgetall(Names(NAME, *PLACE).control),  # type: ignore[arg-type]
            IDENTITY,
            {STRICT.name: STRICT.fingerprint()},
        )
    assert "`bluelamp rebuild`" in caught.value.hint


def test_records_deleted_from_the_log_come_from_the_archive(
    redis: Redis, server: StateServer, log: MemoryLog, tmp_path: Path
) -> None:
    write_new(tmp_path, log, {"incidents": IDENTITY}, log.reach(), lambda _: None)
    log.forget(PLACE, 50)
    with pytest.raises(IncompleteError, match="offsets 0 to 49 are missing"):
        rebuilt(server, log)
    found = rebuilt(server, log, archive=str(tmp_path))
    assert (found.is_same(), found.records) == (True, log.ends[PLACE])


def test_readings_of_one_moment_have_one_version(redis: Redis, server: StateServer, log: MemoryLog) -> None:
    """Another version becomes current while a board's page is built: this page uses the old one, the next page the new."""
    names = Names(NAME, *PLACE)
    slot = first_slot(redis, "day")
    redis.hincrby(names.panes_of("strict", "day", slot, KIND), FIELD, 2)
    source = reader(redis)

    def page() -> list[int]:
        assert count(source) == 42
        rebuilt(server, log, is_switched=True, are_accepted=True)
        by_grade = source.read("incident_count", WINDOW, by=("grade",), as_of=NOW)
        by_month = source.read("incident_count", "this_month", by=("area",), as_of=NOW)
        return [sum(each.n or 0 for each in some) for some in (by_grade, by_month)]

    assert source.at_one_moment(page) == [42, 42]
    assert sum(each.n or 0 for each in source.read("incident_count", WINDOW, by=("grade",), as_of=NOW)) == 40


def test_the_exporter_keeps_nothing_of_the_previous_version(redis: Redis, server: StateServer) -> None:
    """Last month is read again only every few minutes, but at once when another version becomes current."""
    january = datetime(2025, 1, 2, 9, tzinfo=UTC)
    log = folded(server, log_of([*before(), *incident_facts()], january))
    redis.hincrby(Names(NAME, *PLACE).panes_of("strict", "day", START.date().toordinal(), KIND), FIELD, 2)
    source = Reader(redis, NAME, RULES, lambda: january)
    exported = ReadingMetrics(
        source, time.monotonic, lambda name, window: (name, window) == ("incident_count", "last_month")
    )

    def scraped() -> list[float]:
        families = [each for each in exported.families() if each.name == "bluelamp_incident"]
        return [sample.value for each in families for sample in each.samples]

    def shown() -> list[float]:
        exported.read_ended()
        return source.at_one_moment(scraped)

    assert shown() == [42]
    rebuilt(server, log, is_switched=True, are_accepted=True)
    assert shown() == [40]


def test_a_worker_of_the_old_version_is_refused_after_the_switch(
    redis: Redis, server: StateServer, log: MemoryLog
) -> None:
    epoch = int(str(redis.hget(Names(NAME, *PLACE).control, "epoch")))
    rebuilt(server, log, is_switched=True)

    async def apply() -> Applied:
        async with AsyncRedis.from_url(server.url, decode_responses=True) as client:
            end = log.ends[PLACE]
            return await StateStore(client, NAME).apply(Names(NAME, *PLACE), epoch, end, end + 1, Change())

    assert asyncio.run(apply()).outcome == "stale"


def test_the_version_before_becomes_current_again_and_workers_of_the_later_one_are_refused(
    redis: Redis, server: StateServer, log: MemoryLog
) -> None:
    with pytest.raises(IncompleteError, match="no version before version 1"):
        switch_back(redis, NAME)
    rebuilt(server, log, is_switched=True)
    names = Names(f"{NAME}:v2", *PLACE)
    epoch = int(str(redis.hget(names.control, "epoch")))
    assert switch_back(redis, NAME) == (2, 1)
    assert (reader(redis).version, count(reader(redis))) == (1, 40)

    async def apply() -> Applied:
        async with AsyncRedis.from_url(server.url, decode_responses=True) as client:
            end = log.ends[PLACE]
            return await StateStore(client, f"{NAME}:v2").apply(names, epoch, end, end + 1, Change())

    assert asyncio.run(apply()).outcome == "stale"
    assert rebuilt(server, log, is_switched=True).current == 2
    assert count(reader(redis)) == 40


def test_only_versions_that_are_not_current_are_removed_and_nothing_else(
    redis: Redis, server: StateServer, log: MemoryLog
) -> None:
    others = {f"{NAME}:inbox": "1", f"{NAME}:alerts": "2", f"{NAME}2:topics": "3", f"{NAME}2:{{incidents:0}}:open": "4"}
    redis.mset(others)
    with pytest.raises(SettingError, match="Version 1 is current"):
        remove_version(redis, NAME, 1)
    rebuilt(server, log, is_switched=True)
    assert remove_version(redis, NAME, 1) > 50
    assert existing_versions(redis, NAME) == [2]
    left = {str(key) for key in redis.scan_iter() if not str(key).startswith(f"{NAME}:v2:")}
    assert left == {*others, pointer(NAME)}
    assert count(reader(redis)) == 40


def test_a_rebuild_from_scratch_leaves_nothing_of_an_earlier_one(
    redis: Redis, server: StateServer, log: MemoryLog
) -> None:
    rebuilt(server, log)
    redis.hincrby(Names(f"{NAME}:v2", *PLACE).panes_of("strict", "day", NOW.date().toordinal(), KIND), "1|x|x|x|x|0", 5)
    assert rebuilt(server, log).is_same() is False
    assert rebuilt(server, log, is_from_scratch=True).is_same()


def test_a_version_that_cannot_be_compared_with_the_current_one_is_compared_with_the_log(
    redis: Redis, server: StateServer, log: MemoryLog
) -> None:
    redis.hset(Names(NAME, *PLACE).control, "format", "1")
    found = rebuilt(server, log, is_switched=True)
    assert (found.not_compared, found.is_same(), found.current) == (
        f"The current version is in format 1, not {FORMAT}.",
        True,
        2,
    )
    assert (found.records, found.log_compared > 100, found.differing_from_log) == (log.ends[PLACE], True, [])
    assert f"Not compared with version 1: {found.not_compared}" in lines(found, 0)
    assert count(reader(redis)) == 40


def test_the_report_says_what_was_not_compared(server: StateServer, log: MemoryLog) -> None:
    """Records that the current version does not have yet, and a version built with fewer partitions: never just "0 differ"."""
    log.add(PLACE, [record(log.ends[PLACE] + number, _milliseconds(NOW), b"{}") for number in range(3)])
    found = rebuilt(server, log)
    assert found.is_same()
    assert "Not compared: 3 records of the log that the current version does not have yet." in lines(found, 0)
    more = MemoryLog({**log.records, ("incidents", 1): log.records[PLACE][:7]})
    found = rebuilt(server, more, is_from_scratch=True, is_switched=True)
    why = "The current version was built with fewer partitions: incidents has 2, not 1."
    assert (found.not_compared, found.figures, found.counts, found.open_items) == (why, 0, 0, 0)
    assert f"Not compared with version 1: {why}" in lines(found, 0)


def test_a_force_without_facts_is_reported_as_not_compared(server: StateServer, log: MemoryLog) -> None:
    other = replace(STRICT, name="other")
    found = rebuilt(server, log, {**RULES, "other": Rules(other)})
    assert "Not compared: the figures of other, from which nothing was ever received." in lines(found, 0)


def test_comparing_nothing_is_not_success(redis: Redis, server: StateServer) -> None:
    assert redis.dbsize() == 0
    empty = folded(server, MemoryLog({PLACE: []}))
    report = list(lines(rebuilt(server, empty), 0))
    assert "Nothing to compare: neither version has a figure, a count or an open item." in report
    assert not [line for line in report if "0 differ" in line]


def test_the_progress_of_several_processes_needs_no_reply_each_time() -> None:
    class Server:
        """A state server that refuses every other request."""

        def __init__(self) -> None:
            self.requests = 0

        def hget(self, key: str, field: str) -> str:
            self.requests += 1
            if self.requests % 2 == 0:
                raise RedisError("refused")
            assert (key, field) == (Names(f"{NAME}:v2", *PLACE).control, "applied_offset")
            return str(self.requests * 10)

    seen: list[tuple[Place, int, int]] = []
    nothing = cast(Any, None)
    unused = (nothing, nothing, nothing, nothing, nothing, nothing, nothing, nothing)
    parts = RebuildParts(NAME, *unused, lambda *words: seen.append(words), once)
    watch = _Watch(cast(Any, Server()), 2, parts, {PLACE: 50})
    for _ in range(5):
        watch.look()
    assert seen == [(PLACE, 10, 50), (PLACE, 30, 50), (PLACE, 50, 50)]
