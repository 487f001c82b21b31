"""Holds the forecast and the twin to what they achieve with the calls of two real banks, which nobody tuned them to."""

import pytest

from benchmarks.bank.arriving import chance_within_halves, forecast_scores
from benchmarks.bank.patience import fitted_patience, hung_up_by_band, kept_share, staying_share
from benchmarks.bank.queueing import bank_outlook
from benchmarks.bank.record import bank_calls, bank_days, halves_of_morning


def test_the_forecast_of_a_bank_is_better_than_last_week_and_its_range_holds() -> None:
    for found in forecast_scores(bank_days(), every=8):
        assert found is not None
        assert found.cases > 200
        assert found.error < 0.85 * found.naive_error
        assert found.inside is not None
        assert 0.74 < found.inside < 0.87


def test_calls_arrive_by_chance_within_a_half_hour() -> None:
    found = chance_within_halves(bank_days())
    assert found.halves == 164 * 28
    assert found.without_growth == pytest.approx(1, abs=0.05)
    assert found.without_growth < found.together


def test_the_patience_of_the_simulator_suits_callers_it_has_not_seen() -> None:
    before, after = halves_of_morning(bank_calls())
    patience = fitted_patience(before)
    assert [kept_share(before, each) for each in (30, 120)] == pytest.approx(
        [staying_share(patience, each) for each in (30, 120)], abs=0.05
    )
    for calls, most in ((before, 0.5), (after, 2.0)):
        bands = hung_up_by_band(patience, calls)
        happened, expected = sum(each.hung_up for each in bands), sum(each.expected for each in bands)
        assert happened == sum(not each.is_answered for each in calls)
        assert abs(happened - expected) < most * expected**0.5


@pytest.mark.parametrize(("first", "last"), [(21, 23), (23, 25)])
def test_the_twin_loses_as_many_callers_as_the_bank_did_and_as_many_wait_briefly(first: int, last: int) -> None:
    calls = bank_calls()
    known, _ = halves_of_morning(calls)
    found = bank_outlook(calls, known, first * 1800, last * 1800, runs=120)
    lost, soon = found.outlook.abandoned["emergency"], found.outlook.within_target
    assert found.call_takers == 7
    assert lost is not None
    assert soon is not None
    assert lost.middle == pytest.approx(found.abandoned, abs=0.05)
    assert soon.low < found.within_target < soon.high
