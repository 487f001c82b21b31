"""Two sides of a comparison, joined by key: figures, counts or open items of the state, of another version or of the recount."""

from collections import Counter
from collections.abc import Hashable, Iterator, Mapping
from typing import TypeVar

from measures.pane import Counts

Key = TypeVar("Key", bound=Hashable)
Ours = TypeVar("Ours")
Theirs = TypeVar("Theirs")
Field = tuple[str, tuple[str, ...], int]
"""A count of a pane: kind, labels and value."""


def paired(ours: Mapping[Key, Ours], theirs: Mapping[Key, Theirs]) -> Iterator[tuple[Key, Ours | None, Theirs | None]]:
    """Every key of either side with both values; None where a side has nothing."""
    return ((key, ours.get(key), theirs.get(key)) for key in dict.fromkeys((*theirs, *ours)))


def differing(ours: Mapping[Key, int], theirs: Mapping[Key, int]) -> tuple[int, list[tuple[Key, int, int]]]:
    """The number of keys of either side, and those whose numbers differ, in order; a side without a key has 0 of it."""
    every = [(key, one or 0, other or 0) for key, one, other in paired(ours, theirs)]
    return len(every), sorted((each for each in every if each[1] != each[2]), key=lambda each: repr(each[0]))


def counts(kind: str, groups: Counts) -> Counter[Field]:
    """Every count of a kind in a pane."""
    return Counter(
        {(kind, words, value): count for words, histogram in groups.items() for value, count in histogram.items()}
    )
