"""The log in Redis: nothing twice, nothing lost, whoever writes at once, and a server that lost its last second."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from redis import Redis

from alerts.inbox.entry import AnyEntry, Noted
from alerts.inbox.intake import by_name, intake
from alerts.inbox.log import InboxLog
from alerts.inbox.state import InboxState
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


def raise_once(book: InboxState) -> list[AnyEntry]:
    """As the webhook decides."""
    return list(intake([firing()], by_name(RULES), book, START))


def test_many_who_tell_the_same_raise_one_alert(redis: Redis) -> None:
    logs = [InboxLog(redis, KEY) for _ in range(8)]
    with ThreadPoolExecutor(8) as threads:
        added = list(threads.map(lambda log: log.append(raise_once), logs))
    assert sum(map(len, added)) == 1
    assert redis.xlen(KEY) == 1


def test_who_decided_on_what_is_no_more_so_decides_again(redis: Redis) -> None:
    one, other = InboxLog(redis, KEY), InboxLog(redis, KEY)
    asked = []

    def overtaken(book: InboxState) -> list[AnyEntry]:
        asked.append(len(book.alerts))
        if len(asked) == 1:
            other.append(raise_once)
        return raise_once(book)

    assert one.append(overtaken) == []
    assert asked == [0, 1]
    assert redis.xlen(KEY) == 1


def test_writers_lose_nothing_of_each_other(redis: Redis) -> None:
    InboxLog(redis, KEY).append(raise_once)
    (alert,) = [each.alert for each in InboxLog(redis, KEY).every()]

    def write(number: int) -> None:
        log = InboxLog(redis, KEY)
        for each in range(10):
            entry = Noted(id=f"{number}:{each}", alert=alert, at=START, note="seen")
            log.append(lambda _, entry=entry: [entry])  # type: ignore[misc]

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(write, range(4)))
    reader = InboxLog(redis, KEY)
    reader.refresh()
    assert len(reader.book.alerts[alert].entries) == 41


def test_what_another_wrote_is_taken_up_and_a_second_try_adds_nothing(redis: Redis) -> None:
    one, other = InboxLog(redis, KEY), InboxLog(redis, KEY)
    one.append(raise_once)
    assert other.refresh() == {each.alert for each in one.every()}
    assert other.append(raise_once) == []


def test_a_server_that_lost_its_last_second_is_believed_and_told_again(redis: Redis) -> None:
    log = InboxLog(redis, KEY)
    (entry,) = log.append(raise_once)
    redis.delete(KEY)
    assert log.append(raise_once) == [entry]
    assert list(InboxLog(redis, KEY).every()) == [entry]


def test_a_key_of_another_kind_is_not_overwritten(redis: Redis) -> None:
    redis.set(KEY, "something else")
    with pytest.raises(Exception, match="WRONGTYPE"):
        InboxLog(redis, KEY).append(raise_once)
    assert redis.get(KEY) == "something else"
