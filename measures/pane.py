"""Panes: the smallest slices of time that are kept, as exact histograms to which counts are added and subtracted."""

from array import array
from collections.abc import ItemsView, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from sys import intern
from threading import Lock
from typing import Literal, NamedTuple, get_args

from measures.outcome import BY_HALF_HOUR, SECOND, Outcome
from measures.rules import Rules

Grain = Literal["minute", "half_hour", "hour", "day"]
GRAINS: tuple[Grain, ...] = get_args(Grain)
BLOCK: dict[Grain, int] = {"minute": 60, "half_hour": 48, "hour": 24, "day": 1}
"""How many consecutive panes a block has. A block's number is the slot of its first pane, divided by this."""
_STARTS = [f"{place}|" for place in range(max(BLOCK.values()))]
MINUTE = 60 * SECOND
HALF_HOUR = 30 * MINUTE
HOUR = 60 * MINUTE
LENGTH: dict[Grain, int] = {"minute": MINUTE, "half_hour": HALF_HOUR, "hour": HOUR}
"""How long a pane of each grain is, in microseconds, except a day: local days have different lengths."""

Dimensions = tuple[str, ...]
Histogram = dict[int, int]
"""Each value, in the kind's whole units, to its count."""
Counts = Mapping[Dimensions, Histogram]
"""The counts of one kind in one pane: labels to their histogram."""
Pane = Mapping[str, Counts]
"""Each kind to its counts. A pane's slot is its number within its grain: minutes, half-hours or hours since 1970 in UTC, or the ordinal
of the force's local day."""
OpenPane = dict[str, dict[Dimensions, Histogram]]
"""A pane to which counts can be added."""
Deltas = dict[str, dict[Grain, dict[int, dict[str, int]]]]
"""What a change adds to each count of each pane, by kind, grain, slot and name; never 0."""


def name_of(dimensions: Dimensions, value: int) -> str:
    """The name of one count among those of its kind: labels and value, separated by bars; no label can contain a bar."""
    return f"{'|'.join(dimensions)}|{value}" if dimensions else str(value)


@lru_cache(maxsize=65_536)
def field_of(name: str) -> tuple[Dimensions, int]:
    """The labels and the value of a count."""
    *dimensions, value = name.split("|")
    return tuple(dimensions), int(value)


class FirstKept(NamedTuple):
    """The slot of the first pane of each grain that is kept; nothing is counted in earlier panes."""

    minute: int
    half_hour: int
    hour: int
    day: int


EVERY_PANE = FirstKept(0, 0, 0, 0)
"""Until something of a force is settled, no pane is dropped."""


def difference(
    before: Sequence[Outcome], after: Sequence[Outcome], rules: Rules, into: Deltas, kept: FirstKept = EVERY_PANE
) -> None:
    """Add `after - before` to the deltas of the panes that are kept. Figures never change in any other way."""
    if not before:
        for outcome in after:
            _spread(outcome, 1, rules, into, kept)
        return
    changes: dict[Outcome, int] = {}
    for outcome in after:
        changes[outcome] = changes.get(outcome, 0) + 1
    for outcome in before:
        changes[outcome] = changes.get(outcome, 0) - 1
    for outcome, change in changes.items():
        if change:
            _spread(outcome, change, rules, into, kept)


def _spread(outcome: Outcome, change: int, rules: Rules, into: Deltas, kept: FirstKept) -> None:
    """Add a change to the minute and hour of a decision, to its half-hour if the kind has half-hours, and to the local day on which its subject began."""
    of_kind = into.get(outcome.kind)
    if of_kind is None:
        of_kind = into[outcome.kind] = {grain: {} for grain in GRAINS}
    name, at = name_of(outcome.dimensions, outcome.value), outcome.at
    if (minute := at // MINUTE) >= kept.minute:
        _add(name, change, minute, of_kind["minute"])
    if (hour := at // HOUR) >= kept.hour:
        _add(name, change, hour, of_kind["hour"])
    if outcome.kind in BY_HALF_HOUR and (half_hour := at // HALF_HOUR) >= kept.half_hour:
        _add(name, change, half_hour, of_kind["half_hour"])
    if (day := rules.local_day(outcome.began)) >= kept.day:
        _add(name, change, day, of_kind["day"])


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


_MOST_IN_FOUR_BYTES = (1 << 32) - 1


class PackedCounts(Mapping[Dimensions, Histogram]):
    """The counts of one kind in one pane, only for reading, in a tenth of the memory of dictionaries.

    Args:
        numbers: label number, value, count; label number, value, count; and so on. Label numbers are those of `number_of_labels`.
    """

    __slots__ = ("_numbers",)

    def __init__(self, numbers: list[int]) -> None:
        self._numbers = _array(numbers)

    def __eq__(self, other: object) -> bool:
        """Whether the counts are equal; those read from the same text are compared without unpacking them."""
        if isinstance(other, PackedCounts) and self._numbers == other._numbers:
            return True
        return super().__eq__(other)

    __hash__ = None  # type: ignore[assignment]

    def unpacked(self) -> dict[Dimensions, Histogram]:
        """The same counts, as dictionaries."""
        found: dict[Dimensions, Histogram] = {}
        each, labels = iter(self._numbers), _LABELS.by_number
        for number, value, count in zip(each, each, each, strict=True):
            dimensions = labels[number]
            histogram = found.get(dimensions)
            if histogram is None:
                found[dimensions] = {value: count}
            else:
                histogram[value] = count
        return found

    def add_to(self, histograms: Mapping[int, Histogram | None]) -> None:
        """Add every count to the histogram of its labels' number; those without a histogram are left out."""
        each, before, histogram = iter(self._numbers), -1, None
        for number, value, count in zip(each, each, each, strict=True):
            if number != before:
                before, histogram = number, histograms[number]
            if histogram is not None:
                histogram[value] = histogram.get(value, 0) + count

    def items(self) -> ItemsView[Dimensions, Histogram]:
        """Labels with their histograms, all unpacked at once."""
        return self.unpacked().items()

    def __getitem__(self, dimensions: Dimensions) -> Histogram:
        return self.unpacked()[dimensions]

    def __iter__(self) -> Iterator[Dimensions]:
        return iter(self.unpacked())

    def __len__(self) -> int:
        return len(self.unpacked())

    def __bool__(self) -> bool:
        return bool(self._numbers)


def stored(slots: Mapping[int, Mapping[str, int]], grain: Grain) -> dict[int, tuple[list[str], list[int]]]:
    """Counts of one kind, by slot and name, as they are stored: for each block, the names of its counts and what is added to each.

    If a block has several panes, the name of a count begins with the place of its pane in the block.
    """
    size = BLOCK[grain]
    if size == 1:
        return {slot: (list(counts), list(counts.values())) for slot, counts in slots.items() if counts}
    blocks: dict[int, tuple[list[str], list[int]]] = {}
    for slot, counts in slots.items():
        if counts:
            block, place = divmod(slot, size)
            found = blocks.get(block)
            if found is None:
                found = blocks[block] = ([], [])
            start = _STARTS[place]
            found[0].extend([start + name for name in counts])
            found[1].extend(counts.values())
    return blocks


def loaded(counts: Mapping[str, str], grain: Grain, block: int) -> dict[int, PackedCounts]:
    """The counts of one kind in each pane of a block, by slot; panes without any are left out.

    Args:
        counts: texts by name, as they are stored.
        grain: the grain of the panes.
        block: the number of the block.

    Raises:
        ValueError: a name or a text is damaged.
    """
    size = BLOCK[grain]
    if size == 1:
        return {block: _packed(counts.items())} if counts else {}
    panes: dict[int, list[tuple[str, str]]] = {}
    for name, count in counts.items():
        place, rest = place_of(name, grain)
        panes.setdefault(place, []).append((rest, count))
    return {block * size + place: _packed(rows) for place, rows in panes.items()}


def place_of(name: str, grain: Grain) -> tuple[int, str]:
    """The place in its block that a stored name begins with, and the rest of the name.

    Raises:
        ValueError: the block has no such place.
    """
    size = BLOCK[grain]
    if size == 1:
        return 0, name
    place, _, rest = name.partition("|")
    if not 0 <= int(place) < size:
        raise ValueError(f"a block of {grain.replace('_', '-')}s has no place {place}")
    return int(place), rest


def _packed(counts: Iterable[tuple[str, str]]) -> PackedCounts:
    numbers: list[int] = []
    for name, count in counts:
        text, _, value = name.rpartition("|")
        numbers += (number_of_labels(text), int(value), int(count))
    return PackedCounts(numbers)


class _Labels:
    """Every combination of labels in a count that this process has read, numbered, so that a count refers to it by a small number.

    The labels are those of profiles and kinds, so there are some thousands of combinations. They are kept for good.
    """

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}
        self.by_number: list[Dimensions] = []
        self._lock = Lock()

    def add(self, text: str) -> int:
        """The number of new labels."""
        with self._lock:
            if text not in self.numbers:
                self.by_number.append(tuple(map(intern, text.split("|"))) if text else ())
                self.numbers[text] = len(self.by_number) - 1
            return self.numbers[text]


_LABELS = _Labels()


def number_of_labels(text: str) -> int:
    """The number of the labels in a count's name; the text is empty if it has none."""
    number = _LABELS.numbers.get(text)
    return _LABELS.add(text) if number is None else number


def numbers_of_labels(texts: Sequence[str]) -> list[int]:
    """The numbers of the labels in many names."""
    try:
        return [*map(_LABELS.numbers.__getitem__, texts)]
    except KeyError:
        return [*map(number_of_labels, texts)]


def labels_of(number: int) -> Dimensions:
    """The labels that have a number."""
    return _LABELS.by_number[number]


def _array(numbers: list[int]) -> "array[int]":
    """An array of whole numbers: two bytes each if all of them fit, otherwise four or eight."""
    try:
        return array("H", numbers)
    except OverflowError:
        return array("q" if max(numbers) > _MOST_IN_FOUR_BYTES or min(numbers) < 0 else "I", numbers)


def apply(pane: OpenPane, kind: str, counts: Mapping[str, int]) -> None:
    """Add counts of a kind, by name, to a pane in place; counts of 0 are removed."""
    groups = pane.setdefault(kind, {})
    for name, change in counts.items():
        dimensions, value = field_of(name)
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
