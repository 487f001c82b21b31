"""The exporter's other metrics: feeds, clocks, bands, quarantine, the log; and the alerts that follow from them."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest
from redis import Redis

from alerts.engine import Engine
from alerts.samples import used_by_rules
from alerts.table import RULES
from bluelamp.embedded.state import StateServer
from facts.custody import DetaineeArrived, DetentionAuthorised
from facts.errors import PartMissingError
from facts.feed import FeedHeartbeat
from facts.incident import IncidentOpened
from facts.union import Topic
from facts.wire import encode
from measures.outcome import microseconds
from streams.exporter import ReadingsCollector
from streams.logwatch import LogSnapshot, LogWatch
from streams.probe import Probe
from streams.readings import Reader
from streams.record import Place
from streams.refusal import Refusal
from streams.retrying import report
from tests.streams.test_apply import SHORTAGES
from tests.support.facts import heartbeat
from tests.support.forces import STRICT, rules
from tests.support.memory import MemoryPartition
from tests.support.stores import as_user, call, one_by_one
from tests.support.stories import AS_OF, FORCE

RULES_OF = rules(STRICT)


class Scene:
    """A state, the time at which it is read, and the facts published to it.

    Args:
        url: of the state server.
        redis: a client of it.
    """

    def __init__(self, url: str, redis: Redis) -> None:
        self.url, self.redis = url, redis
        self.now, self.steady_seconds = AS_OF, 0.0
        self.ends: Mapping[Place, int] | None = None
        self.workers: int | None = 1
        self.watch = LogWatch(self._look)
        self.reader = Reader(redis, "test", RULES_OF, lambda: self.now)
        probe = Probe(redis, "test")
        self.collector = ReadingsCollector(
            self.reader, self.watch, lambda: self.steady_seconds, probe, is_wanted=used_by_rules(RULES)
        )
        self.partitions: dict[Topic, MemoryPartition] = {}

    def _look(self, applied_offsets: Mapping[Place, int]) -> LogSnapshot:
        if self.ends is None:
            raise PartMissingError("gone", where="here", hint="none")
        return LogSnapshot({place: self.ends[place] for place in applied_offsets}, self.workers)

    def publish(self, topic: Topic, *values: bytes, received_at: datetime | None = None) -> None:
        """Publish records of a topic as one batch."""
        partition = self.partitions.setdefault(topic, MemoryPartition(topic, RULES_OF))
        for _ in one_by_one(self.url, [partition.feed(list(values), received_at or self.now)], topic):
            pass

    def pass_time(self, seconds: float) -> None:
        """Advance both clocks."""
        self.now += timedelta(seconds=seconds)
        self.steady_seconds += seconds

    def shown(self, name: str) -> dict[tuple[str, ...], float]:
        """The samples of a metric: label words to value."""
        return {tuple(each.labels.values()): each.value for each in self.samples() if each.name == name}

    def refused(self) -> str:
        """The one cause for which the state cannot be read or written; empty if there is none."""
        causes = [cause for (cause,), value in self.shown("bluelamp_state_refuses").items() if value]
        assert len(causes) < 2
        return "".join(causes)

    def samples(self) -> list[Any]:
        """Every sample that the exporter serves."""
        return [sample for family in self.collector.collect() for sample in family.samples]


@pytest.fixture
def scene(any_state: StateServer) -> Iterator[Scene]:
    with Redis.from_url(any_state.url, decode_responses=True) as client:
        client.flushall()
        yield Scene(any_state.url, client)


def beat(feed: str, at: datetime, seq: int = 1, complete_to: datetime | None = None) -> bytes:
    """A heartbeat of a live feed."""
    fact_id = f"{feed}-{seq}"
    return encode([heartbeat(feed, complete_to or at, fact_id=fact_id, force=FORCE, at=at, seq=seq)])


def detained(subject_id: str, hours: float, *, child: bool = False) -> bytes:
    """A detainee who arrived and was authorised this many hours before AS_OF."""
    fields = {"force": FORCE, "at": AS_OF - timedelta(hours=hours), "subject_id": subject_id}
    arrived = DetaineeArrived(fact_id=f"{subject_id}a", suite="one", child=child, relevant_time=fields["at"], **fields)  # type: ignore[arg-type]
    return encode([arrived, DetentionAuthorised(fact_id=f"{subject_id}b", **fields)])  # type: ignore[arg-type]


def test_a_feed_is_live_until_its_time_is_up_and_a_force_without_heartbeats_has_none(scene: Scene) -> None:
    scene.publish("incidents", beat("dispatch", AS_OF))
    scene.pass_time(60)
    shown = scene.shown("bluelamp_feed_live")
    assert shown[FORCE, "dispatch"] == 1
    assert shown[FORCE, "custody"] == 0, "a feed without heartbeats is not live if its force has sent others"
    assert {force for force, _ in shown} == {FORCE}
    scene.pass_time(1)
    assert scene.shown("bluelamp_feed_live")[FORCE, "dispatch"] == 0


def test_a_feed_with_heartbeats_may_still_be_behind(scene: Scene) -> None:
    scene.publish("incidents", beat("dispatch", AS_OF, complete_to=AS_OF - timedelta(seconds=90)))
    assert scene.shown("bluelamp_feed_live")[FORCE, "dispatch"] == 1
    assert scene.shown("bluelamp_feed_behind_ratio") == {(FORCE, "dispatch"): 1.5}


def test_a_feed_that_falls_silent_is_not_late_as_well(scene: Scene) -> None:
    scene.publish("incidents", beat("dispatch", AS_OF, complete_to=AS_OF - timedelta(seconds=6)))
    scene.pass_time(3600)
    assert scene.shown("bluelamp_feed_live")[FORCE, "dispatch"] == 0
    assert scene.shown("bluelamp_feed_behind_ratio") == {(FORCE, "dispatch"): 0.1}


def test_a_simulated_force_is_distinguished_from_a_real_one(scene: Scene) -> None:
    scene.publish("incidents", beat("dispatch", AS_OF))
    assert scene.shown("bluelamp_force_simulated") == {(FORCE,): 0}
    simulated = heartbeat("custody", AS_OF, force=FORCE, simulated=True)
    scene.publish("custody", encode([simulated]))
    scene.pass_time(1e6)
    assert scene.shown("bluelamp_force_simulated") == {(FORCE,): 1}


def test_a_feed_that_loads_its_history_is_neither_live_nor_silent(scene: Scene) -> None:
    scene.pass_time(1e6)
    fields = {"force": FORCE, "at": AS_OF, "feed": "dispatch", "seq": 1, "complete_to": AS_OF, "history_to": scene.now}
    scene.publish("incidents", encode([FeedHeartbeat(fact_id="h", **fields)]))  # type: ignore[arg-type]
    assert (FORCE, "dispatch") not in scene.shown("bluelamp_feed_live")
    assert 0 <= scene.shown("bluelamp_history_loaded_ratio")[FORCE,] < 1
    assert not [each for each in scene.samples() if each.name == "bluelamp_incident_count"]
    assert scene.shown("bluelamp_feeds_live_or_loading") == {(): 1}, "there must be no alarm while it loads"
    scene.pass_time(61)
    assert scene.shown("bluelamp_feeds_live_or_loading") == {(): 0}, "its sender has stopped before the end"
    scene.publish("incidents", beat("dispatch", scene.now))
    assert scene.shown("bluelamp_feed_live")[FORCE, "dispatch"] == 1
    assert scene.shown("bluelamp_history_loaded_ratio") == {}


def test_a_new_state_loads_what_waits_in_the_log_and_is_not_live_while_nothing_does(scene: Scene) -> None:
    """There was an alarm that no feed is live until the first heartbeat of a history was applied."""
    call(scene.url, lambda store: store.announce("incidents", 1))

    def look(end: int) -> float:
        scene.ends = {("incidents", 0): end}
        scene.shown("")
        scene.watch.look()
        return scene.shown("bluelamp_feeds_live_or_loading")[()]

    assert look(0) == 0, "nobody has sent anything"
    assert look(2) == 1
    scene.publish("incidents", beat("dispatch", AS_OF))
    assert look(1) == 1
    scene.pass_time(61)
    assert look(2) == 0, "once something is applied, a heartbeat is needed"


def test_custody_clocks_count_down_by_age_group(scene: Scene) -> None:
    scene.collector = ReadingsCollector(scene.reader, scene.watch, lambda: 0.0)
    facts = (detained("d1", 5.9), detained("d2", 5.4, child=True), detained("d3", 30), detained("d4", 1))
    scene.publish("custody", *facts, beat("custody", AS_OF))
    counts = {
        "child_review_due_within_3600_seconds": 1,
        "child_review_due_within_1800_seconds": 0,
        "adult_review_due_within_3600_seconds": 2,
        "adult_review_due_within_600_seconds": 2,
        "adult_review_overdue": 1,
        "adult_detention_overdue": 1,
        "child_detention_overdue": 0,
    }
    shown = {each.name: each.value for each in scene.samples() if each.labels == {"force": FORCE}}
    assert {name: shown[f"bluelamp_{name}"] for name in counts} == counts
    assert shown["bluelamp_review_remaining_seconds"] == -24 * 3600
    assert shown["bluelamp_detention_remaining_seconds"] == -6 * 3600


def test_the_share_quarantined_covers_the_last_15_minutes(scene: Scene) -> None:
    scene.publish("incidents", beat("dispatch", AS_OF))
    assert scene.shown("bluelamp_quarantined_recently_ratio") == {}
    assert scene.shown("bluelamp_quarantined_recently_ratio_n") == {("incidents",): 0}
    fact = IncidentOpened(fact_id="f1", force=FORCE, at=AS_OF, subject_id="i1", grade="1", group=None, area=None)
    scene.publish("incidents", encode([fact]), b"nonsense", encode([fact]), b"{}")
    assert scene.shown("bluelamp_quarantined_recently_ratio") == {("incidents",): 0.5}
    scene.pass_time(901)
    scene.shown("bluelamp_quarantined_recently_ratio")
    scene.pass_time(901)
    assert scene.shown("bluelamp_quarantined_recently_ratio_n") == {("incidents",): 0}


def test_facts_waiting_in_the_log_are_seen_from_outside_the_workers(scene: Scene) -> None:
    scene.publish("incidents", beat("dispatch", AS_OF))
    scene.shown("bluelamp_log_up")
    assert scene.shown("bluelamp_log_up") == {(): 0}, "it has not been queried yet"
    scene.ends = {("incidents", 0): 3}
    scene.watch.look()
    assert scene.shown("bluelamp_partition_stalled_seconds") == {("incidents", "0"): 0}
    scene.pass_time(75)
    assert scene.shown("bluelamp_partition_stalled_seconds") == {("incidents", "0"): 75}
    scene.publish("incidents", beat("dispatch", AS_OF, 2))
    assert scene.shown("bluelamp_partition_stalled_seconds") == {("incidents", "0"): 0}, "it makes progress, if slowly"
    scene.ends = None
    scene.watch.look()
    assert scene.shown("bluelamp_log_up") == {(): 0}
    assert scene.shown("bluelamp_partition_stalled_seconds") == {}


def test_a_feed_is_silent_only_while_nothing_of_its_topic_waits_in_the_log(scene: Scene) -> None:
    scene.publish("incidents", beat("dispatch", AS_OF))
    scene.publish("custody", beat("custody", AS_OF))

    def look(incidents: int | None) -> tuple[float | None, float | None]:
        """Whether dispatch is silent and how many feeds wait, with the log of incidents this far ahead."""
        applied_offsets = {("incidents", 0): 1, ("custody", 0): 1}
        scene.ends = None if incidents is None else {**applied_offsets, ("incidents", 0): 1 + incidents}
        scene.shown("")
        scene.watch.look()
        silent = scene.shown("bluelamp_feed_silent").get((FORCE, "dispatch", "incidents"))
        return silent, scene.shown("bluelamp_feeds_waiting").get(())

    assert look(0) == (0, 0)
    assert look(5) == (0, 0), "it is live, whatever waits"
    scene.pass_time(61)
    assert look(0) == (1, 0), "the log holds nothing of it: its sender is silent"
    assert look(1) == (None, 1), "its heartbeat may be among the records that wait: the worker is behind"
    assert scene.shown("bluelamp_feed_silent")[FORCE, "custody", "custody"] == 1
    assert look(None) == (None, None), "nobody knows what the log holds"


def test_a_system_is_silent_when_none_of_its_feeds_sends_anything(scene: Scene) -> None:
    scene.publish("contacts", beat("telephony", AS_OF), beat("digital", AS_OF))
    scene.ends = {("contacts", 0): 1}

    def silent() -> float | None:
        scene.shown("")
        scene.watch.look()
        return scene.shown("bluelamp_system_silent").get((FORCE, "contacts"))

    assert silent() == 0
    scene.pass_time(61)
    assert silent() == 1
    scene.publish("contacts", beat("digital", scene.now, 2))
    scene.ends = {("contacts", 0): 2}
    assert silent() == 0, "one feed sends: the other is an alert of its own"
    scene.pass_time(61)
    scene.ends = {("contacts", 0): 3}
    assert silent() is None, "heartbeats may wait in the log"
    assert {system for _, system in scene.shown("bluelamp_system_silent")} == set(), "a system of one feed has no alert"


def test_workers_are_counted_and_so_is_the_time_that_the_log_waits_for_them(scene: Scene) -> None:
    for topic in ("incidents", "custody"):
        scene.publish(topic, beat("dispatch" if topic == "incidents" else "custody", AS_OF))
    scene.ends = {("incidents", 0): 1, ("custody", 0): 2}
    for workers in (2, 0, None):
        scene.workers = workers
        scene.shown("")
        scene.watch.look()
        assert scene.shown("bluelamp_workers") == ({} if workers is None else {(): workers})
    scene.pass_time(75)
    assert scene.shown("bluelamp_stalled_seconds") == {(): 75}


def test_a_refusal_of_the_state_server_is_exported_with_its_one_cause(scene: Scene, any_state: StateServer) -> None:
    scene.publish("incidents", beat("dispatch", AS_OF))
    assert scene.refused() == ""
    for cause, shortage in SHORTAGES.items():
        with shortage(scene.redis, any_state):
            assert scene.refused() == cause
        assert scene.refused() == ""
        assert scene.shown("bluelamp_state_up") == {(): 1}
    report(scene.redis, "test", Refusal("access_denied", "HDEL"))
    assert scene.refused() == "access_denied", "as a worker has reported"
    scene.redis.delete("test:refusal")
    scene.redis.set("test:{incidents:0}:control", "of somebody else")
    assert scene.refused() == "needs_person"


def test_an_exporter_without_write_permission_is_fine_and_one_without_read_permission_is_not(
    scene: Scene, any_state: StateServer
) -> None:
    scene.publish("incidents", beat("dispatch", AS_OF))
    for commands, refused in ((["+@read", "+@connection", "+@transaction"], ""), (["-@all"], "access_denied")):
        scene.redis.acl_setuser("reader", enabled=True, nopass=True, keys=["*"], reset=True, commands=commands)
        with Redis.from_url(as_user(any_state.url, "reader"), decode_responses=True) as client:
            reader = Reader(client, "test", RULES_OF, lambda: scene.now)
            scene.collector = ReadingsCollector(
                reader, scene.watch, lambda: 0.0, Probe(client, "test"), is_wanted=used_by_rules(RULES)
            )
            assert scene.refused() == refused
    scene.redis.acl_deluser("reader")


def test_the_band_of_this_hour_is_exported_with_the_reading(scene: Scene) -> None:
    """Ten to fourteen incidents in this hour of each of the eight weeks before; the ninth week is before the record begins."""
    per_week = [12, 10, 13, 11, 14, 12, 11, 13]
    facts = []
    for weeks, count in zip(range(8, 0, -1), per_week, strict=True):
        # The clocks went back this very night: the hour is the same by the local clock, not in UTC.
        at = AS_OF - timedelta(weeks=weeks, hours=1, minutes=40)
        facts += [
            IncidentOpened(
                fact_id=f"f{weeks}-{number}",
                force=FORCE,
                at=at,
                subject_id=f"i{weeks}-{number}",
                grade="1",
                group=None,
                area=None,
            )
            for number in range(count)
        ]
    first = facts[0]
    early = IncidentOpened(
        fact_id="f0", force=FORCE, at=first.at - timedelta(days=1), subject_id="i0", grade="1", group=None, area=None
    )
    scene.publish("incidents", *(encode([fact]) for fact in [early, *facts]), beat("dispatch", AS_OF))
    shown = {each.name: each.value for each in scene.samples() if "_incident_expected" in each.name}
    assert shown == {
        "bluelamp_incident_expected": 12,
        "bluelamp_incident_expected_upper": pytest.approx(12 + 3.145 * 2),
        "bluelamp_incident_expected_lower": pytest.approx(12 - 3.145 * 2),
    }


def test_without_the_state_only_its_absence_is_exported(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise ConnectionError

    monkeypatch.setattr(scene.reader, "refresh", refuse)
    assert {sample.name for sample in scene.samples()} == {"bluelamp_state_up", "bluelamp_state_refuses"}
    assert scene.shown("bluelamp_state_up") == {(): 0}
    assert scene.refused() == "unreachable"


def firing(engine: Engine, scene: Scene) -> set[str]:
    """The rules that fire at the scene's time, except those of parts that this scene does not have."""
    alerts = engine.step(scene.samples(), microseconds(scene.now))
    return {each.rule.name for each in alerts if each.state == "firing"} - {"log_unreachable"}


def test_an_overdue_review_stays_on_the_page_when_the_feed_falls_silent_and_ends_with_good_data(scene: Scene) -> None:
    """The alert engine in process, on the exporter's own samples."""
    engine = Engine(RULES)
    scene.watch.snapshot = lambda applied_offsets: LogSnapshot(applied_offsets, 1)  # type: ignore[method-assign] # everything is applied
    scene.publish(
        "custody",
        detained("d1", 5.9),
        beat("custody", AS_OF),
    )
    assert "adult_review_due_within_10_minutes" in firing(engine, scene)
    assert "adult_review_overdue" not in firing(engine, scene)
    scene.pass_time(361)
    scene.publish("custody", beat("custody", scene.now, 2))
    assert "adult_review_overdue" in firing(engine, scene)
    for _ in range(10):
        scene.pass_time(60)
        found = firing(engine, scene)
    assert {"adult_review_overdue", "feed_silent", "no_live_data"} <= found
    assert "data_alive" not in found
    ended = b'{"fact": "ReviewHeld", "fact_id": "r1", "force": "strict", "at": "%s", "subject_id": "d1"}'
    scene.publish("custody", ended % scene.now.isoformat().encode(), beat("custody", scene.now, 3))
    firing(engine, scene)
    scene.pass_time(30)
    assert {name for name in firing(engine, scene) if "review" in name} == set()
