"""An inbox whose state server refuses writes: it keeps entries, warns readers of the list, and loses nothing."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from redis.exceptions import RedisError

from alerts.inbox.api.app import api
from alerts.inbox.log.entry import AnyEntry
from alerts.inbox.log.intake import by_name, intake
from alerts.inbox.log.spool import Spool
from alerts.inbox.log.state import InboxState
from alerts.inbox.log.stream import InboxLog
from alerts.table import RULES
from bluelamp.embedded.state import StateServer
from bluelamp.services.alerts import guard_of, parts
from bluelamp.services.inbox import list_alerts
from bluelamp.wiring.settings import Settings
from streams.refusal import WORDS, Cause, refusal_of
from tests.streams.test_apply import SHORTAGES
from tests.support.asgi import get
from tests.support.inbox import START, firing
from tests.support.stores import as_user

STATE = "refusing"
KEY = f"{STATE}:inbox"


@pytest.fixture
def redis(state_backend: StateServer) -> Iterator[Redis]:
    with Redis.from_url(state_backend.url, decode_responses=True) as client:
        client.flushall()
        yield client


def three(state: InboxState) -> list[AnyEntry]:
    """Three alerts at once."""
    alerts = [
        firing(0, rule, {"force": "north"}) for rule in ("incident_unusual", "grade_1_unattended", "review_postponed")
    ]
    return list(intake(alerts, by_name(RULES), state, START))


@contextmanager
def no_adding(redis: Redis, _: StateServer) -> Iterator[None]:
    """The inbox's user may not add to streams."""
    redis.acl_setuser("inbox", enabled=True, commands=["-xadd"])
    yield
    redis.acl_setuser("inbox", enabled=True, commands=["+xadd"])


REFUSALS: dict[Cause, Callable[[Redis, StateServer], Any]] = {**SHORTAGES, "access_denied": no_adding}


@pytest.mark.parametrize("cause", REFUSALS)
def test_entries_that_cannot_be_written_are_spooled_and_written_once_later(
    redis: Redis, state_backend: StateServer, cause: Cause, tmp_path: Path
) -> None:
    redis.acl_setuser("inbox", enabled=True, nopass=True, keys=["*"], commands=["+@all"])
    with Redis.from_url(as_user(state_backend.url, "inbox"), decode_responses=True) as client:
        without, log = InboxLog(client, KEY), InboxLog(client, KEY, Spool(tmp_path / "spool"))
        with REFUSALS[cause](redis, state_backend):
            with pytest.raises(RedisError) as caught:
                without.append(three)
            assert refusal_of(caught.value).cause in {cause, "read_only"}
            assert log.append(three)
            if cause != "no_primary":
                log.refresh()
                assert len(log.read_state(InboxState.active_alerts)) == 3, "the inbox lists them meanwhile"
        assert not redis.exists(KEY), "all entries or none"
        log.refresh()
    assert redis.xlen(KEY) == 3
    assert {each.id for each in InboxLog(redis, KEY).entries()} == {each.id for each in three(InboxState())}
    redis.acl_deluser("inbox")


def test_entries_of_others_are_read_while_nothing_can_be_written(
    redis: Redis, state_backend: StateServer, tmp_path: Path
) -> None:
    redis.acl_setuser("inbox", enabled=True, nopass=True, keys=["*"], commands=["+@all"])
    with Redis.from_url(as_user(state_backend.url, "inbox"), decode_responses=True) as client:
        log, other = InboxLog(client, KEY, Spool(tmp_path / "spool")), InboxLog(redis, KEY)
        with no_adding(redis, state_backend):
            log.append(three)
            other.append(lambda state: list(intake([firing()], by_name(RULES), state, START)))
            log.refresh()
            assert len(log.read_state(InboxState.active_alerts)) == 4
            redis.delete(KEY)  # as after a server that has lost its last second
            log.refresh()
            assert len(log.read_state(InboxState.active_alerts)) == 3
    redis.acl_deluser("inbox")


def test_a_list_that_may_lack_new_alerts_has_a_warning(redis: Redis, state_backend: StateServer) -> None:
    settings = Settings(redis=state_backend.url, state_name=STATE)
    for cause in ("out_of_memory", "disk", "read_only"):
        with SHORTAGES[cause](redis, state_backend):
            assert list_alerts(settings).refused == WORDS[cause].what
            assert page(settings)["refused"] == WORDS[cause].what
        assert list_alerts(settings).refused == page(settings)["refused"] == ""


def page(settings: Settings) -> dict[str, Any]:
    """The list from the board's API."""
    answer = get(api(parts(settings, guard_of(settings, {}, "127.0.0.1"))), "/")
    assert answer.status == 200, answer.text
    listing: dict[str, Any] = json.loads(answer.text)
    return listing
