"""Following a growing file: whole lines, rotation, restarts from the saved position, and heartbeats."""

import math
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from facts.feed import FeedHeartbeat
from facts.union import AnyFact, Topic
from producers.adapters.position import load_position
from producers.adapters.tail import Tail, TailSettings
from producers.errors import PublishError, SourceError
from producers.mapping import load_mapping
from tests.producers.extracts import HEADER, INCIDENTS, NOW, at
from tests.support.system import until

LATE = timedelta(minutes=10)


def row(number: int) -> str:
    return f"i-{number},E1,01/12/2024 09:{number % 60:02},,1,north,Y\n"


class _Sink:
    """A sink that records facts and heartbeats; flushed facts are in the log."""

    def __init__(self) -> None:
        self.unflushed: list[AnyFact] = []
        self.log: list[AnyFact] = []
        self.beats: list[FeedHeartbeat] = []
        self.is_broken = False

    def publish(self, fact: AnyFact, topic: Topic | None = None) -> None:
        self.unflushed.append(fact)

    def heartbeat(self, heartbeat: FeedHeartbeat, topic: Topic) -> None:
        assert topic == "incidents"
        assert not self.unflushed, "a heartbeat was sent before the facts it covers"
        self.beats.append(heartbeat)

    def flush(self) -> None:
        if self.is_broken:
            raise PublishError("Not acknowledged.", where="here", hint="Wait.")
        self.log += self.unflushed
        self.unflushed = []

    def subjects(self) -> list[str]:
        return [getattr(fact, "subject_id", "") for fact in self.log]


class _Following:
    """A tail in a thread, with its own fast clock."""

    def __init__(self, path: Path, sink: _Sink, *, is_silence_trusted: bool = False, mapping: str = INCIDENTS) -> None:
        self.stopping, self.seconds, self.looks, self.is_clock_stopped = threading.Event(), 0.0, 0, False
        self.now, self.clock_stops_at = NOW, math.inf
        self.error: Exception | None = None
        settings = TailSettings(late=LATE, is_silence_trusted=is_silence_trusted)
        self.tail = Tail(
            path,
            load_mapping(mapping, "small.toml"),
            path.parent / "saved" / "position.json",
            sink,
            settings,
            now=lambda: self.now,
            monotonic=lambda: self.seconds,
            wait=self._wait,
        )
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _wait(self, seconds: float) -> bool:
        if not self.is_clock_stopped:
            self.seconds = max(self.seconds, min(self.seconds + seconds, self.clock_stops_at))
        self.looks += 1
        return self.stopping.wait(0.001)

    def _run(self) -> None:
        try:
            self.tail.run()
        except Exception as error:  # noqa: BLE001 - the test looks at it
            self.error = error

    def stop(self) -> None:
        self.stopping.set()
        self.thread.join(10)
        assert not self.thread.is_alive()


@pytest.fixture
def sink() -> _Sink:
    return _Sink()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "incidents.csv"


@pytest.fixture
def follow(path: Path, sink: _Sink) -> Iterator[Callable[[], _Following]]:
    made: list[_Following] = []

    def start() -> _Following:
        made.append(_Following(path, sink))
        return made[-1]

    yield start
    for each in made:
        each.stop()


def add(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


def numbers(*given: int) -> list[str]:
    return [f"i-{number}" for number in given]


def expect(sink: _Sink, *given: int) -> None:
    until(lambda: len(sink.log) >= len(given), 60, f"{len(given)} facts, not {sink.subjects()}")
    assert sink.subjects() == numbers(*given)


def test_rows_are_published_as_they_arrive_but_not_half_a_line(
    path: Path, sink: _Sink, follow: Callable[[], _Following]
) -> None:
    following = follow()
    add(path, HEADER + "\n" + row(1))
    expect(sink, 1)
    add(path, row(2) + row(3)[:15])
    expect(sink, 1, 2)
    looked = following.seconds
    until(lambda: following.seconds > looked + 5, 60, "more reads")
    assert sink.subjects() == numbers(1, 2)
    add(path, row(3)[15:])
    expect(sink, 1, 2, 3)


def test_json_lines_are_published_as_they_arrive(path: Path, sink: _Sink) -> None:
    mapping = INCIDENTS.replace('format = "csv"', 'format = "json_lines"')
    following = _Following(path, sink, mapping=mapping)
    line = '{"incident": "i-1", "unit": "E1", "opened": "2024-12-01T09:00:00Z", "grade": 1, "call": {"name": "x"}}\n'
    add(path, line + line.replace("i-1", "i-2")[:20])
    expect(sink, 1)
    add(path, line.replace("i-1", "i-2")[20:] + "not json\n" + line.replace("i-1", "i-3"))
    expect(sink, 1, 2, 3)
    following.stop()


def test_a_row_over_several_lines_is_read_once_complete(
    path: Path, sink: _Sink, follow: Callable[[], _Following]
) -> None:
    follow()
    add(path, HEADER + "\n" + row(1).replace("north", '"north'))
    add(path, '",Y\n'.replace('",Y', '   ",Y') + row(2))
    expect(sink, 2)


def test_a_restart_resumes_where_the_log_ends(path: Path, sink: _Sink, follow: Callable[[], _Following]) -> None:
    add(path, HEADER + "\n" + row(1) + row(2))
    following = follow()
    expect(sink, 1, 2)
    following.stop()
    add(path, row(3))
    follow()
    expect(sink, 1, 2, 3)


def test_what_the_log_did_not_acknowledge_is_published_again(
    path: Path, sink: _Sink, follow: Callable[[], _Following]
) -> None:
    add(path, HEADER + "\n" + row(1))
    first = follow()
    expect(sink, 1)
    first.stop()
    sink.is_broken = True
    add(path, row(2))
    broken = follow()
    until(lambda: broken.error, 60, "the error")
    assert isinstance(broken.error, PublishError)
    sink.is_broken, sink.unflushed = False, []
    follow()
    expect(sink, 1, 2)


def test_a_rotated_file_is_read_to_its_end_before_the_new_one(
    path: Path, sink: _Sink, follow: Callable[[], _Following]
) -> None:
    add(path, HEADER + "\n" + row(1))
    follow()
    expect(sink, 1)
    with path.open("a") as still_open:
        path.rename(path.with_name("incidents.csv.1"))
        still_open.write(row(2))
    expect(sink, 1, 2)
    add(path, HEADER + "\n" + row(3))
    expect(sink, 1, 2, 3)
    add(path, row(4))
    expect(sink, 1, 2, 3, 4)


def test_a_rotated_file_is_read_while_a_program_may_still_have_it_open(
    path: Path, sink: _Sink, follow: Callable[[], _Following]
) -> None:
    add(path, HEADER + "\n" + row(1))
    following = follow()
    expect(sink, 1)
    following.is_clock_stopped = True
    with path.open("a") as still_open:
        path.rename(path.with_name("incidents.csv.1"))
        add(path, HEADER + "\n" + row(3))
        looks = following.looks
        until(lambda: following.looks > looks + 20, 60, "more reads")
        still_open.write(row(2))
    expect(sink, 1, 2)
    following.is_clock_stopped = False
    expect(sink, 1, 2, 3)


def test_files_rotated_while_the_adapter_was_down_are_read_in_turn(
    path: Path, sink: _Sink, follow: Callable[[], _Following]
) -> None:
    add(path, HEADER + "\n" + row(1))
    following = follow()
    expect(sink, 1)
    following.stop()
    add(path, row(2))
    path.rename(path.with_name("incidents.csv.2"))
    add(path, HEADER + "\n" + row(3))
    path.rename(path.with_name("incidents.csv.1"))
    add(path, HEADER + "\n" + row(4))
    follow()
    expect(sink, 1, 2, 3, 4)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
def test_a_row_is_published_once_whole_in_every_encoding(path: Path, sink: _Sink, encoding: str) -> None:
    """Also the last row of a rotated file, which has no line end; the length of a letter does not delay a row."""
    declared = "utf-16" if encoding.startswith("utf-16") else encoding
    following = _Following(path, sink, mapping=INCIDENTS.replace('absent = ["NULL"]', f'encoding = "{declared}"'))
    mark = {"utf-16": "\ufeff".encode("utf-16-le"), "utf-8-sig": "\ufeff".encode()}.get(encoding, b"")
    plain = {"utf-16": "utf-16-le", "utf-8-sig": "utf-8"}.get(encoding, encoding)
    path.write_bytes(mark + f"{HEADER}\n{row(1)}".encode(plain))
    expect(sink, 1)
    with path.open("ab") as file:
        file.write(row(2).encode(plain)[:25])
        file.flush()
        looked = following.looks
        until(lambda: following.looks > looked + 40, 60, "more reads")
        assert sink.subjects() == numbers(1)
        file.write(row(2).encode(plain)[25:] + row(3).rstrip("\n").encode(plain))
        file.flush()
        expect(sink, 1, 2)
        path.rename(path.with_name("incidents.csv.1"))
    path.write_bytes(mark + f"{HEADER}\n{row(4)}".encode(plain))
    expect(sink, 1, 2, 3, 4)
    following.stop()


def test_a_stray_quote_delays_the_following_rows_a_moment_and_loses_none(
    path: Path, sink: _Sink, follow: Callable[[], _Following], caplog: pytest.LogCaptureFixture
) -> None:
    add(path, HEADER + "\n" + row(1))
    following = follow()
    expect(sink, 1)
    add(path, row(2).replace("north", '"north'))
    add(path, row(3))
    expect(sink, 1, 3)
    assert 'line 3: has a " in the wrong place' in caplog.text
    add(path, row(4))
    expect(sink, 1, 3, 4)
    following.stop()
    add(path, row(5))
    follow()
    expect(sink, 1, 3, 4, 5)


def test_a_record_that_was_given_up_and_then_ends_is_not_half_published_after_a_restart(
    path: Path, sink: _Sink, follow: Callable[[], _Following]
) -> None:
    """Read again, the record is whole and the rows have other numbers; their lines have not changed."""
    add(path, HEADER + "\n" + row(1) + row(2).replace("north", '"north'))
    following = follow()
    expect(sink, 1)
    looked = following.looks
    until(lambda: following.looks > looked + 40, 60, "the record to be given up")
    add(path, '",,Y\n' + row(3))
    expect(sink, 1, 3)
    following.stop()
    add(path, row(4))
    follow()
    expect(sink, 1, 3, 4)


def _is_past(following: _Following, seconds: float) -> bool:
    return following.seconds >= seconds


def test_the_mapping_says_how_long_a_rotated_file_is_followed(path: Path, sink: _Sink) -> None:
    following = _Following(path, sink, mapping=INCIDENTS.replace('absent = ["NULL"]', "still_seconds = 60"))
    add(path, HEADER + "\n" + row(1))
    expect(sink, 1)
    following.clock_stops_at = following.seconds
    with path.open("a") as still_open:
        path.rename(path.with_name("incidents.csv.1"))
        add(path, HEADER + "\n" + row(9))
        for number in (2, 3):
            following.clock_stops_at += 50
            until(partial(_is_past, following, following.clock_stops_at), 60, "most of a minute")
            assert "i-9" not in sink.subjects()
            still_open.write(row(number))
            still_open.flush()
            expect(sink, *range(1, number + 1))
    following.clock_stops_at = math.inf
    until(lambda: "i-9" in sink.subjects(), 60, "the new file")
    assert sink.subjects() == numbers(1, 2, 3, 9)
    following.stop()


def test_what_is_written_to_a_file_after_it_was_left_is_reported(
    path: Path, sink: _Sink, follow: Callable[[], _Following], caplog: pytest.LogCaptureFixture
) -> None:
    add(path, HEADER + "\n" + row(1))
    follow()
    expect(sink, 1)
    with path.open("a") as still_open:
        path.rename(path.with_name("incidents.csv.1"))
        add(path, HEADER + "\n" + row(3))
        expect(sink, 1, 3)
        still_open.write(row(2))
    until(lambda: "still_seconds" in caplog.text, 60, "the error in the log")
    assert "incidents.csv has grown" in caplog.text


def test_a_missing_file_is_an_error_and_is_not_skipped(
    path: Path, sink: _Sink, follow: Callable[[], _Following]
) -> None:
    add(path, HEADER + "\n" + row(1))
    following = follow()
    expect(sink, 1)
    following.stop()
    path.write_text(HEADER + "\n" + row(2) + row(3))
    lost = follow()
    until(lambda: lost.error, 60, "the error")
    assert isinstance(lost.error, SourceError)
    assert sink.subjects() == numbers(1)


def test_an_unread_compressed_file_is_an_error(path: Path, sink: _Sink, follow: Callable[[], _Following]) -> None:
    add(path, HEADER + "\n" + row(1))
    following = follow()
    expect(sink, 1)
    following.stop()
    path.rename(path.with_name("incidents.csv.2"))
    add(path.with_name("incidents.csv.1.gz"), "compressed")
    add(path, HEADER + "\n" + row(3))
    lost = follow()
    until(lambda: lost.error, 60, "the error")
    assert "compressed" in str(lost.error)


def test_heartbeats_stay_behind_the_newest_row(path: Path, sink: _Sink, follow: Callable[[], _Following]) -> None:
    add(path, HEADER + "\n" + row(30) + row(20))
    follow()
    until(lambda: len(sink.beats) > 2, 60, "heartbeats")
    assert {beat.complete_to for beat in sink.beats} == {at("2024-12-01 09:30") - LATE}
    assert [beat.seq for beat in sink.beats[:3]] == [0, 1, 2]
    assert {beat.feed for beat in sink.beats} == {"dispatch"}
    assert not any(beat.replay for beat in sink.beats)


def test_a_row_from_the_future_does_not_count_once_the_clock_is_right_again(
    path: Path, sink: _Sink, follow: Callable[[], _Following]
) -> None:
    """The clocks of the source system and of this machine are both two hours ahead while a row is written."""
    add(path, HEADER + "\n" + row(1))
    following = follow()
    until(lambda: sink.beats, 60, "a heartbeat")
    following.now = NOW + timedelta(hours=2)
    ahead = following.now - timedelta(minutes=1)
    add(path, row(2).replace("01/12/2024 09:02", f"{ahead:%d/%m/%Y %H:%M}"))
    until(lambda: sink.beats[-1].complete_to > NOW, 60, "a heartbeat with that time")
    following.now = NOW
    looked = following.looks
    until(lambda: following.looks > looked + 2, 60, "the current read has ended")
    before = len(sink.beats)
    until(lambda: following.looks > looked + 60, 60, "enough reads for several heartbeats")
    assert len(sink.beats) == before, "the newest row's time is unknown"
    add(path, row(3))
    until(lambda: len(sink.beats) > before, 60, "a heartbeat again")
    assert sink.beats[-1].complete_to == at("2024-12-01 09:03") - LATE


def test_with_trusted_silence_heartbeats_follow_the_clock(path: Path, sink: _Sink) -> None:
    add(path, HEADER + "\n" + row(1))
    following = _Following(path, sink, is_silence_trusted=True)
    until(lambda: sink.beats, 60, "heartbeats")
    following.stop()
    assert sink.beats[0].complete_to == datetime.fromisoformat(NOW.isoformat()) - LATE


def test_the_position_covers_only_what_the_log_has(path: Path, sink: _Sink, follow: Callable[[], _Following]) -> None:
    add(path, HEADER + "\n" + row(1))
    follow().stop()
    expect(sink, 1)
    saved = load_position(path.parent / "saved" / "position.json")
    assert saved
    assert saved.line == 2
    (path.parent / "saved" / "position.json").write_text("{")
    lost = follow()
    until(lambda: lost.error, 60, "the error")
    assert isinstance(lost.error, SourceError)
