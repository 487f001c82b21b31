"""The log in Redis: nothing twice and nothing lost, with concurrent writers and a server that lost its last second."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from redis import Redis

from alerts.inbox.log.entry import AnyEntry, Noted
from alerts.inbox.log.intake import by_name, intake
from alerts.inbox.log.state import InboxState
from alerts.inbox.log.stream import InboxLog
from alerts.table import RULES
from bluelamp.embedded.state import StateServer
from tests.support.inbox import START, firing

KEY = "test:inbox"


@pytest.fixture
def redis(state_backend: StateServer) -> Iterator[Redis]:
    with Redis.from_url(state_backend.url, decode_responses=True) as client:
        client.delete(KEY)
        yield client
        client.delete(KEY)


def raise_once(state: InboxState) -> list[AnyEntry]:
    """What the webhook decides."""
    return list(intake([firing()], by_name(RULES), state, START))


def test_concurrent_writers_of_the_same_alert_raise_it_once(redis: Redis) -> None:
    logs = [InboxLog(redis, KEY) for _ in range(8)]
    with ThreadPoolExecutor(8) as threads:
        added = list(threads.map(lambda log: log.append(raise_once), logs))
    assert sum(map(len, added)) == 1
    assert redis.xlen(KEY) == 1


def test_a_writer_that_decided_on_an_outdated_state_decides_again(redis: Redis) -> None:
    one, other = InboxLog(redis, KEY), InboxLog(redis, KEY)
    calls = []

    def overtaken(state: InboxState) -> list[AnyEntry]:
        calls.append(len(state.alerts))
        if len(calls) == 1:
            other.append(raise_once)
        return raise_once(state)

    assert one.append(overtaken) == []
    assert calls == [0, 1]
    assert redis.xlen(KEY) == 1


def test_an_entry_that_another_request_has_read_still_ends_the_wait(redis: Redis) -> None:
    log = InboxLog(redis, KEY)
    log.refresh()
    on_display = log.last
    log.append(raise_once)
    assert log.last != on_display
    began = time.monotonic()
    log.wait(60, on_display)
    assert time.monotonic() - began < 30


def test_concurrent_writers_lose_nothing(redis: Redis) -> None:
    InboxLog(redis, KEY).append(raise_once)
    (alert,) = [each.alert for each in InboxLog(redis, KEY).entries()]

    def write(number: int) -> None:
        log = InboxLog(redis, KEY)
        for each in range(10):
            entry = Noted(id=f"{number}:{each}", alert=alert, at=START, note="seen")
            log.append(lambda _, entry=entry: [entry])  # type: ignore[misc]

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(write, range(4)))
    reader = InboxLog(redis, KEY)
    reader.refresh()
    assert len(reader.state.alerts[alert].entries) == 41


def test_entries_of_another_process_are_read_and_not_appended_again(redis: Redis) -> None:
    one, other = InboxLog(redis, KEY), InboxLog(redis, KEY)
    one.append(raise_once)
    assert other.refresh() == {each.alert for each in one.entries()}
    assert other.append(raise_once) == []


def test_entries_that_the_server_lost_are_appended_again(redis: Redis) -> None:
    log = InboxLog(redis, KEY)
    (entry,) = log.append(raise_once)
    redis.delete(KEY)
    assert log.append(raise_once) == [entry]
    assert list(InboxLog(redis, KEY).entries()) == [entry]


def test_a_key_of_another_type_is_not_overwritten(redis: Redis) -> None:
    redis.set(KEY, "something else")
    with pytest.raises(Exception, match="WRONGTYPE"):
        InboxLog(redis, KEY).append(raise_once)
    assert redis.get(KEY) == "something else"
