"""What Blue Lamp needs from its state server, tested on the embedded one and on Debian's Redis."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import NoScriptError, ResponseError

from bluelamp.embedded.state import StateServer
from tests.contract.waiting import eventually

# Moves an applied offset forward, only from the expected one, together with the count that belongs to the step.
STEP = """
local applied_offset = tonumber(redis.call('HGET', KEYS[1], 'next') or '0')
if applied_offset ~= tonumber(ARGV[1]) then return {0, applied_offset} end
redis.call('HINCRBY', KEYS[2], ARGV[3], ARGV[4])
redis.call('HSET', KEYS[1], 'next', ARGV[2])
return {1, tonumber(ARGV[2])}
"""
BREAKS_OFF = "redis.call('SET', KEYS[1], 'x') redis.call('HINCRBY', KEYS[1], 'f', 1) redis.call('SET', KEYS[2], 'y')"


@pytest.fixture
def client(state_backend: StateServer) -> Iterator[Redis]:
    connection = Redis.from_url(state_backend.url)
    connection.flushall()
    yield connection
    connection.close()


def newest_file(server: StateServer) -> Path:
    """The file to which every write is appended."""
    return max((server.directory / "appendonlydir").glob("*.incr.aof"), key=lambda path: path.stat().st_mtime_ns)


def test_it_stores_everything_and_listens_only_on_loopback(state_backend: StateServer, client: Redis) -> None:
    wanted = {
        "appendonly": "yes",
        "appendfsync": "everysec",
        "maxmemory": "0",
        "maxmemory-policy": "noeviction",
        "bind": "127.0.0.1",
        "protected-mode": "yes",
        "dir": str(state_backend.directory),
    }
    assert {name: client.config_get(name)[name] for name in wanted} == wanted
    assert client.info("server")["process_id"] == state_backend.pid


def test_data_after_a_kill_consist_of_whole_steps(state_backend: StateServer, client: Redis) -> None:
    """The last writes before a kill may be missing, because while a sync is running the file is written after the reply.

    Each step must be stored completely or not at all, no step may be missing before a stored one, and the server
    must restart on the same port.
    """
    step, keys = client.register_script(STEP), ["{t:0}:applied_offset", "{t:0}:pane"]
    port, applied_offset = state_backend.port, 0
    for _ in range(3):
        for _ in range(500):
            applied, applied_offset = step(keys, [applied_offset, applied_offset + 1, "answered", 2])
            assert applied
        eventually(lambda: b"answered" in newest_file(state_backend).read_bytes(), "a step is in the file")
        state_backend.kill()
        assert not state_backend.is_running()
        state_backend.start()
        assert state_backend.port == port
        previous, applied_offset = applied_offset, int(client.hget(keys[0], "next") or b"0")
        assert 0 < applied_offset <= previous
        assert client.hget(keys[1], "answered") == b"%d" % (2 * applied_offset)


def test_incomplete_write_at_the_end_is_truncated(state_backend: StateServer, client: Redis) -> None:
    """A power failure may leave half a command at the end."""
    client.set("kept", 1)
    eventually(lambda: b"$4\r\nkept\r\n" in newest_file(state_backend).read_bytes(), "the write is in the file")
    state_backend.kill()
    with newest_file(state_backend).open("ab") as file:
        file.write(b"*3\r\n$3\r\nSET\r\n$4\r\nto")
    state_backend.start()
    assert client.get("kept") == b"1"


def test_script_moves_an_applied_offset_once(client: Redis) -> None:
    step = client.register_script(STEP)
    keys = ["{t:0}:applied_offset", "{t:0}:pane"]
    assert step(keys, [0, 10, "answered", 7]) == [1, 10]
    assert step(keys, [0, 10, "answered", 7]) == [0, 10]
    assert step(keys, [10, 12, "answered", -2]) == [1, 12]
    assert client.hgetall(keys[1]) == {b"answered": b"5"}


def test_script_is_known_by_its_digest_until_it_is_flushed(client: Redis) -> None:
    digest = client.script_load("return 41 + 1")
    assert client.evalsha(digest, 0) == 42
    client.script_flush()
    with pytest.raises(NoScriptError):
        client.evalsha(digest, 0)


def test_script_stops_at_an_error_and_undoes_nothing(client: Redis) -> None:
    """This is why scripts check first and write afterwards."""
    with pytest.raises(ResponseError, match="WRONGTYPE"):
        client.eval(BREAKS_OFF, 2, "first", "second")
    assert (client.get("first"), client.get("second")) == (b"x", None)


def test_values_are_bytes_of_any_kind(client: Redis) -> None:
    content = bytes(range(256)) * 4_096
    client.hset("timelines", "one", content)
    assert client.hget("timelines", "one") == content
