"""The reader: answers any question about any measure from the state, and caches what it has read."""

import threading
from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import wraps
from itertools import chain
from typing import Any, Concatenate, NamedTuple, ParamSpec, TypeVar, cast

from msgspec.structs import replace
from redis import Redis

from facts.errors import PartMissingError, QuestionError
from facts.force import Feed
from facts.union import Topic
from measures.band import Band, band, same_hours
from measures.catalogue import find
from measures.coverage import Coverage, Span
from measures.handling_forecast import Handled
from measures.judging import Verdict, coverage, judge, verdicts_of
from measures.measure import Measure, Where
from measures.occupancy import MOVES, Suites, occupancy
from measures.outcome import SECOND, OpenItem, instant, microseconds
from measures.pane import GRAINS, HOUR, MINUTE, Counts, Grain, Histogram, Pane
from measures.reading import (
    CLOCK_DIMENSIONS,
    FeedStatus,
    Figure,
    ListedSubject,
    Question,
    Reading,
    check,
    histograms,
    is_alive,
    listed,
    loading,
    read,
)
from measures.rules import Rules
from measures.staffing import SIGNS, Takers, staffing
from measures.window import (
    KEPT_WORDS,
    SlotRun,
    Window,
    dropped_grain,
    first_kept,
    kept_window,
    last_hours,
    resolve,
    span_of,
    whole_hours,
    whole_minutes,
)
from streams.clock_steps import ClockStep, stored_steps
from streams.feeds import believed, settled_mark
from streams.figure_cache import FigureCache, Kept
from streams.keys import Names
from streams.partition_cache import Key, PartitionCache, Run, keys_of
from streams.record import Place
from streams.store import check_profiles, check_readable, kinds_of
from streams.version import FIRST, number_of, pointer, prefix_of
from streams.window_sums import Panes, WindowSum, WindowSums

_KEPT_HINT = {
    "minute": "Use a window of whole hours at a whole hour, or a report window.",
    "half_hour": "Use a report window: FROM/TO in dates.",
    "hour": "Use a report window: FROM/TO in dates.",
    "day": "Older days are only in the log's archive: recount them.",
}


class Weekly(NamedTuple):
    """A measure by weekday and hour of the day.

    Attributes:
        window: the whole hours that it covers.
        hours: the number of them, by weekday (0 is Monday) and local hour of the day.
        figures: the figures, by weekday and hour; left out where nothing happened.
    """

    window: Window
    hours: dict[tuple[int, int], int]
    figures: dict[tuple[int, int], Figure]


WEEK = 7 * 24 * HOUR
_AHEAD_MINUTES = 24 * 60
"""How far ahead of the present outcomes are looked for: an event time of a wrong clock may be any number of years ahead."""
_PART = 7
"""How many panes of each partition are read before other threads get their turn."""


class HourReading(NamedTuple):
    """A measure over one whole hour.

    Attributes:
        start: the start of the hour.
        value: in the measure's unit; None if the record does not cover the hour, or n is too small.
        n: the number of cases that the value is calculated from.
    """

    start: datetime
    value: float | None
    n: int


T = TypeVar("T")
P = ParamSpec("P")
_PASSES = 20
"""How often a page is built again because the state changed meanwhile; each pass has more of its panes loaded."""


def _of_one_moment(method: Callable[Concatenate["Reader", P], T]) -> Callable[Concatenate["Reader", P], T]:
    """Make everything that one call returns belong to one moment."""

    @wraps(method)
    def wrapper(self: "Reader", /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self.at_one_moment(lambda: method(self, *args, **kwargs))

    return wrapper


class Reader:
    """Answers questions from the state; one for a process, safe to share between its threads.

    Args:
        redis: a blocking client that decodes replies to text.
        state_name: prefix of the state's keys.
        rules: the rules, by force.
        now: the wall clock.
        version: the state version to read; by default the current one, also after a switch.

    Attributes:
        version: the state version that is read.
        sums: sums over live windows.
    """

    def __init__(
        self,
        redis: Redis,
        state_name: str,
        rules: Mapping[str, Rules],
        now: Callable[[], datetime],
        version: int | None = None,
    ) -> None:
        self.redis, self.state_name, self.rules, self.now = redis, state_name, rules, now
        self.version, self._is_fixed = version or FIRST, version is not None
        self._is_checked = self._is_fixed
        self._caches: dict[tuple[str, int], PartitionCache] = {}
        self._lock = threading.RLock()
        self._figure_cache, self.sums = FigureCache(len(rules)), WindowSums(len(rules))
        self._moment: datetime | None = None
        self._has_moved = False
        self._of_moment: dict[Hashable, Any] = {}
        self._furthest: dict[tuple[Place, str], int] = {}
        self._dropped_at: dict[tuple[Place, str], int] = {}
        self._is_refreshed = False

    def refresh(self) -> bool:
        """Read what has changed; returns whether anything had."""
        with self._lock:
            self._find_partitions()
            pipe = self.redis.pipeline(transaction=True)
            for cache in self._caches.values():
                cache.look(pipe)
            replies = iter(pipe.execute() if self._caches else ())
            changed = [cache.catch_up(next(replies), next(replies)) for cache in self._caches.values()]
            self._is_refreshed = True
            self._forget_dropped()
            return any(changed)

    def _ensure_refreshed(self) -> None:
        """Read the state if it was never read: what is not known must not look like zero."""
        if not self._is_refreshed:
            self.refresh()

    def _forget_dropped(self) -> None:
        """Remove the panes that the state no longer keeps, for each minute by which the settled watermark moves."""
        for place, cache in self._caches.items():
            for force, rules in self.rules.items():
                mark = settled_mark(cache.feeds, rules.force, place[0])
                if mark is not None and self._dropped_at.get((place, force), 0) // MINUTE < mark // MINUTE:
                    self._dropped_at[place, force] = mark
                    for grain in GRAINS:
                        cache.forget(force, grain, first_kept(grain, mark, rules))

    def at_one_moment(self, build: Callable[[], T]) -> T:
        """Build something from many readings that all belong to one moment: one applied offset per partition, and one time.

        Args:
            build: reads what it needs and returns the result. It runs again if the state changed while it loaded panes, so
                any effect it has must be safe to repeat.

        Raises:
            PartMissingError: the state kept changing.
        """
        with self._lock:
            if self._moment is not None:
                return build()
            for _ in range(_PASSES):
                self.refresh()
                built = self._pass(build)
                if built:
                    self._note_furthest()
                    return built[0]
        what = "The state changes faster than it can be read."
        raise PartMissingError(what, where=f"state {self.state_name}", hint="Try again, or use a shorter window.")

    def _pass(self, build: Callable[[], T]) -> tuple[T] | None:
        """Build once; None if the state changed meanwhile, so that the result would mix two moments."""
        self._moment, self._has_moved = self.now(), False
        try:
            built = build()
        except QuestionError:
            if self._has_moved:
                return None
            raise
        finally:
            self._moment = None
            self._of_moment.clear()
        return None if self._has_moved else (built,)

    def _once(self, key: Hashable, find: Callable[[], T]) -> T:
        """Something that is the same for a whole moment, found once in it."""
        if self._moment is None or self._has_moved:
            return find()
        if key not in self._of_moment:
            self._of_moment[key] = find()
        return cast(T, self._of_moment[key])

    def _note_furthest(self) -> None:
        """Remember the applied offsets of published figures: a figure from an earlier offset must not be shown as live."""
        for place, cache in self._caches.items():
            if cache.applied_offset is not None:
                key = (place, cache.identity)
                self._furthest[key] = max(cache.applied_offset, self._furthest.get(key, 0))

    def _has_gone_back(self, place: Place, cache: PartitionCache) -> bool:
        return (cache.applied_offset or 0) < self._furthest.get((place, cache.identity), 0)

    def _clock(self) -> datetime:
        """The time of the present moment, or else the wall clock."""
        return self._moment or self.now()

    def position(self) -> dict[str, str]:
        """The last change that was read of each partition, for `wait`."""
        return {cache.names.changes: cache.last_change for cache in list(self._caches.values())}

    def wait(self, seconds: float, since: Mapping[str, str]) -> None:
        """Wait for a change in any partition.

        Args:
            seconds: the longest time to wait.
            since: the position of the figures on display. Another thread may have read further meanwhile.
        """
        if since:
            self.redis.xread(cast(Any, dict(since)), count=1, block=max(1, int(seconds * 1000)))

    @_of_one_moment
    def read(
        self,
        measure: str | Measure,
        window: str | Window = "60m",
        *,
        by: tuple[str, ...] = (),
        where: Where | None = None,
        as_of: datetime | None = None,
        force: str | None = None,
        is_now: bool | None = None,
    ) -> list[Reading]:
        """The readings of a measure, one for each cell.

        Args:
            measure: the measure or its name.
            window: a window, its name, or FROM/TO.
            by: the dimensions to break it down by.
            where: the labels to filter by.
            as_of: the time to read it at; the force's present by default.
            force: the force's name; optional if there is only one profile.
            is_now: whether `as_of` is the present and not the past; by default, whether `as_of` was left out.

        Raises:
            QuestionError: the question cannot be answered; the error says why.
        """
        found = find(measure) if isinstance(measure, str) else measure
        rules = self.rules_of(force)
        moment = as_of or self.present(rules.force.name)
        resolved = self._resolved(window, moment, rules) if isinstance(window, str) else window
        resolved = self._kept(resolved, found, rules)
        question = Question(found, resolved, moment, by, where or {}, as_of is None if is_now is None else is_now)
        check(question, rules)
        name = rules.force.name
        feeds, is_simulated = self.feeds(name), self.is_simulated(name)
        try:
            figures = self._figures(question, rules)
        except QuestionError:
            # While a history loads, partitions are days apart: what one no longer keeps is unknown until the others catch up.
            if not (question.is_now and loading(feeds)):
                raise
            unknown = judge(question, [Figure({}, None, 0)], feeds, rules, self._clock(), is_simulated=is_simulated)
            return [] if by else [replace(each, n=None) for each in unknown]
        return judge(question, figures, feeds, rules, self._clock(), is_simulated=is_simulated)

    def window(self, name: str, force: str) -> Window:
        """The window of a name at a force's present.

        Raises:
            QuestionError: there is no such window now.
        """
        return self._resolved(name, self.present(force), self.rules[force])

    def kept_figures(self, measure: Measure, window: Window, force: str) -> Kept:
        """The figures of a whole force now, and until when they stay the same if no fact arrives.

        Raises:
            QuestionError: the window begins before the panes that are kept.
        """
        rules = self.rules[force]
        question = Question(measure, self._kept(window, measure, rules), self.present(force))
        return self._kept_figures(question, rules)

    def judged(self, measure: Measure, window: Window, figures: Iterable[Figure], force: str) -> list[Reading]:
        """The readings of figures that `kept_figures` returned at the same moment."""
        rules = self.rules[force]
        question = Question(measure, self._kept(window, measure, rules), self.present(force))
        return judge(question, figures, self.feeds(force), rules, self._clock(), is_simulated=self.is_simulated(force))

    def verdicts(self, measure: Measure, windows: Sequence[Window], force: str) -> list[Verdict]:
        """What decides now how the readings of a whole force are judged, besides their figures, for each of some windows."""
        if not windows:
            return []
        question = Question(measure, windows[0], self.present(force))
        return verdicts_of(question, windows, self.feeds(force), self.rules[force], self._clock())

    def versions(self, topics: frozenset[Topic], force: str) -> tuple[int, ...]:
        """Version numbers. When a pane or an open item of a force in these topics changes, at least one of them rises."""
        return tuple(cache.version_of_force(force) for cache in self._of_topics(topics))

    def dropped(self, window: Window, topics: frozenset[Topic], force: str) -> Grain | None:
        """The first grain of a window whose panes are no longer kept; None if all are."""
        return self._dropped(window, self._of_topics(topics), self.rules[force])

    def _resolved(self, window: str, moment: datetime, rules: Rules) -> Window:
        """The window of a name at a time, found once for all forces with the same time zone and shifts."""
        force = rules.force
        key = ("window", window, moment, force.time_zone, tuple(force.shifts))
        return self._once(key, lambda: resolve(window, moment, force))

    @_of_one_moment
    def band(self, measure: Measure, force: str) -> Band | None:
        """What is normal for a measure at this hour of the week; None if too few past hours are known.

        Args:
            measure: one whose 60-minute reading has a band.
            force: the force's name.
        """
        rules, present = self.rules[force], self.present(force)
        record = self._coverage(measure, rules)
        key = ("same hours", present, rules.force.time_zone)
        hours = self._once(key, lambda: [*same_hours(present, rules.force)])
        # An hour that the feeds did not cover must not count as a quiet hour.
        known = [window for window in hours if record.holds(span_of(window))]
        values = list[float]()
        for place, window in enumerate(known):
            question = Question(measure, replace(window, name=f"{window.name} {place}"), window.end, is_now=False)
            (figure,) = self._figures(question, rules)
            if self._is_enough(measure, figure) and figure.value is not None:
                values.append(figure.value)
        return band(values, measure.unit)

    @_of_one_moment
    def hours(self, measure: Measure, force: str, count: int = 24) -> list[HourReading]:
        """A measure by whole hours, oldest first, up to the last hour that has ended.

        Args:
            measure: one that has windows.
            force: the force's name.
            count: how many hours.
        """
        rules = self.rules[force]
        record = self._coverage(measure, rules)
        found = []
        for window in last_hours(self.present(force), rules.force, count):
            value, n = None, 0
            if record.holds(span_of(window)):
                question = Question(measure, window, window.end, is_now=False)
                (figure,) = read(question, self.source(question, rules), rules)
                value, n = figure.value if self._is_enough(measure, figure) else None, figure.n
            found.append(HourReading(window.start, value, n))
        return found

    @_of_one_moment
    def hours_of_week(self, measure: Measure, force: str, weeks: int, where: Where | None = None) -> Weekly | None:
        """A measure by weekday and hour of the day, over the whole hours that the record covers; None if it covers none.

        Args:
            measure: one that has windows.
            force: the force's name.
            weeks: how many weeks to go back from the last whole hour.
            where: the labels to filter by.

        Raises:
            QuestionError: the measure has no such dimension or word.
        """
        rules = self.rules[force]
        window = self.hours_known(measure, force, weeks)
        if window is None:
            return None
        question = Question(measure, window, window.end, (), where or {}, is_now=False)
        check(question, rules)
        found = self._figures(replace(question, by=CLOCK_DIMENSIONS), rules)
        clocks = (
            instant(slot * HOUR).astimezone(rules.force.zone()) for part in window.segments for slot in part.slots()
        )
        hours = Counter((local.weekday(), local.hour) for local in clocks)
        named = {(int(each.dimensions["weekday"]), int(each.dimensions["hour"])): each for each in found}
        return Weekly(window, dict(hours), named)

    @_of_one_moment
    def hour_counts(self, measure: Measure, force: str, weeks: int, where: Where | None = None) -> dict[int, int]:
        """A count by whole hours, by their number since 1970 in UTC; hours that the record does not cover are left out.

        Args:
            measure: a count that has windows.
            force: the force's name.
            weeks: how many weeks to go back from the last whole hour that is covered.
            where: the labels to filter by.

        Raises:
            QuestionError: the measure has no such dimension or word.
        """
        return {hour: sum(each.n for each in found) for hour, found in self._by_hours(measure, force, weeks, where)}

    @_of_one_moment
    def hour_times(self, measure: Measure, force: str, weeks: int, where: Where | None = None) -> dict[int, Handled]:
        """The number and the sum of the times behind a mean, by whole hours; the errors are those of `hour_counts`.

        Args:
            measure: a mean of seconds that has windows.
            force: the force's name.
            weeks: how many weeks to go back.
            where: the labels to filter by.
        """
        return {
            hour: Handled(each.n, each.n * (each.value or 0.0))
            for hour, (each,) in self._by_hours(measure, force, weeks, where)
        }

    def _by_hours(
        self, measure: Measure, force: str, weeks: int, where: Where | None
    ) -> Iterator[tuple[int, list[Figure]]]:
        """The figures of each whole hour that the record covers, by its number since 1970 in UTC."""
        rules = self.rules[force]
        window = self.hours_known(measure, force, weeks)
        if window is None:
            return
        question = Question(measure, window, window.end, (), where or {}, is_now=False)
        check(question, rules)
        source = self.source(question, rules)
        for hour in (hour for part in window.segments for hour in part.slots()):
            of_hour = replace(window, segments=(SlotRun("hour", hour, hour + 1),))
            yield hour, read(replace(question, window=of_hour), source, rules)

    @_of_one_moment
    def hours_known(self, measure: Measure, force: str, weeks: int) -> Window | None:
        """The whole hours of the last weeks for which all of a measure's feeds are complete; None if there are none."""
        rules = self.rules[force]
        record = self._coverage(measure, rules)
        if record.begins is None or record.complete_to is None:
            return None
        end = min(record.complete_to, microseconds(self.present(force))) // HOUR * HOUR
        return whole_hours(max(record.begins, end - weeks * WEEK), end, rules.force)

    def _coverage(self, measure: Measure, rules: Rules) -> Coverage:
        """The time that the feeds of a measure cover."""
        return coverage(measure, self.feeds(rules.force.name), rules)

    @_of_one_moment
    def histograms(
        self, measure: Measure, window: str, *, by: tuple[str, ...] = (), where: Where | None = None, force: str
    ) -> dict[tuple[str, ...], Histogram]:
        """The exact histograms of the durations that a measure is computed from, by label, in whole units of their kind.

        Args:
            measure: the measure; one that is not computed from durations has none.
            window: its name, or FROM/TO.
            by: the dimensions to break it down by.
            where: the labels to filter by.
            force: the force's name.

        Raises:
            QuestionError: the question cannot be answered; the error says why.
        """
        rules = self.rules[force]
        moment = self.present(force)
        resolved = self._kept(resolve(window, moment, rules.force), measure, rules)
        question = Question(measure, resolved, moment, by, where or {})
        check(question, rules)
        return histograms(question, self.source(question, rules), rules)

    @_of_one_moment
    def listed(
        self, measure: Measure, window: str = "60m", *, where: Where | None = None, force: str | None = None
    ) -> list[ListedSubject]:
        """A list of the open subjects that a measure counts now, exactly as many as its reading says.

        Args:
            measure: one of open items, or one with a target, for which those that missed it and are still open are listed.
            window: its name; it does not matter for open items.
            where: the labels to filter by.
            force: the force's name; optional if there is only one profile.

        Raises:
            QuestionError: the question cannot be answered; the error says why.
        """
        rules = self.rules_of(force)
        moment = self.present(rules.force.name)
        question = Question(measure, resolve(window, moment, rules.force), moment, (), where or {})
        check(question, rules)
        kinds = {selection.kind for selection in measure.selections()}
        open_items = (each for kind in kinds for each in self.open_subjects(rules.force.name, kind))
        return list(listed(question, open_items, rules))

    @_of_one_moment
    def open_subjects(self, force: str, kind: str) -> list[tuple[str, OpenItem]]:
        """The open items of a force and kind now, each with the id of its subject; not those whose end is unrecorded."""
        now = microseconds(self.present(force))
        return [
            (subject_id, item)
            for cache in self._caches.values()
            for subject_id, item in cache.open_subjects(force, kind)
            if not item.is_unrecorded(now)
        ]

    def _figures(self, question: Question, rules: Rules) -> list[Figure]:
        """The figures of a question, from the cache if nothing has changed."""
        return self._kept_figures(question, rules).figures

    def _kept_figures(self, question: Question, rules: Rules) -> Kept:
        caches = self._of(question.measure)
        self._check_kept(question.window, caches, rules)
        return self._figure_cache.figures(question, _Unread(self, question, rules, caches))

    def _of(self, measure: Measure) -> list[PartitionCache]:
        return self._of_topics(measure.topics())

    def _of_topics(self, topics: frozenset[Topic]) -> list[PartitionCache]:
        return self._once(
            ("topics", topics), lambda: [cache for (topic, _), cache in self._caches.items() if topic in topics]
        )

    def _is_enough(self, measure: Measure, figure: Figure) -> bool:
        return figure.n >= measure.minimum_n or measure.unit == "count"

    def rules_of(self, force: str | None) -> Rules:
        """The rules of a force, or of the only one.

        Raises:
            QuestionError: there is no such force, or there are several and none was named.
        """
        name = force or (next(iter(self.rules)) if len(self.rules) == 1 else "")
        if name not in self.rules:
            what = f"There is no force {name!r}." if name else "There are several forces."
            raise QuestionError(what, where="--force", hint=f"Name one of {', '.join(self.rules)}.")
        return self.rules[name]

    def present(self, force: str) -> datetime:
        """The force's present: the wall clock, or in a replay or while a history loads, how far its feeds have come.

        A feed that has fallen silent does not delay the others.
        """
        return self._once(("present", force), lambda: self._present(force))

    def _present(self, force: str) -> datetime:
        feeds = [feed for feed in self.feeds(force) if feed.is_replay or feed.is_loading()]
        live = [feed.complete_to for feed in feeds if feed.complete_to is not None and self._is_live(feed, force)]
        reached = live or [feed.complete_to for feed in feeds if feed.complete_to is not None]
        return instant(min(reached)) if reached else self._clock()

    def known_present(self, force: str) -> datetime:
        """The force's present as last read, or the wall clock if the state was never read.

        It does not query the state server, so a form can be displayed without one. No figure is read at this time.
        """
        return self.present(force) if self._is_refreshed else self.now()

    def _is_live(self, status: FeedStatus, force: str) -> bool:
        allowed = next(feed.stale_after_seconds for feed in self.rules[force].force.feeds if feed.name == status.feed)
        return is_alive(status, allowed * SECOND, microseconds(self._clock()))

    def is_simulated(self, force: str) -> bool:
        """Whether any feed of a force has ever sent simulated facts, including feeds no longer in its profile."""
        self._ensure_refreshed()
        return force in self._once("simulated", self._simulated)

    def _simulated(self) -> set[str]:
        feeds = (item for cache in self._caches.values() for item in cache.feeds.items())
        return {name for (name, _), state in feeds if state.is_simulated}

    def is_received(self, force: str) -> bool:
        """Whether any fact or heartbeat of a force has ever been received and counted."""
        self._ensure_refreshed()
        return force in self._once("received", self._received)

    def _received(self) -> set[str]:
        caches = self._caches.values()
        return {*chain.from_iterable(cache.events for cache in caches)} | {
            name for each in caches for name, _ in each.feeds
        }

    def feeds(self, force: str) -> list[FeedStatus]:
        """What is known of each feed that the force's profile lists."""
        with self._lock:
            self._ensure_refreshed()
            return self._once(
                ("feeds", force), lambda: [self._feed(force, feed) for feed in self.rules[force].force.feeds]
            )

    def _feed(self, force: str, feed: Feed) -> FeedStatus:
        """The status of a feed: complete as far as on every partition of its topic; claims about the future are ignored."""
        places = {place: each for place, each in self._caches.items() if place[0] == feed.topic}
        caches, now = places.values(), microseconds(self._clock())
        states = [believed(cache.feeds[force, feed.name], now) for cache in caches if (force, feed.name) in cache.feeds]
        events = [cache.events[force] for cache in caches if force in cache.events]
        is_everywhere = bool(caches) and len(states) == len(caches)
        return FeedStatus(
            feed=feed.name,
            topic=feed.topic,
            complete_to=(min(state.complete_to for state in states) or None) if is_everywhere else None,
            heartbeat_at=min(state.heartbeat_at for state in states) if is_everywhere else None,
            newest_heartbeat_at=max(state.heartbeat_at for state in states) if is_everywhere else None,
            doubt=next((state.doubt for state in states if state.doubt), ""),
            first_event_at=min((at for span in events if (at := span.first_of(feed)) is not None), default=None),
            last_event_at=max((span.last for span in events), default=None),
            is_replay=any(state.is_replay for state in states),
            is_simulated=any(state.is_simulated for state in states),
            history_to=max((state.history_to or 0 for state in states if state.is_loading()), default=None),
            history_from=max((state.history_from for state in states if state.history_from is not None), default=None),
            complete_from=max(
                (state.complete_from for state in states if state.complete_from is not None), default=None
            ),
            has_ended=bool(states) and all(state.has_ended for state in states),
            has_gone_back=any(self._has_gone_back(place, cache) for place, cache in places.items()),
        )

    def counts(self) -> dict[tuple[str, int], dict[str, int]]:
        """The workers' own figures of each partition: applied offset, facts, duplicates, quarantined, stale writes."""
        with self._lock:
            self._ensure_refreshed()
            return {place: dict(cache.counts) for place, cache in self._caches.items()}

    @_of_one_moment
    def days(self, force: str, topic: str, window: Window) -> list[tuple[int, str, Counts]]:
        """The counts of each day and kind of a report window, from each partition, with the ordinal of the day; empty ones are left out.

        Args:
            force: the force's name.
            topic: the topic.
            window: a report window.

        Raises:
            QuestionError: it begins before the days that are kept.
        """
        caches = [cache for (name, _), cache in self._caches.items() if name == topic]
        kinds = kinds_of(topic)
        source = self._loaded(caches, window, self.rules[force], kinds)
        return [
            (slot, kind, counts)
            for kind in kinds
            for part in window.segments
            for slot, counts in source.panes(kind, part.grain, part.first, part.last)
        ]

    @_of_one_moment
    def occupancy(self, force: str, first: datetime, last: datetime) -> dict[datetime, Suites | None]:
        """The number in custody in each suite at every whole hour from `first` to `last`; None where there is no record.

        Args:
            force: the force's name.
            first: the first hour; the time within it does not matter.
            last: the last hour; a later one than the present is left out.

        Raises:
            QuestionError: it begins before the hours that are kept.
        """
        rules, measure = self.rules[force], find("suite_entered_count")
        present = microseconds(self.present(force)) // HOUR
        hours = range(microseconds(first) // HOUR, min(microseconds(last) // HOUR, present) + 1)
        record = self._coverage(measure, rules)
        # Hours before the record have no panes, and there may be any number of them.
        start = max(hours.start * HOUR, record.begins or 0) // HOUR
        window = whole_hours(start * HOUR, (present + 1) * HOUR, rules.force)
        if not hours or window is None or hours.stop <= start:
            return dict.fromkeys(map(instant, (hour * HOUR for hour in hours)))
        source = self._loaded(self._of(measure), window, rules, MOVES)
        panes = source.whole(MOVES, window)
        now = Counter(item.dimensions[0] for item in source.open("in_custody"))
        found = occupancy(now, panes, hours)
        return {
            instant(hour * HOUR): found[hour] if record.holds(Span(hour * HOUR, hour * HOUR)) else None
            for hour in hours
        }

    @_of_one_moment
    def staffing(self, force: str, first: datetime, last: datetime) -> dict[datetime, Takers | None]:
        """The call takers at every whole minute from `first` up to `last`, which is excluded, or to the present; None where there is no record.

        Args:
            force: the force's name.
            first: the first minute; the seconds within it do not matter.
            last: the end.

        Raises:
            QuestionError: it begins before the minutes that are kept.
        """
        rules, measure = self.rules[force], find("call_taker_state_began_count")
        present = microseconds(self.present(force)) // MINUTE
        minutes = range(microseconds(first) // MINUTE, min(-(-microseconds(last) // MINUTE), present + 1))
        record = self._coverage(measure, rules)
        # Minutes before the record have no panes.
        start = max(minutes.start, (record.begins or 0) // MINUTE)
        if record.begins is None or minutes.stop <= start:
            return dict.fromkeys(instant(minute * MINUTE) for minute in minutes)
        window = whole_minutes("staffing", start, self._last_minute(measure, force, present) + 1, rules.force)
        if self._dropped(window, self._of(measure), rules):
            what = "Minutes are kept for ten days, so the number of call takers before that is not known."
            raise QuestionError(what, where="--window", hint="Choose a later time.")
        source = self._loaded(self._of(measure), window, rules, SIGNS)
        panes = source.whole(SIGNS, window)
        found = staffing(list(source.open("call_taker_staffed")), panes, range(start, minutes.stop))
        return {
            instant(minute * MINUTE): found[minute] if record.holds(Span(minute * MINUTE, minute * MINUTE)) else None
            for minute in minutes
        }

    def _last_minute(self, measure: Measure, force: str, present: int) -> int:
        """The last minute with an outcome: a replayed feed may be ahead of the present, which is that of the slowest feed."""
        topics = measure.topics()
        events = [each.last_event_at for each in self.feeds(force) if each.topic in topics and each.last_event_at]
        return max([present, *(min(at // MINUTE, present + _AHEAD_MINUTES) for at in events)])

    @_of_one_moment
    def open_items(self, force: str, kind: str) -> list[OpenItem]:
        """The open items of a kind."""
        return [each for cache in self._caches.values() for each in cache.open(force, kind)]

    def prepare(self, measure: Measure, window: str | Window, force: str, pause: Callable[[], None]) -> None:
        """Load what a long window needs in small parts, so that other threads that share the reader do not wait for it.

        Args:
            measure: the measure that will be read.
            window: a window, its name, or FROM/TO.
            force: the force's name.
            pause: called between two parts, to let other threads run.

        Raises:
            QuestionError: there is no such window, or it begins before the panes that are kept.
        """
        rules = self.rules[force]
        with self._lock:
            self.refresh()
            resolved = resolve(window, self.present(force), rules.force) if isinstance(window, str) else window
            resolved = self._kept(resolved, measure, rules)
        for segment in resolved.segments:
            for first in range(segment.first, segment.last, _PART):
                part = SlotRun(segment.grain, first, min(first + _PART, segment.last))
                with self._lock:
                    caches, kinds = self._of(measure), measure.kinds()
                    self._check_kept(replace(resolved, segments=(part,)), caches, rules)
                    keys = _keys(_runs(force, (part,), kinds))
                    is_new = any(cache.missing(keys) for cache in caches)
                    self._load(caches, _runs(force, (part,), kinds))
                if is_new:
                    pause()

    @_of_one_moment
    def load(self, questions: Iterable[tuple[Measure, Window]], force: str) -> None:
        """Load what many readings need, in one request to each partition: each reading alone would send its own.

        Args:
            questions: the measures with their windows.
            force: the force's name.
        """
        self.load_forces((measure, window, force) for measure, window in questions)

    @_of_one_moment
    def load_forces(self, questions: Iterable[tuple[Measure, Window, str]]) -> None:
        """Load what many readings of several forces need, in one request to each partition.

        Args:
            questions: the measures with their windows and forces.
        """
        wanted = dict[Topic, set[Run]]()
        for measure, window, force in questions:
            kept = self._kept(window, measure, self.rules[force])
            for topic in measure.topics():
                wanted.setdefault(topic, set()).update(_runs(force, kept.segments, measure.kinds()))
        for topic, runs in wanted.items():
            self._load(self._of_topics(frozenset((topic,))), runs)

    def clock_steps(self) -> list[ClockStep]:
        """The last step of each process's wall clock, for processes that had one within about a day."""
        return stored_steps(self.redis, self.state_name)

    def applied_offsets(self) -> dict[tuple[str, int], int]:
        """The applied offset of each partition as last read."""
        with self._lock:
            self._ensure_refreshed()
            return {place: cache.applied_offset or 0 for place, cache in self._caches.items()}

    def _find_partitions(self) -> None:
        prefix = prefix_of(self.state_name, self._find_version())
        counts = cast(dict[str, str], self.redis.hgetall(f"{prefix}:topics"))
        for topic, count in counts.items():
            for number in range(int(count)):
                if (topic, number) not in self._caches:
                    check = None if self._is_fixed else check_readable
                    self._caches[topic, number] = PartitionCache(self.redis, Names(prefix, topic, number), check)

    def _find_version(self) -> int:
        """The version to read; when another has become current, the caches are emptied.

        Raises:
            IncompleteError: the current version was built with another profile than this process has.
        """
        stored = None if self._is_fixed else cast("str | None", self.redis.get(pointer(self.state_name)))
        version = self.version if self._is_fixed else number_of(stored)
        if version != self.version or not self._is_checked:
            check_profiles(self.redis, prefix_of(self.state_name, version), self.rules)
            self._is_checked = True
            self._caches, self._dropped_at, self.version = {}, {}, version
            self._figure_cache, self.sums = FigureCache(len(self.rules)), WindowSums(len(self.rules))
            self._of_moment.clear()
        return version

    def source(self, question: Question, rules: Rules) -> "_Source":
        """The panes that a question needs, all loaded and up to date."""
        measure = question.measure
        return self._loaded(self._of(measure), question.window, rules, measure.kinds())

    def _loaded(
        self, caches: Sequence[PartitionCache], window: Window, rules: Rules, kinds: Collection[str]
    ) -> "_Source":
        self._check_kept(window, caches, rules)
        self._load(caches, _runs(rules.force.name, window.segments, kinds))
        return _Source(rules.force.name, caches)

    def _load(self, caches: Sequence[PartitionCache], runs: Collection[Run]) -> None:
        """Load the missing panes of some kinds, and record whether a partition has changed meanwhile."""
        if lacking := [cache for cache in caches if not all(map(cache.is_loaded, runs))]:
            keys = _keys(runs)
            for cache in lacking:
                self._has_moved |= cache.load(keys)

    def _kept(self, window: Window, measure: Measure, rules: Rules) -> Window:
        """The window, made up of half-hours if its minutes or hours are no longer kept and the measure has half-hours."""
        mark = self._settled(self._of(measure), rules) if measure.has_half_hours() else None
        return window if mark is None else kept_window(window, mark, rules)

    def _check_kept(self, window: Window, caches: Sequence[PartitionCache], rules: Rules) -> None:
        if grain := self._dropped(window, caches, rules):
            what = f"{KEPT_WORDS[grain]}, and {window.name} begins before that."
            raise QuestionError(what, where="--window", hint=_KEPT_HINT[grain])

    def _dropped(self, window: Window, caches: Sequence[PartitionCache], rules: Rules) -> Grain | None:
        """The first grain of a window whose panes are no longer kept; None if all are."""
        mark = self._settled(caches, rules)
        return None if mark is None else dropped_grain(window, mark, rules)

    def _settled(self, caches: Sequence[PartitionCache], rules: Rules) -> int | None:
        """The furthest settled watermark of some partitions; None if nothing is settled."""
        key = ("settled", rules.force.name, tuple(cache.names.base for cache in caches))
        return self._once(key, lambda: self._settled_now(caches, rules))

    @staticmethod
    def _settled_now(caches: Sequence[PartitionCache], rules: Rules) -> int | None:
        marks = (settled_mark(cache.feeds, rules.force, cache.names.topic) for cache in caches)
        return max((mark for mark in marks if mark is not None), default=None)


def _runs(force: str, segments: Iterable[SlotRun], kinds: Collection[str]) -> list[Run]:
    return [(force, each.grain, kind, each.first, each.last) for each in segments for kind in kinds]


def _keys(runs: Iterable[Run]) -> list[Key]:
    return [key for run in runs for key in keys_of(run)]


class _Unread:
    """What the cache of figures needs for one question."""

    def __init__(self, reader: Reader, question: Question, rules: Rules, caches: Sequence[PartitionCache]) -> None:
        self._reader, self._question, self._rules, self._caches = reader, question, rules, caches
        self.force = rules.force.name
        self._loaded: _Source | None = None

    def versions(self, kinds: Sequence[str]) -> tuple[int, ...]:
        return tuple([cache.version_of(self.force, kind) for cache in self._caches for kind in kinds])

    def content(self, kinds: Sequence[str]) -> Sequence[object]:
        if self._reader.sums.has(self._question.window.name):
            return [self._sum(kind) for kind in kinds]
        source = self._source()
        return [_Panes(source.filled_in(kind, self._question.window)) for kind in kinds]

    def open(self, kind: str) -> Iterable[OpenItem]:
        return _Source(self.force, self._caches).open(kind)

    def read(self) -> list[Figure]:
        has_sum = self._reader.sums.has(self._question.window.name)
        summed = (lambda kind: self._sum(kind).counts) if has_sum else None
        return read(self._question, self._source(), self._rules, summed)

    def _source(self) -> "_Source":
        """The panes of every kind that the question needs, loaded in one request to each partition."""
        if self._loaded is None:
            self._loaded = self._reader.source(self._question, self._rules)
        return self._loaded

    def _sum(self, kind: str) -> WindowSum:
        window = self._question.window
        return self._reader.sums.sum_of(
            (self.force, kind, window.name),
            lambda: (window.segments, self.versions((kind,))),
            lambda: self._source().filled_in(kind, window),
        )


class _Panes:
    """Panes of a window; equal to others with the same counts, however they are divided into runs."""

    __slots__ = ("_panes",)
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, panes: Panes) -> None:
        self._panes = panes

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, _Panes):
            return NotImplemented
        before, after = self._panes, other._panes
        return before == after or list(chain.from_iterable(before)) == list(chain.from_iterable(after))


class _Source:
    """The panes of one force, partition by partition."""

    def __init__(self, force: str, caches: Sequence[PartitionCache]) -> None:
        self._force, self._caches = force, caches

    def panes(self, kind: str, grain: Grain, first: int, last: int) -> Iterator[tuple[int, Counts]]:
        return chain.from_iterable(self.filled(kind, SlotRun(grain, first, last)))

    def filled(self, kind: str, run: SlotRun) -> list[Sequence[tuple[int, Counts]]]:
        return [cache.filled((self._force, run.grain, kind, run.first, run.last)) for cache in self._caches]

    def filled_in(self, kind: str, window: Window) -> Panes:
        """One kind in the panes of each run of a window, partition by partition."""
        return [panes for run in window.segments for panes in self.filled(kind, run)]

    def whole(self, kinds: Iterable[str], window: Window) -> list[tuple[int, Pane]]:
        """Some kinds in the panes of a window: a pane for each slot and kind."""
        return [
            (slot, {kind: counts})
            for kind in kinds
            for part in window.segments
            for slot, counts in self.panes(kind, part.grain, part.first, part.last)
        ]

    def open(self, kind: str) -> Iterable[OpenItem]:
        return chain.from_iterable([cache.open(self._force, kind) for cache in self._caches])
