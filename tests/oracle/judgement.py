"""When an alert must stand, from when its figure is bad and when it is good: the words of docs/use/alerts.md."""

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from tests.oracle.course import Course, Instants, Values, together
from tests.oracle.knowledge import FOREVER, SECOND

GOOD, BAD = 0.0, 1.0


class Stretch(NamedTuple):
    """From an instant up to, and without, another; in microseconds since 1970."""

    start: int
    end: int


def remembered(judged: Course, *, is_held: bool) -> Course:
    """With what is neither bad nor good as it was before; at first, and where nothing is held, it is good."""
    values = judged.values.copy()
    for place in range(len(values)):
        if np.isnan(values[place]):
            values[place] = values[place - 1] if is_held and place else GOOD
    return Course(judged.times, values)


def bad_stretches(condition: Course, start: int, end: int) -> list[Stretch]:
    """The stretches in which a condition is bad, of those between two instants."""
    within = (condition.times > start) & (condition.times < end)
    times = np.concatenate([[start], condition.times[within], [end]])
    is_bad = condition.at(times) == BAD
    is_bad[-1] = False
    edges = times[np.concatenate([[is_bad[0]], is_bad[1:] != is_bad[:-1]])]
    ends = edges.tolist()
    return [Stretch(first, last) for first, last in zip(ends[::2], ends[1::2], strict=True)]


def alerts(
    bad: list[Stretch], for_seconds: int, keep_seconds: int, end: int, look: Callable[[int], int] = lambda at: at
) -> Iterator[Stretch]:
    """The stretches in which an alert stands: after bad for so long, until good for so long.

    Args:
        bad: when it is bad, apart from each other, up to `end`.
        for_seconds: how long it must have been bad.
        keep_seconds: how long it must have been good.
        end: beyond which nothing is known.
        look: the first instant from one on at which anybody looks.
    """
    raised: int | None = None
    for each, after in pairwise([*bad, Stretch(FOREVER, FOREVER)]):
        if raised is None and look(each.start + for_seconds * SECOND) < each.end:
            raised = look(each.start + for_seconds * SECOND)
        if raised is not None and each.end >= end:
            yield Stretch(raised, end)
            return
        over = look(each.end + keep_seconds * SECOND)
        if raised is not None and over < min(after.start, end):
            yield Stretch(raised, over)
            raised = None
    if raised is not None:
        yield Stretch(raised, end)


def sampled(judged: Course, instants: Instants) -> Course:
    """What somebody sees who looks at these instants only, and nothing before the first."""
    return Course(np.concatenate([judged.times[:1], instants]), np.concatenate([[np.nan], judged.at(instants)]))


def since(judged: Course, start: int) -> Course:
    """What is there to be seen from an instant on."""
    later = judged.times > start
    times = np.concatenate([judged.times[:1], [start], judged.times[later]])
    return Course(times, np.concatenate([[np.nan], judged.at(times[1:])]))


def brief(judged: Course, seconds: int) -> Instants:
    """When something began that lasted for less than so long: who looks no more often may not have seen it."""
    before, after = judged.values[:-1], judged.values[1:]
    is_same = (before == after) | (np.isnan(before) & np.isnan(after))
    times: Instants = judged.times[np.append(True, ~is_same)]
    found: Instants = times[:-1][np.diff(times) < seconds * SECOND]
    return found


def beyond(value: Course, limit: Course, clear: Course, n: Course, minimum_n: int, *, is_below: bool) -> Course:
    """Bad beyond the limit, good from `clear` on; not a number between the two, with fewer than so many, or with no data."""

    def judge(figure: Values, bad_from: Values, good_from: Values, count: Values) -> Values:
        is_bad = figure < bad_from if is_below else figure > bad_from
        is_good = figure >= good_from if is_below else figure <= good_from
        judged = np.where(is_bad, BAD, np.where(is_good, GOOD, np.nan))
        return np.where(count >= minimum_n, judged, np.nan)

    return together(judge, value, limit, clear, n)
