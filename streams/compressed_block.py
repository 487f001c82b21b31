"""The counts of one kind in a block that is at rest: one compressed text instead of a field for each count."""

from collections.abc import Mapping
from itertools import accumulate, chain, pairwise, repeat

import msgspec

from measures.pane import BLOCK, Grain, PackedCounts, loaded, numbers_of_labels, place_of
from streams.deflate import deflated, inflated

FIELD = "z"
"""The only field of a compressed hash. No count has this name, because the name of a count ends with a number."""
_Columns = tuple[list[str], list[int], list[int], list[int], list[int]]
"""Labels; how many counts each has; then, for each count, its place in the block, its value and the count. Within the same labels, a place is
the difference from the one before, and so is a value in the same place: small numbers compress best."""
_Row = tuple[str, int, int, int]
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(_Columns).decode


def compressed(counts: Mapping[str, str], grain: Grain) -> str | None:
    """Counts by name as they are stored, as one text; None if there are none, if they are compressed already, or if the text would not give them back exactly."""
    if not counts or FIELD in counts:
        return None
    found: _Columns = ([], [], [], [], [])
    before: _Row = ("", 0, 0, 0)
    for row in sorted(_row(name, text, grain) for name, text in counts.items()):
        _add(row, before, found)
        before = row
    text = deflated(_encode(found), has_checksum=True)
    return text if decompressed(text, grain) == counts else None


def _row(name: str, text: str, grain: Grain) -> _Row:
    """The labels, place and value in a count's name, and the count."""
    place, rest = place_of(name, grain)
    labels, _, value = rest.rpartition("|")
    return labels, place, int(value), int(text)


def _add(row: _Row, before: _Row, into: _Columns) -> None:
    labels, place, value, count = row
    names, sizes, places, values, counts = into
    if not names or labels != names[-1]:
        names.append(labels)
        sizes.append(0)
        before = ("", 0, 0, 0)
    sizes[-1] += 1
    places.append(place - before[1])
    values.append(value - before[2] if place == before[1] else value)
    counts.append(count)


def _columns(text: str) -> _Columns:
    """The columns in a text, with places and values themselves instead of differences.

    Raises:
        ValueError: it is damaged.
    """
    names, sizes, places, values, counts = _decode(inflated(text, has_checksum=True))
    if len(names) != len(sizes) or not sum(sizes) == len(places) == len(values) == len(counts) or min(sizes) < 1:
        raise ValueError("the compressed counts do not match each other")
    if any(places):
        _add_differences(sizes, places, values)
    elif len(names) < len(values):
        for start, end in pairwise(accumulate(sizes, initial=0)):
            values[start:end] = accumulate(values[start:end])
    return names, sizes, places, values, counts


def _add_differences(sizes: list[int], places: list[int], values: list[int]) -> None:
    """Put places and values themselves where their differences are."""
    for start, end in pairwise(accumulate(sizes, initial=0)):
        place = value = 0
        for row in range(start, end):
            step = places[row]
            value = values[row] if step else value + values[row]
            place += step
            places[row], values[row] = place, value


def decompressed(text: str, grain: Grain) -> dict[str, str]:
    """The counts of a text, by name as they are stored.

    Raises:
        ValueError: it is damaged.
    """
    names, sizes, places, values, counts = _columns(text)
    has_places = BLOCK[grain] > 1
    labels = chain.from_iterable(map(repeat, (f"{each}|" if each else "" for each in names), sizes))
    return {
        f"{f'{place}|' if has_places else ''}{label}{value}": str(count)
        for label, place, value, count in zip(labels, places, values, counts, strict=True)
    }


def stored_counts(counts: Mapping[str, str], grain: Grain, _block: int) -> Mapping[str, str]:
    """The counts of one kind in a block by name, whether they are stored compressed or not.

    Raises:
        ValueError: a compressed text is damaged.
    """
    if FIELD not in counts:
        return counts
    if len(counts) > 1:
        raise ValueError("it has compressed counts and others")
    return decompressed(counts[FIELD], grain)


def loaded_block(counts: Mapping[str, str], grain: Grain, block: int) -> dict[int, PackedCounts]:
    """The counts of one kind in each pane of a block, by slot, however they are stored; panes without any are left out.

    Raises:
        ValueError: a name or a text is damaged.
    """
    if FIELD not in counts:
        return loaded(counts, grain, block)
    if len(counts) > 1:
        raise ValueError("it has compressed counts and others")
    names, sizes, places, values, numbers = _columns(counts[FIELD])
    if not 0 <= min(places) <= max(places) < BLOCK[grain]:
        raise ValueError("a place is not in a block of this grain")
    labels = numbers_of_labels(names)
    if len(labels) < len(values):
        labels = [*chain.from_iterable(map(repeat, labels, sizes))]
    if BLOCK[grain] == 1:
        rows = [0] * (3 * len(values))
        rows[0::3], rows[1::3], rows[2::3] = labels, values, numbers
        return {block: PackedCounts(rows)}
    panes: dict[int, list[int]] = {}
    for label, place, value, count in zip(labels, places, values, numbers, strict=True):
        pane = panes.get(place)
        if pane is None:
            panes[place] = [label, value, count]
        else:
            pane += (label, value, count)
    return {block * BLOCK[grain] + place: PackedCounts(own) for place, own in panes.items()}
