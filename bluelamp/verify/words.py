"""The words that comparisons share: dimensions, open items, numbers to the last digit, and what was not compared."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Protocol

from measures.display import number
from measures.outcome import KINDS, instant

STATE_EMPTY = "Nothing was compared: the state has not applied any record of the log yet."


class _Open(Protocol):
    """An open item, of the state or of the recount."""

    @property
    def since(self) -> int: ...

    @property
    def due(self) -> int | None: ...

    @property
    def unrecorded_from(self) -> int | None: ...


def totals(compared: int, noun: str, differing: int) -> str:
    """A sentence such as: 7 figures compared, 1 differs."""
    return f"{number(compared, noun)} compared, {differing:,} {'differs' if differing == 1 else 'differ'}."


def dimension_words(words: Mapping[str, str]) -> str:
    """Such as `grade=1 area=moorlands`; empty for the whole."""
    return " ".join(f"{name}={word}" for name, word in words.items())


def named(kind: str, words: Iterable[str]) -> dict[str, str]:
    """Labels by the dimensions of a kind; by position for a kind that this program does not know."""
    names = KINDS[kind].dimensions if kind in KINDS else ()
    return {names[at] if at < len(names) else str(at + 1): word for at, word in enumerate(words)}


def open_words(item: _Open) -> str:
    """The time since which an item is open, when it falls due, and from when its end counts as unrecorded."""
    due = f", due {instant(item.due).isoformat()}" if item.due is not None else ""
    unrecorded = f", unrecorded from {instant(item.unrecorded_from).isoformat()}" if item.unrecorded_from else ""
    return f"open since {instant(item.since).isoformat()}{due}{unrecorded}"


def exact(numbers: Any) -> str:
    """A figure to the last digit, with its spread and bounds. Differences may be too small to see once rounded.

    Args:
        numbers: as `bluelamp.verify.compare.numbers` returns them; None where there is no figure.
    """
    if numbers is None:
        return "nothing"
    value, n, met, spread, low, high, unrecorded = numbers
    parts = ["n not known" if n is None else f"n {n:,}", *([f"met {met:,}"] if met is not None else [])]
    parts += [f"mean {spread[0]!r}, median {spread[1]!r}, 90th percentile {spread[2]!r}"] if spread else []
    parts += [f"between {low!r} and {high!r}"] if low is not None else []
    parts += [f"{unrecorded:,} unrecorded"] if unrecorded else []
    return f"{value!r} ({', '.join(parts)})"


def not_compared(behind: int, left_out: dict[str, int]) -> Iterator[str]:
    """What a comparison left out; nothing when it covered everything.

    Args:
        behind: the number of log records that are not yet in the state.
        left_out: the number of quarantined facts, by reason.
    """
    if behind:
        yield f"Not compared: {number(behind, 'log record')} not yet in the state."
    if left_out:
        reasons = ", ".join(f"{reason} {count:,}" for reason, count in sorted(left_out.items()))
        yield f"Not compared: {number(sum(left_out.values()), 'quarantined fact')}, not counted in any figure ({reasons})."
