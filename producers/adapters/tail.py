"""Tells what a system adds to a file, row by row, as it is added: CSV, JSON lines, or a log such as Asterisk's queue_log."""

import io
import logging
import os
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO

from msgspec import Struct

from facts.feed import FeedHeartbeat
from facts.times import is_future
from producers.adapters.growing import GrowingFile, find_file, identity_of, next_after
from producers.adapters.position import Position, load_position, save_position
from producers.declaration import Mapping, columns_used
from producers.live import RowFollower
from producers.replay import Sink
from producers.row_facts import digest
from producers.rows import Row, UnreadableRow, read_rows

_logger = logging.getLogger("bluelamp.tail")
_ROWS_BETWEEN_FLUSHES = 500


class TailSettings(Struct, frozen=True, kw_only=True):
    """How a file is followed.

    Attributes:
        late: how long after it happened a row may still be written: heartbeats promise nothing younger.
        is_silence_trusted: with nothing more in the file, nothing happened; else heartbeats go no further than its rows.
        poll_seconds: between two looks at a file that does not grow.
        heartbeat_seconds: between two heartbeats.
    """

    late: timedelta
    is_silence_trusted: bool = False
    poll_seconds: float = 0.25
    heartbeat_seconds: float = 5.0


class Tail:
    """Follows a file until it is told to stop.

    The position is kept only once the log has everything before it. After whatever end, a new start reads the file again from
    its beginning, to know its subjects, and tells what comes after the position.

    Args:
        path: under which the file grows.
        mapping: by which its rows are read.
        position: the file in which the position is kept.
        sink: a publisher, which stays open.
        settings: how it is followed.
        now: the wall clock.
        monotonic: a monotonic clock, in seconds.
        wait: waits up to a number of seconds and returns True once asked to stop, like `threading.Event.wait`.
    """

    def __init__(
        self,
        path: Path,
        mapping: Mapping,
        position: Path,
        sink: Sink,
        settings: TailSettings,
        *,
        now: Callable[[], datetime],
        monotonic: Callable[[], float],
        wait: Callable[[float], bool],
    ) -> None:
        self._path, self._mapping, self._position_path = path, mapping, position
        self._sink, self._settings = sink, settings
        self._now, self._monotonic, self._wait = now, monotonic, wait
        self._rows = self._rows_kept = 0
        self._newest: datetime | None = None
        self._beats = 0
        self._beaten_at: float | None = None

    def run(self) -> None:
        """Follow the file, and each that takes its place.

        Raises:
            SourceError: the file that was being read is gone.
            MappingError: the file does not fit the mapping.
            PublishError: something did not reach the log.
        """
        kept = load_position(self._position_path)
        try:
            current, rows = (find_file(self._path, kept.file), kept.rows) if kept else (self._path, 0)
            while True:
                current, rows = next_after(self._path, self._follow(current, rows)), 0
        except _StoppedError:
            return

    def _follow(self, current: Path, rows_told: int) -> os.stat_result:
        """Tell a file from a row on, until it was put aside and read to its end; its last status."""
        self._rows, self._rows_kept = 0, rows_told
        while not current.exists() or not current.stat().st_size:
            self._idle_at(None)
        live, columns = RowFollower(self._mapping, self._now), frozenset(columns_used(self._mapping))
        with current.open("rb") as file:
            save_position(self._position_path, Position(file=identity_of(file), rows=rows_told))
            growing = GrowingFile(file, self._path, lambda: self._idle_at(file), self._monotonic)
            for row in read_rows(io.BufferedReader(growing), self._mapping.source, columns, current.name):
                self._take(row, live, current.name)
                if self._rows % _ROWS_BETWEEN_FLUSHES == 0:
                    self._keep(file)
                    self._pause(0)
            self._keep(file)
            return os.fstat(file.fileno())

    def _take(self, row: Row | UnreadableRow, live: RowFollower, name: str) -> None:
        taken, is_new = live.take(row), self._rows >= self._rows_kept
        self._rows += 1
        for fact in taken.facts:
            self._see(fact.at)
            if is_new:
                self._sink.publish(fact)
        for each in taken.malformed if is_new else ():
            _logger.warning("%s, %s", name, each)

    def _see(self, at: datetime) -> None:
        """Note how far the rows have come; a time in the future comes from a clock that is or was ahead, and does not count."""
        now = self._now()
        known = [each for each in (self._newest, at) if each is not None and not is_future(each, now)]
        self._newest = max(known, default=None)

    def _idle_at(self, file: IO[bytes] | None) -> None:
        """There is nothing more for now: keep what was told, say so, and wait.

        Raises:
            _StoppedError: told to stop.
        """
        if file:
            self._keep(file)
        self._beat()
        self._pause(self._settings.poll_seconds)

    def _pause(self, seconds: float) -> None:
        if self._wait(seconds):
            raise _StoppedError

    def _keep(self, file: IO[bytes]) -> None:
        """Wait until the log has everything, then keep how far that is."""
        if self._rows > self._rows_kept:
            self._sink.flush()
            self._rows_kept = self._rows
            save_position(self._position_path, Position(file=identity_of(file), rows=self._rows))

    def _beat(self) -> None:
        now = self._monotonic()
        is_due = self._beaten_at is None or now - self._beaten_at >= self._settings.heartbeat_seconds
        newest = self._now() if self._settings.is_silence_trusted else self._newest
        if not is_due or newest is None or is_future(newest, self._now()):
            return
        self._beaten_at = now
        complete_to = newest - self._settings.late
        for feed in self._mapping.feeds:
            heartbeat = FeedHeartbeat(
                fact_id=digest("FeedHeartbeat", self._mapping.name, feed, str(self._beats), complete_to.isoformat()),
                force=self._mapping.force,
                at=complete_to,
                feed=feed,
                seq=self._beats,
                complete_to=complete_to,
            )
            self._sink.heartbeat(heartbeat, self._mapping.topic)
        self._beats += 1


class _StoppedError(Exception):
    """It was told to stop."""
