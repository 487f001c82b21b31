"""The inbox when its clock is set forward two hours and back: nothing waits for that time, and nothing is lost."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from redis import Redis

from alerts.inbox.active import ActiveAlerts
from alerts.inbox.api.people import People
from alerts.inbox.api.sessions import SESSION
from alerts.inbox.delivery.notification import pause
from alerts.inbox.log.action import ActionContext, acknowledge
from alerts.inbox.log.entry import AnyEntry, Ended, Failed, Reraised
from alerts.inbox.log.intake import by_name, intake, raised
from alerts.inbox.log.ladder import due
from alerts.inbox.log.payload import payload_alert
from alerts.inbox.log.state import Alert, InboxState, fold_alert
from alerts.inbox.log.stream import InboxLog
from alerts.table import RULES
from bluelamp.embedded.state import StateServer
from tests.inbox.test_service import ALERT_KEY, FORCES, HEARTBEAT, KEY, SCOPE, World, begun, ended
from tests.support.inbox import PEOPLE, RULE, START, Clock

ALL = by_name(RULES)
AHEAD = 7200
FORCE = FORCES["staffordshire"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StateServer]:
    server = StateServer(tmp_path_factory.mktemp("state"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def world(server: StateServer, tmp_path: Path) -> Iterator[World]:
    with Redis.from_url(server.url, decode_responses=True, socket_timeout=2) as client:
        client.delete(KEY, f"{KEY}:data_status")
        yield World(client, tmp_path / "spool.jsonl")


def test_a_heartbeat_dated_in_the_future_does_not_count(world: World) -> None:
    """Otherwise a dead engine would appear to be watching for two hours."""
    world.clock.at(AHEAD)
    world.accept(payload_alert(HEARTBEAT, SCOPE, world.clock.now))
    (status,) = world.service.log.data_status().values()
    assert status.is_monitored(world.clock.now)
    world.clock.at(30)
    assert not status.is_monitored(world.clock.now)
    assert status.is_monitored(status.at - timedelta(seconds=5)), "clocks may differ by seconds"
    world.accept(payload_alert(HEARTBEAT, SCOPE, world.clock.now))
    assert world.service.log.data_status()[SCOPE["force"]].is_monitored(world.clock.now)


def test_the_watcher_is_pinged_at_once_and_not_two_hours_later(world: World) -> None:
    world.accept(payload_alert(HEARTBEAT, SCOPE, world.clock.now))
    world.clock.at(AHEAD)
    world.accept(payload_alert(HEARTBEAT, SCOPE, world.clock.now))
    world.tick(AHEAD + 1)
    assert world.pings == 1
    world.clock.at(30)
    world.accept(payload_alert(HEARTBEAT, SCOPE, world.clock.now))
    world.tick(31)
    assert world.pings == 2


def test_prometheus_is_queried_again_at_once(world: World) -> None:
    labels = {**RULE.labels(), **SCOPE}
    world.clock.at(AHEAD)
    world.active = ActiveAlerts({ALERT_KEY: 1}, frozenset({ALERT_KEY}), {ALERT_KEY: labels})
    world.start()
    world.tick(AHEAD + 6)
    for seconds in (30, 36, 42, 48):
        world.tick(seconds)
    assert "Raised" in world.log()


def test_delivery_is_retried_at_once_and_then_at_growing_intervals(world: World) -> None:
    world.refusing = {"pager"}
    world.clock.at(AHEAD)
    world.accept(begun(AHEAD))
    world.tick(AHEAD + 1)
    for seconds in range(30, 75):
        world.tick(seconds)
    at = [each.attempt for each in world.sent if each.receiver.name == "pager" and each.event == "raised"]
    assert at == [1, 2, 3, 4], "at once, and after 10 s and 20 s"
    assert pause(2) == timedelta(seconds=10)


class Inbox:
    """A state that accepts payloads at times that the test sets."""

    def __init__(self) -> None:
        self.state = InboxState()

    def accept(self, seconds: float, *alerts: object) -> list[str]:
        """Accept alerts a number of seconds after the start; returns the kinds of the new entries."""
        now = START + timedelta(seconds=seconds)
        entries = list(intake(alerts, ALL, self.state, now))  # type: ignore[arg-type]
        self.state.add(entries)
        return [type(each).__name__ for each in entries]


def test_an_alert_dated_in_the_future_ends_and_does_not_block_later_alerts() -> None:
    inbox = Inbox()
    assert inbox.accept(AHEAD, begun(AHEAD)) == ["Raised"]
    assert inbox.accept(60, ended(60, began=AHEAD)) == ["Ended"]
    (alert,) = inbox.state.alerts.values()
    assert alert.ended is not None
    assert alert.ended.ended == START + timedelta(seconds=60)
    assert inbox.accept(100, begun(100)) == ["Raised"]


def test_an_end_dated_in_the_future_does_not_block_later_alerts_and_duplicates_are_recognised() -> None:
    inbox = Inbox()
    inbox.accept(-600, begun(-600))
    assert inbox.accept(AHEAD, ended(AHEAD, began=-600)) == ["Ended"]
    assert inbox.accept(AHEAD + 1, begun(-600)) == []
    assert inbox.accept(AHEAD + 2, begun(AHEAD + 1)) == ["Raised"]
    assert inbox.accept(AHEAD + 9, ended(AHEAD + 9, began=AHEAD + 1)) == ["Ended"]
    assert inbox.accept(30, begun(AHEAD + 1)) == [], "a late duplicate"
    assert inbox.accept(40, begun(40)) == ["Raised"]


def steps_after(began: float, now: float) -> list[str]:
    """The posts to which the ladder escalates an alert."""
    at = START + timedelta(seconds=began)
    alert = fold_alert([raised(ALL["contact_999_waiting_several"], {"force": FORCE.name}, at, at)])
    assert alert is not None
    return [getattr(each, "notify", "") for each in due(alert, FORCE, START + timedelta(seconds=now))]


def test_the_ladder_does_not_wait_for_the_time_of_a_wrong_clock() -> None:
    assert len(steps_after(0, 900)) == 2
    assert steps_after(AHEAD, 30) == steps_after(0, 900)
    assert steps_after(6, 0) == [], "an engine's clock may be ahead by seconds"


def test_an_acknowledgement_counts_after_the_clock_was_set_back(world: World) -> None:
    """With the clock past a shift changeover the alert is raised again; acknowledging it then had no effect for hours."""
    world.accept(begun())
    at = START + timedelta(seconds=AHEAD)
    again = Reraised(id="again", alert=_only(world), at=at, changeover=at)
    world.service.log.append(lambda _: [again])
    context = ActionContext(by="inspector", at=START + timedelta(seconds=60), request="r")
    world.service.log.append(lambda state: [acknowledge(state, _only(world), "", context)])
    (alert,) = _active(world)
    assert alert.acknowledged is not None
    assert alert.owner == "inspector"


def _only(world: World) -> str:
    (alert,) = world.service.log.read_state(InboxState.active_alerts)
    return alert.id


def _active(world: World) -> list[Alert]:
    """The active alerts, as another process reads them from the log."""
    log = InboxLog(world.redis, KEY)
    log.refresh()
    return log.read_state(InboxState.active_alerts)


def test_undelivered_ends_survive_a_clock_far_ahead() -> None:
    state = InboxState()
    began = raised(RULE, SCOPE, START, START)
    entries: list[AnyEntry] = [began, Ended(id="e", alert=began.alert, at=START, ended=START)]
    state.add(entries)
    day = timedelta(days=1)
    assert state.recent_alerts(START + 2 * day) == []
    assert [each.id for each in state.recent_alerts(START - day)] == [began.alert]


def test_the_last_failed_attempt_counts_whatever_its_date() -> None:
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


def test_a_session_signed_by_a_clock_that_was_ahead_is_not_accepted() -> None:
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
