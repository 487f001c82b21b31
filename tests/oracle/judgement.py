"""When an alert must be active, given when its figure is bad and when it is good: the rules of docs/use/alerts.md."""

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from tests.oracle.knowledge import FOREVER, SECOND
from tests.oracle.time_series import Times, TimeSeries, Values, together

GOOD, BAD = 0.0, 1.0


class Stretch(NamedTuple):
    """From a start up to, but without, an end; in microseconds since 1970."""

    start: int
    end: int


def remembered(judged: TimeSeries, *, is_held: bool) -> TimeSeries:
    """Fill times that are neither bad nor good with the last state; with good at first, and where no state is kept."""
    is_known = ~np.isnan(judged.values)
    values = np.where(is_known, judged.values, GOOD)
    if is_held:
        last_known = np.maximum.accumulate(np.where(is_known, np.arange(len(values)), -1))
        values = np.where(last_known >= 0, values[last_known], GOOD)
    return TimeSeries(judged.times, values)


def bad_stretches(condition: TimeSeries, start: int, end: int) -> list[Stretch]:
    """The stretches between two times in which a condition is bad."""
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
    """The stretches in which an alert is active: raised once bad for `for_seconds`, resolved once good for `keep_seconds`.

    Args:
        bad: the stretches in which it is bad, separate and up to `end`.
        for_seconds: how long it must have been bad.
        keep_seconds: how long it must have been good.
        end: the end of what is known.
        look: the first evaluation at or after a time.
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


def sampled(judged: TimeSeries, times: Times) -> TimeSeries:
    """What an engine sees that evaluates at these times only, and knows nothing from before the first."""
    return TimeSeries(np.concatenate([judged.times[:1], times]), np.concatenate([[np.nan], judged.at(times)]))


def since(judged: TimeSeries, start: int) -> TimeSeries:
    """What an engine could see from this time on."""
    later = judged.times > start
    times = np.concatenate([judged.times[:1], [start], judged.times[later]])
    return TimeSeries(times, np.concatenate([[np.nan], judged.at(times[1:])]))


def brief(judged: TimeSeries, seconds: int) -> Times:
    """When something began that lasted less than this many seconds: an engine that evaluates no more often may miss it."""
    before, after = judged.values[:-1], judged.values[1:]
    is_same = (before == after) | (np.isnan(before) & np.isnan(after))
    times: Times = judged.times[np.append(True, ~is_same)]
    found: Times = times[:-1][np.diff(times) < seconds * SECOND]
    return found


def beyond(
    value: TimeSeries, limit: TimeSeries, clear: TimeSeries, n: TimeSeries, minimum_n: int, *, is_below: bool
) -> TimeSeries:
    """Bad beyond the limit, good from `clear` on; NaN between the two, with fewer than `minimum_n`, or with no data."""

    def judge(figure: Values, bad_from: Values, good_from: Values, count: Values) -> Values:
        is_bad = figure < bad_from if is_below else figure > bad_from
        is_good = figure >= good_from if is_below else figure <= good_from
        judged = np.where(is_bad, BAD, np.where(is_good, GOOD, np.nan))
        return np.where(count >= minimum_n, judged, np.nan)

    return together(judge, value, limit, clear, n)
