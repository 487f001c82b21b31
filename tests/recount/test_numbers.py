"""Section 3 of the semantics: rounding, means, quantiles, targets, and when an outcome is decided."""

import pytest

from bluelamp.recount.cell import RecountCell, RecountSpread
from facts.union import AnyFact
from measures.catalogue import find
from measures.measure import Decided, Mean, Measure, Median, Selection, SpanWithin
from tests.recount.outcomes import outcomes_of, recount_of
from tests.support.facts import abandoned, answered, arrived, at, dispatched, offered, opened


def the_cell(measure: Measure, *facts: AnyFact, as_of: str = "23:00") -> RecountCell:
    """The only figure of a measure on the day of these tests."""
    with recount_of(*facts) as recount:
        (cell,) = recount.answer(measure, "strict", "today", at(as_of))
        return cell


def of_spans(statistic: Mean | Median | SpanWithin | Decided) -> Measure:
    """A measure with a statistic, as the catalogue declares them."""
    return Measure(name="m", title="m", question="m", population="m", statistic=statistic, unit="seconds")


def waits(*seconds: float) -> list[AnyFact]:
    """A contact answered after each wait."""
    return [
        fact
        for number, wait in enumerate(seconds)
        for fact in (
            offered("09:00", subject_id=f"c{number}"),
            answered(f"09:{int(wait) // 60:02}:{wait % 60:09.6f}", subject_id=f"c{number}"),
        )
    ]


# --- rounding -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("end", "tenths"),
    [
        ("09:00:00", 0),
        ("09:00:00.049999", 0),
        ("09:00:00.05", 1),
        ("09:00:09.949999", 99),
        ("09:00:09.95", 100),
        ("09:00:10.049999", 100),
    ],
)
def test_spans_of_contacts_are_rounded_half_up_to_tenths(end: str, tenths: int) -> None:
    assert outcomes_of(offered("09:00"), answered(end)).counts("leg_answered") == [
        (end if "." in end else "09:00:00", tenths)
    ]


@pytest.mark.parametrize(
    ("end", "seconds"), [("09:14:59.499999", 899), ("09:14:59.5", 900), ("09:15:00.499999", 900), ("09:15:00.5", 901)]
)
def test_other_spans_are_rounded_half_up_to_seconds(end: str, seconds: int) -> None:
    read = outcomes_of(opened("09:00"), dispatched("09:00"), arrived(end))
    assert read.counts("opened_to_arrived") == [(end, seconds)]


def test_a_span_is_the_rounded_difference_of_exact_times() -> None:
    """From 0.04 s to 0.14 s is 0.1 s, although the rounded ends differ by another tenth."""
    assert outcomes_of(offered("09:00:00.04"), answered("09:00:00.14")).counts("leg_answered") == [("09:00:00.14", 1)]


# --- statistics -----------------------------------------------------------------------------------------------------


def test_the_mean_is_the_exact_sum_divided_once() -> None:
    """0.1 + 0.2 + 0.2 s is 5 tenths over 3 spans: 5/30."""
    cell = the_cell(of_spans(Mean(Selection("leg_answered"))), *waits(0.1, 0.2, 0.2))
    assert (cell.value, cell.n, cell.met) == (5 / 30, 3, None)


def test_the_median_of_an_odd_number_is_the_middle_one() -> None:
    cell = the_cell(of_spans(Median(Selection("leg_answered"))), *waits(30, 1, 2))
    assert (cell.value, cell.n) == (2.0, 3)


def test_the_median_of_an_even_number_is_halfway_between_the_middle_two() -> None:
    cell = the_cell(of_spans(Median(Selection("leg_answered"))), *waits(30, 1, 2, 2.5))
    assert cell.value == (20 + 25) / 20


def test_a_quantile_is_linear_between_order_statistics() -> None:
    """With four values, 0.9 is position 2.7: 0.3 * 30 + 0.7 * 40 = 37."""
    cell = the_cell(of_spans(Median(Selection("leg_answered"))), *waits(20, 40, 10, 30))
    assert cell.spread is not None
    assert (cell.spread.median, cell.spread.p90, cell.spread.mean) == (25.0, 37.0, 25.0)


def test_the_quantiles_of_one_span_are_that_span() -> None:
    cell = the_cell(of_spans(Median(Selection("leg_answered"))), *waits(7))
    assert cell.spread is not None
    assert (cell.value, cell.spread.p90) == (7.0, 7.0)


def test_the_quantile_of_eleven_is_one_of_them() -> None:
    """With eleven values, 0.9 is position 9, the tenth value."""
    cell = the_cell(of_spans(Median(Selection("leg_answered"))), *waits(*range(1, 12)))
    assert cell.spread is not None
    assert cell.spread.p90 == 10.0


def test_a_spread_has_the_share_within_each_limit() -> None:
    cell = the_cell(of_spans(Mean(Selection("leg_answered"))), *waits(10, 10.04, 10.05, 60, 120, 1199))
    # 10.04 s is 10.0 s when rounded, 10.05 s is 10.1.
    assert cell.spread == RecountSpread(
        mean=(100 + 100 + 101 + 600 + 1200 + 11990) / 60,
        median=(101 + 600) / 20,
        p90=(1200 * 5 + 11990 * 5) / 100,
        within={10: 2 / 6, 60: 4 / 6, 120: 5 / 6, 780: 5 / 6, 900: 5 / 6, 1200: 1.0, 7200: 1.0, 86400: 1.0},
    )


@pytest.mark.parametrize(("is_inclusive", "met"), [(True, 2), (False, 1)])
def test_within_is_at_most_and_under_is_less(is_inclusive: bool, met: int) -> None:
    """9.949999 s rounds to 9.9 s; 9.95 s to 10.0 s, which is within 10 but not under 10; 10.05 s is neither."""
    measure = of_spans(SpanWithin(Selection("leg_answered"), 10, is_inclusive=is_inclusive))
    cell = the_cell(measure, *waits(9.949999, 9.95, 10.05))
    assert (cell.value, cell.n, cell.met) == (met / 3, 3, met)
    assert cell.spread is not None


def test_seconds_are_divided_as_seconds() -> None:
    facts = [
        opened("09:00"),
        arrived("09:01:00"),
        opened("09:00", subject_id="s2"),
        arrived("09:00:01", subject_id="s2"),
    ]
    cell = the_cell(of_spans(Mean(Selection("opened_to_arrived"))), *facts)
    assert (cell.value, cell.n) == (61 / 2, 2)


# --- contradictions -------------------------------------------------------------------------------------------------


def test_a_span_that_ends_before_it_starts_is_a_contradiction_and_in_no_other_figure() -> None:
    read = outcomes_of(offered("09:00:00.000001"), answered("09:00:00"))
    assert read.finished["contact_contradiction"][0].dimensions == ("leg_answered_ends_before_it_starts",)
    assert read.kinds() == {"contact_offered", "leg_offered", "contact_contradiction"}


def test_a_span_of_zero_is_not_a_contradiction() -> None:
    assert outcomes_of(offered("09:00"), answered("09:00")).counts("leg_answered") == [("09:00:00", 0)]


# --- what is decided, and when ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("end", "decided"),
    [
        # Under 10 seconds: due at 9.95 s, when the rounded span would be 10.0.
        ("09:00:09.949999", ("09:00:09.949999", 1)),
        ("09:00:09.95", ("09:00:09.95", 0)),
        ("09:00:30", ("09:00:09.95", 0)),
    ],
)
def test_under_a_target_is_decided_at_the_answer_or_when_due(end: str, decided: tuple[str, int]) -> None:
    read = outcomes_of(offered("09:00"), answered(end))
    assert read.counts("leg_answer_decided") == [decided]
    assert read.counts("leg_service_decided") == [decided]


@pytest.mark.parametrize(
    ("end", "decided"),
    [
        # Within 120 seconds: due at 120.05 s, when the rounded span would be 120.1.
        ("09:02:00.049999", ("09:02:00.049999", 1)),
        ("09:02:00.05", ("09:02:00.05", 0)),
        ("09:03:00", ("09:02:00.05", 0)),
    ],
)
def test_within_a_target_is_decided_at_the_answer_or_when_due(end: str, decided: tuple[str, int]) -> None:
    read = outcomes_of(offered("09:00", "triage", "101"), answered(end, "triage"))
    assert read.counts("leg_answer_decided") == [decided]


@pytest.mark.parametrize(
    ("end", "decided"),
    [
        ("09:15:00.499999", ("09:15:00.499999", 1)),
        ("09:15:00.5", ("09:15:00.5", 0)),
        ("10:00", ("09:15:00.5", 0)),
    ],
)
def test_a_target_in_seconds_is_due_half_a_second_after_it(end: str, decided: tuple[str, int]) -> None:
    assert outcomes_of(opened("09:00"), arrived(end)).counts("opened_to_arrived_decided") == [decided]


@pytest.mark.parametrize(
    ("as_of", "window", "figure"),
    [
        # Due at 09:00:09.95. It counts from then on, at that instant, and not before.
        ("09:00:09.949999", "15m", (None, 0)),
        ("09:00:09.95", "15m", (0.0, 1)),
        ("09:14:59", "15m", (0.0, 1)),
        ("09:15:00", "15m", (0.0, 1)),
        ("09:16:00", "15m", (None, 0)),
        ("09:00:09.949999", "2024-12-02/2024-12-03", (None, 0)),
        ("09:00:09.95", "2024-12-02/2024-12-03", (0.0, 1)),
        # After an hour, the end of the wait is unrecorded, and whether it met the target is not known.
        ("09:59:59.999999", "2024-12-02/2024-12-03", (0.0, 1)),
        ("10:00", "2024-12-02/2024-12-03", (None, 0)),
        ("2025-01-01 09:00", "2024-12-02/2024-12-03", (None, 0)),
        ("2025-01-01 09:00", "2024-12-03/2024-12-04", (None, 0)),
    ],
)
def test_an_open_item_counts_as_missed_once_it_is_due(
    as_of: str, window: str, figure: tuple[float | None, int]
) -> None:
    with recount_of(offered("09:00")) as recount:
        measure = find("contact_999_answered_within_target_ratio")
        (cell,) = recount.answer(measure, "strict", window, at(as_of))
    assert (cell.value, cell.n) == figure


def test_an_item_due_at_the_end_of_the_window_is_not_in_it_yet() -> None:
    """A live window excludes its end; a report window has no such end."""
    # Offered 09:00:50.05 and due 9.95 s later, at 09:01:00 exactly.
    with recount_of(offered("09:00:50.05")) as recount:
        measure = find("contact_999_answered_within_target_ratio")
        live, report = (
            recount.answer(measure, "strict", window, at("09:01"))[0] for window in ("15m", "2024-12-02/2024-12-03")
        )
    assert (live.n, report.n) == (0, 1)


def test_finished_outcomes_and_overdue_items_make_one_share() -> None:
    facts = [
        *waits(5, 20),
        offered("09:00", subject_id="waiting"),
        offered("09:00", subject_id="gone"),
        abandoned("09:00:03", subject_id="gone"),
    ]
    cell = the_cell(find("contact_999_answered_within_target_ratio"), *facts, as_of="09:59")
    assert (cell.value, cell.met, cell.n) == (1 / 3, 1, 3)


def test_a_target_given_up_is_missed_then_or_when_due_if_earlier() -> None:
    read = outcomes_of(offered("09:00"), abandoned("09:00:30"))
    assert read.counts("leg_service_decided") == [("09:00:09.95", 0)]
    assert "leg_answer_decided" not in read.kinds()
