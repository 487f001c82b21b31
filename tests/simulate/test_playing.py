"""Publishing a simulation: at a speed and live, with heartbeats that never promise too much."""

import itertools
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
import pytest

from facts.contact import ContactOffered
from facts.feed import FeedHeartbeat
from facts.union import AnyFact, Topic
from producers.replay import Speed
from producers.simulate.playing import HistoryReach, SimulationProgress, play
from producers.simulate.reporting import ReportedFact
from producers.simulate.simulation import Simulation, feeds_of
from tests.simulate.worlds import remembered


class _Tape:
    """A sink that records facts and heartbeats, with its own clocks."""

    def __init__(self, starts: datetime, stop_after: float = float("inf")) -> None:
        self.started, self.seconds, self.stop_after = starts, 0.0, stop_after
        self.recorded: list[tuple[float, AnyFact]] = []

    def publish(self, fact: AnyFact, topic: Topic | None = None) -> None:
        assert topic is not None
        self.recorded.append((self.seconds, fact))

    def heartbeat(self, heartbeat: FeedHeartbeat, topic: Topic) -> None:
        assert topic is not None
        self.recorded.append((self.seconds, heartbeat))

    def flush(self) -> None:
        self.recorded.append((self.seconds, self.recorded[-1][1]))

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.started.timestamp() + self.seconds, UTC)

    def monotonic(self) -> float:
        return self.seconds

    def wait(self, seconds: float) -> bool:
        self.seconds = min(self.seconds + seconds, self.stop_after)
        return self.seconds >= self.stop_after

    def set_clock(self, by: timedelta) -> None:
        """Set the wall clock forward or back, but not the monotonic clock."""
        self.started += by


def exact(scenario: str = "normal", start: date | None = None) -> Simulation:
    """A simulation without late entries, corrections and withdrawals, which may come behind a heartbeat."""
    chosen = remembered(scenario, start=start)
    shares = dict.fromkeys(("late_share", "corrected_share", "withdrawn_share", "duplicated_share"), 0.0)
    reporting = msgspec.structs.replace(chosen.parameters.reporting, **shares)
    parameters = msgspec.structs.replace(chosen.parameters, reporting=reporting, warm_up_days=1)
    return msgspec.structs.replace(chosen, parameters=parameters)


def played(chosen: Simulation, tape: _Tape, speed: Speed | str, hours: float, **options: Any) -> SimulationProgress:
    return play(
        chosen,
        tape,
        speed=speed,  # type: ignore[arg-type]
        until=chosen.end_of(0) + hours * 3600,
        now=tape.now,
        monotonic=tape.monotonic,
        wait=tape.wait,
        **options,
    )


def feed_of(fact: AnyFact, lines: dict[str, str]) -> str:
    """The feed that carries a fact of Staffordshire."""
    name = type(fact).__name__
    subject: str = getattr(fact, "subject_id", "")
    if name.startswith("Contact"):
        feeds = {"999": "telephony_999", "101": "telephony_101", "digital": "digital"}
        return feeds[lines[subject]]
    if name.startswith("CallTaker"):
        return "call_takers"
    if name.startswith(("Incident", "Unit", "Video")):
        return "command_and_control"
    records = ("OccurrenceRecorded", "PartyLinked", "VictimReferred", "VictimContractClosed")
    return "records" if name in records else "custody"


def assert_heartbeats_true(tape: _Tape) -> dict[str, int]:
    """Check that no fact is older than an earlier heartbeat of its feed; returns the number of facts of each feed."""
    complete: dict[str, datetime] = {}
    facts: dict[str, int] = defaultdict(int)
    lines: dict[str, str] = {
        fact.subject_id: fact.line for _, fact in reversed(tape.recorded) if isinstance(fact, ContactOffered)
    }
    for _, fact in tape.recorded[:-1]:
        if isinstance(fact, FeedHeartbeat):
            assert fact.complete_to >= complete.get(fact.feed, fact.complete_to)
            complete[fact.feed] = fact.complete_to
        else:
            feed = feed_of(fact, lines)
            facts[feed] += 1
            assert fact.at >= complete[feed], (feed, fact)
    return facts


def test_every_feeds_heartbeats_are_true() -> None:
    chosen = exact()
    tape = _Tape(datetime(2024, 12, 1, tzinfo=UTC))
    facts = played(chosen, tape, 60.0, 12)
    assert set(assert_heartbeats_true(tape)) == set(feeds_of(chosen.force).values())
    assert facts.is_whole
    assert facts.published_until == datetime(2024, 12, 1, 12, tzinfo=UTC)


def test_a_silent_feed_sends_no_heartbeat_until_its_backlog_is_sent() -> None:
    chosen = exact("feed_outage")
    tape = _Tape(datetime(2024, 11, 12, tzinfo=UTC))
    played(chosen, tape, 60.0, 24)
    assert_heartbeats_true(tape)
    beats = [fact for _, fact in tape.recorded if isinstance(fact, FeedHeartbeat) and fact.feed == "telephony_999"]
    longest = max(range(1, len(beats)), key=lambda index: beats[index].at - beats[index - 1].at)
    assert beats[longest - 1].at < datetime(2024, 11, 12, 14, tzinfo=UTC)
    assert datetime(2024, 11, 12, 15, 30, tzinfo=UTC) < beats[longest].at < datetime(2024, 11, 12, 15, 45, tzinfo=UTC)


def test_facts_are_published_at_the_given_speed() -> None:
    tape = _Tape(datetime(2030, 1, 1, tzinfo=UTC))
    chosen = exact()
    played(chosen, tape, 3600.0, 6)
    assert 5.9 <= tape.seconds <= 6.1
    for seconds, fact in tape.recorded:
        assert abs(chosen.end_of(0) + seconds * 3600 - fact.at.timestamp()) < 30


def test_heartbeats_are_marked_as_simulated_and_as_replays_unless_live() -> None:
    for speed, is_replay in (("max", True), ("live", False)):
        tape = _Tape(datetime(2024, 12, 1, 1, tzinfo=UTC))
        played(exact(), tape, speed, 2)
        beats = [fact for _, fact in tape.recorded if isinstance(fact, FeedHeartbeat)]
        assert {(fact.replay, fact.simulated) for fact in beats} == {(is_replay, True)}
        first = {feed: next(fact for fact in beats if fact.feed == feed) for feed in feeds_of(exact().force).values()}
        assert [fact for _, fact in tape.recorded[: len(first)]] == list(first.values()), (
            "heartbeats come before the first fact"
        )


def test_heartbeats_come_before_anything_is_simulated(monkeypatch: pytest.MonkeyPatch) -> None:
    """Simulating the first month takes a while. Without a heartbeat, an alert said meanwhile that no feed is live."""
    tape = _Tape(datetime(2024, 12, 1, 1, tzinfo=UTC))
    recorded_before: list[int] = []
    simulated = Simulation.reported_before

    def reported_before(simulation: Simulation, end: float) -> Iterator[ReportedFact]:
        recorded_before.append(len(tape.recorded))
        yield from simulated(simulation, end)

    monkeypatch.setattr(Simulation, "reported_before", reported_before)
    played(exact(), tape, "live", 1)
    assert recorded_before == [len(feeds_of(exact().force))]


def test_history_is_published_at_full_speed_and_then_it_follows_the_clock() -> None:
    tape = _Tape(datetime(2024, 12, 3, 12, tzinfo=UTC))
    played(exact(start=date(2024, 12, 1)), tape, "live", 62)
    at_once = [fact for seconds, fact in tape.recorded if seconds == 0 and not isinstance(fact, FeedHeartbeat)]
    assert len(at_once) > 8000
    assert abs(tape.seconds - 2 * 3600) < 1
    for seconds, fact in tape.recorded:
        if not isinstance(fact, FeedHeartbeat):
            behind = tape.started.timestamp() + seconds - fact.at.timestamp()
            assert behind >= 0
            assert seconds == 0 or behind <= 6
    live = [seconds for seconds, fact in tape.recorded if isinstance(fact, FeedHeartbeat) and seconds > 0]
    assert max(other - one for one, other in itertools.pairwise(live)) <= 5.1


class _Set(_Tape):
    """A sink whose clock is two hours ahead for half a minute."""

    def wait(self, seconds: float) -> bool:
        before = self.seconds
        stopped = super().wait(seconds)
        for moment, by in ((600.0, 2), (630.0, -2)):
            if before < moment <= self.seconds:
                self.set_clock(timedelta(hours=by))
        return stopped


def test_heartbeats_continue_after_the_clock_was_ahead_and_set_back() -> None:
    """It once waited two hours for the clock to catch up, and all its feeds looked dead."""
    chosen = exact(start=date(2024, 12, 1))
    tape = _Set(datetime(2024, 12, 1, 12, tzinfo=UTC), stop_after=1200.0)
    played(chosen, tape, "live", 24)
    begun = datetime(2024, 12, 1, 12, tzinfo=UTC)
    after = [(seconds, fact) for seconds, fact in tape.recorded if isinstance(fact, FeedHeartbeat) and seconds > 636]
    moments = sorted({seconds for seconds, _ in after})
    assert max(other - one for one, other in itertools.pairwise([636, *moments, 1200])) <= 5.1
    for seconds, fact in after:
        present = begun + timedelta(seconds=seconds)
        assert present - timedelta(seconds=30) < fact.complete_to <= present
        assert fact.history_to is None
    wrong = [fact for seconds, fact in tape.recorded if 600 < seconds < 630 and isinstance(fact, FeedHeartbeat)]
    assert max(fact.complete_to for fact in wrong) > begun + timedelta(hours=2), (
        "heartbeats follow the wrong clock while it lasts"
    )


def test_a_stopped_simulation_has_published_what_its_heartbeats_promise() -> None:
    chosen = exact()
    tape = _Tape(datetime(2030, 1, 1, tzinfo=UTC), stop_after=120.0)
    facts = played(chosen, tape, 60.0, 24)
    assert not facts.is_whole
    assert_heartbeats_true(tape)
    last = [fact for _, fact in tape.recorded if isinstance(fact, FeedHeartbeat)][-1]
    assert abs(last.complete_to.timestamp() - (chosen.end_of(0) + 7200)) < 60


def test_history_is_marked_as_history_up_to_the_present() -> None:
    tape = _Tape(datetime(2024, 12, 3, 12, tzinfo=UTC))
    played(exact(start=date(2024, 12, 1)), tape, "live", 61)
    beats = [(seconds, fact) for seconds, fact in tape.recorded if isinstance(fact, FeedHeartbeat)]
    history = [fact for _, fact in beats if fact.history_to]
    assert {fact.history_to for fact in history} == {tape.started}
    assert max(fact.complete_to for fact in history) < tape.started - timedelta(seconds=30)
    live = [fact for seconds, fact in beats if seconds > 0]
    assert {fact.history_to for fact in live} == {None}
    assert {(fact.history_from, fact.complete_from) for _, fact in beats} == {(None, None)}
    assert min(fact.complete_to for fact in live) > tape.started - timedelta(seconds=30)


def test_a_resumed_simulation_publishes_the_same_facts() -> None:
    chosen, begun = exact(), datetime(2030, 1, 1, tzinfo=UTC)
    whole, first, second = _Tape(begun), _Tape(begun, stop_after=300.0), _Tape(begun)
    played(chosen, whole, 60.0, 9)
    saved: list[SimulationProgress] = []
    assert not played(chosen, first, 60.0, 9, on_progress=saved.append).is_whole
    assert len(saved) > 50
    assert saved[-1].published_until == datetime(2024, 12, 1, 5, tzinfo=UTC)
    played(chosen, second, 60.0, 9, since=saved[-1].published_until.timestamp())

    def facts(*tapes: _Tape) -> list[AnyFact]:
        return [fact for tape in tapes for _, fact in tape.recorded[:-1] if not isinstance(fact, FeedHeartbeat)]

    assert facts(first, second) == facts(whole)
    whole.recorded = [*first.recorded[:-1], *second.recorded]
    assert_heartbeats_true(whole)


def test_it_is_fast_up_to_fast_until_and_a_feed_sends_a_heartbeat_just_before_a_silence() -> None:
    tape, moment = _Tape(datetime(2030, 1, 1, tzinfo=UTC)), datetime(2024, 11, 12, 14, 30, tzinfo=UTC)
    played(exact("feed_outage"), tape, 60.0, 15, fast_until=moment)
    at_once = [fact for seconds, fact in tape.recorded if seconds == 0]
    assert len(at_once) > 2000
    assert max(fact.at for fact in at_once) < moment
    assert abs(tape.seconds - 30) < 1
    beats = [fact for _, fact in tape.recorded if isinstance(fact, FeedHeartbeat) and fact.feed == "telephony_999"]
    assert beats[-1].complete_to == datetime(2024, 11, 12, 13, 59, 54, tzinfo=UTC)


def test_heartbeats_say_how_far_older_history_is_in_the_log() -> None:
    start = datetime(2024, 12, 1, tzinfo=UTC)
    back_to, reached = start - timedelta(days=60), start - timedelta(days=30)
    reaches = itertools.chain([None, HistoryReach(back_to, start)], itertools.repeat(HistoryReach(back_to, reached)))
    tape = _Tape(start)
    played(exact(start=date(2024, 12, 1)), tape, "max", 24, history=lambda: next(reaches))
    beats = [fact for _, fact in tape.recorded if isinstance(fact, FeedHeartbeat)]
    assert {fact.history_from for fact in beats} == {None, back_to}
    own = list(dict.fromkeys(fact.complete_from for fact in beats if fact.feed == "custody"))
    assert own == [None, start, reached]
    assert all(fact.complete_from is None or fact.complete_from <= fact.complete_to for fact in beats)
