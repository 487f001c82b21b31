"""The inbox at work: receivers told at least once and written down once, planned work, outages, and the watcher."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace
from redis import Redis

from alerts.inbox.action import Act, SuppressionRequest, acknowledge, suppress
from alerts.inbox.active import ActiveAlerts
from alerts.inbox.data_status import ALIVE, DataStatus
from alerts.inbox.delivery import NotTakenError
from alerts.inbox.entry import Delivered, Ended, Failed, Raised, Suppressed, scope_of
from alerts.inbox.intake import by_name
from alerts.inbox.log import InboxLog
from alerts.inbox.notification import Message, pause
from alerts.inbox.payload import PayloadAlert, payload, told
from alerts.inbox.receiver import EVENTS, Receiver
from alerts.inbox.service import Duties, Service
from alerts.inbox.spool import Spool
from alerts.inbox.view import Listing, Watched
from alerts.table import RULES
from bluelamp.embedded.state import StateServer
from bluelamp.services.inbox import lines
from bluelamp.wiring.settings import Settings, load_forces
from tests.support.inbox import RULE, START, Clock, firing, resolved
from tests.support.system import until

KEY = "test:inbox:service"
FORCES = {name: rules.force for name, rules in load_forces(Settings()).items()}
SCOPE = {"force": "staffordshire"}
PAGER = Receiver(name="pager", who=("duty inspector",), events=EVENTS)
MAIL = Receiver(name="mail", severities=("critical", "warning"), events=EVENTS)
MANAGER = Receiver(name="manager", who=("force incident manager",), events=EVENTS)
KEY_OF_IT = RULE.name, scope_of(SCOPE)
NOTHING = ActiveAlerts({}, frozenset(), {})
HEARTBEAT = next(each for each in RULES if each.severity == "heartbeat")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StateServer]:
    one = StateServer(tmp_path_factory.mktemp("state"))
    one.start()
    yield one
    one.stop()


@pytest.fixture
def redis(server: StateServer) -> Iterator[Redis]:
    with Redis.from_url(server.url, decode_responses=True, socket_timeout=2) as client:
        client.delete(KEY, f"{KEY}:heard")
        yield client


class World:
    """An inbox with its clock, its receivers and its log."""

    def __init__(self, redis: Redis, spool: Path, *receivers: Receiver) -> None:
        self.redis, self.spool = redis, spool
        self.clock, self.receivers = Clock(), receivers or (PAGER, MAIL)
        self.told: list[Message] = []
        self.refusing: set[str] = set()
        self.watched = 0
        self.seen: ActiveAlerts | None = None
        self.service = self.start()

    def start(self) -> Service:
        """A new process on the same log."""
        duties = Duties(
            rules=RULES, forces=FORCES, force="staffordshire", receivers=self.receivers, tell=self.tell, now=self.clock,
            watcher=self.watch, look=None if self.seen is None else lambda: self.seen or NOTHING,
        )  # fmt: skip
        self.service = Service(InboxLog(self.redis, KEY, Spool(self.spool)), duties)
        return self.service

    def tell(self, message: Message) -> None:
        """As a receiver is told."""
        self.told.append(message)
        if message.receiver.name in self.refusing:
            raise NotTakenError("answered 500")

    def watch(self) -> None:
        """As the watcher is told."""
        self.watched += 1

    def take(self, *alerts: PayloadAlert, url: str = "") -> None:
        """As the webhook is told."""
        self.service.take(replace(payload({}, alerts), external_url=url))

    def tick(self, seconds: float) -> None:
        """Let the clock work once, so long after the start, and wait for what it began."""
        self.clock.at(seconds)
        self.service.tick()
        until(lambda: not self.service._busy and not self.service._watching, 10, "the deliveries")  # noqa: SLF001

    def log(self) -> list[str]:
        """The kinds of all entries, as they stand in the log."""
        return [type(each).__name__ for each in InboxLog(self.redis, KEY).every()]

    def heard(self) -> list[tuple[str, str]]:
        """What each receiver was told, in order."""
        return [(each.receiver.name, each.event) for each in self.told]


@pytest.fixture
def world(redis: Redis, tmp_path: Path) -> World:
    return World(redis, tmp_path / "spool.jsonl")


def begun(seconds: float = 0, rule: str = RULE.name) -> PayloadAlert:
    """An alert of the force that begins so long after the start."""
    return firing(seconds, rule, SCOPE)


def over(seconds: float, began: float = 0) -> PayloadAlert:
    """Its end."""
    return resolved(seconds, began, scope=SCOPE)


def test_those_who_are_meant_are_told_once_of_beginning_and_end(world: World) -> None:
    world.take(begun())
    for seconds in (1, 2, 3):
        world.tick(seconds)
    assert sorted(world.heard()) == [("mail", "raised"), ("pager", "raised")]
    world.clock.at(60)
    world.take(over(60))
    world.tick(61)
    world.start()
    world.tick(62)
    assert sorted(world.heard()[2:]) == [("mail", "ended"), ("pager", "ended")]
    assert world.log().count("Delivered") == 4


def test_a_receiver_that_does_not_take_it_is_told_again_ever_more_seldom(world: World) -> None:
    world.refusing = {"pager"}
    world.take(begun())
    for seconds in range(1, 200):
        world.tick(seconds)
    at = [each.attempt for each in world.told if each.receiver.name == "pager" and each.event == "raised"]
    assert at == [1, 2, 3, 4, 5, 6]
    assert [pause(each).total_seconds() for each in (1, 2, 3, 9)] == [5, 10, 20, 300]
    assert [each.attempt for each in world.told if each.receiver.name == "mail"] == [1], "others do not wait for it"
    failed = [each for each in InboxLog(world.redis, KEY).every() if isinstance(each, Failed)]
    assert {each.reason for each in failed} == {"answered 500"}
    world.refusing = set()
    world.tick(400)
    (delivered,) = [
        each for each in InboxLog(world.redis, KEY).every() if isinstance(each, Delivered) and each.receiver == "pager"
    ]
    assert delivered.attempt == 7


def test_what_was_told_and_not_written_down_is_told_again_under_the_same_key(world: World) -> None:
    """As by a kill -9 between the two: at least once to the receiver, and exactly once in the log."""
    world.take(begun())
    append = world.service.log.append
    world.service.log.append = lambda decide, **_: [] if world.told else append(decide)  # type: ignore[method-assign]
    world.tick(1)
    assert world.log().count("Delivered") == 0
    world.start()
    world.tick(10)
    world.tick(11)
    assert len({each.key for each in world.told}) == 2
    assert len(world.told) == 4
    assert world.log().count("Delivered") == 2


def test_planned_work_keeps_it_quiet_and_what_outlasts_it_is_told(world: World) -> None:
    plan = SuppressionRequest(rule=RULE.name, until=world.clock.now + timedelta(seconds=60), note="Radio work.")
    act = Act(by="chief", at=world.clock.now, request="r")
    assert isinstance(suppress(by_name(RULES), plan, act), Suppressed)
    world.service.log.append(lambda _: [suppress(by_name(RULES), plan, act)])
    world.take(begun(5))
    world.tick(59)
    assert world.heard() == []
    assert world.log() == ["Suppressed", "Raised"], "no step of the ladder either"
    world.tick(60)
    world.tick(61)
    assert ("pager", "raised") in world.heard()


def test_the_ladder_tells_whoever_was_not_told_of_the_alert_itself(redis: Redis, tmp_path: Path) -> None:
    world = World(redis, tmp_path / "spool", PAGER, MANAGER)
    world.take(begun())
    world.tick(1)
    world.tick(299)
    assert world.heard() == [("pager", "raised")], "it is for the inspector already"
    for seconds in (901, 902):
        world.tick(seconds)
    assert world.heard() == [("pager", "raised"), ("manager", "escalated")]


def test_whoever_takes_it_stops_the_ladder(redis: Redis, tmp_path: Path) -> None:
    world = World(redis, tmp_path / "spool", MANAGER)
    world.take(begun())
    (alert,) = world.service.log.look(lambda book: book.standing())
    act = Act(by="inspector", at=world.clock.now, request="r")
    world.service.log.append(lambda book: [acknowledge(book, alert.id, "", act)])
    world.tick(5_000)
    assert world.heard() == []


def test_a_state_server_that_is_away_keeps_nobody_from_being_told(
    server: StateServer, redis: Redis, tmp_path: Path
) -> None:
    """Its own outage is the first thing to tell of; the log has all of it afterwards, once."""
    world = World(redis, tmp_path / "spool.jsonl", Receiver(name="engineer", who=("engineer",), events=EVENTS))
    world.take(firing(0, "log_unreachable", {}))
    world.tick(1)
    server.stop()
    try:
        world.take(firing(2, "state_unreachable", {}))
        world.tick(3)
        world.tick(4)
        assert world.heard() == [("engineer", "raised")] * 2
        world.start()  # killed while it is away: what was spooled is read again
        world.take(firing(2, "state_unreachable", {}))
        world.tick(5)
        assert len(world.told) == 2
    finally:
        server.start()
    world.tick(6)
    assert world.log() == ["Raised", "Delivered", "Raised", "Delivered"]
    world.take(resolved(7, 2, "state_unreachable", {}))
    assert world.log()[-1] == "Ended"
    assert not (tmp_path / "spool.jsonl").exists()


def test_alertmanagers_word_alone_ends_nothing(world: World) -> None:
    world.take(begun())
    world.clock.at(60)
    world.take(over(60), url="http://alertmanager:9093")
    assert "Ended" not in world.log(), "its Prometheus cannot be asked"
    world.seen = NOTHING
    world.start()
    world.take(over(60), url="http://alertmanager:9093")
    assert "Ended" not in world.log()
    world.seen = ActiveAlerts({KEY_OF_IT: 1}, frozenset(), {})
    world.take(over(60), url="http://alertmanager:9093")
    assert "Ended" not in world.log(), "what is bad has not ended"
    world.seen = ActiveAlerts({KEY_OF_IT: 0}, frozenset(), {})
    world.start()
    world.tick(66)
    assert world.log().count("Ended") == 1, "found without being told"


def test_what_prometheus_knows_to_fire_is_raised_though_alertmanager_is_down(world: World) -> None:
    labels = {**RULE.labels(), **SCOPE}
    world.seen = ActiveAlerts({KEY_OF_IT: 1}, frozenset({KEY_OF_IT}), {KEY_OF_IT: labels})
    world.start()
    for seconds in (6, 12, 18):
        world.tick(seconds)
    assert world.log() == []
    world.tick(24)
    assert world.log()[0] == "Raised"
    world.take(begun(3), url="http://alertmanager:9093")
    world.tick(60)
    assert world.log().count("Raised") == 1


def test_an_alert_of_a_rule_that_is_no_more_ends(world: World) -> None:
    strange = replace(RULE, name="retired")
    world.service._rules = {**world.service._rules, strange.name: strange}  # noqa: SLF001
    world.take(told(strange, SCOPE, world.clock.now))
    world.tick(1)
    assert "Ended" not in world.log()
    world.start()
    world.tick(2)
    assert {type(each) for each in InboxLog(world.redis, KEY).every()} >= {Raised, Ended}


def test_the_watcher_is_told_for_as_long_as_data_come(world: World) -> None:
    world.tick(1)
    assert world.watched == 0
    world.take(told(HEARTBEAT, SCOPE, world.clock.now))
    for seconds in range(1, 60):
        world.tick(seconds)
    assert world.watched == 1
    world.tick(61)
    assert world.watched == 2
    for seconds in range(int(ALIVE.total_seconds()) + 3, 600, 10):
        world.tick(seconds)
    assert world.watched == 2, "no data, no word"
    world.take(told(HEARTBEAT, SCOPE, world.clock.now))
    world.take(told(HEARTBEAT, SCOPE, world.clock.now, world.clock.now))
    world.tick(700)
    assert world.watched == 2, "the engine says itself that they stopped"


def test_the_last_word_on_the_data_is_kept_for_whoever_reads_the_list(world: World) -> None:
    log, force = InboxLog(world.redis, KEY), SCOPE["force"]
    assert log.heard() == {}
    world.take(told(HEARTBEAT, SCOPE, world.clock.now))
    heard = log.heard()[force]
    assert heard == DataStatus(world.clock.now, is_alive=True)
    assert heard.is_watched(world.clock.now + ALIVE)
    assert not heard.is_watched(world.clock.now + ALIVE + timedelta(seconds=1))
    world.take(told(HEARTBEAT, SCOPE, world.clock.now, world.clock.now))
    assert not log.heard()[force].is_watched(world.clock.now)


def test_a_list_at_the_terminal_says_that_nothing_stands_only_where_somebody_watches() -> None:
    def told_of(*watched: Watched, refused: str = "") -> list[str]:
        return list(lines(Listing(now=START, watched=watched, alerts=(), suppressions=(), refused=refused)))

    assert told_of() == ["NOT WATCHED: no engine has said yet that data come in."]
    is_watched = Watched(force="north", heard_at=START, is_watched=True)
    assert told_of(is_watched) == ["No alert."]
    (line,) = told_of(is_watched, refused="The state server refuses writes: it is out of memory")
    assert line.startswith("NEW ALERTS MAY BE MISSING: The state server refuses writes: it is out of memory. ")
    assert told_of(Watched(force="north", heard_at=START, is_watched=False)) == [
        "NOT WATCHED: north: no engine has said since 2024-12-03 10:00:00Z that data come in."
    ]
