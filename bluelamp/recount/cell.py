"""The results of the recount: figures with their labels, and the outcomes and open items behind them."""

from msgspec import Struct

WITHIN_SECONDS = (10, 60, 120, 780, 900, 1200, 7200, 86_400)
"""The limits for which every spread gives the share of spans that are at most that long."""


class RecountSpread(Struct, frozen=True, kw_only=True):
    """The distribution of finished spans.

    Attributes:
        mean: the mean in seconds.
        median: the median in seconds.
        p90: the 0.9 quantile in seconds.
        within: for each of `WITHIN_SECONDS`, the share (0 to 1) of spans that are at most that long.
    """

    mean: float
    median: float
    p90: float
    within: dict[int, float]


class RecountCell(Struct, frozen=True, kw_only=True):
    """A figure.

    Attributes:
        dimensions: the label of each dimension, in the order of the question; bands have `band` last.
        value: in the measure's unit (count, seconds, or 0 to 1); None where there are no outcomes.
        n: the number of outcomes.
        met: for a share, the number of outcomes that count towards it; for bands, the same as the value; otherwise None.
        spread: for means, medians and shares of spans, their distribution; otherwise None.
        low: for a share, its value if all that is not recorded or in doubt had been missed (semantics section 12); otherwise None.
        high: the same if all had been met.
        unrecorded: for a share, a mean or a median, how many outcomes are not recorded or in doubt; otherwise None.
    """

    dimensions: dict[str, str]
    value: float | int | None
    n: int
    met: int | None = None
    spread: RecountSpread | None = None
    low: float | None = None
    high: float | None = None
    unrecorded: int | None = None


class Finished(Struct, frozen=True, kw_only=True):
    """An outcome that the recount derived.

    Attributes:
        kind: a key of `measures.outcome.KINDS`.
        force: the force.
        decided: when it was decided, in microseconds since 1970 in UTC.
        began: when its subject began, in microseconds since 1970 in UTC.
        dimensions: the labels of the kind's dimensions, in order.
        value: tenths of a second for spans of contacts; seconds for other spans; 1 or 0 for met or missed; otherwise 0.
    """

    kind: str
    force: str
    decided: int
    began: int
    dimensions: tuple[str, ...]
    value: int


class RecountOpenItem(Struct, frozen=True, kw_only=True):
    """An open item that the recount derived.

    Attributes:
        kind: a key of `measures.outcome.KINDS`.
        force: the force.
        since: the time since which it is open, in microseconds since 1970 in UTC.
        began: when its subject began, in microseconds since 1970 in UTC.
        due: the first time at which it can no longer meet its target, in microseconds; None without a target.
        dimensions: the labels of the kind's dimensions, in order.
        unrecorded_from: when its end begins to count as unrecorded, in microseconds; None if it never does.
    """

    kind: str
    force: str
    since: int
    began: int
    due: int | None
    dimensions: tuple[str, ...]
    unrecorded_from: int | None = None
