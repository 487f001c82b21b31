"""The inbox when its clock is set forward two hours and back: nothing waits for that time to come, and nothing is lost."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from redis import Redis

from alerts.inbox.action import Act, acknowledge
from alerts.inbox.active import ActiveAlerts
from alerts.inbox.entry import AnyEntry, Ended, Failed, Reraised
from alerts.inbox.intake import by_name, intake, raised
from alerts.inbox.ladder import due
from alerts.inbox.log import InboxLog
from alerts.inbox.notification import pause
from alerts.inbox.payload import told
from alerts.inbox.people import SESSION, People
from alerts.inbox.state import Alert, InboxState, fold_alert
from alerts.table import RULES
from bluelamp.embedded.state import StateServer
from tests.inbox.test_service import FORCES, HEARTBEAT, KEY, KEY_OF_IT, SCOPE, World, begun, over
from tests.support.inbox import PEOPLE, RULE, START, Clock

ALL = by_name(RULES)
AHEAD = 7200
FORCE = FORCES["staffordshire"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StateServer]:
    one = StateServer(tmp_path_factory.mktemp("state"))
    one.start()
    yield one
    one.stop()


@pytest.fixture
def world(server: StateServer, tmp_path: Path) -> Iterator[World]:
    with Redis.from_url(server.url, decode_responses=True, socket_timeout=2) as client:
        client.delete(KEY, f"{KEY}:heard")
        yield World(client, tmp_path / "spool.jsonl")


def test_an_engine_heard_at_a_time_of_the_future_watches_nobody(world: World) -> None:
    """Otherwise a dead engine would seem to watch for two hours."""
    world.clock.at(AHEAD)
    world.take(told(HEARTBEAT, SCOPE, world.clock.now))
    (heard,) = world.service.log.heard().values()
    assert heard.is_watched(world.clock.now)
    world.clock.at(30)
    assert not heard.is_watched(world.clock.now)
    assert heard.is_watched(heard.at - timedelta(seconds=5)), "clocks may differ by seconds"
    world.take(told(HEARTBEAT, SCOPE, world.clock.now))
    assert world.service.log.heard()[SCOPE["force"]].is_watched(world.clock.now)


def test_the_watcher_is_told_at_once_and_not_two_hours_later(world: World) -> None:
    world.take(told(HEARTBEAT, SCOPE, world.clock.now))
    world.clock.at(AHEAD)
    world.take(told(HEARTBEAT, SCOPE, world.clock.now))
    world.tick(AHEAD + 1)
    assert world.watched == 1
    world.clock.at(30)
    world.take(told(HEARTBEAT, SCOPE, world.clock.now))
    world.tick(31)
    assert world.watched == 2


def test_what_prometheus_knows_is_asked_for_again_at_once(world: World) -> None:
    labels = {**RULE.labels(), **SCOPE}
    world.clock.at(AHEAD)
    world.seen = ActiveAlerts({KEY_OF_IT: 1}, frozenset({KEY_OF_IT}), {KEY_OF_IT: labels})
    world.start()
    world.tick(AHEAD + 6)
    for seconds in (30, 36, 42, 48):
        world.tick(seconds)
    assert "Raised" in world.log()


def test_a_receiver_that_did_not_take_it_is_told_again_at_once_and_then_ever_more_seldom(world: World) -> None:
    world.refusing = {"pager"}
    world.clock.at(AHEAD)
    world.take(begun(AHEAD))
    world.tick(AHEAD + 1)
    for seconds in range(30, 75):
        world.tick(seconds)
    at = [each.attempt for each in world.told if each.receiver.name == "pager" and each.event == "raised"]
    assert at == [1, 2, 3, 4], "at once, and after 10 s and 20 s"
    assert pause(2) == timedelta(seconds=10)


class Inbox:
    """A book that takes payloads at times that the test sets."""

    def __init__(self) -> None:
        self.book = InboxState()

    def tell(self, seconds: float, *alerts: object) -> list[str]:
        """Take alerts a number of seconds after the start; the entries that were added."""
        now = START + timedelta(seconds=seconds)
        found = list(intake(alerts, ALL, self.book, now))  # type: ignore[arg-type]
        self.book.add(found)
        return [type(each).__name__ for each in found]


def test_an_alert_that_began_in_the_future_ends_and_hinders_no_later_one() -> None:
    inbox = Inbox()
    assert inbox.tell(AHEAD, begun(AHEAD)) == ["Raised"]
    assert inbox.tell(60, over(60, began=AHEAD)) == ["Ended"]
    (alert,) = inbox.book.alerts.values()
    assert alert.ended is not None
    assert alert.ended.ended == START + timedelta(seconds=60)
    assert inbox.tell(100, begun(100)) == ["Raised"]


def test_an_end_in_the_future_hinders_no_later_alert_and_what_came_twice_is_known() -> None:
    inbox = Inbox()
    inbox.tell(-600, begun(-600))
    assert inbox.tell(AHEAD, over(AHEAD, began=-600)) == ["Ended"]
    assert inbox.tell(AHEAD + 1, begun(-600)) == []
    assert inbox.tell(AHEAD + 2, begun(AHEAD + 1)) == ["Raised"]
    assert inbox.tell(AHEAD + 9, over(AHEAD + 9, began=AHEAD + 1)) == ["Ended"]
    assert inbox.tell(30, begun(AHEAD + 1)) == [], "late, and already known"
    assert inbox.tell(40, begun(40)) == ["Raised"]


def steps_after(began: float, now: float) -> list[str]:
    """To whom the ladder escalates an alert."""
    at = START + timedelta(seconds=began)
    alert = fold_alert([raised(ALL["contact_999_waiting_several"], {"force": FORCE.name}, at, at)])
    assert alert is not None
    return [getattr(each, "tell", "") for each in due(alert, FORCE, START + timedelta(seconds=now))]


def test_the_ladder_does_not_wait_until_the_time_of_a_wrong_clock_has_come() -> None:
    assert len(steps_after(0, 900)) == 2
    assert steps_after(AHEAD, 30) == steps_after(0, 900)
    assert steps_after(6, 0) == [], "an engine's clock may be ahead by seconds"


def test_who_takes_an_alert_after_the_clock_was_set_back_has_taken_it(world: World) -> None:
    """Set forward past a change of shift, the alert is raised again; taking it had no effect for hours."""
    world.take(begun())
    at = START + timedelta(seconds=AHEAD)
    again = Reraised(id="again", alert=_only(world), at=at, changeover=at)
    world.service.log.append(lambda _: [again])
    act = Act(by="inspector", at=START + timedelta(seconds=60), request="r")
    world.service.log.append(lambda book: [acknowledge(book, _only(world), "", act)])
    (alert,) = _standing(world)
    assert alert.acknowledged is not None
    assert alert.owner == "inspector"


def _only(world: World) -> str:
    (alert,) = world.service.log.look(lambda book: book.standing())
    return alert.id


def _standing(world: World) -> list[Alert]:
    """The active alerts, as another process reads them from the log."""
    log = InboxLog(world.redis, KEY)
    log.refresh()
    return log.look(lambda book: book.standing())


def test_ends_that_were_not_delivered_are_not_lost_in_a_moment_far_ahead() -> None:
    book = InboxState()
    began = raised(RULE, SCOPE, START, START)
    entries: list[AnyEntry] = [began, Ended(id="e", alert=began.alert, at=START, ended=START)]
    book.add(entries)
    day = timedelta(days=1)
    assert book.recent(START + 2 * day) == []
    assert [each.id for each in book.recent(START - day)] == [began.alert]


def test_of_failed_attempts_the_last_counts_and_not_the_one_dated_last() -> None:
    began = raised(RULE, SCOPE, START, START)
    dates = {1: AHEAD, 2: 30}
    failed = [
        Failed(
            id=f"f{attempt}", alert=began.alert, at=START + timedelta(seconds=seconds),
            of=began.id, receiver="pager", attempt=attempt, reason="500",
        )
        for attempt, seconds in dates.items()
    ]  # fmt: skip
    alert = fold_alert([began, *failed])
    assert alert is not None
    (delivery,) = alert.deliveries.values()
    assert (delivery.attempts, delivery.last_at) == (2, START + timedelta(seconds=30))


def test_a_session_made_by_a_clock_that_was_ahead_lasts_no_longer() -> None:
    clock = Clock()
    people = People(PEOPLE, clock)
    person = people.by_token(PEOPLE[1][2])
    assert person is not None
    clock.at(365 * 86_400)
    cookie = people.session(person)
    assert people.by_cookie(cookie)
    clock.at(0)
    assert people.by_cookie(cookie) is None
    cookie = people.session(person)
    clock.at(SESSION.total_seconds() - 1)
    assert people.by_cookie(cookie)
