"""Panes: the smallest slices of time that are kept, as exact histograms to which counts are added and subtracted."""

from collections.abc import Iterable
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
Pane = dict[str, dict[Dimensions, Histogram]]
"""Each kind to its labels to their histogram."""
Slot = tuple[Grain, int]
"""A grain with its number: minutes or hours since 1970 in UTC; for days the ordinal of the force's local day."""
Field = tuple[str, Dimensions, int]
"""One count of a pane: kind, dimensions, value."""
Deltas = dict[Slot, dict[Field, int]]
"""What a change adds to each count of each pane; never 0."""


def slots(outcome: Outcome, rules: Rules) -> tuple[Slot, Slot, Slot]:
    """The slots in which an outcome is counted: minute and hour of its decision, and the local day its subject began."""
    return (
        ("minute", outcome.at // MINUTE),
        ("hour", outcome.at // HOUR),
        ("day", rules.local_day(outcome.began)),
    )


def difference(before: Iterable[Outcome], after: Iterable[Outcome], rules: Rules, into: Deltas) -> None:
    """Add `after - before` to the deltas. Figures never change in any other way."""
    changes: dict[Outcome, int] = {}
    for sign, outcomes in ((-1, before), (1, after)):
        for outcome in outcomes:
            changes[outcome] = changes.get(outcome, 0) + sign
    for outcome, change in changes.items():
        if change:
            _spread(outcome, change, rules, into)


def _spread(outcome: Outcome, change: int, rules: Rules, into: Deltas) -> None:
    field = (outcome.kind, outcome.dimensions, outcome.value)
    for slot in slots(outcome, rules):
        counts = into.setdefault(slot, {})
        count = counts.get(field, 0) + change
        if count:
            counts[field] = count
        else:
            del counts[field]


def apply(pane: Pane, counts: dict[Field, int]) -> None:
    """Add counts to a pane in place; counts of 0 are removed."""
    for (kind, dimensions, value), change in counts.items():
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
