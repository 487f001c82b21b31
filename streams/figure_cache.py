"""A cache of figures, each kept until anything that it was read from changes."""

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import NamedTuple, Protocol

from measures.measure import DATE_DIMENSIONS, Decided, Measure, OpenCount, OpenDue, OpenStatistic
from measures.outcome import SECOND, OpenItem, microseconds
from measures.pane import Counts
from measures.reading import CLOCK_DIMENSIONS, Figure, FigureSource, Question, open_that_count
from measures.window import SlotRun

KEPT = 4096
"""The most results that are kept of each force; the least recently used is removed first. A scrape reads over a thousand."""
FOREVER = 1 << 62
_SLOTTED = {*DATE_DIMENSIONS, *CLOCK_DIMENSIONS}
"""The dimensions that depend on the slot of a pane."""
_Key = tuple[str, str, str, tuple[str, ...], tuple[tuple[str, tuple[str, ...]], ...]]
Content = list[Sequence[tuple[int, Counts]]]
"""The panes of each run of slots, kind by kind and partition by partition."""


class PaneSource(FigureSource, Protocol):
    """The panes and open items of one force, partition by partition."""

    def filled(self, kind: str, run: SlotRun) -> Iterable[Sequence[tuple[int, Counts]]]:
        """The panes of a run that have counts, with their slots: for each partition the same object until they change."""


class FiguresOfForce(Protocol):
    """What the cache reads figures from."""

    @property
    def force(self) -> str:
        """The name of the force."""

    def versions(self, kinds: Sequence[str]) -> tuple[int, ...]:
        """Version numbers. When a pane or an open item of these kinds changes, at least one of them rises."""

    def loaded(self) -> PaneSource:
        """The panes and open items; loading them may change the versions."""

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
        content: the panes that they were read from; None if they depend on more than those and `open_items`.
        open_items: the open items that they depend on besides, as in `measures.reading.open_that_count`.
        figures: the figures.
    """

    measure: Measure
    segments: tuple[SlotRun, ...]
    kinds: tuple[str, ...]
    versions: tuple[int, ...]
    since: int
    until: int
    content: Content | None
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
            self._kept[key] = kept = _read_again(kept, question, source, as_of)
            if len(self._kept) > self._most:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return kept


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


def _read_again(kept: Kept | None, question: Question, source: FiguresOfForce, as_of: int) -> Kept:
    """The figures as they are now: those that were kept if they follow from the same counts and open items as before."""
    measure, panes = question.measure, source.loaded()
    kinds = _kinds(measure)
    is_comparable = not measure.is_open() and _SLOTTED.isdisjoint((*question.by, *question.where))
    content = _content(question, panes) if is_comparable else None
    open_items = open_that_count(question, panes) if is_comparable else []
    is_same = kept is not None and kept.measure is measure and kept.open_items == open_items
    is_same = is_same and kept is not None and _is_same(kept.content, content)
    figures = kept.figures if kept is not None and is_same else source.read()
    until = _until(measure, as_of, panes)
    versions, segments = source.versions(kinds), question.window.segments
    return Kept(measure, segments, kinds, versions, as_of, until, content, open_items, figures)


def _kinds(measure: Measure) -> tuple[str, ...]:
    doubted = (lost.of for lost in measure.unrecorded)
    return tuple(dict.fromkeys(selection.kind for selection in (*measure.selections(), *doubted)))


def _content(question: Question, source: PaneSource) -> Content:
    """The panes that a question is read from."""
    runs = ((kind, each) for kind in question.measure.kinds() for each in question.window.segments)
    return [panes for kind, each in runs for panes in source.filled(kind, each)]


def _is_same(before: Content | None, after: Content | None) -> bool:
    """Whether the same panes hold the same counts; a window that has moved on may still have the same ones."""
    if before is None or after is None:
        return False
    return before == after or list(chain.from_iterable(before)) == list(chain.from_iterable(after))


def _until(measure: Measure, as_of: int, source: FigureSource) -> int:
    """When the figures may change although no fact arrives; the time of the question itself if they always may."""
    if isinstance(measure.statistic, OpenStatistic) and not isinstance(measure.statistic, OpenCount | OpenDue):
        return as_of  # an age or a time left changes with each microsecond
    return min((moment for moment in _moments(measure, source) if moment > as_of), default=FOREVER)


def _moments(measure: Measure, source: FigureSource) -> Iterator[int]:
    """When an open item begins or ceases to count, misses its target, or its end comes to count as unrecorded."""
    statistic = measure.statistic
    own = measure.selections() if isinstance(statistic, Decided | OpenCount | OpenDue) else ()
    doubted = (lost.of for lost in measure.unrecorded if lost.is_open)
    for kind in dict.fromkeys(selection.kind for selection in (*own, *doubted)):
        for each in source.open(kind):
            yield from (each.unrecorded_from,) if each.unrecorded_from is not None else ()
            yield from _changes(statistic, each)


def _changes(statistic: object, item: OpenItem) -> Iterator[int]:
    if isinstance(statistic, OpenCount):
        yield item.since + statistic.at_least_seconds * SECOND
    elif item.due is not None:
        yield item.due
        yield item.due + 1
        if isinstance(statistic, OpenDue):
            yield item.due - statistic.under_seconds * SECOND + 1
