"""A cache of figures, each kept until anything that it was read from changes."""

from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import NamedTuple

from measures.measure import Decided, Measure
from measures.outcome import OpenItem, microseconds
from measures.reading import Figure, Question
from measures.window import SlotRun

KEPT = 4096
"""The most results that are kept of each force; the least recently used is removed first. A scrape reads over a thousand."""
_Key = tuple[str, str, str, tuple[str, ...], tuple[tuple[str, tuple[str, ...]], ...]]


class _Kept(NamedTuple):
    """Figures and when they are valid: for these versions of the partitions, from one time to another."""

    measure: Measure
    segments: tuple[SlotRun, ...]
    versions: tuple[int, ...]
    since: int
    until: int
    figures: list[Figure]


class FigureCache:
    """Figures by question. A count of open items changes with time alone, so it is never cached.

    Args:
        forces: the number of forces whose figures are read.
    """

    def __init__(self, forces: int = 1) -> None:
        self._most = KEPT * max(1, forces)
        self._kept: OrderedDict[_Key, _Kept] = OrderedDict()

    def figures(
        self,
        question: Question,
        force: str,
        versions: tuple[int, ...],
        read: Callable[[], tuple[list[Figure], tuple[int, ...]]],
        open_items: Callable[[str], Iterable[OpenItem]],
    ) -> list[Figure]:
        """The figures of a question, read again only if they may have changed.

        Args:
            question: the question.
            force: the name of the force.
            versions: the versions of the partitions that it is read from.
            read: reads the figures, and the versions that they are from.
            open_items: the open items of a kind.
        """
        measure = question.measure
        if measure.is_open():
            return read()[0]
        where = tuple(sorted(question.where.items()))
        key = (force, measure.name, question.window.name, question.by, where)
        kept, as_of = self._kept.get(key), microseconds(question.as_of)
        if kept is None or not _is_valid(kept, question, versions, as_of):
            figures, versions = read()
            until = _until(measure, as_of, open_items)
            kept = _Kept(measure, question.window.segments, versions, as_of, until, figures)
            self._kept[key] = kept
            if len(self._kept) > self._most:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return kept.figures


def _is_valid(kept: _Kept, question: Question, versions: tuple[int, ...], as_of: int) -> bool:
    is_same = kept.measure is question.measure and kept.segments == question.window.segments
    return is_same and kept.versions == versions and kept.since <= as_of < kept.until


def _until(measure: Measure, as_of: int, open_items: Callable[[str], Iterable[OpenItem]]) -> int:
    """When the figures may change although no fact arrives: when an open item misses its target, or its end is unrecorded."""
    moments = [each.unrecorded_from for lost in measure.unrecorded if lost.is_open for each in open_items(lost.of.kind)]
    if isinstance(measure.statistic, Decided):
        moments += [
            moment for each in open_items(measure.statistic.of.kind) for moment in (each.due, each.unrecorded_from)
        ]
    return min((moment for moment in moments if moment is not None and moment > as_of), default=1 << 62)
