"""A state server with damaged files: its error names a repair, which keeps what can be read, and figures equal the recount again."""

import asyncio
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import cast

import pytest
from redis import Redis
from redis.asyncio import Redis as AsyncRedis

from bluelamp.embedded import aof
from bluelamp.embedded.repair import Repaired, repair
from bluelamp.embedded.state import Choice, StateDamagedError, StateServer
from bluelamp.recount.load import LogRecord, from_records
from bluelamp.recount.recount import Recount
from bluelamp.verify.compare import StateReadings, compare, every_query, read_state
from streams.readings import Reader
from streams.store import StateStore
from streams.version_builder import VersionBuilder
from tests.archive.logs import IDENTITY
from tests.archive.test_rebuild import NAME, NOW, PLACE, RULES, WINDOW, incident_facts, log_of, moves_nothing
from tests.real.parts import missing
from tests.support import aof as broken
from tests.support.forces import STRICT
from tests.support.system import until

LOG = log_of(incident_facts())
HALF = LOG.ends[PLACE] // 2
INBOX = f"{NAME}:inbox"
COMMANDS = frozenset((b"SET", b"MULTI", b"EXEC", b"HINCRBY"))


@pytest.fixture(
    scope="module", params=["embedded", pytest.param("debian", marks=[pytest.mark.real, pytest.mark.faults])]
)
def written(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Choice, Path]:
    """The directory of a server that held half of the log, began a new base, and then held all of it."""
    choice: Choice = request.param
    if choice == "debian" and (reason := missing("redis")):
        pytest.skip(reason)
    server = StateServer(tmp_path_factory.mktemp("written") / "state", binary=choice)
    server.start()
    with Redis.from_url(server.url, decode_responses=True) as redis:
        fold(server, HALF)
        redis.xadd(INBOX, {"entry": "first"})
        redis.bgrewriteaof()
        until(lambda: not is_rewriting(redis), 60, "the new base")
        fold(server, LOG.ends[PLACE] - 5)
        redis.xadd(INBOX, {"entry": "second"})
        fold(server, LOG.ends[PLACE])
    server.stop()
    return choice, server.directory


def is_rewriting(redis: Redis) -> bool:
    """Whether a new base is being written."""
    info = cast(dict[str, int], redis.info("persistence"))
    return bool(info["aof_rewrite_in_progress"] or info["aof_rewrite_scheduled"])


def fold(server: StateServer, after: int) -> None:
    """Fold the log into the state from its applied offset up to an offset, a few records per batch."""

    async def work() -> None:
        async with AsyncRedis.from_url(server.url, decode_responses=True) as client:
            store = StateStore(client, NAME)
            await store.announce(PLACE[0], 1)
            builder = VersionBuilder(store, RULES, LOG, moves_nothing)
            await builder.claim(PLACE, IDENTITY, 0)
            for offset in range(builder.applied_offset(PLACE), after, 5):
                await builder.advance(PLACE, min(offset + 5, after), lambda _: None)

    asyncio.run(work())


@pytest.fixture
def server(written: tuple[Choice, Path], tmp_path: Path) -> Iterator[StateServer]:
    """A copy of the server, not running."""
    choice, directory = written
    shutil.copytree(directory, tmp_path / "state")
    made = StateServer(tmp_path / "state", binary=choice)
    yield made
    made.stop()


def files(folder: Path) -> dict[str, bytes]:
    """Every file of a folder."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def readings_of(server: StateServer) -> StateReadings:
    """Every figure of the state."""
    with Redis.from_url(server.url, decode_responses=True) as redis:
        reader = Reader(redis, NAME, RULES, lambda: NOW)
        queries = [each for each in every_query([WINDOW, "24h"], STRICT) if each.by in ((), ("grade",))]
        return read_state(reader, STRICT.name, queries, NOW)


@cache
def recounted() -> Recount:
    """The recount of the whole log."""
    records = [LogRecord("incidents", 0, each.offset, NOW, each.value) for each in LOG.records[PLACE]]
    return from_records(records, [STRICT])


_EQUAL: list[StateReadings] = []
"""Readings that were compared with the recount: equal ones need no second comparison."""


def see_figures_of_the_recount(server: StateServer) -> None:
    """After folding to the log's end, every figure equals the recount."""
    fold(server, LOG.ends[PLACE])
    readings = readings_of(server)
    assert readings.applied_offsets == {PLACE: LOG.ends[PLACE]}
    if readings not in _EQUAL:
        found = compare(readings, recounted())
        assert found.differences == []
        assert found.cells > 200
        _EQUAL.append(readings)


def entries(server: StateServer) -> list[str]:
    """The remaining entries of the inbox's log."""
    with Redis.from_url(server.url, decode_responses=True) as redis:
        return [fields["entry"] for _, fields in cast(list[tuple[str, dict[str, str]]], redis.xrange(INBOX))]


KEPT = {
    "in the middle": ["first"],
    "another command": ["first"],
    "base": [],
    "no base": [],
    "manifest": ["first", "second"],
    "empty manifest": ["first", "second"],
    "no manifest": ["first", "second"],
    "nothing written": ["first"],
}
"""The entries of the inbox's log that survive each fault: all before the damage, and none without a base."""


@pytest.mark.parametrize("fault", list(broken.FAULTS))
def test_the_repair_that_the_error_names_keeps_what_can_be_read(server: StateServer, fault: str) -> None:
    folder = server.directory / aof.FOLDER
    broken.FAULTS[fault](folder)
    before = files(folder)
    with pytest.raises(StateDamagedError, match="--repair-state") as refused:
        server.start()
    assert refused.value.where == str(folder)
    assert files(folder) == before, "it did not start empty"

    done = repair(server, NOW)
    assert done.aside == server.directory / "appendonlydir.broken-20241203T090000Z"
    assert files(done.aside) == before, "nothing is deleted"
    assert sorted(path.name for path in server.directory.glob("repairing*")) == []
    server.start()
    assert entries(server) == KEPT[fault]
    assert (done.kept_bytes > 0) == bool(KEPT[fault])
    assert_said(done, KEPT[fault])
    see_figures_of_the_recount(server)


def assert_said(done: Repaired, kept: list[str]) -> None:
    """The report says where the damaged files are, and what the inbox's log has lost."""
    report = "\n".join(done.lines())
    assert str(done.aside) in report
    if kept == ["first", "second"]:
        assert report.endswith("Nothing is lost.")
    elif kept:
        assert done.until is not None
        assert f"after {done.until:%Y-%m-%d %H:%M:%S}Z may be lost" in report
    else:
        assert "was in the same files and is lost" in report


def test_an_incomplete_write_needs_no_repair(server: StateServer) -> None:
    broken.cut_tail(server.directory / aof.FOLDER)
    server.start()
    see_figures_of_the_recount(server)


def test_readable_files_are_left_alone(server: StateServer) -> None:
    folder = server.directory / aof.FOLDER
    before = files(folder)
    done = repair(server, NOW)
    assert (done.aside, list(done.lines())) == (
        None,
        ["The state server's files are not damaged. Nothing was repaired."],
    )
    assert files(folder) == before
    server.start()
    see_figures_of_the_recount(server)


def test_without_the_manifest_none_of_several_files_is_used(tmp_path: Path) -> None:
    """The base may already include one of them, which would then count twice."""
    for name in ("2.base.rdb", "2.incr.aof", "3.incr.aof"):
        (tmp_path / f"appendonly.aof.{name}").touch()
    assert [each.name for each in aof.used_parts(tmp_path)] == ["appendonly.aof.2.base.rdb"]
    (tmp_path / "appendonly.aof.3.incr.aof").unlink()
    assert [each.number for each in aof.used_parts(tmp_path)] == [2, 2]
    (tmp_path / "appendonly.aof.3.base.rdb").touch()
    assert [each.name for each in aof.used_parts(tmp_path)] == ["appendonly.aof.3.base.rdb"]


WHOLE = b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$2\r\n\r\n\r\n"
OPENED = b"*1\r\n$5\r\nMULTI\r\n*4\r\n$7\r\nHINCRBY\r\n$1\r\nh\r\n$1\r\nf\r\n$1\r\n1\r\n"
CLOSED = b"*1\r\n$4\r\nEXEC\r\n"


@pytest.mark.parametrize(
    ("content", "kept"),
    [
        (b"", b""),
        (WHOLE * 3, WHOLE * 3),
        (WHOLE + OPENED + CLOSED, WHOLE + OPENED + CLOSED),
        (WHOLE + OPENED, WHOLE),
        (WHOLE + OPENED + b"*junk", WHOLE),
        (WHOLE + WHOLE[:-3], WHOLE),
        (WHOLE + b"*0\r\n", WHOLE),
        (WHOLE + b"*1\r\n$4\r\nNONE\r\n", WHOLE),
        (WHOLE + b"*1\r\n$999999999999\r\n", WHOLE),
        (WHOLE + b"*1\r\n$-1\r\n", WHOLE),
        (WHOLE + WHOLE.replace(b"\r\n\r\n\r\n", b"\r\n\r\nxx"), WHOLE),
        (WHOLE + b"#TS:soon\r\n" + WHOLE, WHOLE),
        (WHOLE + b"\x00" * 100, WHOLE),
    ],
)
def test_a_part_is_kept_up_to_its_last_whole_command_or_transaction(
    tmp_path: Path, content: bytes, kept: bytes
) -> None:
    path = tmp_path / "part"
    path.write_bytes(content)
    scanned = aof.scan(path, COMMANDS)
    assert content[: scanned.end] == kept
    assert scanned.size == len(content)


def test_a_timestamp_shows_up_to_when_a_part_was_written(tmp_path: Path) -> None:
    path = tmp_path / "part"
    path.write_bytes(b"#TS:1700000000\r\n" + WHOLE + b"#TS:1700000009\r\n" + OPENED)
    assert aof.scan(path, COMMANDS).until == datetime.fromtimestamp(1700000000, UTC)
