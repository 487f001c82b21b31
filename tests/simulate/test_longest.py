"""How long simulated incidents wait at most: no tail of a distribution leaves one open for weeks."""

from datetime import date
from itertools import product

import numpy as np
import pytest

from producers.simulate.incidents import plan_month
from producers.simulate.months import month_of
from producers.simulate.parameters import packaged
from producers.simulate.random_draws import bounded_lognormal, lognormal
from producers.simulate.scenario import NORMAL, Effects, load_scenario
from tests.support.forces import shipped

DAY = 86_400.0
ZONE = shipped("staffordshire").zone()


@pytest.mark.parametrize(("year", "month", "seed"), tuple(product((2024,), (3, 12), (41, 7))))
def test_no_grade_2_incident_waits_longer_than_the_parameters_say(year: int, month: int, seed: int) -> None:
    """Three days, or a week for domestic ones: the tails alone reached 309 hours and more."""
    effects = Effects(load_scenario(NORMAL), date(year, month, 1), ZONE)
    plans = plan_month(packaged(), effects, month_of(year, month, ZONE), seed, "t-")
    longest = {
        is_domestic: max(
            plan.ready_seconds + plan.travel_seconds
            for plan in plans
            if plan.grade == "2" and plan.domestic is is_domestic and plan.handling in ("arrived", "not_attended")
        )
        for is_domestic in (False, True)
    }
    # Travel is drawn separately, and is added to a request that is never made at once.
    assert DAY < longest[False] < 3.1 * DAY
    assert 3.1 * DAY < longest[True] < 7.1 * DAY


def test_the_median_and_the_shares_of_shorter_times_stay_the_same() -> None:
    places = (np.arange(10_000) + 0.5) / 10_000
    free, bounded = lognormal(places, 8000, 1.5), bounded_lognormal(places, 8000, 1.5, 3 * DAY)
    assert np.median(free) == np.median(bounded)
    for limit in (3600, 7200, 20_000, DAY):
        assert np.sum(free <= limit) == np.sum(bounded <= limit)
    assert free.max() > 300 * 3600
    assert DAY < bounded.max() <= 3 * DAY
