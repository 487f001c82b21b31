"""The statistics of measures, each from whole numbers with one division at the end (semantics section 3)."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from msgspec.structs import replace

from bluelamp.recount.cell import WITHIN_SECONDS, RecountCell, RecountSpread
from bluelamp.recount.question import RecountQuestion, Sql, check, decided, finished, lost_ends, never_ended, open_items
from bluelamp.recount.times import SECOND
from measures.measure import (
    Bands,
    Count,
    Decided,
    External,
    Mean,
    Median,
    OpenCount,
    OpenDue,
    OpenLongest,
    OpenSoonest,
    Selection,
    Share,
    SpanWithin,
)
from measures.outcome import KINDS


def cells(question: RecountQuestion) -> list[RecountCell]:
    """The figures of a question, in the order of their labels.

    Raises:
        QuestionError: the measure does not have one of the dimensions.
    """
    check(question)
    if isinstance(question.measure.statistic, External):
        return []
    found = sorted(_found(question), key=lambda cell: tuple(cell.dimensions.values()))
    if not found and not question.by:
        found = [nothing(question)]
    is_share = isinstance(question.measure.statistic, Share | Decided | SpanWithin)
    return _with_bounds(question, found, is_share=is_share) if is_share or question.measure.unrecorded else found


def _with_bounds(question: RecountQuestion, found: Iterable[RecountCell], *, is_share: bool) -> list[RecountCell]:
    """The figures with their bounds (semantics section 12), from one query for each declaration."""
    counts: dict[str, list[int]] = {}
    for declared in question.measure.unrecorded:
        if declared.is_open:
            _leave_out(counts, question.rows(lost_ends(question, declared.of)))
            continue
        chosen, values = finished(question, (declared.of,))
        lists = [declared.met, declared.missed, declared.left_out]
        anywhere = sorted({value for each in lists for value in each})
        columns = ", ".join(
            "count(*) FILTER (WHERE list_contains(?::BIGINT[], value))" if is_share or place else "count(*)"
            for place in range(4)
        )
        text = f"SELECT key, {columns} FROM ({chosen}) GROUP BY key"  # noqa: S608 - built from checked names
        lists_of_values = [list(each) for each in ([anywhere, *lists] if is_share else lists)]
        for key, *numbers in question.rows((text, [*lists_of_values, *values])):
            counts[key] = [old + new for old, new in zip(counts.get(key, [0] * 4), numbers, strict=True)]
    if isinstance(question.measure.statistic, Decided):
        _leave_out(counts, question.rows(never_ended(question, question.measure.statistic.of)))
    return [_bound(cell, counts.get("/".join(cell.dimensions.values()), [0] * 4), is_share=is_share) for cell in found]


def _leave_out(counts: dict[str, list[int]], rows: Iterable[tuple[Any, ...]]) -> None:
    for (key,) in rows:
        total, met, missed, left_out = counts.get(key, [0] * 4)
        counts[key] = [total + 1, met, missed, left_out + 1]


def _bound(cell: RecountCell, counts: Sequence[int], *, is_share: bool) -> RecountCell:
    unrecorded, as_met, as_missed, left_out = counts
    if not is_share or cell.met is None or cell.n == 0:
        return replace(cell, unrecorded=unrecorded)
    everything = cell.n + left_out
    if_all_missed, if_all_met = cell.met - as_met, cell.met + as_missed + left_out
    return replace(
        cell,
        low=max(if_all_missed, 0) / everything,
        high=min(if_all_met, everything) / everything,
        unrecorded=unrecorded,
    )


def _found(question: RecountQuestion) -> Iterable[RecountCell]:
    found: Iterable[RecountCell] = ()
    match question.measure.statistic:
        case Count(of):
            found = _count(question, of)
        case Share(met, of):
            found = _share(question, met, of)
        case Decided(of):
            found = _decided(question, of)
        case Mean(of) | Median(of) | SpanWithin(of):
            found = _spans(question, of)
        case Bands(of, edges_seconds):
            found = _bands(question, of, edges_seconds)
        case OpenCount() | OpenLongest() as statistic:
            found = _open(question, statistic)
        case OpenDue() | OpenSoonest() as statistic:
            found = _falling_due(question, statistic)
    return found


def nothing(question: RecountQuestion) -> RecountCell:
    """The figure of a question without `by` when there are no outcomes: 0 for a count, None for anything else."""
    statistic = question.measure.statistic
    return RecountCell(
        dimensions={},
        value=0 if isinstance(statistic, Count | OpenCount | OpenDue) else None,
        n=0,
        met=0 if isinstance(statistic, Share | Decided | SpanWithin) else None,
    )


def _count(question: RecountQuestion, of: Selection) -> Iterable[RecountCell]:
    for key, n in _counts(question, (of,)).items():
        yield RecountCell(dimensions=question.words(key), value=n, n=n)


def _share(question: RecountQuestion, met: tuple[Selection, ...], of: tuple[Selection, ...]) -> Iterable[RecountCell]:
    met_counts = _counts(question, met)
    for key, n in _counts(question, of).items():
        yield _share_cell(question, key, met_counts.get(key, 0), n)


def _counts(question: RecountQuestion, selections: tuple[Selection, ...]) -> dict[str, int]:
    chosen, values = finished(question, selections)
    text = f"SELECT key, count(*) FROM ({chosen}) GROUP BY key"  # noqa: S608 - built from checked names
    return dict(question.rows((text, values)))


def _decided(question: RecountQuestion, of: Selection) -> Iterable[RecountCell]:
    chosen, values = decided(question, of)
    text = f"SELECT key, sum(value), count(*) FROM ({chosen}) GROUP BY key"  # noqa: S608 - built from checked names
    for key, met, n in question.rows((text, values)):
        yield _share_cell(question, key, met, n)


def _share_cell(
    question: RecountQuestion, key: str, met: int, n: int, spread: RecountSpread | None = None
) -> RecountCell:
    return RecountCell(dimensions=question.words(key), value=met / n, n=n, met=met, spread=spread)


class _Spans(NamedTuple):
    """The finished spans of one figure, summarised in whole numbers; spans are in units of the kind.

    Attributes:
        key: the labels of the figure.
        n: the number of spans.
        total: the sum of the spans.
        middle_low: the order statistic at or below the middle.
        middle_high: the order statistic at or above the middle.
        ninth_low: the order statistic at or below the 0.9 quantile.
        ninth_high: the order statistic after it, or the last.
        at_most: for each limit, the number of spans that are at most that long.
    """

    key: str
    n: int
    total: int
    middle_low: int
    middle_high: int
    ninth_low: int
    ninth_high: int
    at_most: list[int]

    def spread(self, per_second: int) -> RecountSpread:
        """The statistics, each with one division."""
        rest = (self.n - 1) * 9 % 10
        return RecountSpread(
            mean=self.total / (self.n * per_second),
            median=(self.middle_low + self.middle_high) / (2 * per_second),
            p90=(self.ninth_low * (10 - rest) + self.ninth_high * rest) / (10 * per_second),
            within={seconds: count / self.n for seconds, count in zip(WITHIN_SECONDS, self.at_most, strict=False)},
        )


def _spans(question: RecountQuestion, of: Selection) -> Iterable[RecountCell]:
    per_second = KINDS[of.kind].per_second
    for row in question.rows(_spans_sql(finished(question, (of,)), _limits(question, per_second))):
        spans = _Spans(*row)
        spread = spans.spread(per_second)
        match question.measure.statistic:
            case SpanWithin():
                yield _share_cell(question, spans.key, spans.at_most[-1], spans.n, spread)
            case Mean():
                yield RecountCell(dimensions=question.words(spans.key), value=spread.mean, n=spans.n, spread=spread)
            case _:
                yield RecountCell(dimensions=question.words(spans.key), value=spread.median, n=spans.n, spread=spread)


def _limits(question: RecountQuestion, per_second: int) -> list[int]:
    """The limits in units: those of every spread, then the measure's own."""
    limits = [seconds * per_second for seconds in WITHIN_SECONDS]
    match question.measure.statistic:
        case SpanWithin(_, seconds, is_inclusive):
            # Spans are whole numbers, so "under a limit" means "at most one unit less".
            return [*limits, seconds * per_second - (0 if is_inclusive else 1)]
        case _:
            return limits


def _spans_sql(chosen: Sql, limits: list[int]) -> Sql:
    text, values = chosen
    at_most = ", ".join(f"count(*) FILTER (WHERE value <= {limit})" for limit in limits)
    return (
        f"""
        WITH
        ranked AS (
            SELECT
                key,
                value,
                row_number() OVER (PARTITION BY key ORDER BY value) - 1 AS place,
                count(*) OVER (PARTITION BY key) AS n
            FROM ({text})
        )
        SELECT
            key,
            n,
            sum(value),
            any_value(value) FILTER (WHERE place = (n - 1) // 2),
            any_value(value) FILTER (WHERE place = n // 2),
            any_value(value) FILTER (WHERE place = (n - 1) * 9 // 10),
            any_value(value) FILTER (WHERE place = least((n - 1) * 9 // 10 + 1, n - 1)),
            [{at_most}]
        FROM ranked
        GROUP BY key, n
        """,  # noqa: S608 - built from checked names and whole numbers
        values,
    )


def _bands(question: RecountQuestion, of: Selection, edges_seconds: tuple[int, ...]) -> Iterable[RecountCell]:
    per_second = KINDS[of.kind].per_second
    text, values = finished(question, (of,))
    # A span's band is the number of edges at or below it. A span below every edge is in no band, but counts in the total.
    edges_passed = " + ".join(f"(value >= {edge * per_second})::INTEGER" for edge in edges_seconds)
    banded = f"""
        WITH
        counted AS (
            SELECT key, {edges_passed} AS band, count(*) AS spans FROM ({text}) GROUP BY ALL
        )
        SELECT key, map(list(band), list(spans)), sum(spans) FROM counted GROUP BY key
        """  # noqa: S608 - built from checked names and whole numbers
    for key, spans_by_band, n in question.rows((banded, values)):
        for band, name in enumerate(_band_names(edges_seconds), start=1):
            spans = spans_by_band.get(band, 0)
            yield RecountCell(dimensions={**question.words(key), "band": name}, value=spans, n=int(n), met=spans)


def _band_names(edges_seconds: tuple[int, ...]) -> list[str]:
    lower = [f"{edge:05}" for edge in edges_seconds]
    return [f"{low}-{high}" for low, high in zip(lower, [*lower[1:], ""], strict=True)]


def _open(question: RecountQuestion, statistic: OpenCount | OpenLongest) -> Iterable[RecountCell]:
    chosen, values = open_items(question, statistic.of)
    # An item that opens after the time of the question has a negative age and is left out.
    at_least_seconds = statistic.at_least_seconds if isinstance(statistic, OpenCount) else 0
    text = f"""
        SELECT key, count(*), max(age_microseconds)
        FROM ({chosen})
        WHERE age_microseconds >= {at_least_seconds * SECOND}
        GROUP BY key
        """  # noqa: S608 - built from checked names and whole numbers
    for key, n, longest in question.rows((text, values)):
        value: Any = n if isinstance(statistic, OpenCount) else longest / SECOND
        yield RecountCell(dimensions=question.words(key), value=value, n=n)


def _falling_due(question: RecountQuestion, statistic: OpenDue | OpenSoonest) -> Iterable[RecountCell]:
    chosen, values = open_items(question, statistic.of)
    if statistic.until_due:
        others, more = open_items(question, statistic.until_due)
        chosen = f"{chosen} UNION ALL SELECT * FROM ({others}) WHERE left_microseconds >= 0"  # noqa: S608 - built from checked names
        values = [*values, *more]
    # An item without a due time never falls due: comparing it with NULL leaves it out.
    is_wanted = f"left_microseconds < {statistic.under_seconds * SECOND}" if isinstance(statistic, OpenDue) else "true"
    text = f"""
        SELECT key, count(*), min(left_microseconds)
        FROM ({chosen})
        WHERE left_microseconds IS NOT NULL AND {is_wanted}
        GROUP BY key
        """  # noqa: S608 - built from checked names and whole numbers
    for key, n, soonest in question.rows((text, values)):
        value: Any = n if isinstance(statistic, OpenDue) else soonest / SECOND
        yield RecountCell(dimensions=question.words(key), value=value, n=n)
