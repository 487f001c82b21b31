"""Tests coverage: from the first event of the last feed to begin, to the earliest `complete_to` of the feeds."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as some

from measures.coverage import Coverage, CoverageLevel, Span, coverage_of
from measures.outcome import SECOND
from measures.pane import HOUR, MINUTE
from measures.window import dated_spans, resolve
from tests.support.forces import shipped

DAY = 24 * HOUR
JULY, AUGUST = 0, 31 * DAY
MONTH = [Span(JULY, AUGUST)]
FORCE = shipped("staffordshire")


class Feed(NamedTuple):
    """How far a feed has reported."""

    first_event_at: int | None
    complete_to: int | None
    complete_from: int | None = None


@pytest.mark.parametrize(
    ("feeds", "expected"),
    [
        ([Feed(3, 10)], Coverage(3, 10)),
        ([Feed(3, 10), Feed(5, 8)], Coverage(5, 8)),
        ([Feed(3, 10), Feed(None, 8)], Coverage(None, 8)),
        ([Feed(3, None), Feed(5, 8)], Coverage(5, None)),
        ([Feed(0, 0)], Coverage(0, 0)),
        ([Feed(1, 10, complete_from=6)], Coverage(6, 10)),  # older history is still arriving
        ([Feed(7, 10, complete_from=6)], Coverage(7, 10)),
        ([Feed(1, 10, complete_from=4), Feed(5, 8)], Coverage(5, 8)),
        ([Feed(1, 10, complete_from=6), Feed(5, 8)], Coverage(6, 8)),
        ([Feed(None, 10, complete_from=6)], Coverage(None, 10)),
        ([], Coverage(None, None)),
    ],
)
def test_coverage_is_from_the_latest_beginning_to_the_earliest_end(feeds: Sequence[Feed], expected: Coverage) -> None:
    assert coverage_of(feeds) == expected


@pytest.mark.parametrize(
    ("begins", "complete_to", "expected"),
    [
        (JULY, AUGUST, "whole"),
        (JULY - 400 * DAY, AUGUST + DAY, "whole"),
        (JULY + HOUR, AUGUST, "whole"),  # a quiet first hour
        (JULY + HOUR + 1, AUGUST, "part"),
        (JULY + 29 * DAY, AUGUST + DAY, "part"),
        (AUGUST - 1, AUGUST + DAY, "part"),
        (AUGUST, AUGUST + DAY, "none"),
        (AUGUST + DAY, AUGUST + 2 * DAY, "none"),
        (JULY, AUGUST - 1, "part"),  # a month in progress, or not complete
        (JULY, JULY + 1, "part"),
        (JULY - DAY, JULY, "none"),
        (JULY, None, "part"),
        (None, AUGUST, "none"),
        (None, None, "none"),
        (JULY + 9 * DAY, JULY + 3 * DAY, "none"),  # one feed ended before the other began
    ],
)
def test_how_much_of_a_month_is_covered(begins: int | None, complete_to: int | None, expected: CoverageLevel) -> None:
    assert Coverage(begins, complete_to).level(MONTH) == expected


def test_a_window_in_progress_need_not_be_covered_to_its_end() -> None:
    covered = Coverage(JULY, AUGUST - SECOND)
    assert (covered.level(MONTH), covered.level(MONTH, to_the_end=False)) == ("part", "whole")


@pytest.mark.parametrize(("late", "expected"), [(6 * MINUTE, False), (6 * MINUTE + 1, True)])
def test_a_tenth_of_an_hour_may_be_quiet(late: int, expected: bool) -> None:
    assert Coverage(late, DAY).begins_late(Span(0, HOUR)) is expected


def test_an_hour_used_for_a_band_must_be_covered_completely() -> None:
    assert Coverage(0, HOUR).holds(Span(0, HOUR))
    assert not Coverage(1, HOUR).holds(Span(0, HOUR))
    assert not Coverage(0, HOUR - 1).holds(Span(0, HOUR))
    assert not Coverage(None, HOUR).holds(Span(0, HOUR))
    assert not Coverage(0, None).holds(Span(0, HOUR))


def test_every_stretch_counts() -> None:
    covered = Coverage(10 * DAY, 20 * DAY)
    assert covered.level([Span(11 * DAY, 12 * DAY), Span(13 * DAY, 14 * DAY)]) == "whole"
    assert covered.level([Span(1 * DAY, 2 * DAY), Span(13 * DAY, 14 * DAY)]) == "part"
    assert covered.level([Span(1 * DAY, 2 * DAY), Span(21 * DAY, 22 * DAY)]) == "none"
    assert covered.level([]) == "none"


@given(
    some.integers(0, 40), some.integers(0, 40), some.lists(some.integers(0, 40), min_size=3, max_size=6, unique=True)
)
def test_a_period_is_whole_or_none_exactly_if_all_its_parts_are(
    begins: int, complete_to: int, edges: list[int]
) -> None:
    """The level of a period agrees with the levels of its parts."""
    covered = Coverage(begins * DAY, complete_to * DAY)
    spans = [Span(one * DAY, other * DAY) for one, other in pairwise(sorted(edges))]
    whole, parts = covered.level([Span(spans[0].start, spans[-1].end)]), {covered.level([span]) for span in spans}
    assert (whole == "whole") == (parts == {"whole"})
    assert (whole == "none") == (parts == {"none"})


# The stretches of a window that days and months limit it to.


def days(*spans: tuple[str, str]) -> list[Span]:
    zone = FORCE.zone()
    edges = [[datetime.fromisoformat(day).replace(tzinfo=zone) for day in span] for span in spans]
    return [Span(*(round(edge.timestamp()) * SECOND for edge in each)) for each in edges]


WINDOW = resolve("2024-12-15/2025-04-10", datetime(2025, 6, 1, tzinfo=UTC), FORCE)
"""It includes the day on which summer time begins."""


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ([{}], [("2024-12-15", "2025-04-10")]),
        ([{"grade": ("1",)}], [("2024-12-15", "2025-04-10")]),
        ([{"month": ("2025-03",)}], [("2025-03-01", "2025-04-01")]),
        ([{"month": ("2024-12",)}], [("2024-12-15", "2025-01-01")]),
        ([{"month": ("2025-04", "2025-01")}], [("2025-01-01", "2025-02-01"), ("2025-04-01", "2025-04-10")]),
        ([{"day": ("2025-03-30",)}], [("2025-03-30", "2025-03-31")]),
        ([{"day": ("2025-03-30",)}, {"month": ("2025-03",)}], [("2025-03-30", "2025-03-31")]),
        ([{"day": ("2025-03-30",)}, {"month": ("2025-02",)}], []),
        ([{"month": ("2024-11",)}], []),
        ([{"month": ("soon", "2025-13", "9999-12", "0001-01", "2025-1")}], []),
        ([{"day": ("20250330", "2025-02-30")}], []),
    ],
)
def test_days_and_months_limit_a_window(
    limits: list[dict[str, tuple[str, ...]]], expected: list[tuple[str, str]]
) -> None:
    assert dated_spans(WINDOW, limits, FORCE) == days(*expected)


def test_the_months_of_a_window_cover_all_of_it() -> None:
    first, last = date(2024, 12, 1), date(2025, 4, 1)
    months = {f"{first + timedelta(days=day):%Y-%m}" for day in range((last - first).days + 1)}
    spans = dated_spans(WINDOW, [{"month": months}], FORCE)
    assert len(spans) == 5
    assert all(one.end == other.start for one, other in pairwise(spans))
    assert [Span(spans[0].start, spans[-1].end)] == dated_spans(WINDOW, [], FORCE)
