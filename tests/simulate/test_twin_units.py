"""Tests the units of the twin: against the Poisson distribution where there are enough units, and otherwise by what must be true."""

from math import erf, exp, log, sqrt
from random import Random

import numpy as np
import pytest
from msgspec.structs import replace

from producers.simulate.arrivals import HORIZON_SECONDS, Arrivals, Arriving
from producers.simulate.months import month_of
from producers.simulate.parameters import packaged
from producers.simulate.twin_units import IncidentsNow, UnitChange, UnitsTwin, most_at_once
from tests.support.forces import shipped

MONTH = month_of(2024, 3, shipped("staffordshire").zone())
QUIET = IncidentsNow(month=MONTH, shift=1, units=97, waiting=(), opened=Arrivals(()), sent=(), others=Arrivals(()))
NO_CHANGE = UnitChange()


def hours(hourly: float) -> Arrivals:
    return Arrivals((Arriving(0.0, HORIZON_SECONDS, hourly * HORIZON_SECONDS / 3600),))


def runs(now: IncidentsNow, change: UnitChange = NO_CHANGE, count: int = 12) -> list[int]:
    return UnitsTwin(packaged(), now, 5, lambda: None).runs(change, count)


def test_with_enough_units_an_incident_waits_only_until_a_unit_is_requested() -> None:
    """The incidents whose unit is requested after two minutes are a Poisson process."""
    params, hourly, count = packaged().incidents, 0.7, 300
    median, sigma = params.immediate.dispatch_seconds["2024"][2], params.immediate.dispatch_sigma["2024"][2]
    later = 0.5 * (1 - erf(log(120 / median) / sigma / sqrt(2)))
    expected = 1 - exp(-hourly * (HORIZON_SECONDS - 120) / 3600 * later)
    found = sum(each > 0 for each in runs(replace(QUIET, opened=hours(hourly)), count=count)) / count
    assert found == pytest.approx(expected, abs=3 * sqrt(expected * (1 - expected) / count))


def test_without_incidents_none_waits_and_those_that_wait_now_are_counted() -> None:
    assert set(runs(QUIET)) == {0}
    assert set(runs(replace(QUIET, waiting=(200.0, 900.0, 5.0)))) <= {2, 3}
    assert set(runs(replace(QUIET, waiting=(4000.0,) * 150))) == {150}, "no unit is free while they wait"


def test_fewer_units_and_more_incidents_leave_more_without_a_unit() -> None:
    busy = replace(QUIET, opened=hours(30.0), sent=(Arriving(-7200.0, 0.0, 60.0),), others=hours(15.0))
    few, usual, many = (np.mean(runs(busy, UnitChange(units=each))) for each in (-90, 0, 200))
    assert few > usual + 5
    assert usual >= many
    assert np.mean(runs(busy, UnitChange(busier=0.5))) > usual > np.mean(runs(busy, UnitChange(busier=-0.5)))
    assert runs(busy, UnitChange(units=-90, after_seconds=HORIZON_SECONDS)) == runs(busy)


def test_the_most_at_one_time_is_that_of_counting_every_second() -> None:
    chance = Random(3)
    for _ in range(30):
        waits = [(since, since + chance.randint(1, 900)) for since in (chance.randint(-600, 500) for _ in range(8))]
        counted = [sum(since + 120 <= second < until for since, until in waits) for second in range(600)]
        assert most_at_once(iter(waits), 600) == max(counted)
