"""A reader that has run for a long time reads the same as a new one, whatever happened in between."""

import re
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any, cast

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from redis import Redis
from redis.client import Pipeline
from redis.exceptions import ConnectionError  # noqa: A004

from bluelamp.embedded.state import StateServer
from facts.contact import ContactOffered, Line
from facts.errors import IncompleteError, QuestionError
from facts.incident import IncidentOpened, UnitArrived, UnitDispatched
from facts.wire import encode
from measures.outcome import SECOND, microseconds
from measures.reading import FeedStatus, Reading, feed_problem
from streams import partition_cache
from streams.feeds import after_heartbeat
from streams.fold import Change
from streams.keys import Names
from streams.partition_cache import Key, NotLoadedError, PartitionCache
from streams.readings import Reader
from tests.support.examples import examples
from tests.support.facts import heartbeat
from tests.support.forces import STRICT, rules, shipped
from tests.support.memory import RECEIVED, MemoryPartition
from tests.support.stores import one_by_one
from tests.support.stories import AS_OF, FORCE, TopicFact, records
from tests.support.story import Story

RULES = rules(STRICT)
QUESTIONS = [
    ("incident_count", "24h", ("grade", "area")),
    ("opened_to_arrived_median_seconds", "2024-10-26/2024-10-28", ("day", "grade")),
    ("opened_to_arrived_within_target_ratio", "60m", ()),
    ("incident_unattended_count", "60m", ("grade",)),
]


@pytest.fixture
def redis(state_backend: StateServer) -> Iterator[Redis]:
    """An empty state server."""
    with Redis.from_url(state_backend.url, decode_responses=True) as client:
        client.flushall()
        yield client


def reader(client: Redis) -> Reader:
    """A new reader of the test's state."""
    return Reader(client, "test", RULES, lambda: AS_OF)


def sheet(source: Reader) -> list[Any]:
    """The readings that it reads."""
    return [
        [(each.dimensions, each.value, each.n, each.state) for each in source.read(name, window, by=by, as_of=AS_OF)]
        for name, window, by in QUESTIONS
    ]


def changes(facts: list[TopicFact], batch: int) -> list[Change]:
    """The changes that facts of incidents make, batch by batch."""
    partition = MemoryPartition("incidents", RULES)
    values = [encode([fact]) for topic, fact in facts if topic == "incidents"]
    return [partition.feed(values[first : first + batch], RECEIVED) for first in range(0, len(values), batch)]


_brief = settings(
    max_examples=examples(8, 20), suppress_health_check=list(HealthCheck), phases=[Phase.generate, Phase.shrink]
)


@given(records(), st.integers(1, 3), st.lists(st.booleans(), max_size=30))
@_brief
def test_after_any_batches_it_reads_what_a_new_reader_reads(
    state_backend: StateServer, facts: list[TopicFact], batch: int, looks: list[bool]
) -> None:
    with Redis.from_url(state_backend.url, decode_responses=True) as client:
        client.flushall()
        old = reader(client)
        steps = one_by_one(state_backend.url, changes(facts, batch))
        for index, _ in enumerate(steps):
            if index >= len(looks) or looks[index]:
                assert sheet(old) == sheet(reader(client))


class _Interrupting(Redis):
    """A client that applies another batch just before each of its own transactions."""

    interrupt: Callable[[], object] = staticmethod(lambda: None)

    def pipeline(self, transaction: bool = True, shard_hint: Any = None) -> Pipeline:
        pipe = super().pipeline(transaction, shard_hint)
        execute, interrupt = pipe.execute, self.interrupt

        def interrupted(raise_on_error: bool = True) -> Any:
            interrupt()
            return execute(raise_on_error)

        pipe.execute = interrupted  # type: ignore[method-assign]
        return pipe


@given(records(), st.integers(1, 2))
@_brief
def test_batches_applied_while_it_reads_leave_no_mixture(
    state_backend: StateServer, facts: list[TopicFact], batch: int
) -> None:
    with _Interrupting.from_url(state_backend.url, decode_responses=True) as client:
        client.flushall()
        steps = one_by_one(state_backend.url, changes(facts, batch))
        old = reader(client)
        client.interrupt = lambda: next(steps, None)
        for _ in range(4):
            sheet(old)
        client.interrupt = lambda: None
        assert sheet(old) == sheet(reader(client))


def opened(count: int) -> list[Change]:
    """Changes that each open an incident, with the groups and grades in turn, a minute apart."""
    partition = MemoryPartition("incidents", RULES)
    facts = [
        IncidentOpened(
            fact_id=f"o{number}", force=FORCE, at=AS_OF - timedelta(minutes=number), subject_id=f"i{number}",
            grade=str(number % 3 + 1), group="crime",
        )
        for number in range(count)
    ]  # fmt: skip
    return [partition.feed([encode([fact])], RECEIVED) for fact in facts]


def counted(source: Reader) -> tuple[float | None, int, int]:
    """Incidents of the last hour: the count, the sum of its rows, and the number of open ones listed."""
    (whole,) = source.read("incident_count", "60m", as_of=AS_OF)
    rows = source.read("incident_count", "60m", by=("grade",), as_of=AS_OF)
    return whole.value, sum(each.n or 0 for each in rows), len(source.open_subjects(FORCE, "incident_open"))


@pytest.mark.parametrize("limit", [0, 500], ids=["batches too large to name what they touch", "small batches"])
def test_a_page_has_one_moment_whatever_is_applied_while_it_is_read(
    state_backend: StateServer, monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    monkeypatch.setattr("streams.store.TOUCHED_LIMIT", limit)
    with _Interrupting.from_url(state_backend.url, decode_responses=True) as client:
        client.flushall()
        steps = one_by_one(state_backend.url, opened(24))
        next(steps)
        source = reader(client)
        client.interrupt = lambda: next(steps, None)
        for _ in range(3):
            whole, rows, listed = source.at_one_moment(lambda: counted(source))
            assert whole == rows == listed
            assert whole is not None
            assert whole >= 1
        client.interrupt = lambda: None
        for _ in steps:
            pass
        assert counted(source) == (24, 24, 24)


def test_a_change_that_another_reading_has_used_up_still_ends_the_wait(
    redis: Redis, state_backend: StateServer
) -> None:
    """Normal ranges are read after the pages: what arrives in between must not wait for the next second."""
    steps = one_by_one(state_backend.url, opened(2))
    next(steps)
    source = reader(redis)
    counted(source)
    displayed = source.position()
    next(steps)
    source.refresh()
    assert source.position() != displayed
    began = time.monotonic()
    source.wait(10.0, displayed)
    assert time.monotonic() - began < 5.0
    source.wait(0.01, source.position())


def test_a_kind_that_is_not_loaded_is_an_error_and_never_zero(redis: Redis, state_backend: StateServer) -> None:
    """Also when another kind of the same pane is loaded; and a change loads no kind that nobody asked for."""
    cache = PartitionCache(redis, Names("test", "incidents", 0))
    steps = one_by_one(state_backend.url, opened(2))
    next(steps)
    (day,) = {key[3] for key in cache.index(FORCE, "day")}
    cache.load([(FORCE, "day", "incident_opened", day)])
    next(steps)
    cache.refresh()
    ((_, counts),) = cache.filled((FORCE, "day", "incident_opened", day, day + 1))
    assert sum(sum(each.values()) for _, each in counts.items()) == 2
    for kind, last in (("incident_closed", day + 1), ("incident_opened", day + 2)):
        with pytest.raises(NotLoadedError, match="not loaded"):
            cache.filled((FORCE, "day", kind, day, last))


def test_a_question_to_a_partition_without_records_reads_nothing_again(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each further question used to read again all that earlier ones had read."""
    monkeypatch.setattr(partition_cache, "MANY_BLOCKS", 1000)
    cache = PartitionCache(redis, Names("test", "incidents", 0))
    keys: list[Key] = [(FORCE, "day", "incident_opened", day) for day in range(100)]

    def hashes_read(some: list[Key]) -> int:
        redis.config_resetstat()
        cache.load(some)
        return int(redis.info("commandstats")["cmdstat_hgetall"]["calls"])

    assert hashes_read(keys[:99]) >= 99
    assert hashes_read(keys[99:]) < 10


def test_of_many_blocks_only_those_near_existing_ones_are_read(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    """A block that is filled after that question is read too."""
    monkeypatch.setattr(partition_cache, "MANY_BLOCKS", 256)
    monkeypatch.setattr(partition_cache, "ASKED_TOGETHER", 32)
    names = Names("test", "incidents", 0)
    cache = PartitionCache(redis, names)
    keys: list[Key] = [(FORCE, "day", "incident_opened", day) for day in range(1000)]

    def fill(day: int, before: int) -> None:
        redis.hset(names.panes_of(FORCE, "day", day, "incident_opened"), "1|none|north|no|none|0", "3")
        touched = msgspec.json.encode([[[f"{FORCE}:day:incident_opened", [day]]], []])
        entry = {"from": str(before), "to": str(before + 1), "touched": touched}
        redis.xadd(names.changes, cast("dict[Any, Any]", entry))
        redis.hset(names.control, "applied_offset", str(before + 1))

    redis.hset(names.control, "applied_offset", "0")
    fill(500, 0)
    cache.refresh()
    execute, calls = Pipeline.execute, iter(range(100))

    def fill_in_between(pipe: Pipeline, *args: Any) -> Any:
        replies = execute(pipe, *args)
        if next(calls) == 0:
            fill(700, 1)
        return replies

    redis.config_resetstat()
    with monkeypatch.context() as broken:
        broken.setattr(Pipeline, "execute", fill_in_between)
        assert cache.load(keys)
    assert int(redis.info("commandstats")["cmdstat_hgetall"]["calls"]) < 50
    found = {key[3]: [*cache.block(key)] for key in keys}
    assert found == {day: [day] if day in (500, 700) else [] for day in range(1000)}


def test_a_connection_lost_while_changes_are_read_changes_nothing(
    redis: Redis, state_backend: StateServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every later page is complete: what had been read of the next moment is discarded."""
    steps = one_by_one(state_backend.url, opened(12))
    next(steps)
    source = reader(redis)
    assert counted(source) == (1, 1, 1)
    for _ in steps:
        execute, calls = Pipeline.execute, iter(range(100))

        def lost(pipe: Pipeline, *args: Any, execute: Any = execute, calls: Any = calls) -> Any:
            if next(calls) == 1:
                raise ConnectionError("lost")
            return execute(pipe, *args)

        with monkeypatch.context() as broken:
            broken.setattr(Pipeline, "execute", lost)
            with pytest.raises(ConnectionError):
                source.refresh()
        whole, rows, listed = counted(source)
        assert whole == rows == listed
    assert counted(source) == (12, 12, 12)


def test_a_state_restored_from_an_earlier_time_is_not_live_until_it_has_caught_up(
    redis: Redis, state_backend: StateServer
) -> None:
    partition = MemoryPartition("incidents", RULES)
    steps = one_by_one(state_backend.url, [partition.feed([each], AS_OF) for each in (beat(0), beat(0), beat(0))])
    source = Reader(redis, "test", RULES, lambda: AS_OF + timedelta(seconds=30))

    def state() -> str:
        return source.read("incident_count")[0].state

    next(steps)
    earlier = redis.dump("test:{incidents:0}:control")
    next(steps)
    assert state() == "live"
    redis.restore("test:{incidents:0}:control", 0, cast(bytes, earlier), replace=True)
    (found,) = source.read("incident_count")
    assert (found.state, "restored" in found.reason) == ("stale", True)
    next(steps)
    assert state() == "live"


def test_a_rebuilt_state_and_a_lost_change_stream_are_noticed(redis: Redis, state_backend: StateServer) -> None:
    story = Story(STRICT, "2024-10-26")
    story.report(IncidentOpened, "22:00", grade="1", group="crime")
    story.report(UnitDispatched, "22:01", unit="u1")
    story.report(UnitArrived, "22:05", unit="u1")
    batches = story.state.partitions["incidents"][0].changes
    old = reader(redis)
    for _ in one_by_one(state_backend.url, batches):
        sheet(old)
    full = sheet(old)
    redis.flushall()
    for _ in one_by_one(state_backend.url, batches[:1]):
        assert sheet(old) == sheet(reader(redis)) != full
    redis.delete("test:{incidents:0}:changes")
    for _ in one_by_one(state_backend.url, batches[1:]):
        redis.delete("test:{incidents:0}:changes")
        assert sheet(old) == sheet(reader(redis))
    assert sheet(old) == full


# Whether a figure is reliable.


def beat(minutes: float, feed: str = "dispatch", **fields: Any) -> bytes:
    """A heartbeat received at RECEIVED that is complete to this many minutes after the day's moment."""
    at = AS_OF + timedelta(minutes=minutes)
    return encode([heartbeat(feed, at, force=FORCE, **fields)])


def first_event(days_before: float = 3) -> bytes:
    """An incident some days before the day's moment: the record begins with it."""
    at = AS_OF - timedelta(days=days_before)
    fact = IncidentOpened(fact_id="o", force=FORCE, at=at, subject_id="i", grade="1", group="one", area="one")
    return encode([fact])


def state_of(
    url: str,
    redis: Redis,
    beats: list[bytes],
    now: datetime,
    as_of: datetime | None = None,
    window: str = "60m",
    received_at: datetime = RECEIVED,
) -> Reading:
    """The state of the incident count after heartbeats."""
    partition = MemoryPartition("incidents", RULES)
    for _ in one_by_one(url, [partition.feed([each], received_at) for each in beats]):
        pass
    return Reader(redis, "test", RULES, lambda: now).read("incident_count", window, as_of=as_of)[0]


def test_a_quiet_line_is_zero_and_up_to_date(redis: Redis, state_backend: StateServer) -> None:
    found = state_of(state_backend.url, redis, [beat(0)], AS_OF + timedelta(seconds=30), received_at=AS_OF)
    assert (found.state, found.value) == ("live", 0)


def test_a_day_with_three_hours_on_record_is_in_part(redis: Redis, state_backend: StateServer) -> None:
    records, now = [first_event(3 / 24), beat(0)], AS_OF + timedelta(seconds=30)
    day = state_of(state_backend.url, redis, records, now, window="24h", received_at=AS_OF)
    assert (day.state, day.value, day.coverage) == ("in_part", 1, "part")
    assert day.reason == (
        "The record begins on 27 October 2024 at 02:00: "
        "this figure covers only the time from then to 27 October 2024 at 05:00."
    )
    source = reader(redis)
    assert [(each.state, each.value) for each in source.read("incident_count", "60m")] == [("live", 0)]
    assert [(each.state, each.value) for each in source.read("incident_count", "12m")] == [("no_data", None)]
    assert [(each.state, each.value) for each in source.read("incident_count", "this_month")] == [("in_part", 1)]


def test_each_feed_of_a_topic_begins_with_its_own_first_event(redis: Redis, state_backend: StateServer) -> None:
    """As stored: the earliest event of each line, in whatever order the facts arrive."""

    def offered(number: int, line: Line, days_before: float) -> bytes:
        at = AS_OF - timedelta(days=days_before)
        fact = ContactOffered(
            fact_id=f"c{number}", force="staffordshire", at=at, subject_id=f"c{number}", line=line, queue="emergency"
        )
        return encode([fact])

    profile = rules(shipped("staffordshire"))
    partition = MemoryPartition("contacts", profile)
    batches = [offered(1, "101", 5), offered(2, "999", 2), offered(3, "999", 9), offered(4, "101", 1)]
    for _ in one_by_one(state_backend.url, [partition.feed([each], RECEIVED) for each in batches], "contacts"):
        pass
    partition.forget()
    for _ in one_by_one(state_backend.url, [partition.feed([offered(5, "999", 4)], RECEIVED)], "contacts"):
        pass
    source = Reader(redis, "test", profile, lambda: AS_OF)
    source.refresh()
    begins = {each.feed: each.first_event_at for each in source.feeds("staffordshire") if each.topic == "contacts"}
    expected = {"telephony_999": 9, "telephony_101": 5}
    assert begins == {
        **{feed: microseconds(AS_OF - timedelta(days=days)) for feed, days in expected.items()},
        "digital": None,
    }


def test_a_dead_line_is_stale_and_says_since_when(redis: Redis, state_backend: StateServer) -> None:
    found = state_of(state_backend.url, redis, [beat(0)], AS_OF + timedelta(minutes=5), received_at=AS_OF)
    assert found.state == "stale"
    assert "27 October 2024 at 05:00:17" in found.reason
    assert "dispatch" in found.reason


def test_a_feed_without_heartbeats_gives_no_data(redis: Redis, state_backend: StateServer) -> None:
    found = state_of(state_backend.url, redis, [b"[]"], AS_OF)
    assert (found.state, found.value) == ("no_data", None)


def test_a_replay_has_its_own_present_and_must_make_progress(redis: Redis, state_backend: StateServer) -> None:
    records = [first_event(), beat(90, replay=True)]
    found = state_of(state_backend.url, redis, records, RECEIVED + timedelta(seconds=20))
    assert (found.state, found.as_of) == ("live", AS_OF + timedelta(minutes=90))
    found = state_of(state_backend.url, redis, [], RECEIVED + timedelta(seconds=61))
    assert found.state == "stale"
    found = state_of(state_backend.url, redis, [], RECEIVED + timedelta(days=9), window="2024-10-26/2024-10-27")
    assert found.state == "live", "a window wholly before the replay's present stays complete"


def test_a_replay_that_stops_exactly_on_the_minute_is_detected_too(redis: Redis, state_backend: StateServer) -> None:
    """Its windows then end exactly where it is complete to."""
    on_the_minute = -AS_OF.second / 60
    later = RECEIVED + timedelta(seconds=61)
    assert state_of(state_backend.url, redis, [first_event(), beat(on_the_minute, replay=True)], later).state == "stale"
    past = state_of(state_backend.url, redis, [], later, window="2024-10-25/2024-10-26")
    assert past.state == "live", "a window that has ended is complete, whichever feed is silent"


def test_a_feed_that_falls_silent_does_not_delay_the_others_of_a_replay(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise every figure would stop with it, and look live."""
    minute = 60 * SECOND
    now, began = microseconds(RECEIVED), microseconds(AS_OF)
    source = Reader(redis, "test", RULES, lambda: RECEIVED)

    def feed(name: str, complete_to: int, heartbeat_at: int) -> FeedStatus:
        return FeedStatus(name, "incidents", complete_to=complete_to, heartbeat_at=heartbeat_at, is_replay=True)

    silent, live = feed("telephony", began, now - 61 * SECOND), feed("dispatch", began + 90 * minute, now)
    monkeypatch.setattr(source, "feeds", lambda _: [silent, live])
    assert source.present(FORCE) == AS_OF + timedelta(minutes=90)
    ended = feed("dispatch", began + 90 * minute, now - 61 * SECOND)
    monkeypatch.setattr(source, "feeds", lambda _: [silent, ended])
    assert source.present(FORCE) == AS_OF, "a replay that has ended stays where all of it had come"


@pytest.mark.parametrize(
    ("replay", "ended", "earlier", "has_ended"),
    [
        (True, True, None, True),
        (True, True, AS_OF - timedelta(days=30), True),
        (True, True, AS_OF + timedelta(days=30), False),
        (True, False, None, False),
        (False, True, None, False),
    ],
)
def test_only_a_replay_that_reached_the_furthest_time_has_ended(
    replay: bool, ended: bool, earlier: datetime | None, has_ended: bool
) -> None:
    received = microseconds(RECEIVED + timedelta(days=60))
    known = after_heartbeat(None, heartbeat("dispatch", earlier), received, is_by_log=True) if earlier else None
    last = heartbeat("dispatch", AS_OF, replay=replay, ended=ended)
    state = after_heartbeat(known, last, received, is_by_log=True)
    assert state.has_ended == has_ended
    again = after_heartbeat(state, heartbeat("dispatch", AS_OF), received, is_by_log=True)
    assert not again.has_ended, "a live heartbeat ends the replay"


def test_figures_of_a_replay_that_has_ended_stay_live(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    now, began = microseconds(RECEIVED), microseconds(AS_OF)
    source = Reader(redis, "test", RULES, lambda: RECEIVED + timedelta(days=3))
    status = FeedStatus("dispatch", "incidents", complete_to=began, heartbeat_at=now, is_replay=True, has_ended=True)
    assert feed_problem(status, began, 60 * SECOND, source.rules[FORCE], now + 3 * 86_400 * SECOND) is None
    without = msgspec.structs.replace(status, has_ended=False)
    assert feed_problem(without, began, 60 * SECOND, source.rules[FORCE], now + 3 * 86_400 * SECOND) is not None
    monkeypatch.setattr(source, "feeds", lambda _: [status])
    assert source.present(FORCE) == AS_OF


@pytest.mark.parametrize(
    ("control", "says"),
    [
        ({"format": "12"}, "The state is in format 12; this program reads format"),
        ({"kinds": '{"incident_opened": "incidents other"}'}, "The program counts differently"),
    ],
)
def test_a_state_of_another_program_is_an_error_and_not_zero(
    redis: Redis, state_backend: StateServer, control: dict[str, str], says: str
) -> None:
    """A count that the other program never made would look like zero."""
    assert state_of(state_backend.url, redis, [first_event(), beat(1)], RECEIVED, as_of=AS_OF).state == "live"
    redis.hset("test:{incidents:0}:control", mapping=cast(Any, control))
    with pytest.raises(IncompleteError, match=says):
        reader(redis).read("incident_count", "24h", as_of=AS_OF)


def test_a_window_that_is_no_longer_kept_is_an_error_and_not_zero(redis: Redis, state_backend: StateServer) -> None:
    source = [first_event(), beat(60 * 24 * 30)]
    with pytest.raises(QuestionError) as caught:
        state_of(state_backend.url, redis, source, RECEIVED, as_of=AS_OF)
    assert "ten days" in str(caught.value)
    whole_hour = AS_OF.replace(minute=0, second=0)
    assert state_of(state_backend.url, redis, [], RECEIVED, as_of=whole_hour).state == "live"


def test_past_open_items_are_not_made_up(redis: Redis, state_backend: StateServer) -> None:
    state_of(state_backend.url, redis, [beat(60)], AS_OF, as_of=AS_OF)
    found = reader(redis).read("incident_open_count", as_of=AS_OF)[0]
    assert (found.state, found.value) == ("no_data", None)


@pytest.mark.parametrize("feed", ["dispatch", "listed_no_more"])
def test_simulated_facts_are_never_shown_as_real(redis: Redis, state_backend: StateServer, feed: str) -> None:
    found = state_of(state_backend.url, redis, [beat(0)], AS_OF)
    assert (found.is_simulated, found.note) == (False, "")
    records = [beat(0), beat(1, feed, simulated=True), beat(2, feed), beat(3)]
    redis.flushall()
    found = state_of(state_backend.url, redis, records, RECEIVED + timedelta(days=9))
    assert found.state == "stale"
    assert found.is_simulated
    assert "SIMULATION - no figure is real." in found.note


def _no_longer_kept(*_: object) -> None:
    """The panes that another partition, further ahead, has already dropped."""
    raise QuestionError("It is no longer kept.", where="--window", hint="Wait.")


def test_while_a_history_loads_figures_have_its_time_and_are_never_live(
    redis: Redis, state_backend: StateServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = RECEIVED + timedelta(days=9)
    records = [first_event(), beat(30, history_to=now)]
    partition = MemoryPartition("incidents", RULES)
    for _ in one_by_one(state_backend.url, [partition.feed([each], now) for each in records]):
        pass
    reader_then = Reader(redis, "test", RULES, lambda: now)
    (found,) = reader_then.read("incident_count", "7d")
    assert (found.state, found.value, found.is_loading) == ("stale", 1, True)
    assert found.as_of == AS_OF + timedelta(minutes=30) == found.stale_since
    assert re.search(r"Loading history, \d+% done: these figures are as of 27 October 2024 at 05:30:17", found.reason)
    (share,) = reader_then.read("opened_to_arrived_median_seconds", "60m")
    assert (share.state, share.value) == ("stale", None)
    (past,) = reader_then.read("incident_count", "60m", as_of=AS_OF.replace(minute=0, second=0))
    assert (past.state, past.is_loading) == ("live", False), "a window in the past is complete"
    with monkeypatch.context() as apart:
        apart.setattr(reader_then, "_check_kept", _no_longer_kept)
        assert [each.value for each in reader_then.read("incident_count", "24h")] == [None]
        assert reader_then.read("incident_count", "24h", by=("grade",)) == [], (
            "every cell has the words of the question"
        )

    for _ in one_by_one(state_backend.url, [partition.feed([beat(60 * 24 * 9)], now)]):
        pass
    (found,) = reader_then.read("incident_count", "7d")
    assert (found.is_loading, found.as_of) == (False, now)
