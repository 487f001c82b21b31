"""Row 18 of the fault table: killed anywhere between an alert's decision and its delivery, an inbox loses none and makes up none."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

import alerts.inbox.service
from alerts.inbox.entry import Delivered, Raised
from alerts.inbox.intake import intake
from alerts.inbox.log import InboxLog
from alerts.inbox.notification import Message
from alerts.inbox.payload import Payload
from alerts.inbox.service import Service
from alerts.inbox.state import InboxState
from bluelamp.embedded.state import StateServer
from tests.inbox.test_service import KEY, PAGER, World, begun
from tests.support.fault_table import Fault

_take = Service.take


class KilledError(BaseException):
    """The process ends here: nothing in it may catch this."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StateServer]:
    one = StateServer(tmp_path_factory.mktemp("state"))
    one.start()
    yield one
    one.stop()


class Killed(World):
    """An inbox with one receiver, killed once at a point; the engine reports the alert again, as it does until it is taken.

    Args:
        redis: of the log.
        spool: its file.
        point: where it is killed.
    """

    def __init__(self, redis: Redis, spool: Path, point: str) -> None:
        self.point, self.kills, self.made_up = point, 0, list[str]()
        super().__init__(redis, spool, PAGER)
        self.service.log.append = partial(self._append, self.service.log.append)  # type: ignore[method-assign]

    def _append(self, append: Callable[..., Any], decide: Any, **more: Any) -> Any:
        self._reach("before the log")
        added = append(decide, **more)
        if added:
            self._reach("after the log")
        return added

    def tell(self, message: Message) -> None:
        """A message reaches its receiver, and the test looks at what the log holds at that moment."""
        self._reach("before delivery")
        if message.alert.id not in raised(self.redis):
            self.made_up.append(message.alert.id)
        super().tell(message)
        self._reach("after delivery")

    def _reach(self, point: str) -> None:
        if point == self.point and not self.kills:
            self.kills += 1
            raise KilledError(point)

    def run(self) -> None:
        """Until it was killed, started again, and all is delivered."""
        try:
            self.take(begun())
            self.tick(1)
        except KilledError:
            pass
        self.start()
        self.take(begun())
        for seconds in (20, 30, 40):
            self.tick(seconds)

    def check(self) -> None:
        """One alert, delivered at least once under one key and recorded once, and never before the log had it."""
        assert self.kills == 1
        assert self.made_up == []
        assert len(raised(self.redis)) == 1
        assert {each.alert.id for each in self.told} == raised(self.redis)
        assert len({each.key for each in self.told}) == 1
        assert self.log().count(Delivered.__name__) == 1


def raised(redis: Redis) -> set[str]:
    """The alerts that the log says were raised."""
    return {each.alert for each in InboxLog(redis, KEY).every() if isinstance(each, Raised)}


@pytest.fixture
def redis(server: StateServer) -> Iterator[Redis]:
    with Redis.from_url(server.url, decode_responses=True, socket_timeout=2) as client:
        client.delete(KEY, f"{KEY}:heard")
        yield client


@pytest.mark.injects(18)
@pytest.mark.parametrize("point", ["before the log", "after the log", "before delivery", "after delivery"])
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_killed_at_any_point_each_alert_is_delivered_and_none_is_made_up(
    redis: Redis, tmp_path: Path, point: str, fault: Fault
) -> None:
    world = Killed(redis, tmp_path / "spool.jsonl", point)
    world.run()
    fault.fired(world.kills)
    world.check()


def _delivered_first(self: Service, payload: Payload) -> None:
    """Deliver at once, and write to the log afterwards."""
    now, book = self.duties.now(), InboxState()
    book.add(intake(payload.alerts, self._rules, book, now))
    for messages in alerts.inbox.service._messages(book, self.duties.receivers, now).values():  # noqa: SLF001
        for message in messages:
            self.duties.tell(message)
    _take(self, payload)


def test_an_inbox_that_delivers_before_it_writes_is_caught(
    redis: Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Service, "take", _delivered_first)
    world = Killed(redis, tmp_path / "spool.jsonl", "before the log")
    world.run()
    with pytest.raises(AssertionError):
        world.check()
