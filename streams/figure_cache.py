"""Figures that were read before, kept for as long as nothing has changed that they were taken from."""

from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import NamedTuple

from measures.measure import Decided, Measure
from measures.outcome import OpenItem, microseconds
from measures.reading import Figure, Question
from measures.window import Segment

KEPT = 4096
"""How many answers are kept; the longest unasked is forgotten first."""
_Key = tuple[str, str, str, tuple[str, ...], tuple[tuple[str, tuple[str, ...]], ...]]


class _Kept(NamedTuple):
    """Figures, and what they hold for: the panes of a window as they were, from one instant to another."""

    measure: Measure
    segments: tuple[Segment, ...]
    versions: tuple[int, ...]
    since: int
    until: int
    figures: list[Figure]


class FigureCache:
    """What was answered before. What stands open now changes with every instant and is never kept."""

    def __init__(self) -> None:
        self._kept: OrderedDict[_Key, _Kept] = OrderedDict()

    def figures(
        self,
        question: Question,
        force: str,
        versions: tuple[int, ...],
        read: Callable[[], tuple[list[Figure], tuple[int, ...]]],
        open_items: Callable[[str], Iterable[OpenItem]],
    ) -> list[Figure]:
        """The figures of a question, read only where they may have changed.

        Args:
            question: what is asked.
            force: whose.
            versions: of the partitions it is taken from.
            read: reads them anew, and says which versions they are of.
            matters: what stands open of a kind.
        """
        measure = question.measure
        if measure.is_open():
            return read()[0]
        where = tuple(sorted(question.where.items()))
        key = (force, measure.name, question.window.name, question.by, where)
        kept, as_of = self._kept.get(key), microseconds(question.as_of)
        if kept is None or not _holds(kept, question, versions, as_of):
            figures, versions = read()
            until = _until(measure, as_of, open_items)
            kept = _Kept(measure, question.window.segments, versions, as_of, until, figures)
            self._kept[key] = kept
            if len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return kept.figures


def _holds(kept: _Kept, question: Question, versions: tuple[int, ...], as_of: int) -> bool:
    is_same = kept.measure is question.measure and kept.segments == question.window.segments
    return is_same and kept.versions == versions and kept.since <= as_of < kept.until


def _until(measure: Measure, as_of: int, open_items: Callable[[str], Iterable[OpenItem]]) -> int:
    """The instant from which the figures may differ although no fact arrives: when the next promise is broken."""
    never = 1 << 62
    if not isinstance(measure.statistic, Decided):
        return never
    dues = (each.due for each in open_items(measure.statistic.of.kind))
    return min((due for due in dues if due is not None and due > as_of), default=never)
