"""Redis watched by Sentinel: its primary is killed under load, a replica takes over, and no cell is wrong."""

import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from msgspec.structs import replace
from redis import Redis
from redis.exceptions import RedisError

from bluelamp.wiring.ports import free_ports
from facts.errors import SettingError
from producers.secret import Secret
from streams.refusal import refusal_of
from streams.state_address import StateServerAddress, Watched, blocking_client, watched_by
from tests.integration.conftest import Parts
from tests.integration.test_faults import assert_every_cell_equals_the_recount, publish, week
from tests.support.system import System, until

CONFIGURATION = """
port {port}
bind 127.0.0.1
dir {directory}
sentinel monitor state 127.0.0.1 {primary} 1
sentinel down-after-milliseconds state 1000
sentinel failover-timeout state 5000
"""


class Servers:
    """A primary, a replica and a sentinel that watches them."""

    def __init__(self, directory: Path) -> None:
        self.primary, self.replica, self.sentinel = free_ports(3)
        self._directory = directory
        self._running: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        """Start all three."""
        self._server(self.primary)
        self._server(self.replica, "--replicaof", "127.0.0.1", str(self.primary))
        until(lambda: asked(self.replica, lambda redis: redis.info()["master_link_status"] == "up"), 60, "a replica")
        file = self._directory / "sentinel.conf"
        file.write_text(CONFIGURATION.format(port=self.sentinel, directory=self._directory, primary=self.primary))
        self._run(str(file), "--sentinel")
        until(lambda: asked(self.sentinel, self._knows_replica), 60, "the sentinel to know the replica")

    def _knows_replica(self, redis: Redis) -> bool:
        return any(each["name"].endswith(f":{self.replica}") for each in redis.sentinel_slaves("state"))

    def _server(self, port: int, *options: str) -> None:
        directory = self._directory / str(port)
        directory.mkdir()
        durable = ["--appendonly", "yes", "--save", "", "--maxmemory-policy", "noeviction"]
        self._run("--port", str(port), "--bind", "127.0.0.1", "--dir", str(directory), *durable, *options)

    def _run(self, *arguments: str) -> None:
        self._running.append(subprocess.Popen(["redis-server", *arguments], stdout=subprocess.DEVNULL))

    def kill_primary(self) -> None:
        """Kill it with -9."""
        self._running[0].send_signal(signal.SIGKILL)
        self._running[0].wait()

    def has_switched(self, sentinel: Redis) -> bool:
        """Whether the sentinel names the replica as the primary."""
        named = sentinel.sentinel_get_master_addr_by_name("state")
        return isinstance(named, tuple) and int(named[1]) == self.replica

    def stop(self) -> None:
        """End all three."""
        for each in self._running:
            each.kill()
            each.wait()


def asked(port: int, question: Callable[[Redis], bool]) -> bool:
    """Whether a server answers, and its answer is yes."""
    with suppress(RedisError, KeyError), Redis(port=port, decode_responses=True, socket_timeout=1) as redis:
        return question(redis)
    return False


def responds(client: Redis) -> bool:
    """Whether a client has found a server."""
    with suppress(RedisError):
        return bool(client.ping())
    return False


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[Servers]:
    """The running servers."""
    if not shutil.which("redis-server"):
        pytest.skip("redis-server is not installed")
    started = Servers(tmp_path)
    try:
        started.start()
        yield started
    finally:
        started.stop()


@pytest.mark.faults
@pytest.mark.real
@pytest.mark.usefixtures("dropped_sockets")
@pytest.mark.timeout(300)
@pytest.mark.parametrize("parts", ["embedded"], indirect=True)
def test_a_failover_under_load_changes_no_cell(
    new_system: Callable[..., System], servers: Servers, parts: Parts
) -> None:
    assert parts.name == "embedded"
    system = new_system(f"redis+sentinel://127.0.0.1:{servers.sentinel}/state/0")
    system.start_workers(2)
    system.supervise()
    facts = week()
    publish(system, facts[:300])
    load = threading.Thread(target=publish, args=(system, facts[300:1500]))
    load.start()
    until(lambda: system.count("facts") > 300, 60, "facts of the load")
    servers.kill_primary()
    load.join()
    until(lambda: asked(servers.sentinel, servers.has_switched), 60, "a new primary")
    until(lambda: responds(system.redis), 60, "the client to find it")
    system.settle(120)
    assert system.count("facts") == 1500
    assert_every_cell_equals_the_recount(system)


def test_the_address_of_sentinels_is_read_or_refused_with_what_to_write() -> None:
    assert watched_by("redis+sentinel://one:26379, two:26380/state/2") == Watched(
        [("one", 26379), ("two", 26380)], "state", 2
    )
    assert watched_by("rediss+sentinel://one:26379/state") == Watched([("one", 26379)], "state", 0)
    assert watched_by("redis://one:6379/0") is None
    for wrong in ("redis+sentinel://one/state", "redis+sentinel://one:26379", "redis+sentinel://u:p@one:26379/state"):
        with pytest.raises(SettingError, match="incomplete"):
            watched_by(wrong)
    with pytest.raises(RedisError) as caught:
        blocking_client("redis+sentinel://127.0.0.1:1/state").ping()
    assert "no sentinel that answers" in refusal_of(caught.value).sentence()
    assert "<redis" not in refusal_of(caught.value).words()


SENTINEL_RULES = "resetchannels -@all +auth +ping +sentinel|masters"
"""As docs/run/scaling.md says."""
SENTINEL_SIGN_INS = {
    "a password": ("requirepass of-the-sentinel", ""),
    "a user": (f"user default off\nuser watcher on >of-the-sentinel {SENTINEL_RULES}", "watcher"),
}


@pytest.mark.parametrize("sign_in", SENTINEL_SIGN_INS)
def test_sentinels_may_have_a_password_or_a_user_of_their_own(tmp_path: Path, sign_in: str) -> None:
    if not shutil.which("redis-server"):
        pytest.skip("redis-server is not installed")
    primary, sentinel = free_ports(2)
    file = tmp_path / "sentinel.conf"
    of_state = CONFIGURATION.format(port=sentinel, directory=tmp_path, primary=primary)
    asked_for, user = SENTINEL_SIGN_INS[sign_in]
    file.write_text(f"{of_state}sentinel auth-pass state of-the-state\n{asked_for}\n")
    at_state = ["--port", str(primary), "--dir", str(tmp_path), "--requirepass", "of-the-state"]
    running = [
        subprocess.Popen(["redis-server", *options], stdout=subprocess.DEVNULL)
        for options in (at_state, [str(file), "--sentinel"])
    ]
    known = StateServerAddress(
        url=f"redis+sentinel://127.0.0.1:{sentinel}/state",
        password=Secret("of-the-state"),
        sentinel_user=user,
        sentinel_password=Secret("of-the-sentinel"),
    )
    try:
        until(lambda: responds(blocking_client(known)), 30, "the sentinel to name its primary")
        wrong = [replace(known, sentinel_password=Secret(each)) for each in ("wrong", "")]
        for refused in [*wrong, replace(known, sentinel_user="somebody-else")]:
            with pytest.raises(RedisError) as caught:
                blocking_client(refused).ping()
            assert "a sentinel does not accept" in refusal_of(caught.value).sentence()
    finally:
        for each in running:
            each.kill()
            each.wait()
