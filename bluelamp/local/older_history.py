"""Fills in the history of a simulated force behind its live facts: newest month first, whole subjects at a time."""

import gc
import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import msgspec
from msgspec import Struct
from msgspec.structs import replace
from redis.exceptions import RedisError

from bluelamp.local.directory import HISTORY, UPCOMING
from bluelamp.local.saved_simulation import SavedSimulation
from bluelamp.wiring.clock import wall
from bluelamp.wiring.connections import reader
from bluelamp.wiring.settings import Settings
from bluelamp.wiring.stopping import stopping
from facts.errors import BlueLampError, SettingError
from facts.force import Force
from measures.reading import loading
from producers.files import replace_file
from producers.publish import PublisherSettings, connect
from producers.simulate.months import midnight
from producers.simulate.playing import HistoryReach
from producers.simulate.reporting import ReportedFact
from producers.simulate.simulation import Simulation
from producers.sink import SubjectSink
from streams.log import LogClient
from streams.readings import Reader
from streams.record import Place

_NICENESS = 10
"""The live facts come first."""
_CHUNK_FACTS = 8_000
"""The most facts that may wait in the log before live ones: about half a second of a worker's time."""
_PUBLISHING = PublisherSettings(batch_facts=500)
_LOOK_SECONDS = 0.05
_DUE_SECONDS = 5.0


class SavedHistory(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How far older history is in the log.

    Attributes:
        back_to: first local day of the history.
        reached: everything that began on this local day or later is in the log.
        upcoming_until: reports about it that were due before this time are in the log.
    """

    back_to: date
    reached: date
    upcoming_until: datetime


def reach_of(saved: SavedSimulation, position: Path, force: Force) -> HistoryReach | None:
    """How far the older history of a simulation is in the log; None if it has none.

    Args:
        saved: the simulation.
        position: the file that it is saved in.
        force: its profile.
    """
    if saved.history_from is None:
        return None
    known = load_history(position)
    reached = known.reached if known else saved.start
    back_to, at = (datetime.fromtimestamp(midnight(day, force.zone()), UTC) for day in (saved.history_from, reached))
    return HistoryReach(back_to, at)


def load_history(position: Path) -> SavedHistory | None:
    """How far older history is in the log, as saved next to the position of its simulation; None before it begins.

    Raises:
        SettingError: the file cannot be read.
    """
    path = position.with_name(HISTORY)
    try:
        return msgspec.json.decode(path.read_bytes(), type=SavedHistory)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError) as error:
        hint = "Delete the file: the older history is then published again, and counts once."
        raise SettingError(f"The saved history cannot be read: {error}.", where=str(path), hint=hint) from None


def stretches(back_to: date, reached: date) -> Iterator[tuple[date, date]]:
    """The months from one day back to another, newest first, each as its first day and the day after its last."""
    while reached > back_to:
        start = max(back_to, (reached - timedelta(days=1)).replace(day=1))
        yield start, reached
        reached = start


def _result(month: tuple[date, Future[list[list[ReportedFact]]]]) -> tuple[date, list[list[ReportedFact]]]:
    start, subjects = month
    return start, subjects.result()


class HistoryFiller:
    """Publishes the older history of a simulation.

    Args:
        simulation: the simulation that is already in the log; its history ends where it starts.
        sink: the publisher.
        position: the file that the simulation is saved in.
        now: the wall clock.
        make_room: waits until little of what was published still waits in the log; False if asked to stop.
    """

    def __init__(
        self,
        simulation: Simulation,
        sink: SubjectSink,
        position: Path,
        now: Callable[[], datetime],
        make_room: Callable[[], bool],
    ) -> None:
        self._simulation, self._sink, self._now, self._make_room = simulation, sink, now, make_room
        self._path, self._upcoming = position.with_name(HISTORY), position.with_name(UPCOMING)

    def fill(self, saved: SavedHistory) -> SavedHistory:
        """Publish what is not in the log yet, a month at a time; returns how far it is when done or asked to stop."""
        for start, subjects in self._months(saved):
            if not self._publish(subjects):
                break
            saved = replace(saved, reached=start)
            self.save(saved)
            # The objects of a month refer to each other, so only the garbage collector frees them.
            # If left alone, it runs too seldom, and memory grows each month.
            del subjects
            gc.collect()
        return saved

    def _months(self, saved: SavedHistory) -> Iterator[tuple[date, list[list[ReportedFact]]]]:
        """The first day and the subjects of each month, newest first.

        The next month is simulated while one is published, because publishing mostly waits for the workers.
        """
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="next-month") as ahead:
            simulated: deque[tuple[date, Future[list[list[ReportedFact]]]]] = deque()
            for start, end in stretches(saved.back_to, saved.reached):
                month = replace(self._simulation, start=start)
                simulated.append((start, ahead.submit(month.subjects_before, end)))
                if len(simulated) > 1:
                    yield _result(simulated.popleft())
            while simulated:
                yield _result(simulated.popleft())

    def save(self, saved: SavedHistory) -> None:
        """Save how far the history is in the log."""
        replace_file(self._path, msgspec.json.format(msgspec.json.encode(saved)))

    def _publish(self, subjects: Iterable[Sequence[ReportedFact]]) -> bool:
        """Publish a month, a whole subject at a time, so that none is counted in part; False if asked to stop."""
        present, upcoming, waiting = self._now().timestamp(), list[ReportedFact](), 0
        for reports in subjects:
            facts = [each.fact for each in reports if each.at < present]
            upcoming += [each for each in reports if each.at >= present]
            if facts:
                self._sink.publish_together(facts, reports[0].topic)
            waiting += len(facts)
            if waiting >= _CHUNK_FACTS:
                waiting = 0
                self._sink.flush()
                if not self._make_room():
                    return False
        self._sink.flush()
        with self._upcoming.open("ab") as lines:
            lines.writelines(msgspec.json.encode(each) + b"\n" for each in upcoming)
        return True

    def publish_upcoming(self, saved: SavedHistory, wait: Callable[[float], bool]) -> None:
        """Publish the reports about the history that are due after it was filled in, each when it is due.

        Args:
            saved: how far the history is in the log.
            wait: waits up to a number of seconds and returns True once asked to stop.
        """
        upcoming = self._load_upcoming(saved.upcoming_until.timestamp())
        while upcoming:
            now = self._now()
            due = [each for each in upcoming if each.at < now.timestamp()]
            upcoming = upcoming[len(due) :]
            for each in due:
                self._sink.publish(each.fact, each.topic)
            if due:
                self._sink.flush()
                self.save(replace(saved, upcoming_until=now))
            if wait(_DUE_SECONDS):
                return

    def _load_upcoming(self, since: float) -> list[ReportedFact]:
        """The reports that are due from a time on, in order; a month that was published twice gave them twice."""
        if not self._upcoming.exists():
            return []
        lines = dict.fromkeys(self._upcoming.read_bytes().splitlines())
        reports = [msgspec.json.decode(line, type=ReportedFact) for line in lines]
        return sorted((each for each in reports if each.at >= since), key=lambda each: each.at)


def fill(settings: Settings, simulation: Simulation, position: Path, back_to: date, say: Callable[[str], None]) -> None:
    """Fill in the history of a simulation until it is whole, then publish what is still due about it.

    Args:
        settings: name the log and the state.
        simulation: the simulation that is already in the log.
        position: the file that the simulation is saved in.
        back_to: first local day of the history.
        say: prints the progress.

    Raises:
        PartMissingError: Kafka does not answer.
        SettingError: what is saved cannot be read.
    """
    os.nice(_NICENESS)
    stop, force = stopping(), simulation.force.name
    with (
        LogClient(settings.log()) as log,
        connect(settings.log(), _PUBLISHING, now=wall, monotonic=time.monotonic) as sink,
    ):
        applied = AppliedLog(log, reader(settings), stop.wait)
        if not applied.until_live(force):
            return
        begun = SavedHistory(back_to=back_to, reached=simulation.start, upcoming_until=wall())
        filler = HistoryFiller(simulation, sink, position, wall, applied.make_room)
        saved = filler.fill(load_history(position) or begun)
        if saved.reached <= saved.back_to:
            say(f"The history reaches back to {saved.back_to}.")
            filler.publish_upcoming(saved, stop.wait)


class AppliedLog:
    """Waits until the workers have applied what is in the log.

    Args:
        log: the log.
        source: reads the state.
        wait: waits up to a number of seconds and returns True once asked to stop.
    """

    def __init__(self, log: LogClient, source: Reader, wait: Callable[[float], bool]) -> None:
        self._log, self._source, self._wait = log, source, wait
        self._places = [(topic, place) for topic, count in log.ensure_topics().items() for place in range(count)]
        self._before: Mapping[Place, int] = {}

    def make_room(self) -> bool:
        """Wait until everything is applied that was in the log at the last call; False if asked to stop."""
        before, self._before = self._before, self._ends()
        return self._until(lambda: _is_applied(self._source, before))

    def until_live(self, force: str) -> bool:
        """Wait until the force's feeds are live and everything in the log is applied; False if asked to stop."""
        return self._until(lambda: _is_live(self._source, force) and _is_applied(self._source, self._ends()))

    def _ends(self) -> Mapping[Place, int]:
        return {place: end.readable for place, end in self._log.ends(self._places).items()}

    def _until(self, is_so: Callable[[], bool]) -> bool:
        while True:
            try:
                self._source.refresh()
                if is_so():
                    return True
            except (RedisError, OSError, BlueLampError):
                pass  # another process is away; `bluelamp up` reports it
            if self._wait(_LOOK_SECONDS):
                return False


def _is_applied(source: Reader, ends: Mapping[Place, int]) -> bool:
    applied = source.applied_offsets()
    return all(applied.get(place, 0) >= end for place, end in ends.items())


def _is_live(source: Reader, force: str) -> bool:
    feeds = source.feeds(force)
    return loading(feeds) is None and all(feed.complete_to is not None for feed in feeds)
