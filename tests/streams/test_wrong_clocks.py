"""Clocks that are wrong for a while: no wrong timestamp makes a dead feed look live, and everything recovers."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from redis import Redis

from alerts.engine import Engine
from alerts.table import RULES
from bluelamp.embedded.state import StateServer
from bluelamp.recount.admission import Admission
from bluelamp.verify.checks.feeds import feed_result
from bluelamp.verify.checks.result import CheckResult
from facts.contact import ContactOffered
from facts.feed import FeedHeartbeat
from facts.incident import IncidentOpened
from facts.union import AnyFact
from facts.wire import encode
from measures.outcome import microseconds
from measures.reading import FeedStatus, Reading, feed_problem, silence
from measures.window import DAYS_KEPT
from streams.feeds import FeedState, believed
from streams.fold import Change, PartitionFold
from streams.moving import OwnPartition
from streams.ownership import Owner
from streams.record import Record
from streams.store import StateStore
from streams.version_builder import _send_nothing
from tests.archive.test_rebuild import moves_nothing
from tests.streams.test_health import Scene
from tests.support.facts import heartbeat
from tests.support.forces import STRICT, rules
from tests.support.stores import IDENTITY, call
from tests.support.stories import AS_OF, FORCE

NOW = datetime.fromisoformat("2026-11-02T12:00:00Z")
AHEAD = timedelta(hours=2)
SECOND, MINUTE, HOUR, DAY = (timedelta(**{name: 1}) for name in ("seconds", "minutes", "hours", "days"))
RULES_OF = rules(STRICT)


class Line:
    """One partition of contacts with two feeds: telephony and digital."""

    def __init__(self) -> None:
        self.partition = PartitionFold("contacts", OwnPartition(0, 1), RULES_OF)
        self.change = Change()
        self._offset = 0

    def take(self, fact: AnyFact, received_at: datetime, *, is_by_log: bool = True) -> Change:
        """Fold the next record of the log."""
        admitted = self.partition.admit([Record(self._offset, received_at, encode([fact]), is_by_log)])
        for key in self.partition.uncached(admitted):
            self.partition.cache_subject(key, {})
        self._offset += 1
        return self.partition.fold(admitted)

    def beat(self, feed: str, received_at: datetime, complete_to: datetime | None = None, **how: Any) -> FeedState:
        """Fold a heartbeat; returns the feed's state after it."""
        self.change = self.take(heartbeat(feed, complete_to or received_at), received_at, **how)
        return self.state(feed)

    def state(self, feed: str) -> FeedState:
        """The state of a feed."""
        return self.partition.feeds["strict", feed]

    def watermark(self) -> int | None:
        """The watermark."""
        return self.partition.watermark("strict")


def offered(at: datetime) -> ContactOffered:
    """A 999 call."""
    return ContactOffered(
        fact_id=f"o{microseconds(at)}", force="strict", at=at, subject_id="c", line="999", queue="emergency"
    )


def live_for(line: Line, span: timedelta, every: timedelta = 5 * MINUTE) -> None:
    """Both feeds send heartbeats up to NOW."""
    at = NOW - span
    while at <= NOW:
        line.beat("telephony", at)
        line.beat("digital", at)
        at += every


# What the log itself shows.


def test_a_feed_recovers_with_its_first_credible_heartbeat() -> None:
    line = Line()
    live_for(line, HOUR)
    wrong = line.beat("telephony", NOW + AHEAD)
    assert wrong.complete_to == microseconds(NOW + AHEAD)
    healed = line.beat("telephony", NOW + 30 * SECOND, NOW + 25 * SECOND)
    assert (healed.complete_to, healed.doubt) == (microseconds(NOW + 25 * SECOND), "")
    assert line.watermark() == microseconds(NOW), "the digital feed has sent nothing more"
    assert line.take(offered(NOW + 10 * SECOND), NOW + 31 * SECOND).counts.get("late", 0) == 0


def test_a_dead_feed_is_doubted_for_good_once_the_log_continues_before_its_timestamp() -> None:
    line = Line()
    live_for(line, 3 * HOUR)
    line.beat("telephony", NOW + AHEAD)
    for record in (heartbeat("digital", NOW + 30 * SECOND), offered(NOW + 31 * SECOND)):
        line.take(record, NOW + 31 * SECOND)
        assert line.state("telephony").doubt == "future"
    assert line.state("telephony").complete_to == microseconds(NOW), "that much is settled"
    line.beat("digital", NOW + AHEAD + SECOND)
    assert line.state("telephony").doubt == "future", "the time has come meanwhile, which proves nothing"


def test_a_step_of_days_drops_no_pane_and_makes_no_fact_too_late() -> None:
    """Half a minute at a wrong time used to drop the minutes of the last days."""
    line = Line()
    live_for(line, 3 * HOUR)
    kept = dict(line.partition._dropped)  # noqa: SLF001 - what the state was made to drop
    for days in (12, 30, 400):
        at = NOW + days * DAY
        line.beat("telephony", at)
        line.beat("digital", at)
        assert line.change.drop_before == {}
        assert line.take(offered(NOW - 750 * DAY), at + SECOND).quarantined == []
    change = line.take(offered(NOW), NOW + MINUTE)
    assert any(of_kind["minute"] for of_kind in change.panes["strict"].values()), "the call is in its minute"
    assert line.partition._dropped == kept  # noqa: SLF001


def test_a_claim_that_lasted_an_hour_is_settled_and_never_goes_back() -> None:
    line = Line()
    live_for(line, 3 * HOUR)
    settled = line.state("telephony").settled_to
    assert microseconds(NOW - 2 * HOUR) <= settled <= microseconds(NOW - HOUR)
    line.beat("telephony", NOW - 5 * HOUR, NOW - 5 * HOUR)
    assert line.state("telephony").settled_to == settled
    assert line.beat("telephony", NOW + MINUTE).complete_to == microseconds(NOW + MINUTE)


def test_a_clock_that_was_ahead_for_hours_recovers_too() -> None:
    """After an hour its time was settled; only panes that were dropped because of it stay dropped."""
    line = Line()
    live_for(line, 3 * HOUR)
    for minutes in range(0, 180, 5):
        line.beat("telephony", NOW + AHEAD + minutes * MINUTE)
        line.beat("digital", NOW + AHEAD + minutes * MINUTE)
    settled = line.state("telephony").settled_to
    assert settled > microseconds(NOW + AHEAD)
    healed = line.beat("telephony", NOW + MINUTE)
    assert (healed.complete_to, healed.doubt) == (microseconds(NOW + MINUTE), "")
    assert believed(healed, microseconds(NOW + MINUTE)) is healed, "it is live"
    assert healed.settled_to == settled
    assert line.take(offered(NOW), NOW + MINUTE + SECOND).feeds == {}, (
        "a feed that is already doubted is not written again"
    )


def test_a_history_is_settled_as_it_is_loaded() -> None:
    """Otherwise two years of minutes would be kept until the first hour is over."""
    line = Line()
    for days in (700, 300, 3):
        line.beat("telephony", NOW, NOW - days * DAY)
        line.beat("digital", NOW, NOW - days * DAY)
        assert line.partition.settled("strict") == microseconds(NOW - days * DAY)
    assert line.change.drop_before


def test_a_claim_about_the_future_is_ignored() -> None:
    line = Line()
    line.beat("telephony", NOW)
    ahead = line.beat("telephony", NOW + SECOND, NOW + 50 * MINUTE)
    assert (ahead.doubt, ahead.complete_to) == ("ahead", microseconds(NOW))
    assert line.beat("telephony", NOW + 2 * SECOND, NOW + 6 * SECOND).doubt == "", "clocks may differ by seconds"
    first = Line().beat("digital", NOW, NOW + HOUR)
    assert (first.doubt, first.complete_to) == ("ahead", 0)


def test_records_stamped_by_a_producer_count_but_prove_nothing() -> None:
    line = Line()
    stamped = line.beat("telephony", NOW, is_by_log=False)
    assert (stamped.doubt, stamped.complete_to) == ("producer", microseconds(NOW))
    change = line.take(offered(NOW), NOW, is_by_log=False)
    assert (change.counts["facts"], change.counts["producer_stamped"]) == (1, 1)
    line.take(offered(NOW - MINUTE), NOW - 9 * HOUR, is_by_log=False)
    assert line.state("telephony").complete_to == microseconds(NOW), "a producer's clock takes nothing back"
    assert line.beat("telephony", NOW + SECOND).doubt == ""


def test_the_last_event_is_never_later_than_the_log() -> None:
    line = Line()
    line.take(offered(NOW + AHEAD + 30 * MINUTE), NOW + AHEAD)
    assert line.partition.events["strict"].last == microseconds(NOW + AHEAD)
    line.take(offered(NOW), NOW + MINUTE)
    assert line.partition.events["strict"].last == microseconds(NOW + MINUTE)
    line.take(offered(NOW + 9 * MINUTE), NOW + 9 * MINUTE)
    assert line.partition.events["strict"].last == microseconds(NOW + 9 * MINUTE)


_STEPS = st.sampled_from([0, 1, 30, 1500, 3599, 3600, 90_000, 90_001, 3 * 86_400, 400 * 86_400, -4, -6, -7200])
_LAGS = st.sampled_from([-3000, -6, -5, 0, 3, 3600, 172_799, 172_800, 90 * 86_400])
_RECORDS = st.lists(
    st.tuples(_STEPS, st.booleans(), st.sampled_from(["telephony", "digital", "gossip", ""]), _LAGS), max_size=40
)


@given(_RECORDS)
@settings(max_examples=100)
def test_fold_and_recount_refuse_the_same_facts_with_any_clock(
    steps: list[tuple[int, bool, str, int]],
) -> None:
    """Nothing settled goes back either, and no watermark lies beyond the log's clock."""
    line, screen, received_at, settled = Line(), Admission([STRICT], {}), NOW, 0
    for step, is_by_log, feed, lag in steps:
        received_at += step * SECOND
        claimed = received_at - lag * SECOND
        for fact in (
            [heartbeat(feed, claimed)] if feed else [offered(claimed - DAYS_KEPT), offered(claimed - DAYS_KEPT - DAY)]
        ):
            ours = [each.refusal.reason for each in line.take(fact, received_at, is_by_log=is_by_log).quarantined]
            theirs = screen.refusal(fact, "contacts", 0, received_at, is_moved=False)
            assert ours == ([theirs] if theirs else [])
        before, settled = settled, line.partition.settled("strict") or 0
        assert settled >= before
        mark = line.watermark()
        assert not is_by_log or mark is None or mark <= max(settled, microseconds(received_at + 5 * SECOND))


# What people see.


def status(**fields: Any) -> FeedStatus:
    """A feed that was live at NOW, except for the given attributes."""
    well: dict[str, Any] = {"complete_to": microseconds(NOW), "heartbeat_at": microseconds(NOW)}
    return FeedStatus("telephony", "contacts", **well | fields)


DOUBTED = [
    (
        {"heartbeat_at": microseconds(NOW + AHEAD)},
        "telephony is stamped 2 h 0 min in the future: a clock was wrong. Not live until a heartbeat arrives with a believable time.",
    ),
    ({"newest_heartbeat_at": microseconds(NOW + 119 * MINUTE + 9 * SECOND)}, "stamped 1 h 59 min in the future"),
    ({"complete_to": microseconds(NOW + 6 * SECOND)}, "claims to be complete to a time in the future"),
    ({"doubt": "future"}, "was stamped with a time in the future: a clock was wrong."),
    ({"doubt": "ahead"}, "claims to be complete to a time in the future: its clock or the log's is wrong."),
    ({"doubt": "producer"}, "set message.timestamp.type=LogAppendTime for the topic contacts."),
    ({"doubt": "future", "history_to": microseconds(NOW + HOUR)}, "a clock was wrong"),
]


@pytest.mark.parametrize(("fields", "words"), DOUBTED)
def test_a_time_in_the_future_proves_nothing_and_is_reported(fields: dict[str, Any], words: str) -> None:
    doubted, now, allowed = status(**fields), microseconds(NOW), 60_000_000
    trouble = feed_problem(doubted, now, allowed, RULES_OF["strict"], now)
    assert trouble is not None
    assert trouble.state == "stale"
    assert words in trouble.reason
    assert silence(doubted, now) is None
    finding = checked(doubted)
    assert finding.state == "bad"
    assert words in finding.what


def test_clocks_may_differ_by_seconds() -> None:
    near = status(heartbeat_at=microseconds(NOW + 5 * SECOND), complete_to=microseconds(NOW + 5 * SECOND))
    assert feed_problem(near, microseconds(NOW), 60_000_000, RULES_OF["strict"], microseconds(NOW)) is None
    assert silence(near, microseconds(NOW)) == 0
    assert "last heartbeat received 0 s ago" in checked(near).what


def checked(known: FeedStatus) -> CheckResult:
    """What `bluelamp check` says of it at NOW."""
    return feed_result(RULES_OF["strict"], STRICT.feeds[0], known, NOW, NOW)


@pytest.fixture
def scene(any_state: StateServer) -> Iterator[Scene]:
    with Redis.from_url(any_state.url, decode_responses=True) as client:
        client.flushall()
        yield Scene(any_state.url, client)


def dispatch(at: datetime, complete_to: datetime | None = None, **fields: Any) -> bytes:
    """A heartbeat of the only feed of incidents."""
    complete_to = complete_to or at
    own: dict[str, Any] = {"feed": "dispatch", "complete_to": complete_to}
    return encode([FeedHeartbeat(fact_id="h", force=FORCE, at=complete_to, seq=1, **own | fields)])


def incidents(scene: Scene, as_of: datetime | None = None) -> Reading:
    """The count of incidents of the last hour."""
    (found,) = scene.reader.read("incident_count", force=FORCE, as_of=as_of)
    return found


def firing(engine: Engine, scene: Scene) -> set[str]:
    """The rules about feeds that fire."""
    alerts = engine.step(scene.samples(), microseconds(scene.now))
    return {each.rule.name for each in alerts if each.state == "firing"} & {
        "feed_silent",
        "feed_doubted",
        "no_live_data",
        "data_alive",
    }


def test_feeds_that_die_while_the_clock_is_wrong_are_not_live_and_raise_alerts(scene: Scene) -> None:
    """The machine's clock is two hours ahead for half a minute and then correct; after that nothing arrives."""
    engine = Engine(RULES)
    scene.publish("incidents", dispatch(AS_OF))
    assert incidents(scene).state == "live"
    assert firing(engine, scene) == {"data_alive"}

    scene.now = AS_OF + AHEAD + 15 * SECOND
    scene.publish("incidents", dispatch(scene.now))
    assert incidents(scene).state == "live", "all clocks agree"

    scene.now = AS_OF + 30 * SECOND
    for passed in range(1, 12):
        found, alarms = incidents(scene), firing(engine, scene)
        assert found.state == "stale"
        assert "in the future: a clock was wrong" in found.reason
        assert "data_alive" not in alarms
        assert passed < 4 or "feed_doubted" in alarms
        assert "feed_silent" not in alarms, "nobody knows whether it is"
        scene.pass_time(10)
    assert "no_live_data" in firing(engine, scene)
    assert scene.shown("bluelamp_feed_live")[FORCE, "dispatch"] == 0
    assert (FORCE, "dispatch") not in scene.shown("bluelamp_feed_heartbeat_timestamp_seconds")
    whole_hour = AS_OF.replace(minute=0, second=0)
    assert incidents(scene, whole_hour + HOUR).state == "stale", "nobody knows whether all of it has arrived"

    scene.publish("incidents", dispatch(scene.now))
    assert incidents(scene).state == "live"
    assert scene.shown("bluelamp_feed_live")[FORCE, "dispatch"] == 1
    scene.pass_time(61)
    assert incidents(scene).state == "stale"


def test_a_reader_whose_clock_is_set_back_reads_the_same_as_a_new_one(scene: Scene) -> None:
    """Two hours ahead an open incident counts as missed; that reading must not be used now."""
    opened = IncidentOpened(
        fact_id="o", force=FORCE, at=AS_OF - MINUTE, subject_id="i", grade="2", group=None, area=None
    )
    scene.publish("incidents", encode([opened]), dispatch(AS_OF))

    def missed() -> int | None:
        (found,) = scene.reader.read("opened_to_arrived_within_target_ratio", "24h", force=FORCE)
        return found.n

    assert missed() == 0
    scene.now = AS_OF + AHEAD
    assert missed() == 1
    scene.now = AS_OF
    assert missed() == 0


def disproved(scene: Scene) -> list[str]:
    """What a worker does once a second; returns the changes that readers see."""
    before = scene.redis.xlen("test:{incidents:0}:changes")

    async def disprove(store: StateStore) -> None:
        owner = Owner(store, rules(STRICT), _send_nothing, moves_nothing)
        await owner.start(("incidents", 0), await owner.claim(("incidents", 0), IDENTITY), 0, OwnPartition(0, 1))
        await owner.disprove(microseconds(scene.now))

    call(scene.url, disprove)
    stream: Any = scene.redis.xrange("test:{incidents:0}:changes")
    return [entry["touched"] for _, entry in stream][before:]


def test_a_timestamp_from_the_future_proves_nothing_when_its_time_comes(scene: Scene) -> None:
    """Two hours later the dead feed would otherwise look live again, for as long as a feed may be silent."""
    for feed in ("dispatch", "gossip"):
        scene.publish("incidents", dispatch(AS_OF - HOUR, feed=feed), received_at=AS_OF - HOUR)
        scene.publish("incidents", dispatch(AS_OF + AHEAD, feed=feed), received_at=AS_OF + AHEAD)
    scene.now = AS_OF + 30 * SECOND
    assert disproved(scene) == ["[[],[]]"], "readers read only the feeds again"
    assert disproved(scene) == [], "and only once"
    scene.now = AS_OF + AHEAD + SECOND
    found = incidents(scene)
    assert found.state == "stale"
    assert "was stamped with a time in the future: a clock was wrong" in found.reason
    assert incidents(scene, AS_OF + HOUR - 17 * SECOND).state == "stale"
    scene.publish("incidents", dispatch(scene.now))
    assert incidents(scene).state == "live"


def test_a_worker_whose_clock_is_seconds_behind_takes_nothing_back(scene: Scene) -> None:
    scene.publish("incidents", dispatch(AS_OF + MINUTE), received_at=AS_OF + MINUTE)
    assert disproved(scene) == []


def test_a_history_up_to_a_time_in_the_future_hides_no_dead_feed(scene: Scene) -> None:
    """A feed that loads its history is neither live nor silent, so a dead one would never raise an alert."""
    later = AS_OF + AHEAD
    scene.publish("incidents", dispatch(later, later - HOUR, history_to=later), received_at=later)
    found = incidents(scene)
    assert (found.state, found.is_loading) == ("stale", False)
    assert scene.shown("bluelamp_feed_live")[FORCE, "dispatch"] == 0


def test_past_figures_stay_while_a_clock_is_wrong(scene: Scene) -> None:
    began = AS_OF - 7 * HOUR
    opened = IncidentOpened(fact_id="o", force=FORCE, at=began, subject_id="i", grade="1")
    scene.publish("incidents", encode([opened]), received_at=began)
    for hours in range(6, 0, -1):
        scene.publish("incidents", dispatch(AS_OF - hours * HOUR), received_at=AS_OF - hours * HOUR)
    scene.publish("incidents", dispatch(AS_OF + AHEAD), received_at=AS_OF + AHEAD)
    whole_hour = AS_OF.replace(minute=0, second=0)
    assert incidents(scene, whole_hour - HOUR).state == "live"
    assert incidents(scene, whole_hour).state == "stale", "no credible heartbeat has arrived so far"
