"""Playing a simulation: heartbeats that never promise too much, at a speed, and as history that becomes live."""

import itertools
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec

from facts.contact import ContactOffered
from facts.feed import FeedHeartbeat
from facts.union import AnyFact, Topic
from producers.replay import Speed
from producers.simulate.playing import SimulationProgress, play
from producers.simulate.simulation import Simulation, feeds_of
from tests.simulate.worlds import simulation


class _Tape:
    """A sink that keeps what it is told, with clocks of its own."""

    def __init__(self, starts: datetime, stop_after: float = float("inf")) -> None:
        self.started, self.seconds, self.stop_after = starts, 0.0, stop_after
        self.told: list[tuple[float, AnyFact]] = []

    def publish(self, fact: AnyFact, topic: Topic | None = None) -> None:
        assert topic is not None
        self.told.append((self.seconds, fact))

    def heartbeat(self, heartbeat: FeedHeartbeat, topic: Topic) -> None:
        assert topic is not None
        self.told.append((self.seconds, heartbeat))

    def flush(self) -> None:
        self.told.append((self.seconds, self.told[-1][1]))

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.started.timestamp() + self.seconds, UTC)

    def monotonic(self) -> float:
        return self.seconds

    def wait(self, seconds: float) -> bool:
        self.seconds = min(self.seconds + seconds, self.stop_after)
        return self.seconds >= self.stop_after

    def set_clock(self, by: timedelta) -> None:
        """The wall clock is set forward or back; the monotonic one is not."""
        self.started += by


def exact(scenario: str = "normal", start: date | None = None) -> Simulation:
    """A simulation without late entries, corrections and withdrawals, which may come behind a heartbeat, and soon begun."""
    chosen = simulation(scenario, start=start)
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


def carried(fact: AnyFact, lines: dict[str, str]) -> str:
    """The feed that carries a fact of Staffordshire."""
    name = type(fact).__name__
    subject: str = getattr(fact, "subject_id", "")
    if name.startswith("Contact"):
        feeds = {"999": "telephony_999", "101": "telephony_101", "digital": "digital"}
        return feeds[lines[subject]]
    if name.startswith(("Incident", "Unit", "Video")):
        return "command_and_control"
    records = ("OccurrenceRecorded", "PartyLinked", "VictimReferred", "VictimContractClosed")
    return "records" if name in records else "custody"


def assert_honest(tape: _Tape) -> dict[str, int]:
    """No fact of a feed is told after a heartbeat that called the feed complete beyond it; how many facts it carried."""
    complete: dict[str, datetime] = {}
    facts: dict[str, int] = defaultdict(int)
    lines: dict[str, str] = {
        fact.subject_id: fact.line for _, fact in reversed(tape.told) if isinstance(fact, ContactOffered)
    }
    for _, fact in tape.told[:-1]:
        if isinstance(fact, FeedHeartbeat):
            assert fact.complete_to >= complete.get(fact.feed, fact.complete_to)
            complete[fact.feed] = fact.complete_to
        else:
            feed = carried(fact, lines)
            facts[feed] += 1
            assert fact.at >= complete[feed], (feed, fact)
    return facts


def test_a_heartbeat_is_honest_for_every_feed() -> None:
    chosen = exact()
    tape = _Tape(datetime(2024, 12, 1, tzinfo=UTC))
    facts = played(chosen, tape, 60.0, 12)
    assert set(assert_honest(tape)) == set(feeds_of(chosen.force).values())
    assert facts.is_whole
    assert facts.reported_to == datetime(2024, 12, 1, 12, tzinfo=UTC)


def test_a_silent_feed_says_nothing_until_its_backlog_is_told() -> None:
    chosen = exact("feed_outage")
    tape = _Tape(datetime(2024, 11, 12, tzinfo=UTC))
    played(chosen, tape, 60.0, 24)
    assert_honest(tape)
    beats = [fact for _, fact in tape.told if isinstance(fact, FeedHeartbeat) and fact.feed == "telephony_999"]
    longest = max(range(1, len(beats)), key=lambda index: beats[index].at - beats[index - 1].at)
    assert beats[longest - 1].at < datetime(2024, 11, 12, 14, tzinfo=UTC)
    assert datetime(2024, 11, 12, 15, 30, tzinfo=UTC) < beats[longest].at < datetime(2024, 11, 12, 15, 45, tzinfo=UTC)


def test_it_keeps_the_speed() -> None:
    tape = _Tape(datetime(2030, 1, 1, tzinfo=UTC))
    chosen = exact()
    played(chosen, tape, 3600.0, 6)
    assert 5.9 <= tape.seconds <= 6.1
    for seconds, fact in tape.told:
        assert abs(chosen.end_of(0) + seconds * 3600 - fact.at.timestamp()) < 30


def test_a_played_simulation_is_a_replay_and_a_live_one_is_not_and_both_say_that_nothing_is_real() -> None:
    for speed, is_replay in (("max", True), ("live", False)):
        tape = _Tape(datetime(2024, 12, 1, 1, tzinfo=UTC))
        played(exact(), tape, speed, 2)
        beats = [fact for _, fact in tape.told if isinstance(fact, FeedHeartbeat)]
        assert {(fact.replay, fact.simulated) for fact in beats} == {(is_replay, True)}
        first = {feed: next(fact for fact in beats if fact.feed == feed) for feed in feeds_of(exact().force).values()}
        assert [fact for _, fact in tape.told[: len(first)]] == list(first.values()), "before the first other fact"


def test_history_is_told_at_once_and_then_it_goes_on_with_the_clock() -> None:
    tape = _Tape(datetime(2024, 12, 3, 12, tzinfo=UTC))
    played(exact(start=date(2024, 12, 1)), tape, "live", 62)
    at_once = [fact for seconds, fact in tape.told if seconds == 0 and not isinstance(fact, FeedHeartbeat)]
    assert len(at_once) > 8000
    assert abs(tape.seconds - 2 * 3600) < 1
    for seconds, fact in tape.told:
        if not isinstance(fact, FeedHeartbeat):
            behind = tape.started.timestamp() + seconds - fact.at.timestamp()
            assert behind >= 0
            assert seconds == 0 or behind <= 6
    live = [seconds for seconds, fact in tape.told if isinstance(fact, FeedHeartbeat) and seconds > 0]
    assert max(other - one for one, other in itertools.pairwise(live)) <= 2.1


class _Set(_Tape):
    """A tape whose clock is set forward two hours for half a minute and back."""

    def wait(self, seconds: float) -> bool:
        before = self.seconds
        stopped = super().wait(seconds)
        for moment, by in ((600.0, 2), (630.0, -2)):
            if before < moment <= self.seconds:
                self.set_clock(timedelta(hours=by))
        return stopped


def test_a_clock_that_is_set_forward_and_back_silences_no_feed_and_nothing_is_promised_of_the_future() -> None:
    """It used to wait two hours until the clock was there again, and all its feeds looked dead."""
    chosen = exact(start=date(2024, 12, 1))
    tape = _Set(datetime(2024, 12, 1, 12, tzinfo=UTC), stop_after=1200.0)
    played(chosen, tape, "live", 24)
    begun = datetime(2024, 12, 1, 12, tzinfo=UTC)
    after = [(seconds, fact) for seconds, fact in tape.told if isinstance(fact, FeedHeartbeat) and seconds > 632]
    moments = sorted({seconds for seconds, _ in after})
    assert max(other - one for one, other in itertools.pairwise([632, *moments, 1200])) <= 2.1
    for seconds, fact in after:
        present = begun + timedelta(seconds=seconds)
        assert present - timedelta(seconds=30) < fact.complete_to <= present
        assert fact.history_to is None
    wrong = [fact for seconds, fact in tape.told if 600 < seconds < 630 and isinstance(fact, FeedHeartbeat)]
    assert max(fact.complete_to for fact in wrong) > begun + timedelta(hours=2), "it follows the clock it has"


def test_when_it_is_stopped_everything_it_promised_was_told() -> None:
    chosen = exact()
    tape = _Tape(datetime(2030, 1, 1, tzinfo=UTC), stop_after=120.0)
    facts = played(chosen, tape, 60.0, 24)
    assert not facts.is_whole
    assert_honest(tape)
    last = [fact for _, fact in tape.told if isinstance(fact, FeedHeartbeat)][-1]
    assert abs(last.complete_to.timestamp() - (chosen.end_of(0) + 7200)) < 60


def test_history_is_told_as_history_until_it_has_come_to_the_present() -> None:
    tape = _Tape(datetime(2024, 12, 3, 12, tzinfo=UTC))
    played(exact(start=date(2024, 12, 1)), tape, "live", 61)
    beats = [(seconds, fact) for seconds, fact in tape.told if isinstance(fact, FeedHeartbeat)]
    history = [fact for _, fact in beats if fact.history_to]
    assert {fact.history_to for fact in history} == {tape.started}
    assert max(fact.complete_to for fact in history) < tape.started - timedelta(seconds=30)
    live = [fact for seconds, fact in beats if seconds > 0]
    assert {fact.history_to for fact in live} == {None}
    assert min(fact.complete_to for fact in live) > tape.started - timedelta(seconds=30)


def test_played_on_from_where_it_was_kept_it_tells_what_it_would_have_told() -> None:
    chosen, begun = exact(), datetime(2030, 1, 1, tzinfo=UTC)
    whole, first, second = _Tape(begun), _Tape(begun, stop_after=300.0), _Tape(begun)
    played(chosen, whole, 60.0, 9)
    kept: list[SimulationProgress] = []
    assert not played(chosen, first, 60.0, 9, keep=kept.append).is_whole
    assert len(kept) > 100
    assert kept[-1].reported_to == datetime(2024, 12, 1, 5, tzinfo=UTC)
    played(chosen, second, 60.0, 9, since=kept[-1].reported_to.timestamp())

    def facts(*tapes: _Tape) -> list[AnyFact]:
        return [fact for tape in tapes for _, fact in tape.told[:-1] if not isinstance(fact, FeedHeartbeat)]

    assert facts(first, second) == facts(whole)
    whole.told = [*first.told[:-1], *second.told]
    assert_honest(whole)


def test_it_goes_fast_to_a_moment_and_then_at_its_speed_and_a_feed_speaks_just_before_it_falls_silent() -> None:
    tape, moment = _Tape(datetime(2030, 1, 1, tzinfo=UTC)), datetime(2024, 11, 12, 14, 30, tzinfo=UTC)
    played(exact("feed_outage"), tape, 60.0, 15, fast_until=moment)
    at_once = [fact for seconds, fact in tape.told if seconds == 0]
    assert len(at_once) > 2000
    assert max(fact.at for fact in at_once) < moment
    assert abs(tape.seconds - 30) < 1
    beats = [fact for _, fact in tape.told if isinstance(fact, FeedHeartbeat) and fact.feed == "telephony_999"]
    assert beats[-1].complete_to == datetime(2024, 11, 12, 13, 59, 54, tzinfo=UTC)
