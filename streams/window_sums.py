"""The counts of one kind summed over a live window; when the window moves on, only panes that have come or gone are added or taken away."""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from typing import Self

from measures.pane import Counts, Dimensions, Histogram, merge
from measures.window import LIVE_WINDOWS, SlotRun

_KEPT = 1024
"""The most sums that are kept of each force: live windows of the kinds. The least recently used is removed first."""
Panes = list[Sequence[tuple[int, Counts]]]
"""The panes of each run of slots, partition by partition. A pane that has not changed is the same object."""
SumKey = tuple[str, str, str]
"""Force, kind and the name of the window."""
Basis = tuple[tuple[SlotRun, ...], tuple[int, ...]]
"""The runs of a window, and the version of the kind in each partition: while both are the same, so are the panes."""


class WindowSum:
    """The sum of some panes. Two sums are equal only if they are the same object; there is a new one if the sum has changed.

    Args:
        panes: the panes.
        counts: their sum; no histogram in it is ever changed.
    """

    __slots__ = ("_panes", "counts")

    def __init__(self, panes: Panes, counts: dict[Dimensions, Histogram]) -> None:
        self._panes, self.counts = panes, counts

    @classmethod
    def of(cls, panes: Panes) -> Self:
        """The sum of some panes."""
        return cls(panes, _added({}, _counts(panes), 1))

    def moved(self, panes: Panes) -> "WindowSum":
        """The sum of other panes; this object if the sum is the same."""
        before = {id(each): each for each in _counts(self._panes)}
        after = {id(each): each for each in _counts(panes)}
        gone = [each for key, each in before.items() if key not in after]
        come = [each for key, each in after.items() if key not in before]
        if len(gone) + len(come) < len(after):
            counts = _added(_added(self.counts, gone, -1), come, 1)
        else:
            counts = _added({}, after.values(), 1)
        if counts == self.counts:
            self._panes = panes
            return self
        return WindowSum(panes, counts)


def _counts(panes: Panes) -> Iterable[Counts]:
    return (counts for _, counts in chain.from_iterable(panes))


def _added(counts: Counts, others: Iterable[Counts], sign: int) -> dict[Dimensions, Histogram]:
    """Counts with others added, or taken away if the sign is -1; empty histograms are left out."""
    found, own = dict(counts), set[Dimensions]()
    for other in others:
        for dimensions, histogram in other.items():
            if dimensions not in own:
                found[dimensions] = dict(found.get(dimensions, ()))
                own.add(dimensions)
            merge(found[dimensions], histogram if sign > 0 else {value: -n for value, n in histogram.items()})
    for dimensions in own if sign < 0 else ():
        if left := {value: n for value, n in found[dimensions].items() if n}:
            found[dimensions] = left
        else:
            del found[dimensions]
    return found


class WindowSums:
    """The sums over live windows, each kept until its window or its kind changes. Longer windows would take too much memory.

    Args:
        forces: the number of forces.
    """

    def __init__(self, forces: int = 1) -> None:
        self._most = _KEPT * max(1, forces)
        self._kept: OrderedDict[SumKey, tuple[Basis, WindowSum]] = OrderedDict()

    @staticmethod
    def has(window: str) -> bool:
        """Whether sums over a window of this name are kept."""
        return window in LIVE_WINDOWS

    def sum_of(self, key: SumKey, basis: Callable[[], Basis], panes: Callable[[], Panes]) -> WindowSum:
        """The sum over a window.

        Args:
            key: what it is a sum of.
            basis: what the panes depend on.
            panes: loads the panes, which may change the basis.
        """
        kept = self._kept.get(key)
        if kept is None or kept[0] != basis():
            found = panes()
            self._kept[key] = kept = basis(), kept[1].moved(found) if kept else WindowSum.of(found)
            if len(self._kept) > self._most:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return kept[1]
