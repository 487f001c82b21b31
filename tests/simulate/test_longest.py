"""How long simulated incidents wait at most: no tail of a distribution leaves one open for weeks."""

from datetime import UTC, date, datetime
from itertools import product

import numpy as np
import pytest

from facts.incident import IncidentOpened, IncidentRegraded
from producers.simulate.incidents import IncidentPlan, plan_month
from producers.simulate.months import month_of
from producers.simulate.parameters import packaged
from producers.simulate.random_draws import bounded_lognormal, lognormal
from producers.simulate.scenario import NORMAL, Effects, load_scenario
from producers.simulate.simulation import Simulation
from tests.support.forces import shipped

HOUR, DAY = 3600.0, 86_400.0
ZONE = shipped("staffordshire").zone()


def _open_seconds(plan: IncidentPlan) -> float:
    """From opening to closure, if units were always available."""
    return plan.ready_seconds + plan.travel_seconds + plan.at_scene_seconds + plan.closing_seconds


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
    assert max(_open_seconds(plan) for plan in plans) < 11 * DAY, (
        "no officer would keep an incident open for twelve days"
    )
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


@pytest.mark.parametrize(("month", "seed"), tuple(product((3, 12), (41, 7))))
def test_no_grade_1_incident_stays_open_without_a_recorded_arrival_for_half_a_day(month: int, seed: int) -> None:
    """The tails of the times at the scene and to closure reached 14 hours, so that the board never had a quiet hour."""
    effects = Effects(load_scenario(NORMAL), date(2024, month, 1), ZONE)
    plans = [
        plan
        for plan in plan_month(packaged(), effects, month_of(2024, month, ZONE), seed, "t-")
        if plan.grade == "1"
        and plan.handling in ("unrecorded", "turned_back", "not_attended", "telephone_resolved", "cancelled")
    ]
    assert len(plans) > 100
    longest = max(_open_seconds(plan) for plan in plans)
    assert HOUR < longest < 4 * HOUR


def test_a_grade_that_was_too_high_is_lowered_within_its_target() -> None:
    """It was lowered after most of the lower grade's wait, so that Grade 1 incidents waited for days."""
    start = date(2024, 12, 2)
    simulation = Simulation(
        force=shipped("staffordshire"), parameters=packaged(), scenario=load_scenario(NORMAL), seed=41, start=start
    )
    opened: dict[str, IncidentOpened] = {}
    lowered: dict[str, list[float]] = {"1": [], "2": []}
    for each in simulation.reported_before(datetime(2024, 12, 4, tzinfo=UTC).timestamp()):
        match each.fact:
            case IncidentOpened(subject_id=name) as fact:
                opened[name] = fact
            case IncidentRegraded(subject_id=name, grade=grade, at=at) if name in opened:
                first = opened[name].grade
                if first in lowered and grade > first:
                    lowered[first].append((at - opened[name].at).total_seconds())
    assert len(lowered["1"]) > 5
    assert max(lowered["1"]) <= 15 * 60
    assert max(lowered["2"]) <= 2 * HOUR
