"""Publishes each row that a system adds to a file: CSV, JSON lines, or a log such as Asterisk's queue_log."""

import logging
import os
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO

from msgspec import Struct

from facts.errors import MappingError
from facts.feed import FeedHeartbeat
from facts.times import is_future
from producers.adapters.growing import GrowingFile, find_file, identity_of, next_after
from producers.adapters.position import Position, load_position, save_position
from producers.declaration import Mapping, columns_used
from producers.live import Openings, RowFollower
from producers.row_facts import digest
from producers.rows import Row, UnreadableRow, read_rows
from producers.sessions import OpenSessions
from producers.sink import Sink

_logger = logging.getLogger("bluelamp.tail")
_ROWS_BETWEEN_FLUSHES = 500


class TailSettings(Struct, frozen=True, kw_only=True):
    """How a file is followed.

    Attributes:
        late: the longest time from an event to the row that records it; heartbeats stay this far behind.
        is_silence_trusted: treat the feed as complete while no rows arrive; otherwise heartbeats follow the newest row.
        poll_seconds: time between two reads of a file that does not grow.
        heartbeat_seconds: time between two heartbeats.
    """

    late: timedelta
    is_silence_trusted: bool = False
    poll_seconds: float = 0.25
    heartbeat_seconds: float = 5.0


class Tail:
    """Follows a file until asked to stop.

    The position is saved only once the log has everything before it. After a restart the file is read again from its
    beginning, to learn its subjects, but only rows after the position are published.

    Args:
        path: path of the growing file.
        mapping: the mapping to read its rows by.
        position: the file to save the position in.
        sink: the publisher, which stays open.
        settings: how the file is followed.
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
        self._rows = self._line = self._line_saved = 0
        self._newest: datetime | None = None
        self._heartbeats = 0
        self._heartbeat_at: float | None = None
        self._left = _LeftFile()
        self._openings: Openings = {}
        self._sessions: OpenSessions = {}

    def run(self) -> None:
        """Follow the file, and each file that replaces it.

        Raises:
            SourceError: the file that was being read is gone.
            MappingError: the file does not fit the mapping.
            PublishError: some facts may not have reached the log.
        """
        if self._mapping.source.format == "xlsx":
            hint = "Export rows of CSV, or use `bluelamp replay` for each workbook."
            raise MappingError("A workbook is written whole and does not grow.", where=self._mapping.name, hint=hint)
        saved = load_position(self._position_path)
        self._sessions = saved.sessions if saved else {}
        try:
            current, line = (find_file(self._path, saved.file), saved.line) if saved else (self._path, 0)
            while True:
                current, line = next_after(self._path, self._follow(current, line)), 0
        except _StoppedError:
            return
        finally:
            self._left.close()

    def _follow(self, current: Path, line_published: int) -> os.stat_result:
        """Publish a file's rows after the given line, until it is rotated and read to its end; returns its last status."""
        self._rows, self._line, self._line_saved = 0, 0, line_published
        while not current.exists() or not current.stat().st_size:
            self._idle(None)
        follower, columns = (
            RowFollower(self._mapping, self._now, self._openings, self._sessions),
            frozenset(columns_used(self._mapping)),
        )
        with current.open("rb") as file:
            self._save(file, line_published)
            still = timedelta(seconds=self._mapping.source.still_seconds)
            growing = GrowingFile(file, self._path, still, lambda: self._idle(file), self._monotonic)
            for row in read_rows(growing.chunks(), self._mapping.source, columns, current.name):
                self._publish(row, follower, current.name)
                if self._rows % _ROWS_BETWEEN_FLUSHES == 0:
                    self._save_progress(file)
                    self._pause(0)
            self._save_progress(file)
            self._openings, self._sessions = follower.openings, follower.sessions
            self._left.watch(file, current.name)
            return os.fstat(file.fileno())

    def _publish(self, row: Row | UnreadableRow, follower: RowFollower, name: str) -> None:
        result, is_new = follower.read(row), row.line > self._line_saved
        self._rows, self._line = self._rows + 1, row.line
        for fact in result.facts:
            self._note_time(fact.at)
            if is_new:
                self._sink.publish(fact, self._mapping.topic)
        for each in result.malformed if is_new else ():
            _logger.warning("%s, %s", name, each)

    def _note_time(self, at: datetime) -> None:
        """Note the newest event time. A time in the future comes from a clock that is or was ahead, and is ignored."""
        now = self._now()
        times = [each for each in (self._newest, at) if each is not None and not is_future(each, now)]
        self._newest = max(times, default=None)

    def _idle(self, file: IO[bytes] | None) -> None:
        """With nothing to read: save the position, send heartbeats if they are due, and wait.

        Raises:
            _StoppedError: asked to stop.
        """
        if file:
            self._save_progress(file)
        self._left.check()
        self._send_heartbeats()
        self._pause(self._settings.poll_seconds)

    def _pause(self, seconds: float) -> None:
        if self._wait(seconds):
            raise _StoppedError

    def _save_progress(self, file: IO[bytes]) -> None:
        """Wait until the log has everything published, then save the position."""
        if self._line > self._line_saved:
            self._sink.flush()
            self._line_saved = self._line
            self._save(file, self._line)

    def _save(self, file: IO[bytes], line: int) -> None:
        position = Position(file=identity_of(file), line=line, sessions=self._sessions)
        save_position(self._position_path, position)

    def _send_heartbeats(self) -> None:
        now = self._monotonic()
        is_due = self._heartbeat_at is None or now - self._heartbeat_at >= self._settings.heartbeat_seconds
        newest = self._now() if self._settings.is_silence_trusted else self._newest
        if not is_due or newest is None or is_future(newest, self._now()):
            return
        self._heartbeat_at = now
        complete_to = newest - self._settings.late
        for feed in self._mapping.feeds:
            heartbeat = FeedHeartbeat(
                fact_id=digest(
                    "FeedHeartbeat", self._mapping.name, feed, str(self._heartbeats), complete_to.isoformat()
                ),
                force=self._mapping.force,
                at=complete_to,
                feed=feed,
                seq=self._heartbeats,
                complete_to=complete_to,
            )
            self._sink.heartbeat(heartbeat, self._mapping.topic)
        self._heartbeats += 1


class _LeftFile:
    """The file that was read last. If it grows after all, the rows added to it are not published."""

    def __init__(self) -> None:
        self._file: IO[bytes] | None = None
        self._name, self._size = "", 0

    def watch(self, file: IO[bytes], name: str) -> None:
        """Watch a file that has just been read to its end."""
        self.close()
        self._file = os.fdopen(os.dup(file.fileno()), "rb")
        self._name, self._size = name, os.fstat(file.fileno()).st_size

    def check(self) -> None:
        """Report it, once, if the file has grown since."""
        if self._file and os.fstat(self._file.fileno()).st_size > self._size:
            what = "The rotated file %s has grown since the adapter moved on. Replay it, and raise still_seconds in the mapping"
            _logger.error(what, self._name)
            self.close()

    def close(self) -> None:
        """Stop watching."""
        if self._file:
            self._file.close()
        self._file = None


class _StoppedError(Exception):
    """The adapter was asked to stop."""
