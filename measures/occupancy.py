"""How many people were in custody at past hours: from those in custody now, and the arrivals and departures since."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from measures.outcome import KINDS
from measures.pane import Pane

Suites = dict[str, int]
"""The number in custody in each suite; one without anybody is left out."""
MOVES = {"suite_entered": 1, "suite_left": -1}
"""The kinds that change the number in a suite, and by how much."""
_SUITE = KINDS["suite_entered"].dimensions.index("suite")


def occupancy(now: Mapping[str, int], panes: Iterable[tuple[int, Pane]], hours: Sequence[int]) -> dict[int, Suites]:
    """The number in custody at the beginning of each hour.

    It needs no record from before these hours: it goes back from the present.

    Args:
        now: the number in custody in each suite now.
        panes: the hour panes from the first of the hours to the present, each with its hour since 1970.
        hours: the hours since 1970.
    """
    came: dict[int, Counter[str]] = {}
    for hour, pane in panes:
        for kind, sign in MOVES.items():
            for words, histogram in pane.get(kind, {}).items():
                came.setdefault(hour, Counter())[words[_SUITE]] += sign * sum(histogram.values())
    found: dict[int, Suites] = {}
    present, left = Counter(now), sorted(came, reverse=True)
    for hour in sorted(hours, reverse=True):
        while left and left[0] >= hour:
            present.subtract(came[left.pop(0)])
        found[hour] = {suite: count for suite, count in sorted(present.items()) if count}
    return found
