"""The private state server as a process: started, found, left behind, refused. The contract tests have the rest."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest
from redis import Redis

from bluelamp.embedded.state import Choice, StateServer, StateServerError, find_binary
from tests.contract.waiting import eventually
from tests.real.parts import missing
from tests.support.system import until

START_AND_LEAVE = """
import sys, time
from pathlib import Path
from bluelamp.embedded.state import StateServer
server = StateServer(Path(sys.argv[1]), binary="embedded")
server.start()
print(server.port, flush=True)
time.sleep(600)
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[StateServer]:
    made = StateServer(tmp_path / "state", binary="embedded")
    yield made
    made.stop()


def ask(port: int, command: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(command + b"\r\n")
        return connection.recv(1_000)


def is_listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_it_starts_and_stops(server: StateServer) -> None:
    port = server.start()
    pid = server.pid
    assert server.url == f"redis://127.0.0.1:{port}/0"
    assert ask(port, b"PING") == b"+PONG\r\n"
    assert server.start() == port
    assert server.pid == pid
    server.stop()
    assert not server.is_running()
    with pytest.raises(ConnectionRefusedError):
        ask(port, b"PING")
    server.stop()


def test_data_survive_a_clean_stop(server: StateServer) -> None:
    port = server.start()
    ask(port, b"SET key value")
    server.stop()
    assert server.start() == port
    assert ask(port, b"GET key") == b"$5\r\nvalue\r\n"


def test_server_left_behind_by_a_killed_parent_is_replaced(tmp_path: Path, server: StateServer) -> None:
    """Its data are ours, and two servers on one directory would ruin them."""
    command = [sys.executable, "-c", START_AND_LEAVE, str(tmp_path / "state")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        port = int(parent.stdout.readline())
        ask(port, b"SET key value")
        with pytest.raises(StateServerError, match="Another Blue Lamp"):
            server.start()
        parent.send_signal(signal.SIGKILL)
    assert ask(port, b"PING") == b"+PONG\r\n"
    server.start()
    assert ask(server.port, b"GET key") == b"$5\r\nvalue\r\n"
    eventually(lambda: not is_listening(port), "the one left behind is gone")


def test_server_of_another_program_on_the_port_is_not_used(tmp_path: Path, server: StateServer) -> None:
    port = server.start()
    other = StateServer(tmp_path / "other", binary="embedded", port=port)
    with pytest.raises(StateServerError, match=f"ended immediately on port {port}.*Address already in use"):
        other.start()
    assert ask(port, b"PING") == b"+PONG\r\n"


def test_unusable_directory_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StateServerError, match="Choose a directory that is writable"):
        StateServer(tmp_path / "file" / "state").start()


def test_unreadable_data_are_named(server: StateServer) -> None:
    ask(server.start(), b"SET key value")
    server.stop()
    [growing] = (server.directory / "appendonlydir").glob("*.incr.aof")
    growing.write_bytes(b"this is not a command" * 100)
    with pytest.raises(StateServerError, match="Bad file format"):
        server.start()
    assert not server.is_running()


@pytest.mark.parametrize("choice", ["any", "embedded"])
def test_without_a_server_on_the_path_the_installed_one_is_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, choice: Choice
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_binary(choice).name == "valkey-server"
    with pytest.raises(StateServerError, match="apt-get install redis-server"):
        find_binary("debian")


def test_server_on_the_path_is_preferred(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("valkey-server", "redis-server"):
        (tmp_path / name).touch(0o755)
        monkeypatch.setenv("PATH", str(tmp_path))
        assert find_binary("any") == tmp_path / name
    assert find_binary("embedded").parent != tmp_path


@pytest.mark.real
def test_redis_of_debian_is_found() -> None:
    reason = missing("redis")
    if reason:
        pytest.skip(reason)
    assert find_binary("debian").name == "redis-server"


BATCH = """
for number = 1, 5 do redis.call('HINCRBY', KEYS[1], 'field' .. number, 1) end
redis.call('INCR', KEYS[2])
"""


@pytest.mark.parametrize("choice", ["embedded", pytest.param("debian", marks=pytest.mark.real)])
@pytest.mark.parametrize("kept", [0.1, 0.5, 0.99])
def test_a_batch_cut_off_by_a_crash_is_gone_also_at_the_start_after_the_next(
    tmp_path: Path, choice: Choice, kept: float
) -> None:
    """Redis 7 leaves its beginning in the file, and treats later writes as its end."""
    if choice == "debian" and (reason := missing("redis")):
        pytest.skip(reason)
    server = StateServer(tmp_path / "state", binary=choice)
    server.start()
    try:
        with Redis.from_url(server.url, decode_responses=True) as redis:
            for _ in range(3):
                redis.eval(BATCH, 2, "counts", "batches")
            (file,) = (tmp_path / "state").glob("appendonlydir/*.incr.aof")
            # A write waits for an fsync that is under way.
            until(lambda: file.read_bytes().count(b"$5\r\nMULTI") == 3, 60, "every batch in the file")
            server.kill()
            last = file.read_bytes().rindex(b"*1\r\n$5\r\nMULTI")
            os.truncate(file, last + int((file.stat().st_size - last) * kept))
            server.start()
            assert counts(redis) == {2}
            size = file.stat().st_size
            redis.eval(BATCH, 2, "counts", "batches")
            until(lambda: file.stat().st_size > size, 60, "the batch in the file")
            server.kill()
            server.start()
            assert counts(redis) == {3}
    finally:
        server.stop()


def counts(redis: Redis) -> set[int]:
    """Every count in the state."""
    counts = cast("dict[str, str]", redis.hgetall("counts"))
    return {int(str(redis.get("batches"))), *map(int, counts.values())}
