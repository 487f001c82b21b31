"""A state server refuses writes under load: the worker names the cause, keeps its batch, and continues by itself."""

import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from bluelamp.embedded.state import Choice, StateServer
from streams.refusal import WORDS, Cause
from streams.retrying import report_key
from tests.integration.conftest import EMBEDDED, Parts
from tests.integration.test_faults import assert_every_cell_equals_the_recount, publish, state, week
from tests.streams.test_apply import SHORTAGES, configured
from tests.support.disk import fill, free, small_disk
from tests.support.stores import as_user
from tests.support.system import System, WorkerProcess, until

pytestmark = pytest.mark.usefixtures("dropped_sockets")
SOON_SECONDS = 5.0
"""How soon a worker continues once a refusal is over."""
OPERATING = Path(__file__).parents[2] / "docs" / "run" / "operating.md"
LONG_SECONDS = 9.0
"""Longer than a worker's session in the group, and than it may stall."""


@contextmanager
def forbidden(redis: Redis, _: StateServer) -> Iterator[None]:
    """The worker's user may not delete fields, which the worker needs to do in the middle of a batch."""
    redis.acl_setuser("worker", enabled=True, commands=["-hdel"])
    try:
        yield
    finally:
        redis.acl_setuser("worker", enabled=True, commands=["+hdel"])


@contextmanager
def shut_out(redis: Redis, _: StateServer) -> Iterator[None]:
    """The worker's user gets another password, and its connections are closed."""
    redis.acl_setuser("worker", enabled=True, reset_passwords=True, passwords=["+another"])
    redis.client_kill_filter(user="worker")
    try:
        yield
    finally:
        redis.acl_setuser("worker", enabled=True, nopass=True)


@contextmanager
def crowded(redis: Redis, _: StateServer) -> Iterator[None]:
    """The server has as many clients as it accepts, and the worker's connections are closed."""
    with configured(redis, maxclients=1):
        redis.client_kill_filter(user="worker")
        yield


@contextmanager
def gone(redis: Redis, server: StateServer) -> Iterator[None]:
    """The server is killed, and restarted."""
    server.kill()
    try:
        yield
    finally:
        server.start()
        admit(redis)


def admit(redis: Redis) -> None:
    """Give the worker its own user, with the permissions that docs/run/operating.md lists."""
    (granted,) = re.findall(r"ACL SETUSER bluelamp on >PASSWORD ~bluelamp:\* (.+)", OPERATING.read_text())
    redis.acl_setuser("worker", enabled=True, nopass=True, keys=["test-*"], commands=granted.split())


Refused = tuple[Cause, Callable[[Redis, StateServer], Any]]
REFUSALS: tuple[Refused, ...] = (
    *SHORTAGES.items(),
    ("access_denied", forbidden),
    ("access_denied", shut_out),
    ("too_many_clients", crowded),
    ("unreachable", gone),
)
UNREADABLE = ("no_primary", "unreachable")


@pytest.fixture
def admin(parts: Parts) -> Iterator[Redis]:
    """The administrator of the state server, who has given the worker its own user."""
    with Redis.from_url(parts.state.url, decode_responses=True) as client:
        admit(client)
        yield client
        client.acl_deluser("worker")


@EMBEDDED
def test_every_refusal_is_named_and_healed_and_no_batch_is_half_applied(
    new_system: Callable[..., System], parts: Parts, admin: Redis
) -> None:
    refuse_in_turn(new_system, parts, admin, is_long=False)


@pytest.mark.faults
@pytest.mark.timeout(600)
def test_every_long_refusal_is_named_and_healed(new_system: Callable[..., System], parts: Parts, admin: Redis) -> None:
    refuse_in_turn(new_system, parts, admin, is_long=True)


def refuse_in_turn(new_system: Callable[..., System], parts: Parts, admin: Redis, *, is_long: bool) -> None:
    """One refusal after the other, each with facts that arrive before, during and after it."""
    system = new_system(as_user(parts.state.url, "worker"), stall_seconds=4.0)
    system.redis = admin
    system.start_workers(1)
    facts = iter(week()[at : at + 40] for at in range(0, len(week()), 40))
    for cause, refuse in REFUSALS:
        refuse_once(system, admin, parts, (cause, refuse), [next(facts), next(facts)], is_long=is_long)
    assert not admin.exists(report_key(system.settings.state_name))
    assert_every_cell_equals_the_recount(system)


def refuse_once(
    system: System, admin: Redis, parts: Parts, refusal: Refused, facts: Sequence[Any], *, is_long: bool
) -> None:
    """One refusal, with facts before and during it."""
    (worker,), (cause, refuse) = system.workers, refusal
    publish(system, facts[0])
    system.settle()
    before, position = state(system), len(worker.said())
    with refuse(admin, parts.state):
        publish(system, facts[1])
        until(lambda: reported(worker, cause, position) == 1, 60, f"the words for {cause}")
        if is_long:
            stay(worker.is_running)
            assert system.members() == 1, "it must still be in its group"
        if cause not in UNREADABLE:
            assert state(system) == before, f"{cause} must leave nothing behind"
    began = time.monotonic()
    system.settle(30)
    assert time.monotonic() - began < SOON_SECONDS, f"{cause} must be over"
    assert reported(worker, cause, position) == 1
    until(lambda: reported(worker, cause, position, "Over: ") == 1, 60, f"the end of {cause}")
    assert worker.statuses == [], "nobody may have restarted it"


def reported(worker: WorkerProcess, cause: Cause, position: int, words: str = "") -> int:
    """How often the worker itself, not its comparison of log and state, reported a refusal since this place in its log."""
    return worker.said().count(f"bluelamp.worker WARNING {words}{WORDS[cause].what}", position)


def stay(is_so: Callable[[], bool]) -> None:
    """Check that a condition stays true for a long time."""
    deadline = time.monotonic() + LONG_SECONDS
    while time.monotonic() < deadline:
        assert is_so()
        time.sleep(0.2)


@pytest.mark.faults
@EMBEDDED
@pytest.mark.parametrize("binary", ["embedded", pytest.param("debian", marks=pytest.mark.real)])
def test_a_full_disk_of_the_state_server_is_named_and_costs_no_fact(
    new_system: Callable[..., System], tmp_path: Path, binary: Choice
) -> None:
    """Its append-only file cannot grow; it notices this within a second, and likewise that there is space again."""
    with small_disk(tmp_path / "disk", 8 * 1024 * 1024) as disk:
        server = StateServer(disk / "state", binary=binary)
        server.start()
        try:
            system = new_system(server.url, stall_seconds=4.0)
            system.start_workers(1)
            (worker,) = system.workers
            publish(system, week()[:300])
            system.settle()
            for first in range(300, 900, 300):
                position = len(worker.said())
                fill(disk)
                publish(system, week()[first : first + 300])
                until(lambda at=position: WORDS["disk"].what in worker.said()[at:], 60, "the words")  # type: ignore[misc]
                stay(worker.is_running)
                free(disk)
                began = time.monotonic()
                system.settle(30)
                assert time.monotonic() - began < SOON_SECONDS
            assert worker.statuses == []
            assert system.count("facts") == 900
            assert_every_cell_equals_the_recount(system)
        finally:
            for each in system.workers:
                each.stop()
            server.stop()
