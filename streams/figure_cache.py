"""A cache of figures, each kept until anything that it was read from changes."""

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

from measures.measure import DATE_DIMENSIONS, Decided, Measure, OpenCount, OpenDue, OpenStatistic
from measures.outcome import SECOND, OpenItem, microseconds
from measures.reading import CLOCK_DIMENSIONS, Figure, OpenSource, Question, open_that_count
from measures.window import SlotRun

KEPT = 4096
"""The most results that are kept of each force; the least recently used is removed first. A scrape reads over a thousand."""
FOREVER = 1 << 62
_SLOTTED = {*DATE_DIMENSIONS, *CLOCK_DIMENSIONS}
"""The dimensions that depend on the slot of a pane."""
_Key = tuple[str, str, str, tuple[str, ...], tuple[tuple[str, tuple[str, ...]], ...]]


class FiguresOfForce(OpenSource, Protocol):
    """What the cache reads the figures of one question from."""

    @property
    def force(self) -> str:
        """The name of the force."""

    def versions(self, kinds: Sequence[str]) -> tuple[int, ...]:
        """Version numbers. When a pane or an open item of these kinds changes, at least one of them rises."""

    def content(self, kinds: Sequence[str]) -> Sequence[object]:
        """For each kind something that equals what it was before if the window has the same counts; loading them may change the versions."""

    def read(self) -> list[Figure]:
        """Read the figures of the question."""


class Kept(NamedTuple):
    """Figures and when they are valid: for these versions and this window, from one time to another.

    Attributes:
        measure: the measure.
        segments: the panes of the window.
        kinds: every kind of outcome that the figures depend on.
        versions: the versions of those kinds.
        since: when they were read, in microseconds since 1970.
        until: when they may change although no fact arrives.
        content: the counts that they were read from, kind by kind; None if they depend on more than those and `open_items`.
        open_items: the open items that they depend on besides, as in `measures.reading.open_that_count`.
        figures: the figures.
    """

    measure: Measure
    segments: tuple[SlotRun, ...]
    kinds: tuple[str, ...]
    versions: tuple[int, ...]
    since: int
    until: int
    content: Sequence[object] | None
    open_items: list[tuple[OpenItem, bool]]
    figures: list[Figure]


class FigureCache:
    """Figures by question. While nothing has changed that they depend on, they are the same object.

    Args:
        forces: the number of forces whose figures are read.
    """

    def __init__(self, forces: int = 1) -> None:
        self._most = KEPT * max(1, forces)
        self._kept: OrderedDict[_Key, Kept] = OrderedDict()
        self._changes: dict[tuple[str, str, tuple[str, int]], tuple[tuple[int, ...], list[int]]] = {}

    def figures(self, question: Question, source: FiguresOfForce) -> Kept:
        """The figures of a question, read again only if they may have changed.

        Args:
            question: the question.
            source: what they are read from.
        """
        measure, where = question.measure, tuple(sorted(question.where.items()))
        key = (source.force, measure.name, question.window.name, question.by, where)
        kept, as_of = self._kept.get(key), microseconds(question.as_of)
        if kept is None or not is_valid(kept, question, source, as_of):
            self._kept[key] = kept = self._read_again(kept, question, source, as_of)
            if len(self._kept) > self._most:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return kept

    def _read_again(self, kept: Kept | None, question: Question, source: FiguresOfForce, as_of: int) -> Kept:
        """The figures as they are now: those that were kept if they follow from the same counts and open items as before."""
        measure = question.measure
        kinds = _kinds(measure)
        is_comparable = not measure.is_open() and _SLOTTED.isdisjoint((*question.by, *question.where))
        content = source.content(measure.kinds()) if is_comparable else None
        open_items = open_that_count(question, source) if is_comparable else []
        is_same = content is not None and kept is not None and kept.measure is measure
        is_same = is_same and kept is not None and kept.content == content and kept.open_items == open_items
        figures = kept.figures if kept is not None and is_same else source.read()
        until = self._until(measure, as_of, source)
        versions, segments = source.versions(kinds), question.window.segments
        return Kept(measure, segments, kinds, versions, as_of, until, content, open_items, figures)

    def _until(self, measure: Measure, as_of: int, source: FiguresOfForce) -> int:
        """When the figures may change although no fact arrives; the time of the question itself if they always may."""
        statistic = measure.statistic
        if isinstance(statistic, OpenStatistic) and not isinstance(statistic, OpenCount | OpenDue):
            return as_of  # an age or a time left changes with each microsecond
        own = measure.selections() if isinstance(statistic, Decided | OpenCount | OpenDue) else ()
        doubted = (lost.of for lost in measure.unrecorded if lost.is_open)
        kinds = {selection.kind for selection in (*own, *doubted)}
        return min((self._next_change(kind, statistic, as_of, source) for kind in kinds), default=FOREVER)

    def _next_change(self, kind: str, statistic: object, as_of: int, source: FiguresOfForce) -> int:
        """When the next open item of a kind begins or ceases to count, misses its target, or its end comes to count as unrecorded."""
        key, versions = (source.force, kind, _limit(statistic)), source.versions((kind,))
        kept = self._changes.get(key)
        if kept is None or kept[0] != versions:
            moments = {moment for item in source.open(kind) for moment in _changes(statistic, item)}
            self._changes[key] = kept = versions, sorted(moments)
        place = bisect_right(kept[1], as_of)
        return kept[1][place] if place < len(kept[1]) else FOREVER


def is_valid(kept: Kept, question: Question, source: FiguresOfForce, as_of: int) -> bool:
    """Whether nothing has changed that the figures depend on.

    Args:
        kept: the figures.
        question: the same question, at another time.
        source: what they are read from.
        as_of: the time of the question, in microseconds since 1970.
    """
    measure = question.measure
    is_same = kept.measure is measure and (measure.is_open() or kept.segments == question.window.segments)
    return is_same and kept.since <= as_of < kept.until and kept.versions == source.versions(kept.kinds)


def _kinds(measure: Measure) -> tuple[str, ...]:
    doubted = (lost.of for lost in measure.unrecorded)
    return tuple(dict.fromkeys(selection.kind for selection in (*measure.selections(), *doubted)))


def _limit(statistic: object) -> tuple[str, int]:
    """What decides when an open item changes a figure, besides the item itself."""
    if isinstance(statistic, OpenCount):
        return "age", statistic.at_least_seconds
    return ("due", statistic.under_seconds) if isinstance(statistic, OpenDue) else ("", 0)


def _changes(statistic: object, item: OpenItem) -> Iterator[int]:
    if item.unrecorded_from is not None:
        yield item.unrecorded_from
    if isinstance(statistic, OpenCount):
        yield item.since + statistic.at_least_seconds * SECOND
    elif item.due is not None:
        yield item.due
        yield item.due + 1
        if isinstance(statistic, OpenDue):
            yield item.due - statistic.under_seconds * SECOND + 1
