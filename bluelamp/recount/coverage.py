"""How much of a period the feeds cover, from the recount's own reading of the log."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import lru_cache
from itertools import product
from types import MappingProxyType
from typing import Literal, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from bluelamp.recount.cell import RecountCell, RecountSpread
from bluelamp.recount.figures import nothing
from bluelamp.recount.interval import LiveInterval, Report
from bluelamp.recount.question import RecountQuestion
from bluelamp.recount.times import HOUR, SECOND, day_start, microseconds
from facts.contact import ContactOffered
from facts.feed import FeedHeartbeat
from facts.force import Feed, Force
from facts.union import AnyFact, Topic
from measures.measure import DATE_DIMENSIONS

_TENTH = 10
_APART = 5 * SECOND
"""The most by which clocks may differ: a heartbeat cannot report a feed complete to later than this after it was received."""
CoverageLevel = Literal["whole", "part", "none"]
IN_WORDS: Mapping[CoverageLevel, str] = MappingProxyType(
    {
        "whole": "",
        "part": "The record covers only part of this period.",
        "none": "The record does not cover this period: the figure is not known.",
    }
)
"""The remark on a figure, by coverage."""


class KnownFigure(Struct, frozen=True, kw_only=True):
    """A figure with the coverage of its period.

    Attributes:
        dimensions: as in `RecountCell`.
        value: as in `RecountCell`; None when it is not known.
        n: as in `RecountCell`; None when it is not known.
        met: as in `RecountCell`; None when it is not known.
        spread: as in `RecountCell`; None when it is not known.
        low: as in `RecountCell`; None when it is not known.
        high: as in `RecountCell`; None when it is not known.
        unrecorded: as in `RecountCell`; None when it is not known.
        coverage: how much of its period the record covers.
        begins: the start of the record, if the period begins before it; in microseconds since 1970 in UTC.
        until: the end of the period in microseconds; None where it has none.
    """

    dimensions: dict[str, str]
    value: float | int | None = None
    n: int | None = None
    met: int | None = None
    spread: RecountSpread | None = None
    low: float | None = None
    high: float | None = None
    unrecorded: int | None = None
    coverage: CoverageLevel = "none"
    begins: int | None = None
    until: int | None = None


def possible(complete_to: int, received_at: int) -> int:
    """The `complete_to` of a heartbeat, or 0 if it is later than it can be; in microseconds, as is the time on its record."""
    return complete_to if complete_to - received_at <= _APART else 0


class FeedCoverage:
    """Records when each feed began and up to when it is complete, from counted facts and heartbeats."""

    def __init__(self) -> None:
        self._partitions: dict[Topic, set[int]] = {}
        self._place: tuple[Topic, int] | None = None
        self._first: dict[tuple[str, Topic, str], datetime] = {}
        self._complete: dict[tuple[str, Topic, str], dict[int, int]] = {}
        self._unsent_before: dict[tuple[str, Topic, str], dict[int, int]] = {}

    def add(self, fact: AnyFact, topic: Topic, partition: int, received_at: datetime) -> None:
        """Add the next fact or heartbeat of a partition, with the time on its record."""
        if isinstance(fact, FeedHeartbeat):
            feed, complete_to = (fact.force, topic, fact.feed), microseconds(fact.complete_to)
            complete_from = None if fact.complete_from is None else microseconds(fact.complete_from)
            self.add_complete(feed, partition, possible(complete_to, microseconds(received_at)), complete_from)
            return
        self._add_partition(topic, partition)
        at = min(received_at, fact.at)  # a fact cannot be received before it happens
        self._see((fact.force, topic, ""), at)
        if isinstance(fact, ContactOffered):
            self._see((fact.force, topic, fact.line), at)

    def add_complete(
        self, feed: tuple[str, Topic, str], partition: int, complete_to: int, complete_from: int | None
    ) -> None:
        """Add heartbeats of a feed, by force, topic and name.

        Args:
            feed: the feed.
            partition: their partition.
            complete_to: the latest possible time that they give, in microseconds; 0 if there is none.
            complete_from: the `complete_from` of the last of them, in microseconds; None if it has none.
        """
        self._add_partition(feed[1], partition)
        marks = self._complete.setdefault(feed, {})
        marks[partition] = max(complete_to, marks.get(partition, 0))
        unsent = self._unsent_before.setdefault(feed, {})
        unsent.pop(partition, None)  # the last heartbeat of a partition counts
        if complete_from is not None:
            unsent[partition] = complete_from

    def _add_partition(self, topic: Topic, partition: int) -> None:
        if self._place != (topic, partition):
            self._place = (topic, partition)
            self._partitions.setdefault(topic, set()).add(partition)

    def would_change(self, force: str, topic: Topic, partition: int, line: str, at: datetime) -> bool:
        """Whether `add` might change anything for a counted fact.

        Args:
            force: its force.
            topic: its topic.
            partition: its partition.
            line: the line of an offered contact; empty for other facts.
            at: when it happened, or when it was received if that is earlier.
        """
        if partition not in self._partitions.get(topic, ()):
            return True
        return self._is_earlier((force, topic, ""), at) or (line != "" and self._is_earlier((force, topic, line), at))

    def _see(self, place: tuple[str, Topic, str], at: datetime) -> None:
        if self._is_earlier(place, at):
            self._first[place] = at

    def _is_earlier(self, place: tuple[str, Topic, str], at: datetime) -> bool:
        first = self._first.get(place)
        return first is None or at < first

    def begins(self, force: str, feeds: Sequence[Feed]) -> int | None:
        """The time from which all of these feeds have sent everything: the latest of their beginnings; None while one has no fact."""
        firsts = [self._begin(force, feed) for feed in feeds]
        return None if not firsts or None in firsts else max(first for first in firsts if first is not None)

    def complete_to(self, force: str, feed: Feed) -> int | None:
        """The time up to which a feed is complete on every partition; None while a partition has no heartbeat of it."""
        marks = self._complete.get((force, feed.topic, feed.name), {})
        is_everywhere = bool(marks) and set(marks) == self._partitions.get(feed.topic)
        return (min(marks.values()) or None) if is_everywhere else None

    def has_facts(self, force: str, topic: Topic) -> bool:
        """Whether a force has any fact on a topic."""
        return (force, topic, "") in self._first

    def _begin(self, force: str, feed: Feed) -> int | None:
        firsts = [self._first.get((force, feed.topic, line)) for line in feed.lines or ("",)]
        first = min((microseconds(first) for first in firsts if first is not None), default=None)
        unsent = self._unsent_before.get((force, feed.topic, feed.name), {})
        return None if first is None else max([first, *unsent.values()])


class _Stretch(NamedTuple):
    start: int
    end: int


def known(
    question: RecountQuestion,
    cells: Iterable[RecountCell],
    feed_coverage: FeedCoverage,
    force: Force,
    complete_to: Mapping[str, int | None] | None = None,
) -> list[KnownFigure]:
    """Figures with their coverage, and a figure for each day and month that the record does not cover completely.

    Args:
        question: the question.
        cells: the counted figures.
        feed_coverage: the coverage of every feed.
        force: the profile.
        complete_to: the time up to which each feed is complete, in microseconds; None to use the heartbeats in the log.
    """
    feeds = question.measure.feeds(force)
    ends = (
        {feed.name: feed_coverage.complete_to(force.name, feed) for feed in feeds}
        if complete_to is None
        else complete_to
    )
    record = _Record(question, feed_coverage, force, [ends.get(feed.name) for feed in feeds])
    found = [record.known(cell) for cell in cells]
    if not found and not question.by:  # a measure that others publish
        found = [KnownFigure(dimensions={})]
    return sorted((*found, *record.uncovered(found)), key=lambda each: tuple(each.dimensions.values()))


class _Record:
    """The record of a question's feeds: when it begins, and up to when it is complete."""

    def __init__(
        self, question: RecountQuestion, feed_coverage: FeedCoverage, force: Force, ends: Sequence[int | None]
    ) -> None:
        feeds = question.measure.feeds(force)
        known = [end for end in ends if end is not None]
        self._question, self._force = question, force
        self._begins = feed_coverage.begins(force.name, feeds)
        self._complete_to = min(known) if known and len(known) == len(ends) else None
        allowed = (feed.stale_after_seconds * SECOND for feed in feeds)
        self._latest = [end + late for end, late in zip(ends, allowed, strict=True) if end is not None]
        self._of_days: dict[tuple[str, ...], list[_Stretch]] = {}
        self._is_silent = not feeds or any(
            end is None and not feed_coverage.has_facts(force.name, feed.topic)
            for end, feed in zip(ends, feeds, strict=True)
        )

    def known(self, cell: RecountCell) -> KnownFigure:
        """A figure with its coverage, and without numbers where it is not known."""
        stretches = self._stretches(cell.dimensions)
        coverage = self._coverage(stretches)
        if coverage == "none" and cell.n and self._is_begun(stretches):
            coverage = "part"  # its facts arrived ahead of the heartbeats
        begins = self._begins if stretches and self._is_late(stretches) else None
        period = KnownFigure(
            dimensions=cell.dimensions, coverage=coverage, begins=begins, until=stretches[-1].end if stretches else None
        )
        if coverage == "none":
            return period
        return replace(
            period,
            value=cell.value,
            n=cell.n,
            met=cell.met,
            spread=cell.spread,
            low=cell.low,
            high=cell.high,
            unrecorded=cell.unrecorded,
        )

    def uncovered(self, found: Sequence[KnownFigure]) -> list[KnownFigure]:
        """A figure for each day or month that is missing from the figures and not covered completely."""
        dates = [name for name in self._question.by if name in DATE_DIMENSIONS]
        if not dates or not isinstance(self._question.interval, Report):
            return []
        there = [each.dimensions for each in found]
        rest = [{name: word for name, word in each.items() if name not in dates} for each in there]
        if not rest and len(dates) == len(self._question.by):
            rest = [{}]
        days = [_words(day) for day in self._days({})]
        keys, cells = {tuple(sorted(each.items())) for each in there}, []
        for day, other in product(days, rest):
            named = {**{name: day[name] for name in dates}, **other}
            key = tuple(sorted(named.items()))
            if key not in keys:
                keys.add(key)
                order = [*self._question.by, *(name for name in named if name not in self._question.by)]
                cells.append(
                    self.known(replace(nothing(self._question), dimensions={name: named[name] for name in order}))
                )
        return [each for each in cells if each.coverage != "whole"]

    def _coverage(self, stretches: Sequence[_Stretch]) -> CoverageLevel:
        if self._is_silent:
            return "none"
        if self._question.measure.is_open():
            return "whole"
        if self._begins is None or not any(self._is_partly_known(each) for each in stretches):
            return "none"
        is_live = isinstance(self._question.interval, LiveInterval)
        is_complete = is_live or (self._complete_to is not None and stretches[-1].end <= self._complete_to)
        return "whole" if is_complete and not self._is_late(stretches) else "part"

    def _is_begun(self, stretches: Sequence[_Stretch]) -> bool:
        return not self._is_silent and self._begins is not None and self._begins < stretches[-1].end

    def _is_partly_known(self, stretch: _Stretch) -> bool:
        """Whether any part of it is known."""
        if self._begins is None or self._begins >= stretch.end:
            return False
        if self._complete_to is None or self._may_be_behind(stretch):
            return True
        return stretch.start < self._complete_to and self._begins < self._complete_to

    def _may_be_behind(self, stretch: _Stretch) -> bool:
        """Whether a live window is known to its end: no feed is further behind than the profile allows."""
        until = min(self._question.as_of, stretch.end)
        is_live = isinstance(self._question.interval, LiveInterval)
        return is_live and all(until <= latest for latest in self._latest)

    def _is_late(self, stretches: Sequence[_Stretch]) -> bool:
        """Whether more than the first hour is missing, or more than the first tenth of a short period."""
        start, end = stretches[0]
        quiet = min(HOUR, (end - start) // _TENTH)
        return self._begins is not None and not self._question.measure.is_open() and self._begins > start + quiet

    def _stretches(self, dimensions: Mapping[str, str]) -> list[_Stretch]:
        """The time spans of a figure; for a report window, one for each day."""
        interval, zone = self._question.interval, self._force.zone()
        if isinstance(interval, LiveInterval):
            return [_Stretch(*interval)]
        key = tuple(dimensions.get(name, "") for name in DATE_DIMENSIONS)
        if key not in self._of_days:
            days = self._days(dimensions)
            self._of_days[key] = [
                _Stretch(day_start(day, zone), day_start(day + timedelta(days=1), zone)) for day in days
            ]
        return self._of_days[key]

    def _days(self, dimensions: Mapping[str, str]) -> list[date]:
        """The days of the question that a figure covers."""
        if not isinstance(self._question.interval, Report):
            return []
        calendar = _calendar(*self._question.interval)
        days = set(calendar)
        for limit in ({name: (word,) for name, word in dimensions.items()}, self._question.where):
            for name in limit.keys() & DATE_DIMENSIONS:
                days &= {day for day in days if calendar[day][name] in limit[name]}
        return sorted(days)


@lru_cache(maxsize=8)
def _calendar(first: date, end: date) -> dict[date, dict[str, str]]:
    """The words of every day from one to another, which is excluded."""
    days = (first + timedelta(days=number) for number in range((end - first).days))
    return {day: _words(day) for day in days}


def _words(day: date) -> dict[str, str]:
    return {"day": day.isoformat(), "month": day.isoformat()[:7]}
