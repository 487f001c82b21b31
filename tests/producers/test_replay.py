"""Replaying an extract: facts in order of event time at the right speed, and heartbeats that never promise too much."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from facts import wire
from facts.errors import SettingError
from facts.feed import FeedHeartbeat
from facts.union import AnyFact, Topic
from producers.errors import PublishError
from producers.extract import Extract
from producers.replay import ReplayProgress, Speed, parse_speed, play
from tests.producers.extracts import INCIDENTS, NOW, read_rows

START = datetime(2024, 12, 1, 9, tzinfo=UTC)


class _Tape:
    """A sink that records facts and heartbeats with their time, by its own clock."""

    def __init__(self, stop_after: float = float("inf")) -> None:
        self.seconds = 0.0
        self.stop_after = stop_after
        self.recorded: list[tuple[float, AnyFact]] = []
        self.flushes = 0

    def publish(self, fact: AnyFact, topic: Topic | None = None) -> None:
        self.recorded.append((self.seconds, fact))

    def heartbeat(self, heartbeat: FeedHeartbeat, topic: Topic) -> None:
        assert topic == "incidents"
        self.recorded.append((self.seconds, heartbeat))

    def flush(self) -> None:
        self.flushes += 1

    def monotonic(self) -> float:
        return self.seconds

    def wait(self, seconds: float) -> bool:
        self.seconds = min(self.seconds + seconds, self.stop_after)
        return self.seconds >= self.stop_after

    def facts(self) -> list[AnyFact]:
        return [fact for _, fact in self.recorded if not isinstance(fact, FeedHeartbeat)]

    def beats(self) -> list[FeedHeartbeat]:
        return [fact for _, fact in self.recorded if isinstance(fact, FeedHeartbeat)]


def extract_of(directory: Path, *minutes: int) -> Extract:
    """Incidents opened at the given minutes after nine, in the order given."""
    rows = []
    for index, minute in enumerate(minutes):
        opened = START + timedelta(minutes=minute)
        rows.append(f"i-{index},E1,{opened:%d/%m/%Y %H:%M},,1,north,Y")
    return read_rows(directory, *rows)


def played(extract: Extract, tape: _Tape, speed: Speed = "max") -> ReplayProgress:
    return play(extract, tape, speed=speed, monotonic=tape.monotonic, wait=tape.wait)


def assert_promises_kept(tape: _Tape) -> None:
    """No fact is older than an earlier heartbeat's `complete_to`, and no heartbeat goes back."""
    complete_to = datetime.min.replace(tzinfo=UTC)
    for _, fact in tape.recorded:
        if isinstance(fact, FeedHeartbeat):
            assert fact.complete_to >= complete_to
            complete_to = fact.complete_to
        else:
            assert fact.at >= complete_to


@pytest.mark.parametrize("speed", ["max", 1.0, 60.0, 3600.0])
def test_everything_is_published_in_order_of_event_time(tmp_path: Path, speed: Speed) -> None:
    extract, tape = extract_of(tmp_path, 30, 0, 90, 31), _Tape()
    result = played(extract, tape, speed)
    assert tape.facts() == list(extract.facts)
    assert result.facts == 4
    assert result.heartbeats == len(tape.beats())
    assert result.is_whole
    assert_promises_kept(tape)


def test_the_first_heartbeat_comes_before_the_first_fact(tmp_path: Path) -> None:
    """Readers must know that this is a replay before the first fact, which would otherwise look years late."""
    tape = _Tape()
    played(extract_of(tmp_path, 0, 5), tape)
    first = tape.recorded[0][1]
    assert isinstance(first, FeedHeartbeat)
    assert (first.complete_to, first.replay, first.feed, first.force) == (START, True, "dispatch", "staffordshire")


def test_the_last_heartbeat_is_after_the_last_fact(tmp_path: Path) -> None:
    tape = _Tape()
    result = played(extract_of(tmp_path, 0, 5), tape)
    last = tape.recorded[-1][1]
    assert isinstance(last, FeedHeartbeat)
    assert last.complete_to > START + timedelta(minutes=5)
    assert result.complete_to == last.complete_to
    assert tape.flushes == 1


def test_at_a_speed_facts_are_published_when_due(tmp_path: Path) -> None:
    tape = _Tape()
    played(extract_of(tmp_path, 0, 10, 60), tape, 60.0)
    due = [seconds for seconds, fact in tape.recorded if not isinstance(fact, FeedHeartbeat)]
    assert due == pytest.approx([0, 10, 60])


@pytest.mark.parametrize("speed", [0.5, 1.0, 60.0, 3600.0])
def test_at_a_speed_a_heartbeat_is_sent_at_least_every_second(tmp_path: Path, speed: float) -> None:
    tape = _Tape()
    played(extract_of(tmp_path, 0, 10, 60), tape, speed)
    times = [seconds for seconds, fact in tape.recorded if isinstance(fact, FeedHeartbeat)]
    assert max(later - earlier for earlier, later in pairwise(times)) <= 1.0


def test_at_full_speed_nothing_waits_and_heartbeats_are_six_hours_apart(tmp_path: Path) -> None:
    tape = _Tape()
    played(extract_of(tmp_path, 0, 24 * 60), tape)
    assert tape.seconds == 0
    times = [beat.complete_to for beat in tape.beats()]
    assert times == [*(START + timedelta(hours=hours) for hours in (0, 6, 12, 18, 24)), times[-1]]


@pytest.mark.parametrize(("speed", "fast_until"), [("max", None), ("max", START), (60.0, START)])
def test_a_gap_of_years_costs_two_heartbeats(tmp_path: Path, speed: Speed, fast_until: datetime | None) -> None:
    """As when one year is mistyped: 2005 among 2024."""
    extract = read_rows(
        tmp_path,
        "i-1,E1,01/12/2005 09:00,,1,north,Y",
        f"i-2,E1,{START - timedelta(seconds=1):%d/%m/%Y %H:%M:%S},,1,north,Y",
        mapping=INCIDENTS.replace('"iso"', '"%d/%m/%Y %H:%M:%S"'),
    )
    tape = _Tape()
    play(extract, tape, speed=speed, monotonic=tape.monotonic, wait=tape.wait, fast_until=fast_until)
    assert len(tape.facts()) == 2
    assert len(tape.beats()) == 4
    assert_promises_kept(tape)


@pytest.mark.parametrize("speed", ["max", 3600.0])
def test_the_end_of_the_period_is_the_last_heartbeat(tmp_path: Path, speed: Speed) -> None:
    extract, tape, ends = extract_of(tmp_path, 0, 60), _Tape(), START + timedelta(days=1)
    result = play(extract, tape, speed=speed, monotonic=tape.monotonic, wait=tape.wait, complete_to=ends)
    assert (tape.beats()[-1].complete_to, result.complete_to, result.is_whole) == (ends, ends, True)
    assert [beat.ended for beat in tape.beats()] == [False] * (len(tape.beats()) - 1) + [True]
    assert_promises_kept(tape)


def test_an_empty_period_may_be_complete(tmp_path: Path) -> None:
    tape = _Tape()
    play(read_rows(tmp_path), tape, speed="max", monotonic=tape.monotonic, wait=tape.wait, complete_to=START)
    assert [beat.complete_to for beat in tape.beats()] == [START]


def test_a_period_cannot_end_before_its_last_fact(tmp_path: Path) -> None:
    tape = _Tape()
    with pytest.raises(SettingError, match="2 facts of the extract are at or after"):
        play(
            extract_of(tmp_path, 0, 60, 90),
            tape,
            speed="max",
            monotonic=tape.monotonic,
            wait=tape.wait,
            complete_to=START + timedelta(hours=1),
        )
    assert tape.recorded == []


def test_facts_before_fast_until_are_published_at_full_speed(tmp_path: Path) -> None:
    tape = _Tape()
    played = play(
        extract_of(tmp_path, 0, 60, 120, 130),
        tape,
        speed=60,
        monotonic=tape.monotonic,
        wait=tape.wait,
        fast_until=START + timedelta(minutes=110),
    )
    published = [(seconds, fact.at) for seconds, fact in tape.recorded if not isinstance(fact, FeedHeartbeat)]
    assert [seconds for seconds, at in published if at < START + timedelta(minutes=110)] == [0.0, 0.0]
    assert [seconds for seconds, at in published if at >= START + timedelta(minutes=110)] == [10.0, 20.0]
    assert START + timedelta(minutes=110) in [beat.complete_to for beat in tape.beats()], (
        "a heartbeat follows the history at once"
    )
    assert played.is_whole


def test_heartbeats_are_numbered_and_two_replays_are_the_same(tmp_path: Path) -> None:
    extract, once, again = extract_of(tmp_path, 0, 600, 1200), _Tape(), _Tape()
    played(extract, once)
    played(extract, again)
    assert [beat.seq for beat in once.beats()] == list(range(len(once.beats())))
    assert once.recorded == again.recorded
    assert len({fact.fact_id for _, fact in once.recorded}) == len(once.recorded)


def test_what_is_published_can_be_decoded(tmp_path: Path) -> None:
    tape = _Tape()
    played(extract_of(tmp_path, 0, 600), tape)
    facts = [fact for _, fact in tape.recorded]
    decoded = wire.decode(wire.encode(facts), "incidents", NOW)
    assert (decoded.facts, decoded.unreadable) == (list(enumerate(facts)), [])


def test_a_replay_stopped_between_facts_sends_a_true_heartbeat_and_flushes(tmp_path: Path) -> None:
    extract, tape = extract_of(tmp_path, 0, 10, 60), _Tape(stop_after=30.2)
    result = played(extract, tape, 60.0)
    assert tape.facts() == list(extract.facts[:2])
    assert (result.facts, result.is_whole, tape.flushes) == (2, False, 1)
    last = tape.recorded[-1][1]
    assert isinstance(last, FeedHeartbeat)
    assert last.complete_to == START + timedelta(minutes=30.5), "everything before the next fact was published"
    assert_promises_kept(tape)


def test_a_replay_at_full_speed_can_be_stopped(tmp_path: Path) -> None:
    extract, tape = extract_of(tmp_path, *range(1200)), _Tape(stop_after=0.0)
    result = played(extract, tape)
    assert 0 < result.facts < 1200
    assert (result.is_whole, tape.flushes) == (False, 1)
    assert_promises_kept(tape)


def test_an_extract_without_facts_publishes_nothing(tmp_path: Path) -> None:
    tape = _Tape()
    assert played(read_rows(tmp_path), tape) == ReplayProgress(facts=0, heartbeats=0, complete_to=None, is_whole=True)
    assert tape.recorded == []


def test_progress_ends_at_the_number_of_facts(tmp_path: Path) -> None:
    reports: list[tuple[int, int]] = []
    extract, tape = extract_of(tmp_path, *range(1200)), _Tape()
    play(
        extract,
        tape,
        speed="max",
        monotonic=tape.monotonic,
        wait=tape.wait,
        progress=lambda done, total: reports.append((done, total)),
    )
    assert reports[-1] == (1200, 1200)
    assert (1000, 1200) in reports
    assert reports == sorted(reports)


def test_a_failed_flush_is_an_error(tmp_path: Path) -> None:
    class Broken(_Tape):
        def flush(self) -> None:
            raise PublishError("1 fact did not arrive.", where="Kafka", hint="Repair it.")

    with pytest.raises(PublishError):
        played(extract_of(tmp_path, 0), Broken())


@pytest.mark.parametrize(("text", "speed"), [("max", "max"), ("1", 1.0), ("0.5", 0.5), ("3600", 3600.0)])
def test_a_speed_is_max_or_a_number(text: str, speed: Speed) -> None:
    assert parse_speed(text) == speed


@pytest.mark.parametrize("text", ["", "fast", "0", "-1", "nan", "inf", "1e9"])
def test_an_invalid_speed_is_refused(text: str) -> None:
    with pytest.raises(SettingError, match="is not a speed"):
        parse_speed(text)
