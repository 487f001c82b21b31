"""Row 18 of the fault table: an inbox killed anywhere between deciding and delivering an alert loses none and invents none."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

import alerts.inbox.service
from alerts.inbox.delivery.notification import Message
from alerts.inbox.log.entry import Delivered, Raised
from alerts.inbox.log.intake import intake
from alerts.inbox.log.payload import Payload
from alerts.inbox.log.state import InboxState
from alerts.inbox.log.stream import InboxLog
from alerts.inbox.service import Service
from bluelamp.embedded.state import StateServer
from tests.inbox.test_service import KEY, PAGER, World, begun
from tests.support.fault_table import Fault

_accept = Service.accept


class KilledError(BaseException):
    """The process ends here: nothing in it may catch this."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StateServer]:
    server = StateServer(tmp_path_factory.mktemp("state"))
    server.start()
    yield server
    server.stop()


class Killed(World):
    """An inbox with one receiver, killed once at a point; the engine reports the alert again, as it does until it is accepted.

    Args:
        redis: the state server of the log.
        spool: the spool file.
        point: where it is killed.
    """

    def __init__(self, redis: Redis, spool: Path, point: str) -> None:
        self.point, self.kills, self.invented = point, 0, list[str]()
        super().__init__(redis, spool, PAGER)
        self.service.log.append = partial(self._append, self.service.log.append)  # type: ignore[method-assign]

    def _append(self, append: Callable[..., Any], decide: Any, **more: Any) -> Any:
        self._reach("before the log")
        added = append(decide, **more)
        if added:
            self._reach("after the log")
        return added

    def send(self, message: Message) -> None:
        """Deliver a message, and check that the log already has its alert."""
        self._reach("before delivery")
        if message.alert.id not in raised(self.redis):
            self.invented.append(message.alert.id)
        super().send(message)
        self._reach("after delivery")

    def _reach(self, point: str) -> None:
        if point == self.point and not self.kills:
            self.kills += 1
            raise KilledError(point)

    def run(self) -> None:
        """Run until it has been killed, restarted, and everything is delivered."""
        try:
            self.accept(begun())
            self.tick(1)
        except KilledError:
            pass
        self.start()
        self.accept(begun())
        for seconds in (20, 30, 40):
            self.tick(seconds)

    def check(self) -> None:
        """One alert, delivered at least once with one key, recorded once, and never delivered before the log had it."""
        assert self.kills == 1
        assert self.invented == []
        assert len(raised(self.redis)) == 1
        assert {each.alert.id for each in self.sent} == raised(self.redis)
        assert len({each.key for each in self.sent}) == 1
        assert self.log().count(Delivered.__name__) == 1


def raised(redis: Redis) -> set[str]:
    """The IDs of the alerts that the log has as raised."""
    return {each.alert for each in InboxLog(redis, KEY).entries() if isinstance(each, Raised)}


@pytest.fixture
def redis(server: StateServer) -> Iterator[Redis]:
    with Redis.from_url(server.url, decode_responses=True, socket_timeout=2) as client:
        client.delete(KEY, f"{KEY}:data_status")
        yield client


@pytest.mark.injects(18)
@pytest.mark.parametrize("point", ["before the log", "after the log", "before delivery", "after delivery"])
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_killed_at_any_point_every_alert_is_delivered_and_none_invented(
    redis: Redis, tmp_path: Path, point: str, fault: Fault
) -> None:
    world = Killed(redis, tmp_path / "spool.jsonl", point)
    world.run()
    fault.fired(world.kills)
    world.check()


def _delivered_first(self: Service, payload: Payload) -> None:
    """Deliver first, and write to the log afterwards."""
    now, state = self._dependencies.now(), InboxState()
    state.add(intake(payload.alerts, self._rules, state, now))
    for messages in alerts.inbox.service._messages(state, self._dependencies.receivers, now).values():  # noqa: SLF001
        for message in messages:
            self._dependencies.send(message)
    _accept(self, payload)


def test_an_inbox_that_delivers_before_it_writes_is_caught(
    redis: Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Service, "accept", _delivered_first)
    world = Killed(redis, tmp_path / "spool.jsonl", "before the log")
    world.run()
    with pytest.raises(AssertionError):
        world.check()
