"""The atomic step when it is refused: whichever command, key, limit or failure stops it, it applies completely or not at all."""

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from typing import Any, cast

import pytest
from redis import Redis
from redis.exceptions import RedisError

import streams.store
from bluelamp.embedded.state import StateServer
from facts.incident import IncidentClosed, IncidentOpened, IncidentRegraded, UnitArrived
from facts.wire import encode
from streams.fold import Change
from streams.keys import Names
from streams.refusal import Cause, refusal_of
from streams.store import Applied, StateStore
from tests.support.facts import heartbeat
from tests.support.forces import STRICT, rules
from tests.support.memory import RECEIVED, MemoryPartition
from tests.support.stores import apply_all, as_user, call, dump
from tests.support.stories import FORCE, START
from tests.support.system import until

NAMES = Names("test", "incidents", 0)
COMMANDS = sorted({*re.findall(r"'([A-Z]+)'", streams.store.SCRIPT)} - {"MAXLEN", "LIMIT", "NOPERM"})
KEYS = {
    "control": NAMES.control,
    "timelines": NAMES.timelines,
    "open": NAMES.open,
    "feeds": NAMES.feeds,
    "changes": NAMES.changes,
    "panes": NAMES.panes_of(FORCE, "day", "*", "*"),
    "index": NAMES.index(FORCE, "day"),
}


def example_batches() -> tuple[list[Change], Change]:
    """Some batches, and one that needs every command: it brings counts to zero, closes open items and drops old panes."""
    partition = MemoryPartition("incidents", rules(STRICT))
    known: dict[str, Any] = {"force": FORCE, "subject_id": "i1"}
    at = partial(_later, START)
    opened = IncidentOpened(fact_id="f1", at=START, grade="2", group="crime", area=None, **known)
    arrived = UnitArrived(fact_id="f2", at=at(minutes=5), unit="u1", **known)
    regraded = IncidentRegraded(fact_id="f3", at=at(minutes=6), grade="1", **known)
    closed = IncidentClosed(fact_id="f4", at=at(minutes=7), result="attended", **known)
    other = IncidentOpened(fact_id="f5", at=at(days=12), grade="1", group=None, area=None, force=FORCE, subject_id="i2")
    beat = heartbeat("dispatch", at(days=12), replay=True)
    before = [partition.feed([encode([fact])], RECEIVED) for fact in (opened, arrived)]
    return before, partition.feed([encode([regraded, closed]), encode([other]), encode([beat])], RECEIVED)


def _later(start: Any, **by: float) -> Any:
    return start + timedelta(**by)


BEFORE, CHANGE = example_batches()
AFTER = len(BEFORE) + 3


@pytest.fixture
def redis(state_backend: StateServer) -> Iterator[Redis]:
    """A state of some batches; the user `worker` is deleted afterwards."""
    with Redis.from_url(state_backend.url, decode_responses=True) as client:
        client.flushall()
        call(state_backend.url, lambda store: apply_all(store, BEFORE))
        yield client
        client.acl_deluser("worker")


def offer(url: str) -> Applied:
    """Offer the batch that needs every command."""

    async def work(store: StateStore) -> Applied:
        return await store.apply(store.names("incidents", 0), 1, len(BEFORE), AFTER, CHANGE)

    applied: Applied = call(url, work)
    return applied


def whole(redis: Redis, url: str) -> dict[str, Any]:
    """The state after the batch; the state is then restored."""
    copy: dict[str, Any] = {key: redis.dump(key) for key in redis.scan_iter()}
    assert offer(url).outcome == "applied"
    found = dump(redis)
    restore(redis, copy)
    return found


def restore(redis: Redis, copy: dict[str, Any]) -> None:
    """Restore the state from a copy."""
    redis.flushall()
    for key, value in copy.items():
        redis.restore(key, 0, value)


def without_ids(state: dict[str, Any]) -> dict[str, Any]:
    """The state without stream ids, which depend on the clock."""
    return {key: [entry for _, entry in value] if key == NAMES.changes else value for key, value in state.items()}


def test_the_batch_needs_every_command_of_the_script(redis: Redis, state_backend: StateServer) -> None:
    redis.config_resetstat()
    offer(state_backend.url)
    called = {name.removeprefix("cmdstat_").upper() for name in redis.info("commandstats")}
    assert {*COMMANDS} - {"HINCRBY", "XDEL"} <= called
    left = redis.scan_iter(NAMES.panes_of(FORCE, "minute", int(START.timestamp()) // 3600, "*"))
    assert not list(left)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_that_is_not_permitted_is_refused_before_anything_is_written(
    redis: Redis, state_backend: StateServer, command: str
) -> None:
    before, after = dump(redis), whole(redis, state_backend.url)
    redis.acl_setuser("worker", enabled=True, nopass=True, keys=["*"], commands=["+@all", f"-{command}"])
    url = as_user(state_backend.url, "worker")
    if command in ("HINCRBY", "XDEL"):  # one only counts stale writes, the other only undoes what cannot fail
        assert offer(url).outcome == "applied"
    else:
        assert cause_of(offer, url) == "access_denied"
        assert dump(redis) == before
        redis.acl_setuser("worker", enabled=True, commands=[f"+{command}"])
        assert offer(url).outcome == "applied"
    assert without_ids(dump(redis)) == without_ids(after)


@pytest.mark.parametrize("kept", KEYS)
def test_a_key_that_may_only_be_read_is_refused_before_anything_is_written(
    redis: Redis, state_backend: StateServer, kept: str
) -> None:
    before, after = dump(redis), whole(redis, state_backend.url)
    patterns = [f"%RW~{glob(key)}" for name, key in KEYS.items() if name != kept]
    others = [glob(NAMES.absent)] + [
        glob(part)
        for grain in ("hour", "minute")
        for part in (NAMES.panes_of(FORCE, grain, "*", "*"), NAMES.index(FORCE, grain))
    ]
    cast(Any, redis).execute_command(
        "ACL", "SETUSER", "worker", "on", "nopass", "+@all", "%R~*", *patterns, *(f"%RW~{each}" for each in others)
    )
    url = as_user(state_backend.url, "worker")
    assert cause_of(offer, url) == "access_denied"
    assert dump(redis) == before
    cast(Any, redis).execute_command("ACL", "SETUSER", "worker", "allkeys")
    assert offer(url).outcome == "applied"
    assert without_ids(dump(redis)) == without_ids(after)


def glob(key: str) -> str:
    """A key as a pattern for a permission."""
    return key.replace("{", "?").replace("}", "?")


def cause_of(work: Callable[[str], object], url: str) -> Cause:
    """The cause of a refusal."""
    with pytest.raises(RedisError) as caught:
        work(url)
    return refusal_of(caught.value).cause


@contextmanager
def configured(redis: Redis, **settings: str | int) -> Iterator[None]:
    """Change the server's configuration for a while."""
    names = {name: name.replace("_", "-") for name in settings}
    before = {each: str(redis.config_get(each)[each]) for each in names.values()}
    for name, value in settings.items():
        redis.config_set(names[name], value)
    try:
        yield
    finally:
        for each, value in before.items():
            redis.config_set(each, value)


@contextmanager
def replica(redis: Redis) -> Iterator[None]:
    """Make the server a replica for a while."""
    redis.replicaof("127.0.0.1", 1)
    try:
        yield
    finally:
        redis.replicaof("NO", "ONE")


@contextmanager
def orphan(redis: Redis) -> Iterator[None]:
    """Make the server a replica that answers nothing without its primary."""
    with configured(redis, replica_serve_stale_data="no"), replica(redis):
        yield


@contextmanager
def unsaved(redis: Redis, server: StateServer) -> Iterator[None]:
    """Make the server unable to write its snapshots, so that it refuses writes."""
    in_the_way = server.directory / "dump.rdb" / "in the way"
    with configured(redis, save="100000 1", stop_writes_on_bgsave_error="yes"):
        shutil.rmtree(in_the_way.parent, ignore_errors=True)
        in_the_way.parent.unlink(missing_ok=True)
        in_the_way.mkdir(parents=True)
        redis.bgsave()
        until(lambda: redis.info("persistence")["rdb_last_bgsave_status"] == "err", 60, "a snapshot that fails")
        try:
            yield
        finally:
            shutil.rmtree(in_the_way.parent)
            redis.bgsave()
            until(lambda: redis.info("persistence")["rdb_last_bgsave_status"] == "ok", 60, "a snapshot")


SHORTAGES: dict[Cause, Callable[[Redis, StateServer], Any]] = {
    "out_of_memory": lambda redis, _: configured(redis, maxmemory=1),
    "too_few_replicas": lambda redis, _: configured(redis, min_replicas_to_write=1),
    "read_only": lambda redis, _: replica(redis),
    "no_primary": lambda redis, _: orphan(redis),
    "disk": unsaved,
}


@pytest.mark.parametrize("cause", SHORTAGES)
def test_a_server_short_of_a_resource_refuses_the_whole_batch(
    redis: Redis, state_backend: StateServer, cause: Cause
) -> None:
    before, after = dump(redis), whole(redis, state_backend.url)
    with SHORTAGES[cause](redis, state_backend):
        assert cause_of(offer, state_backend.url) == cause
    assert dump(redis) == before
    assert offer(state_backend.url).outcome == "applied"
    assert without_ids(dump(redis)) == without_ids(after)


def test_memory_that_runs_out_during_the_batch_does_not_stop_it(redis: Redis, state_backend: StateServer) -> None:
    partition = MemoryPartition("incidents", rules(STRICT))
    at: dict[str, Any] = {"at": START, "grade": "2", "group": None, "area": None, "force": FORCE}
    facts = [IncidentOpened(fact_id=f"m{number}", subject_id=f"m{number}", **at) for number in range(1500)]
    many = partition.feed([encode([fact]) for fact in facts], RECEIVED)

    async def work(store: StateStore) -> Applied:
        return await store.apply(store.names("incidents", 0), 1, len(BEFORE), len(BEFORE) + 1500, many)

    before, limit = dump(redis), redis.info("memory")["used_memory"]
    with configured(redis, maxmemory=limit):
        while outcome_of(state_backend.url, work) == "out_of_memory":
            assert dump(redis) == before
            limit += 300_000
            redis.config_set("maxmemory", limit)
        assert redis.info("memory")["used_memory_peak"] > limit, "the batch itself exceeded the limit"
    assert redis.hlen(NAMES.timelines) == 1501
    assert redis.hget(NAMES.control, "applied_offset") == str(len(BEFORE) + 1500)


def outcome_of(url: str, work: Callable[[StateStore], Any]) -> str:
    """The outcome of a batch, or why it was refused."""
    try:
        applied: Applied = call(url, work)
    except RedisError as error:
        return refusal_of(error).cause
    return applied.outcome


FAILING = """
local real, left = redis, %d
local function failing(act, fail)
  return function(...)
    left = left - 1
    if left == 0 then return fail({err = 'ERR failed on purpose'}) end
    return act(...)
  end
end
local redis = {
  call = failing(real.call, error), pcall = failing(real.pcall, function(result) return result end),
  acl_check_cmd = real.acl_check_cmd, error_reply = real.error_reply,
}
"""


def test_a_failure_at_any_call_applies_the_batch_completely_or_not_at_all(
    redis: Redis, state_backend: StateServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Redis refuses no write after the first; if one fails all the same, the earlier writes are undone."""
    before, after = dump(redis), without_ids(whole(redis, state_backend.url))
    copy: dict[str, Any] = {key: redis.dump(key) for key in redis.scan_iter()}
    script = streams.store.SCRIPT
    outcomes = list[str]()
    for number in range(1, 1000):
        monkeypatch.setattr(streams.store, "SCRIPT", FAILING % number + script)
        try:
            outcomes.append(offer(state_backend.url).outcome)
        except RedisError as error:
            outcomes.append(str(error).partition(" script:")[0])
            assert dump(redis) == before, f"call {number} left something behind"
            continue
        value = without_ids(dump(redis))
        assert {key: value[key] for key in after} == {**after, **{key: value[key] for key in after if ":index:" in key}}
        restore(redis, copy)
        if value == after:
            break
    assert {*outcomes} == {"applied", "failed on purpose"}
    assert outcomes.count("failed on purpose") > 40
