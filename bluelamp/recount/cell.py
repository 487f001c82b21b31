"""What the recount answers: cells of words and figures, and the single outcomes they were taken from."""

from msgspec import Struct

WITHIN_SECONDS = (10, 60, 120, 780, 900, 1200, 7200, 86_400)
"""The spans of which every spread says how many were at most so long."""


class RecountSpread(Struct, frozen=True, kw_only=True):
    """How finished spans are spread.

    Attributes:
        mean: in seconds.
        median: in seconds.
        p90: the quantile 0.9, in seconds.
        within: seconds to the share (0 to 1) of spans at most so long, for each of `WITHIN_SECONDS`.
    """

    mean: float
    median: float
    p90: float
    within: dict[int, float]


class RecountCell(Struct, frozen=True, kw_only=True):
    """One figure of an answer.

    Attributes:
        dimensions: dimension to word, in the order they were asked by; bands have `band` as the last.
        value: in the measure's unit (count, seconds, or 0 to 1); None when there was nothing to take it from.
        n: how many outcomes it was taken from.
        met: of a share, how many of them were so; of bands the same as the value; else None.
        spread: of means, medians and shares of spans; else None, and None when there were no spans.
    """

    dimensions: dict[str, str]
    value: float | int | None
    n: int
    met: int | None = None
    spread: RecountSpread | None = None


class Finished(Struct, frozen=True, kw_only=True):
    """One outcome, as the recount derived it.

    Attributes:
        kind: a key of `measures.outcome.KINDS`.
        force: whose it is.
        decided: when it was decided, in microseconds since 1970 in UTC.
        began: when its subject began, likewise.
        dimensions: the words of the kind's dimensions, in their order.
        value: tenths of a second for spans of contacts, seconds for other spans, 1 or 0 for what is met or missed, else 0.
    """

    kind: str
    force: str
    decided: int
    began: int
    dimensions: tuple[str, ...]
    value: int


class RecountOpenItem(Struct, frozen=True, kw_only=True):
    """One matter that stands open, as the recount derived it.

    Attributes:
        kind: a key of `measures.outcome.KINDS`.
        force: whose it is.
        since: since when, in microseconds since 1970 in UTC.
        began: when its subject began, likewise.
        due: the first instant at which it can no longer meet its target, likewise; None where it has none.
        dimensions: the words of the kind's dimensions, in their order.
    """

    kind: str
    force: str
    since: int
    began: int
    due: int | None
    dimensions: tuple[str, ...]
