"""Small simulations for the tests."""

from datetime import date
from functools import lru_cache

from producers.simulate.parameters import packaged
from producers.simulate.reporting import ReportedFact
from producers.simulate.scenario import load_scenario
from producers.simulate.simulation import Simulation
from tests.support.forces import shipped


def simulation(scenario: str = "normal", seed: int = 41, start: date | None = None) -> Simulation:
    """A simulation of Staffordshire."""
    chosen = load_scenario(scenario)
    return Simulation(
        force=shipped("staffordshire"), parameters=packaged(), scenario=chosen, seed=seed, start=start or chosen.start
    )


@lru_cache(maxsize=16)
def reports(scenario: str = "normal", seed: int = 41, days: int = 1) -> tuple[ReportedFact, ...]:
    """The reports of a scenario's first days."""
    chosen = simulation(scenario, seed)
    return tuple(chosen.reported_before(chosen.end_of(days)))
