"""Panes: the smallest slices of time that are kept, as exact histograms to which counts are added and subtracted."""

from array import array
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from sys import intern
from typing import Literal, get_args

from measures.outcome import SECOND, Outcome
from measures.rules import Rules

Grain = Literal["minute", "hour", "day"]
GRAINS: tuple[Grain, ...] = get_args(Grain)
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE

Dimensions = tuple[str, ...]
Histogram = dict[int, int]
"""Each value, in the kind's whole units, to its count."""
Pane = Mapping[str, Mapping[Dimensions, Histogram]]
"""Each kind to its labels to their histogram. A pane's slot is its number within its grain: minutes or hours since 1970 in UTC;
for days the ordinal of the force's local day."""
OpenPane = dict[str, dict[Dimensions, Histogram]]
"""A pane to which counts can be added."""
Field = tuple[str, Dimensions, int]
"""One count of a pane: kind, dimensions, value."""
Deltas = dict[Grain, dict[int, dict[str, int]]]
"""What a change adds to each count of each pane, by grain, slot and the count's name; never 0."""


def no_change() -> Deltas:
    """Deltas that add nothing."""
    return {grain: {} for grain in GRAINS}


def name_of(kind: str, dimensions: Dimensions, value: int) -> str:
    """The name of one count in its pane: kind, labels and value, separated by bars; no label can contain a bar."""
    return f"{kind}|{'|'.join(dimensions)}|{value}" if dimensions else f"{kind}|{value}"


@lru_cache(maxsize=65_536)
def field_of(name: str) -> Field:
    """The kind, labels and value of a count."""
    kind, *dimensions, value = name.split("|")
    return kind, tuple(dimensions), int(value)


def difference(before: Sequence[Outcome], after: Sequence[Outcome], rules: Rules, into: Deltas) -> None:
    """Add `after - before` to the deltas. Figures never change in any other way."""
    if not before:
        for outcome in after:
            _spread(outcome, 1, rules, into)
        return
    changes: dict[Outcome, int] = {}
    for outcome in after:
        changes[outcome] = changes.get(outcome, 0) + 1
    for outcome in before:
        changes[outcome] = changes.get(outcome, 0) - 1
    for outcome, change in changes.items():
        if change:
            _spread(outcome, change, rules, into)


def _spread(outcome: Outcome, change: int, rules: Rules, into: Deltas) -> None:
    """Add a change to the minute and the hour of a decision, and to the local day on which its subject began."""
    name, at = name_of(outcome.kind, outcome.dimensions, outcome.value), outcome.at
    _add(name, change, at // MINUTE, into["minute"])
    _add(name, change, at // HOUR, into["hour"])
    _add(name, change, rules.local_day(outcome.began), into["day"])


def _add(name: str, change: int, slot: int, into: dict[int, dict[str, int]]) -> None:
    counts = into.get(slot)
    if counts is None:
        into[slot] = {name: change}
        return
    count = counts.get(name, 0) + change
    if count:
        counts[name] = count
    else:
        del counts[name]


class PackedPane(Mapping[str, Mapping[Dimensions, Histogram]]):
    """A pane that is only read: its kinds with their labels and histograms, in a tenth of the memory of dictionaries.

    Args:
        kinds: for each kind, the labels of each count, and an array of value, count, value, count and so on in the same order.
    """

    __slots__ = ("_kinds",)

    def __init__(self, kinds: Mapping[str, tuple[tuple[Dimensions, ...], "array[int]"]]) -> None:
        self._kinds = kinds

    def __getitem__(self, kind: str) -> Mapping[Dimensions, Histogram]:
        labels, numbers = self._kinds[kind]
        found: dict[Dimensions, Histogram] = {}
        each = iter(numbers)
        for dimensions, value, count in zip(labels, each, each, strict=True):
            histogram = found.get(dimensions)
            if histogram is None:
                found[dimensions] = {value: count}
            else:
                histogram[value] = count
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._kinds)

    def __len__(self) -> int:
        return len(self._kinds)


_EMPTY = PackedPane({})


def loaded(counts: Mapping[str, str]) -> PackedPane:
    """A pane from its stored counts, which are texts by name."""
    if not counts:
        return _EMPTY
    kinds: dict[str, tuple[list[Dimensions], list[int]]] = {}
    for name, count in counts.items():
        text, _, value = name.rpartition("|")
        kind, dimensions = _labels_of(text)
        rows = kinds.get(kind)
        if rows is None:
            rows = kinds[kind] = ([], [])
        rows[0].append(dimensions)
        rows[1].append(int(value))
        rows[1].append(int(count))
    return PackedPane({kind: (tuple(labels), _numbers(numbers)) for kind, (labels, numbers) in kinds.items()})


@lru_cache(maxsize=65_536)
def _labels_of(text: str) -> tuple[str, Dimensions]:
    """The kind and labels in a count's name. Equal kinds and labels are the same objects, to save memory."""
    kind, *dimensions = text.split("|")
    return intern(kind), _same(tuple(dimensions))


@lru_cache(maxsize=65_536)
def _same(dimensions: Dimensions) -> Dimensions:
    return dimensions


def _numbers(numbers: list[int]) -> "array[int]":
    """An array of whole numbers: four bytes each if all of them fit, otherwise eight."""
    try:
        return array("i", numbers)
    except OverflowError:
        return array("q", numbers)


def apply(pane: OpenPane, counts: Mapping[str, int]) -> None:
    """Add counts, by name, to a pane in place; counts of 0 are removed."""
    for name, change in counts.items():
        kind, dimensions, value = field_of(name)
        groups = pane.setdefault(kind, {})
        histogram = groups.setdefault(dimensions, {})
        count = histogram.get(value, 0) + change
        if count:
            histogram[value] = count
        else:
            histogram.pop(value, None)
        if not histogram:
            del groups[dimensions]
        if not groups:
            del pane[kind]


def merge(into: Histogram, other: Histogram) -> None:
    """Add a histogram to another in place."""
    for value, count in other.items():
        into[value] = into.get(value, 0) + count
