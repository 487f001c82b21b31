"""The inbox service: at-least-once notifications recorded once, suppressions, outages, and the external watcher."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from alerts.inbox.active import ActiveAlerts
from alerts.inbox.api.app import api
from alerts.inbox.api.guard import EVERYONE, Guard
from alerts.inbox.api.people import People
from alerts.inbox.api.view import Listing, MonitoredForce
from alerts.inbox.delivery.notification import Message, pause
from alerts.inbox.delivery.receiver import EVENTS, Receiver
from alerts.inbox.delivery.send import DeliveryError
from alerts.inbox.log.action import ActionContext, SuppressionRequest, acknowledge, suppress
from alerts.inbox.log.data_status import ALIVE, DataStatus
from alerts.inbox.log.entry import Delivered, Ended, Failed, Raised, Rose, Suppressed, scope_of
from alerts.inbox.log.intake import by_name
from alerts.inbox.log.lease import Lease
from alerts.inbox.log.payload import PayloadAlert, payload, payload_alert
from alerts.inbox.log.spool import Spool
from alerts.inbox.log.state import InboxState
from alerts.inbox.log.stream import InboxLog
from alerts.inbox.service import Dependencies, Service
from alerts.table import RULES
from bluelamp.embedded.state import StateServer
from bluelamp.services.inbox import listing_lines
from bluelamp.wiring.settings import Settings, load_forces
from producers import tracing
from tests.support.inbox import PEOPLE, RULE, START, Clock, Desk, firing, parts, resolved, served
from tests.support.system import until

KEY = "test:inbox:service"
LEASE_SECONDS = 0.5
FORCES = {name: rules.force for name, rules in load_forces(Settings()).items()}
SCOPE = {"force": "staffordshire"}
PAGER = Receiver(name="pager", who=("duty inspector",), events=EVENTS)
MAIL = Receiver(name="mail", severities=("critical", "warning"), events=EVENTS)
MANAGER = Receiver(name="manager", who=("force incident manager",), events=EVENTS)
ALERT_KEY = RULE.name, scope_of(SCOPE)
NOTHING = ActiveAlerts({}, frozenset(), {})
FEW = by_name(RULES)["grade_1_unresourced"]
HEARTBEAT = next(each for each in RULES if each.severity == "heartbeat")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StateServer]:
    server = StateServer(tmp_path_factory.mktemp("state"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def redis(server: StateServer) -> Iterator[Redis]:
    with Redis.from_url(server.url, decode_responses=True, socket_timeout=2) as client:
        client.delete(KEY, f"{KEY}:data_status", f"{KEY}:lease")
        yield client


class World:
    """An inbox with its clock, its receivers and its log."""

    has_lease = False

    def __init__(self, redis: Redis, spool: Path, *receivers: Receiver) -> None:
        self.redis, self.spool = redis, spool
        self.clock, self.receivers = Clock(), receivers or (PAGER, MAIL)
        self.sent: list[Message] = []
        self.refusing: set[str] = set()
        self.pings = 0
        self.active: ActiveAlerts | None = None
        self.service = self.start()

    def start(self) -> Service:
        """A new process on the same log."""
        lease = Lease(self.redis, f"{KEY}:lease", str(self.spool), LEASE_SECONDS) if self.has_lease else None
        dependencies = Dependencies(
            rules=RULES, forces=FORCES, force="staffordshire", receivers=self.receivers, send=self.send, now=self.clock,
            ping_watcher=self.ping, lease=lease, load_active=None if self.active is None else lambda: self.active or NOTHING,
        )  # fmt: skip
        self.service = Service(InboxLog(self.redis, KEY, Spool(self.spool)), dependencies)
        return self.service

    def send(self, message: Message) -> None:
        """Record a notification, or refuse it."""
        self.sent.append(message)
        if message.receiver.name in self.refusing:
            raise DeliveryError("the webhook answered 500")

    def ping(self) -> None:
        """Count a ping to the external watcher."""
        self.pings += 1

    def accept(self, *alerts: PayloadAlert, url: str = "") -> None:
        """Pass alerts to the service, as the webhook does."""
        self.service.accept(replace(payload({}, alerts), external_url=url))

    def tick(self, seconds: float) -> None:
        """Tick once, a number of seconds after the start, and wait for the deliveries."""
        self.clock.at(seconds)
        self.service.tick()
        until(lambda: not self.service._busy and not self.service._is_pinging, 60, "the deliveries")  # noqa: SLF001

    def log(self) -> list[str]:
        """The kinds of all entries in the log."""
        return [type(each).__name__ for each in InboxLog(self.redis, KEY).entries()]

    def notified(self) -> list[tuple[str, str]]:
        """Receiver and event of every notification, in order."""
        return [(each.receiver.name, each.event) for each in self.sent]


@pytest.fixture
def world(redis: Redis, tmp_path: Path) -> World:
    return World(redis, tmp_path / "spool.jsonl")


def begun(seconds: float = 0, rule: str = RULE.name) -> PayloadAlert:
    """A firing alert that began a number of seconds after the start."""
    return firing(seconds, rule, SCOPE)


def ended(seconds: float, began: float = 0) -> PayloadAlert:
    """The same alert, resolved."""
    return resolved(seconds, began, scope=SCOPE)


def test_receivers_are_notified_once_of_start_and_end(world: World) -> None:
    world.accept(begun())
    for seconds in (1, 2, 3):
        world.tick(seconds)
    assert sorted(world.notified()) == [("mail", "raised"), ("pager", "raised")]
    world.clock.at(60)
    world.accept(ended(60))
    world.tick(61)
    world.start()
    world.tick(62)
    assert sorted(world.notified()[2:]) == [("mail", "ended"), ("pager", "ended")]
    assert world.log().count("Delivered") == 4


def test_a_notification_continues_the_trace_in_which_its_alert_was_accepted(world: World) -> None:
    """A failed notification is a span too; an alert that was accepted outside a trace begins one."""
    exporter = InMemorySpanExporter()
    tracing.start_with(SimpleSpanProcessor(exporter), "inbox")
    guard = Guard(People(PEOPLE, world.clock), EVERYONE)
    inbox = api(replace(parts(world.service.log, world.clock, guard), accept=world.service.accept))
    world.refusing = {"mail"}
    try:
        with served(inbox) as address:
            engine = Desk(address, "engine")
            engine.headers[tracing.HEADER] = f"00-{17:032x}-{18:016x}-01"
            assert engine.send(begun()).ok
        world.tick(1)
        accepted, *notified = exporter.get_finished_spans()
        assert [each.name for each in (accepted, *notified)] == ["accept", "notify", "notify"]
        assert {each.context.trace_id for each in (accepted, *notified) if each.context} == {17}
        assert accepted.context
        assert {each.parent.span_id for each in notified if each.parent} == {accepted.context.span_id}
        found = {each.attributes["receiver"]: each for each in notified if each.attributes}
        assert {name: each.status.is_ok for name, each in found.items()} == {"pager": True, "mail": False}
        world.service._traced.clear()  # noqa: SLF001 - as after a restart
        world.refusing = set()
        world.tick(10)
        assert [each.parent for each in exporter.get_finished_spans()[3:]] == [None]
    finally:
        tracing.stop()


def test_delivery_is_retried_at_growing_intervals(world: World) -> None:
    world.refusing = {"pager"}
    world.accept(begun())
    for seconds in range(1, 200):
        world.tick(seconds)
    at = [each.attempt for each in world.sent if each.receiver.name == "pager" and each.event == "raised"]
    assert at == [1, 2, 3, 4, 5, 6]
    assert [pause(each).total_seconds() for each in (1, 2, 3, 9)] == [5, 10, 20, 300]
    assert [each.attempt for each in world.sent if each.receiver.name == "mail"] == [1], "others do not wait for it"
    failed = [each for each in InboxLog(world.redis, KEY).entries() if isinstance(each, Failed)]
    assert {each.reason for each in failed} == {"the webhook answered 500"}
    world.refusing = set()
    world.tick(400)
    (delivered,) = [
        each
        for each in InboxLog(world.redis, KEY).entries()
        if isinstance(each, Delivered) and each.receiver == "pager"
    ]
    assert delivered.attempt == 7


def test_a_delivery_that_was_not_recorded_is_repeated_with_the_same_key(world: World) -> None:
    """As after a kill -9 between sending and recording: at least once to the receiver, exactly once in the log."""
    world.accept(begun())
    append = world.service.log.append
    world.service.log.append = lambda decide, **_: [] if world.sent else append(decide)  # type: ignore[method-assign]
    world.tick(1)
    assert world.log().count("Delivered") == 0
    world.start()
    world.tick(10)
    world.tick(11)
    assert len({each.key for each in world.sent}) == 2
    assert len(world.sent) == 4
    assert world.log().count("Delivered") == 2


def test_a_suppression_stops_notifications_until_it_ends(world: World) -> None:
    plan = SuppressionRequest(rule=RULE.name, until=world.clock.now + timedelta(seconds=60), note="Radio work.")
    context = ActionContext(by="chief", at=world.clock.now, request="r")
    assert isinstance(suppress(by_name(RULES), plan, context), Suppressed)
    world.service.log.append(lambda _: [suppress(by_name(RULES), plan, context)])
    world.accept(begun(5))
    world.tick(59)
    assert world.notified() == []
    assert world.log() == ["Suppressed", "Raised"], "the ladder is suppressed too"
    world.tick(60)
    world.tick(61)
    assert ("pager", "raised") in world.notified()


def test_the_ladder_does_not_notify_the_same_post_twice(redis: Redis, tmp_path: Path) -> None:
    world = World(redis, tmp_path / "spool", PAGER, MANAGER)
    world.accept(begun())
    world.tick(1)
    world.tick(299)
    assert world.notified() == [("pager", "raised")], "the inspector already has the alert"
    for seconds in (901, 902):
        world.tick(seconds)
    assert world.notified() == [("pager", "raised"), ("manager", "escalated")]


def test_an_acknowledgement_stops_the_ladder(redis: Redis, tmp_path: Path) -> None:
    world = World(redis, tmp_path / "spool", MANAGER)
    world.accept(begun())
    (alert,) = world.service.log.read_state(InboxState.active_alerts)
    context = ActionContext(by="inspector", at=world.clock.now, request="r")
    world.service.log.append(lambda state: [acknowledge(state, alert.id, "", context)])
    world.tick(5_000)
    assert world.notified() == []


def test_people_are_notified_while_the_state_server_is_down(server: StateServer, redis: Redis, tmp_path: Path) -> None:
    """Its own outage is the most urgent alert; afterwards the log has every entry once."""
    world = World(redis, tmp_path / "spool.jsonl", Receiver(name="engineer", who=("engineer",), events=EVENTS))
    world.accept(firing(0, "log_unreachable", {}))
    world.tick(1)
    server.stop()
    try:
        world.accept(firing(2, "state_unreachable", {}))
        world.tick(3)
        world.tick(4)
        assert world.notified() == [("engineer", "raised")] * 2
        world.start()  # killed meanwhile: the new process reads the spool
        world.accept(firing(2, "state_unreachable", {}))
        world.tick(5)
        assert len(world.sent) == 2
    finally:
        server.start()
    world.tick(6)
    assert world.log() == ["Raised", "Delivered", "Raised", "Delivered"]
    world.accept(resolved(7, 2, "state_unreachable", {}))
    assert world.log()[-1] == "Ended"
    assert not (tmp_path / "spool.jsonl").exists()


def test_alertmanager_alone_cannot_end_an_alert(world: World) -> None:
    world.accept(begun())
    world.clock.at(60)
    world.accept(ended(60), url="http://alertmanager:9093")
    assert "Ended" not in world.log(), "its Prometheus is not configured"
    world.active = NOTHING
    world.start()
    world.accept(ended(60), url="http://alertmanager:9093")
    assert "Ended" not in world.log()
    world.active = ActiveAlerts({ALERT_KEY: 1}, frozenset(), {})
    world.accept(ended(60), url="http://alertmanager:9093")
    assert "Ended" not in world.log(), "a bad figure has not ended"
    world.active = ActiveAlerts({ALERT_KEY: 0}, frozenset(), {})
    world.start()
    world.tick(66)
    assert world.log().count("Ended") == 1, "Prometheus reported the end, Alertmanager did not"


def test_firing_alerts_are_raised_while_alertmanager_is_down(world: World) -> None:
    labels = {**RULE.labels(), **SCOPE}
    world.active = ActiveAlerts({ALERT_KEY: 1}, frozenset({ALERT_KEY}), {ALERT_KEY: labels})
    world.start()
    for seconds in (6, 12, 18):
        world.tick(seconds)
    assert world.log() == []
    world.tick(24)
    assert world.log()[0] == "Raised"
    world.accept(begun(3), url="http://alertmanager:9093")
    world.tick(60)
    assert world.log().count("Raised") == 1


def test_an_alert_of_a_removed_rule_ends(world: World) -> None:
    strange = replace(RULE, name="retired")
    world.service._rules = {**world.service._rules, strange.name: strange}  # noqa: SLF001
    world.accept(payload_alert(strange, SCOPE, world.clock.now))
    world.tick(1)
    assert "Ended" not in world.log()
    world.start()
    world.tick(2)
    assert {type(each) for each in InboxLog(world.redis, KEY).entries()} >= {Raised, Ended}


def test_the_watcher_is_pinged_only_while_data_arrive(world: World) -> None:
    world.tick(1)
    assert world.pings == 0
    world.accept(payload_alert(HEARTBEAT, SCOPE, world.clock.now))
    for seconds in range(1, 60):
        world.tick(seconds)
    assert world.pings == 1
    world.tick(61)
    assert world.pings == 2
    for seconds in range(int(ALIVE.total_seconds()) + 3, 600, 10):
        world.tick(seconds)
    assert world.pings == 2, "no heartbeat, no ping"
    world.accept(payload_alert(HEARTBEAT, SCOPE, world.clock.now))
    world.accept(payload_alert(HEARTBEAT, SCOPE, world.clock.now, world.clock.now))
    world.tick(700)
    assert world.pings == 2, "the engine reported that data have stopped"


def test_the_last_heartbeat_is_saved_for_the_list(world: World) -> None:
    log, force = InboxLog(world.redis, KEY), SCOPE["force"]
    assert log.data_status() == {}
    world.accept(payload_alert(HEARTBEAT, SCOPE, world.clock.now))
    status = log.data_status()[force]
    assert status == DataStatus(world.clock.now, is_alive=True)
    assert status.is_monitored(world.clock.now + ALIVE)
    assert not status.is_monitored(world.clock.now + ALIVE + timedelta(seconds=1))
    world.accept(payload_alert(HEARTBEAT, SCOPE, world.clock.now, world.clock.now))
    assert not log.data_status()[force].is_monitored(world.clock.now)


def test_the_terminal_says_no_alerts_only_if_an_engine_is_watching() -> None:
    def printed(*forces: MonitoredForce, refused: str = "") -> list[str]:
        return list(listing_lines(Listing(now=START, monitored=forces, alerts=(), suppressions=(), refused=refused)))

    assert printed() == ["NOT MONITORED: no engine has reported yet that data arrive."]
    is_monitored = MonitoredForce(force="north", heartbeat_at=START, is_monitored=True)
    assert printed(is_monitored) == ["No alerts."]
    (line,) = printed(is_monitored, refused="The state server refuses writes: it is out of memory")
    assert line.startswith(
        "NEW ALERTS MAY BE MISSING FROM THIS LIST: The state server refuses writes: it is out of memory. "
    )
    assert printed(MonitoredForce(force="north", heartbeat_at=START, is_monitored=False)) == [
        "NOT MONITORED: north: no engine reports that data arrive. Last report: 2024-12-03 10:00:00Z."
    ]


def test_a_figure_that_rises_in_prometheus_is_notified_again(world: World) -> None:
    """Alertmanager does not send figures: the inbox asks Prometheus for them."""
    key = FEW.name, scope_of(SCOPE)
    world.active = NOTHING._replace(firing={key: {"rule": FEW.name, **SCOPE}}, figures={key: 3.0})
    world.start()
    world.accept(payload_alert(FEW, SCOPE, START), url="http://alertmanager")
    world.tick(6)
    world.active = world.active._replace(figures={key: 5.0})
    world.tick(70)
    rises = [(each.receiver.name, each.entry.figure) for each in world.sent if isinstance(each.entry, Rose)]
    assert sorted(rises) == [("mail", 5.0), ("pager", 5.0)]


def test_an_alert_of_an_earlier_rule_table_with_other_scope_labels_ends(world: World) -> None:
    """Nothing evaluates it any more: feeds had no system."""
    silent = by_name(RULES)["feed_silent"]
    world.accept(payload_alert(silent, {**SCOPE, "feed": "custody"}, START))
    world.accept(payload_alert(silent, {**SCOPE, "feed": "records", "system": "occurrences"}, START))
    world.tick(1)
    active = world.service.log.read_state(lambda state: state.active_alerts())
    assert [each.raised.scope["feed"] for each in active] == ["records"]


class OneOfTwo(World):
    """One of two inboxes on a log: it works only while it has the lease."""

    has_lease = True


@pytest.fixture
def two(redis: Redis, tmp_path: Path) -> tuple[World, World]:
    return OneOfTwo(redis, tmp_path / "first.jsonl"), OneOfTwo(redis, tmp_path / "second.jsonl")


def test_the_second_inbox_takes_over_and_each_decision_is_recorded_once(two: tuple[World, World]) -> None:
    first, second = two
    first.tick(0)
    second.accept(begun(1))
    second.tick(2)
    assert second.sent == [], "it records what the engine reports, and the first one notifies"
    first.tick(2)
    assert first.notified() == [("pager", "raised"), ("mail", "raised")]
    second.accept(begun(1), firing(3, "grade_1_unattended", SCOPE))

    def has_the_second_one() -> bool:
        second.tick(4)
        return second.service.is_working

    until(has_the_second_one, 30, "the lease of the first one to expire")
    first.tick(5)
    assert not first.service.is_working, "a process that hung does not continue while its successor works"
    assert first.notified() == [("pager", "raised"), ("mail", "raised")]
    assert len({each.key for each in (*first.sent, *second.sent)}) == len(first.sent) + len(second.sent)
    assert {each.alert.raised.rule for each in second.sent} == {"grade_1_unattended"}
    raised_ = [each for each in InboxLog(first.redis, KEY).entries() if isinstance(each, Raised)]
    assert len(raised_) == len({each.id for each in raised_}) == 2
    first.start().tick()
    assert not first.service.is_working, "started again, it waits"


def test_a_killed_inbox_that_had_sent_but_not_recorded_is_repeated_with_the_same_key(two: tuple[World, World]) -> None:
    first, second = two
    first.tick(0)
    first.accept(begun(1))
    first.service.log.append = lambda *_, **__: []  # type: ignore[method-assign]  # killed before it records
    first.tick(2)
    assert len(first.sent) == 2

    def is_sent_again() -> bool:
        second.tick(3)
        return len(second.sent) == 2

    until(is_sent_again, 30, "the second inbox to take over")
    assert [each.key for each in second.sent] == [each.key for each in first.sent]


def test_without_the_state_server_the_inbox_that_worked_continues_and_so_does_one_that_is_reported_to(
    two: tuple[World, World],
) -> None:
    first, second = two
    first.tick(0)
    second.tick(0)
    for each in two:
        lost = Redis(port=1, decode_responses=True, retry=Retry(NoBackoff(), 0))
        each.service.log.redis = lost
        each.service.log._script = lost.register_script("return 0")  # noqa: SLF001
        each.service._dependencies.lease._claim = lost.register_script("return 0")  # type: ignore[union-attr]  # noqa: SLF001
    first.accept(begun(1))
    second.tick(2)
    assert second.sent == []
    first.tick(2)
    assert len(first.sent) == 2
    second.accept(begun(1))
    second.tick(3)
    assert [each.key for each in second.sent] == [each.key for each in first.sent]
